"""The planner against the platform: what five minutes of a known workload made, beside what was planned.

And the planner's figures for three workloads, with their working: each line of the bill that counts.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import Row, Section, load, number
from benchmarks.tally import read, tally
from components.code import zipped
from local.platform import Platform
from tests.guests.stock import Guest, connected, subscribed
from tickwire.cost import Bill, Line, bill
from tickwire.savings import beside
from tickwire.stage import Stage
from tickwire.usage import FEED_RUN_S, uses
from tickwire.workload import ALWAYS_H

SECONDS = 300
MINUTE_S = 60
WARM_S = 5  # of a run too short to count what happens each minute
OVERLAP_S = FEED_RUN_S - MINUTE_S
SETTLE_S = 12.0  # behind the feed's last trade: bars' window, and the functions' ends
FUNCTIONS = ("feed", "ingest", "board", "bars", "status", "query")
SYMBOLS = ["AAPL", "MSFT", "NVDA", "TSLA"]
OFF_PERCENT = 10.0
SHOWN = 8

CLASSIC = 173.0
"""Dollars a month of a design with API Gateway, Kinesis, Fargate and NAT, at workload (a)."""
A = {"trades": 5, "hours": "always", "viewers": [{"count": 5, "lane": "board", "hours": "office"}]}
B: dict[str, Any] = {"trades": 5, "hours": "market", "viewers": [], "requests": 1_000_000}
C = {
    "trades": 5,
    "hours": "market",
    "viewers": [{"count": 1_000, "lane": "board", "hours": "market"}],
}


def run() -> list[Section]:
    return [*_figures(), measured(SECONDS)]


# ---- the figures ---------------------------------------------------------------------------------------


def _figures() -> Iterator[Section]:
    realtime, economy = (bill(_stage(A, profile=profile)) for profile in ("realtime", "economy"))
    yield Section(
        title="Cost (a): 4 symbols at 5 trades/s around the clock, 5 board viewers in office hours",
        rows=[
            Row(what="economy", value=economy.total, unit="$ a month", at_most=CLASSIC / 5),
            Row(what="realtime", value=realtime.total, unit="$ a month"),
            Row(what="a classic design with gateway, stream, containers and NAT", value=CLASSIC, unit="$"),
        ],
        notes=_working("economy", economy),
    )
    plain, watched = bill(_stage(B, profile="economy")), {**B, "viewers": [{"count": 100, "hours": "market"}]}
    rest = plain.total - bill(_stage({**B, "requests": 0}, profile="economy")).total
    seen = [
        line
        for line in bill(_stage(watched, profile="economy")).lines
        if line.what == "deliveries" and line.counted
    ]
    yield Section(
        title="Cost (b): a million REST requests, 4 symbols in market hours, nobody watching",
        rows=[
            Row(what="economy", value=plain.total, unit="$ a month", at_most=10),
            Row(what="without a profile", value=bill(_stage(B)).total, unit="$ a month"),
            Row(what="requests alone, a thousand", value=rest / 1_000, unit="$", at_most=0.005),
            Row(
                what="a million deliveries to viewers",
                value=round(_each(seen) * 1e6, 6),
                unit="$",
                at_most=1.0,
            ),
        ],
        notes=_working("economy", plain),
    )
    stage = _stage(C, symbols=[f"S{number:02}" for number in range(20)])
    yield Section(
        title="Cost (c): 20 symbols at 5 trades/s, 1,000 viewers in market hours, on each lane",
        rows=[Row(what=one.name, value=one.total, unit="$ a month") for one in beside(stage)],
        notes=_working("on the board", bill(stage)),
    )


def _stage(workload: Mapping[str, Any], **settings: Any) -> Stage:
    return Stage.parse({"workload": dict(workload), **settings}, name="plan")


def _each(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines) / sum(line.quantity for line in lines)


def _working(name: str, found: Bill) -> list[str]:
    """The lines that cost most, and the rest in one."""
    paid = (line for line in found.lines if line.counted and line.dollars)
    lines = sorted(paid, key=lambda line: -line.dollars)
    most = [
        f"{name}: ${line.dollars:,.2f} = {number(line.quantity)} {line.unit} "
        f"({line.service}, {line.lane}: {line.what})"
        for line in lines[:SHOWN]
    ]
    left = sum(line.dollars for line in lines[SHOWN:])
    return [*most, f"{name}: ${left:,.2f} for {len(lines[SHOWN:])} others"]


# ---- the planner against the platform --------------------------------------------------------------------


def measured(seconds: int, profile: str = "") -> Section:
    """Run the local stage for so long, as a profile has it; each count of it beside the planner's."""
    work = {
        "trades": 5,
        "hours": "always",
        "viewers": [{"count": 1, "lane": lane, "hours": "always"} for lane in ("board", "price")],
        "requests": round(ALWAYS_H * 3600),  # one a second
    }
    plan = Stage.parse({"symbols": SYMBOLS, "workload": work, "profile": profile}, name="local")
    found = _ran(plan, seconds)
    rows = []
    for what, (planned, parts) in _planned(plan, seconds).items():
        made = sum(found[part] for part in parts)
        off = abs(made / planned - 1) * 100
        text = f"{what}: {made:,.0f} made, {planned:,.1f} planned"
        rows.append(Row(what=text, value=off, unit="% off", at_most=OFF_PERCENT))
    packed = f"{len(SYMBOLS)} symbols at 5 trades/s packed at {plan.feed_pack_ms} ms"
    note = f"{seconds} s, {packed}, one viewer on each lane; {load()}."
    return Section(title="The planner against the local platform", rows=rows, notes=[note, _HOW])


