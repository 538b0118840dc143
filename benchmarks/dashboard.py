"""The dashboard in Chromium: what a message costs its main thread, long tasks, memory, the first price.

Messages go straight to the local broker, ten ticks in each, so that what is measured is the page. Its main
thread's processor time is all of it: decoding, ordering, drawing, layout and Chromium's own housekeeping.
By the clock a task may be long because the cores are busy elsewhere; by processor time it's our own doing.
"""

from __future__ import annotations

import gzip
import json
import random
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.report import Row, Section, load
from components.pages import read_pages
from local.platform import Platform
from tests.browser.executable import FLAGS, MISSING, found
from tickwire import wire
from tickwire.tick import Tick

SYMBOLS = [f"S{number:02}" for number in range(20)]
TICKS = 10
SECONDS = 60
WARM_S = 10
LOADS = (80, 10)
FIRST_LOADS = 5
LONG_MS = 50
TRACE_S = 10

WATCH = """window.longTasksMs = [];
new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longTasksMs.push(task.duration);
}).observe({ type: "longtask" });
new MutationObserver((_, observer) => {
    if (document.querySelector(".tile[data-seq]") === null) return;
    window.firstPriceMs = performance.now();
    observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-seq"] });"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What Chromium says of the page at a moment: processor time of its main thread, and its heap."""

    busy_s: float
    script_s: float
    heap_bytes: float


