"""What the limits' guard adds to a delivery on the local broker: the server's CPU with it and without it.

Two local clouds side by side, one without the guard, take the same load in turns: one topic and so many
guests, none near what a connection may have in a second. Processor time of the server's event loop, not time
that passed: whatever else the machine does hardly shows in it.
"""

from __future__ import annotations

import asyncio
import functools
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks import meter
from benchmarks.report import Row, Section, load
from benchmarks.subscriber import Mqtt, Subscriber, Tick
from local.cloud import KEY, SECRET, Cloud
from local.preflight import HOST
from tests.local.cloud.conftest import Kit, Viewer, signed_path

TOPIC = "prices/AAPL"
GUESTS = 100
MESSAGES = 60  # a round, at a pace that a connection may have
PACE_S = 1 / 75
ROUNDS = 10  # each way, the first of them to warm up
WAIT_S = 60.0
GOAL = 1.15


@dataclass(slots=True, eq=False)
class Side:
    """One cloud, its guests, and what its deliveries took."""

    cloud: Cloud
    talker: Viewer
    guests: list[Subscriber] = field(default_factory=list)
    lost: int = 0
    count: int = 0
    cpu_s: float = 0.0
    deliveries: int = 0

    def heard(self, subscriber: Subscriber, ticks: list[Tick]) -> None:
        self.count += 1

    @property
    def delivery_us(self) -> float:
        return self.cpu_s / self.deliveries * 1e6


def run() -> list[Section]:
    if not meter.HAS_CPU:
        return []
    with ExitStack() as open_:
        sides = [_side(open_, limits=limits) for limits in (False, True)]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_measure(sides))
        without, guarded = (side.delivery_us for side in sides)
    return [
        Section(
            title="What the limits' guard adds to a delivery on the local broker",
            rows=[
                Row(what="CPU of a delivery without it", value=without, unit="µs"),
                Row(what="CPU of a delivery with it", value=guarded, unit="µs"),
                Row(what="with it against without", value=guarded / without, unit="x", at_most=GOAL),
            ],
            notes=[
                f"{GUESTS} guests of one topic, {MESSAGES} messages a round, {ROUNDS - 1} rounds of each in"
                f" turns; the publish is a part of both; {load()}."
            ],
        )
    ]


def _side(open_: ExitStack, *, limits: bool) -> Side:
    cloud = open_.enter_context(Cloud(limits=limits))
    talker = Viewer(cloud, "talker", signed_path(f"{HOST}:{cloud.port}", (KEY, SECRET, "")))
    talker.connect()
    open_.callback(talker.close)
    return Side(cloud, talker)


async def _measure(sides: list[Side]) -> None:
    for side in sides:
        await _seat(side)
    for number in range(ROUNDS):
        for side in sides if number % 2 else reversed(sides):
            cpu_s = await _round(side)
            if number:
                side.cpu_s += cpu_s
                side.deliveries += GUESTS * MESSAGES


async def _seat(side: Side) -> None:
    """Guests with rights as a stage gives them."""
    kit = Kit(side.cloud)
    identity, keys = kit.guest(kit.pool(TOPIC))
    host = f"{HOST}:{side.cloud.port}"
    for place in range(GUESTS):
        address = Mqtt(f"http://{host}{signed_path(host, keys)}", f"{identity}-{place}", TOPIC)
        make = functools.partial(Subscriber, side, address)
        _, guest = await asyncio.get_running_loop().create_connection(make, HOST, side.cloud.port)
        await guest.ready
        side.guests.append(guest)


async def _round(side: Side) -> float:
    """Seconds of the server's loop, until everyone has heard everything."""
    text = '{"symbol":"AAPL","price":1,"timestamp":"2026-11-21T14:30:00.123Z","seq":1,"series":1,"v":1}'
    side.count, began_s = 0, _loop_s(side.cloud.pid)
    for _ in range(MESSAGES):
        side.talker.publish(TOPIC, text)
        await asyncio.sleep(PACE_S)
    deadline = time.monotonic() + WAIT_S
    while side.count < GUESTS * MESSAGES:
        if time.monotonic() > deadline or side.lost:
            raise RuntimeError(
                f"{side.count} of {GUESTS * MESSAGES} deliveries arrived, {side.lost} guests left"
            )
        await asyncio.sleep(0.01)
    return _loop_s(side.cloud.pid) - began_s


def _loop_s(process: int) -> float:
    """Processor time of its first thread, which runs the loop."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
