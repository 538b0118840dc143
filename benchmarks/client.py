"""The Python client: what a tick costs it, how much it holds, how soon it is back, how long its import takes.

Readers are processes of their own, one at a time, fed the same WebSocket frames by a broker that floods; the
reconnect is against the real local broker, through a wire that is cut.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from benchmarks.flood import flooding
from benchmarks.readers import TOPIC, platform
from benchmarks.report import Row, Section, load, percentile
from tests.clients.cloud import broker
from tests.clients.feed import Feed
from tests.clients.site import Site
from tests.clients.stage import ALLOWED, Stage
from tests.clients.wire import Wire
from tickwire import wire
from tickwire.tick import Tick
from tickwire_client import Client

MESSAGES = 100_000
PACK = 10
ROUNDS = 3
READER_S = 180
CONFLATED = 1_000_000
RATE = 200  # ticks a second, in messages of ten, while the connection is cut
OUTAGES_S = (0.3, 1.0, 2.0, 2.5, 2.9)
STEADY_S = 10.5  # between them: sooner, a connection that broke counts as another failure
BACK_S = 2.0
IMPORTS = 7


def run() -> list[Section]:
    return [_throughput(), _memory(), asyncio.run(_reconnects()), _import()]


def _throughput() -> Section:
    single = dict.fromkeys(("bare", "ours", "aiomqtt", "paho", "paho-tcp"), 0.0)
    packed = 0.0
    with (
        flooding(TOPIC, _payloads(MESSAGES, 1)) as port,
        flooding(TOPIC, _payloads(MESSAGES // 4, PACK)) as packs,
        platform(port) as url,
        platform(packs) as packs_url,
    ):
        for _ in range(ROUNDS):  # the best of each: what else the machine does only makes it worse
            for kind in single:
                single[kind] = max(single[kind], MESSAGES / _reader(kind, MESSAGES, port, url)["cpu_s"])
            ticks = MESSAGES // 4 * PACK
            packed = max(packed, ticks / _reader("ours", ticks, packs, packs_url)["cpu_s"])
    names = {
        "bare": "bare awscrt, which only counts",
        "ours": "the client, decoded, in order and yielded",
        "aiomqtt": "aiomqtt and json.loads",
        "paho": "paho and json.loads",
        "paho-tcp": "paho and json.loads over plain TCP, without WebSocket frames",
    }
    rows = [Row(what=names[kind], value=rate, unit="ticks/s") for kind, rate in single.items()]
    best = max(single["aiomqtt"], single["paho"])
    rows += [
        Row(what=f"the client, {PACK} ticks a message", value=packed, unit="ticks/s"),
        Row(what="the client / bare awscrt", value=single["ours"] / single["bare"], unit="x", at_least=0.5),
        Row(
            what="the client / the better of aiomqtt and paho",
            value=single["ours"] / best,
            unit="x",
            at_least=1,
        ),
        Row(what=f"the client with {PACK} a message / the same", value=packed / best, unit="x", at_least=3),
    ]
    notes = [
        "A tick with bid, ask, volume and source; ticks by processor seconds of the reader's process.",
        "The others make binary floats and no ticks; ours are exact decimals in the order of seq.",
        f"The best of {ROUNDS} rounds, {load()}.",
    ]
    return Section(title="A tick in the Python client", rows=rows, notes=notes)


def _memory() -> Section:
    with flooding(TOPIC, _payloads(CONFLATED // PACK, PACK)) as port, platform(port) as url:
        found = _reader("asleep", CONFLATED, port, url)
    return Section(
        title="A million ticks through a conflated stream whose reader sleeps",
        rows=[
            Row(what="ticks that came", value=found["received"], unit="", at_least=CONFLATED),
            Row(what="ticks that the reader took", value=found["yielded"], unit=""),
            Row(what="peak memory after the first tenth", value=found["early_mb"], unit="MB"),
            Row(what="peak memory at the end", value=found["peak_mb"], unit="MB"),
            Row(
                what="grown meanwhile",
                value=found["peak_mb"] - found["early_mb"],
                unit="MB",
                at_most=2,
            ),
        ],
        notes=["The whole process with the interpreter and the CRT; it sleeps 20 ms a tick."],
    )


async def _reconnects() -> Section:
    back_s: list[float] = []
    items: list[Tick] = []
    with broker(ALLOWED) as cloud, Site() as site, Wire(cloud.port) as link:
        stage = Stage(site=site, broker=cloud, symbols=ALLOWED)
        stage.link = link
        stage.move(cloud)
        feed = Feed(stage)
        async with Client(site.url) as client, client.ticks("AAPL", lossless=True) as stream:
            ticks = aiter(stream)
            publishing = asyncio.create_task(_publish(feed))
            for outage_s in OUTAGES_S:
                until = time.monotonic() + STEADY_S
                while time.monotonic() < until:
                    items.append(await anext(ticks))
                link.down()
                await asyncio.sleep(outage_s)
                link.up()
                at = time.monotonic()
                while isinstance(item := stream.buffer.take(), Tick):  # what came before the cut
                    items.append(item)
                items.append(await anext(ticks))
                back_s.append(time.monotonic() - at)
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
            while items[-1].seq < len(feed.made["AAPL"]):
                items.append(await anext(ticks))
            stats = client.stats()
    numbers = [tick.seq for tick in items]
    made = len(feed.made["AAPL"])
    return Section(
        title=f"A lossless stream of {RATE} ticks/s, {len(OUTAGES_S)} cuts of up to {OUTAGES_S[-1]:g} s",
        rows=[
            Row(what="ticks made", value=made, unit=""),
            Row(what="lost", value=made - numbers[0] + 1 - len(set(numbers)), unit="", at_most=0),
            Row(what="doubled", value=len(numbers) - len(set(numbers)), unit="", at_most=0),
            Row(what="out of order", value=_disorder(numbers), unit="", at_most=0),
            Row(what="fetched over HTTP", value=stats.filled, unit=""),
            Row(what="first tick after the return, median", value=percentile(back_s, 0.5), unit="s"),
            Row(what="the latest", value=max(back_s), unit="s", at_most=BACK_S),
        ],
        notes=[
            "The broker is the local AWS's, cut off by a wire in between; the test's site serves history."
        ],
    )


async def _publish(feed: Feed) -> None:
    began, count = time.monotonic(), 0
    while True:
        await asyncio.to_thread(feed.tick, "AAPL", PACK)
        count += PACK
        await asyncio.sleep(max(0.0, began + count / RATE - time.monotonic()))


def _disorder(numbers: Sequence[int]) -> int:
    return sum(later <= earlier for earlier, later in itertools.pairwise(numbers))


def _import() -> Section:
    names = ("sys", "awscrt.mqtt5", "awscrt.mqtt5, tickwire_client", "tickwire_client")
    rounds = [[_import_ms(name) for name in names] for _ in range(IMPORTS)]
    bare_ms, crt_ms, both_ms, ours_ms = (min(taken) for taken in zip(*rounds, strict=True))
    return Section(
        title="Importing the client",
        rows=[
            Row(what="awscrt.mqtt5", value=crt_ms - bare_ms, unit="ms"),
            Row(what="awscrt.mqtt5 and tickwire_client", value=both_ms - bare_ms, unit="ms"),
            Row(what="so, beyond awscrt", value=both_ms - crt_ms, unit="ms", at_most=150),
            Row(what="tickwire_client alone: it loads awscrt to connect", value=ours_ms - bare_ms, unit="ms"),
        ],
        notes=[f"The quickest of {IMPORTS} processes, less one that imports nothing; {load()}."],
    )


def _import_ms(name: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
    return (time.perf_counter() - began) * 1000


def _payloads(messages: int, pack: int) -> list[bytes]:
    return [
        wire.encode([_tick(n * pack + place + 1) for place in range(pack)]).encode() for n in range(messages)
    ]


def _tick(seq: int) -> Tick:
    price = Decimal("189.40") + Decimal(seq % 100) / 100
    cent, volume = Decimal("0.01"), Decimal(100)
    return Tick(
        "AAPL", price, 1_795_271_400_000 + seq, price - cent, price + cent, volume, "simulated", 9, seq
    )


def _reader(kind: str, count: int, port: int, url: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.readers", kind, str(count), str(port), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=READER_S, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