_HOW = (
    "Calls and units as the functions made them, deliveries as stock MQTT clients got them. Each run of "
    "ingest stands for one receive and one delete. Idle polling and what Lambda logs are AWS's own, not here."
)


def _planned(plan: Stage, seconds: int) -> dict[str, tuple[float, tuple[str, ...]]]:
    """By what it is: how much the planner expects in so long, and the counts that it stands for."""
    share = seconds / (ALWAYS_H * 3600)
    quantities: Counter[tuple[str, str]] = Counter()
    for use in uses(plan):
        kind = f"{use.lane} " if use.of == "iot.message" else ""
        quantities[use.of, kind + use.what] += use.quantity * share  # type: ignore[assignment]

    def of(name: str, *whats: str) -> float:
        return sum(quantities[name, what] for what in whats)

    found = {
        "queue, sends": (of("sqs.fifo", "sends"), ("feed send",)),
        "queue, receives": (of("sqs.fifo", "receives"), ("ingest runs",)),
        "table, written by ingest": (
            of("dynamodb.write", "ticks", "the newest", "hours"),
            ("ingest write",),
        ),
        "table, written by bars": (of("dynamodb.write", "bars"), ("bars write",)),
        "table, read by bars": (
            of("dynamodb.read", "ticks of a minute", "the newest, by the clock"),
            ("bars read",),
        ),
        "table, read by status": (of("dynamodb.read", "the newest, twice"), ("status read",)),
        "table, read by query": (of("dynamodb.read", "snapshots"), ("query read",)),
        "broker, prices": (
            of("iot.message", "price publishes"),
            ("ingest publish prices", "board publish prices"),
        ),
        "broker, boards": (
            of("iot.message", "board publishes", "board full boards"),
            ("board publish board", "status publish board"),
        ),
        "broker, bars": (of("iot.message", "bar publishes"), ("bars publish bars",)),
        "broker, statuses": (of("iot.message", "status publishes"), ("status publish status",)),
        "broker, deliveries of prices": (of("iot.message", "price deliveries"), ("heard prices",)),
        "broker, deliveries of boards": (of("iot.message", "board deliveries"), ("heard board",)),
    }
    for name in FUNCTIONS:
        found[f"functions, {name} runs"] = (of("lambda.request", f"{name} runs"), (f"{name} runs",))
    return found


def _ran(plan: Stage, seconds: int) -> Counter[str]:
    """What a stage made in a time that no wake of a function is near the edges of."""
    heard: list[tuple[float, str]] = []

    def hear(_client: object, _data: object, message: Any) -> None:
        heard.append((time.time(), message.topic.split("/")[0]))

    # The local stage packs as it likes; the rest is the profile's.
    pack_ms = plan.feed_pack_ms
    settings = {
        "symbols": SYMBOLS,
        "feedPaused": True,
        "feedPackMs": pack_ms,
        "profile": plan.profile,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        Platform(state=Path(folder), keep=False, settings=settings, say=lambda _: None) as platform,
    ):
        lines = Path(folder) / "tally.jsonl"
        lines.touch()
        for name in FUNCTIONS:
            tally(platform.client, f"tickwire-local-{name}", zipped(), lines)
        with (
            connected(Guest.of(platform.url)) as (board, told),
            connected(Guest.of(platform.url)) as (price, shown),
        ):
            board.on_message = price.on_message = hear
            assert subscribed(board, told, "board")
            assert subscribed(board, told, "status")
            for symbol in SYMBOLS:
                assert subscribed(price, shown, f"prices/{symbol}")
            warm_s = MINUTE_S if seconds >= MINUTE_S else WARM_S  # first runs read what later ones remember
            while seconds >= MINUTE_S and not _amid([at_s for at_s, lane in heard if lane == "status"]):
                time.sleep(0.2)
            began = time.time() + warm_s
            _feed(platform, warm_s + OVERLAP_S)
            with _asking(platform.url):
                for second in range(0, seconds, MINUTE_S):
                    time.sleep(max(0.0, began + second - time.time()))
                    _feed(platform, min(MINUTE_S, seconds - second) + OVERLAP_S)
                time.sleep(max(0.0, began + seconds - time.time()))
            time.sleep(SETTLE_S)
        counts = read(lines.read_text().splitlines(), from_s=began, to_s=began + seconds)
        counts += Counter(f"heard {lane}" for at_s, lane in heard if began <= at_s < began + seconds)
        return counts


def _feed(platform: Platform, seconds: int) -> None:
    event = json.dumps({"run_ms": seconds * 1000})
    platform.client("lambda").invoke(
        FunctionName=platform.outputs["feed"], InvocationType="Event", Payload=event
    )


def _amid(statuses_s: list[float]) -> bool:
    """Whether neither the clock's wakes, which statuses tell of, nor a minute's end is near."""
    now_s = time.time()
    return bool(statuses_s) and 10 <= now_s % 60 <= 50 and 10 <= (now_s - statuses_s[-1]) % 60 <= 50


@contextmanager
def _asking(url: str) -> Iterator[None]:
    """A request for the snapshot each second."""
    over = threading.Event()

    def ask() -> None:
        at_s = time.monotonic()
        while not over.wait(max(0.0, at_s - time.monotonic())):
            with urllib.request.urlopen(f"{url}/api/prices", timeout=10) as answer:
                answer.read()
            at_s += 1.0

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