def run() -> list[Section]:
    executable = found()
    if executable is None:
        raise SystemExit(MISSING)
    settings = {"symbols": SYMBOLS, "feed": "off"}
    with (
        tempfile.TemporaryDirectory() as folder,
        Platform(state=Path(folder), keep=False, settings=settings, say=lambda _: None) as platform,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        rows = [row for rate in LOADS for row in _under_load(platform, browser, rate)]
        rows += _first_price(platform, browser)
        browser.close()
    notes = [
        f"{len(SYMBOLS)} symbols, {TICKS} ticks a message, {SECONDS} s each after {WARM_S} s; {load()}.",
        "Drawing is done in software there, on the same cores as the local cloud.",
    ]
    return [Section(title="The dashboard in Chromium", rows=rows, notes=notes)]


def _under_load(platform: Platform, browser: Browser, rate: int) -> list[Row]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(WATCH)
    chrome = page.context.new_cdp_session(page)
    chrome.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(platform.url)
    page.get_by_text("Connected").wait_for()
    with _publishing(platform, rate) as sent:
        page.wait_for_timeout(WARM_S * 1000)
        before, count = _sample(chrome), sent[0]
        page.evaluate("window.longTasksMs.length = 0")
        page.wait_for_timeout(SECONDS * 1000)
        long_ms = page.evaluate("window.longTasksMs")
        shown = page.locator("#rate").inner_text()
        count, after = sent[0] - count, _sample(chrome)
        longest_ms = _longest_task_ms(page, chrome)
    page.close()
    name = f"{rate} messages/s"
    return [
        Row(what=f"{name}: received, by the page", value=float(shown), unit="a second"),
        Row(
            what=f"{name}: main thread",
            value=(after.busy_s - before.busy_s) * 1000 / count,
            unit="ms a message",
        ),
        Row(
            what=f"{name}: of it scripts",
            value=(after.script_s - before.script_s) * 1000 / count,
            unit="ms a message",
        ),
        Row(what=f"{name}: main thread busy", value=(after.busy_s - before.busy_s) / SECONDS * 100, unit="%"),
        Row(what=f"{name}: longest task", value=longest_ms, unit="ms", at_most=LONG_MS),
        Row(what=f"{name}: long tasks, by the clock", value=len(long_ms), unit=""),
        Row(what=f"{name}: heap after {WARM_S} s", value=before.heap_bytes / 1e6, unit="MB"),
        Row(
            what=f"{name}: heap grows in {SECONDS} s",
            value=(after.heap_bytes - before.heap_bytes) / 1e6,
            unit="MB",
            at_most=1,
        ),
    ]


def _first_price(platform: Platform, browser: Browser) -> list[Row]:
    """From the address to a price on screen, each time as a new person; and the bytes that it takes."""
    _post(platform)
    times = []
    for _ in range(FIRST_LOADS):
        context = browser.new_context()
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(platform.url)
        page.wait_for_function("() => window.firstPriceMs !== undefined")
        times.append(page.evaluate("window.firstPriceMs"))
        context.close()
    needed = [one for one in read_pages() if one.key == "index.html" or one.key.startswith("assets/index")]
    size = sum(len(gzip.compress(one.file.read_bytes(), 9)) for one in needed)
    return [
        Row(what="first price on screen", value=sorted(times)[len(times) // 2] / 1000, unit="s", at_most=1.5),
        Row(what="bytes to the first price, gzip", value=size / 1000, unit="KB"),
    ]


def _sample(chrome: CDPSession) -> Sample:
    chrome.send("HeapProfiler.collectGarbage")
    said = {one["name"]: one["value"] for one in chrome.send("Performance.getMetrics")["metrics"]}
    return Sample(
        busy_s=said["TaskDuration"], script_s=said["ScriptDuration"], heap_bytes=said["JSHeapUsedSize"]
    )


def _longest_task_ms(page: Page, chrome: CDPSession) -> float:
    """Of the tasks of the page's main thread in some seconds, the longest by processor time."""
    events: list[dict[str, Any]] = []
    is_over = threading.Event()
    chrome.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    chrome.on("Tracing.tracingComplete", lambda _: is_over.set())
    chrome.send("Tracing.start", {"categories": "toplevel", "transferMode": "ReportEvents"})
    page.wait_for_timeout(TRACE_S * 1000)
    chrome.send("Tracing.end")
    while not is_over.is_set():
        page.wait_for_timeout(100)
    threads = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    tasks = [e for e in events if e["name"].endswith("RunTask") and "tdur" in e]
    main = [e["tdur"] / 1000 for e in tasks if threads.get((e["pid"], e["tid"])) == "CrRendererMain"]
    return float(max(main))


@contextmanager
def _publishing(platform: Platform, rate: int) -> Iterator[list[int]]:
    """So many messages a second until the end; how many have gone out so far."""
    sent, over = [0], threading.Event()
    topic = platform.discovery["topics"]["price"]

    def publish() -> None:
        data = platform.client("iot-data")
        begun, walk = time.monotonic(), {symbol: Decimal(100) for symbol in SYMBOLS}
        series = time.time_ns() // 1_000_000
        while not over.is_set():
            symbol = SYMBOLS[sent[0] % len(SYMBOLS)]
            ticks = list(_ticks(symbol, walk, sent[0] // len(SYMBOLS), series))
            data.publish(topic=topic.replace("{symbol}", symbol), qos=0, payload=wire.encode(ticks).encode())
            sent[0] += 1
            over.wait(max(0.0, begun + sent[0] / rate - time.monotonic()))

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()


def _ticks(symbol: str, walk: dict[str, Decimal], place: int, series: int) -> Iterator[Tick]:
    now_ms = time.time_ns() // 1_000_000
    for number in range(TICKS):
        walk[symbol] += Decimal(random.randint(-5, 5)) / 100
        price = walk[symbol]
        yield Tick(
            symbol=symbol,
            price=price,
            time_ms=now_ms - (TICKS - 1 - number) * 20,
            seq=place * TICKS + number + 1,
            series=series,
            bid=price - Decimal("0.01"),
            ask=price + Decimal("0.01"),
            volume=Decimal(random.randint(1, 5_000)),
        )


def _post(platform: Platform) -> None:
    """A price of each symbol in history, so that a new page has something to show."""
    request = urllib.request.Request(
        f"{platform.url}/api/ticks",
        data=json.dumps([{"symbol": symbol, "price": 100} for symbol in SYMBOLS]).encode(),
        headers={"x-api-key": platform.key, "content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=20).close()
