"""Many subscribers to one symbol in one cheap process, and when a tick reached the last of them.

In, a line of JSON each: {"hold": 200} brings the connections to so many, all subscribed; {"first": 1,
"last": 75, "wait_s": 30} asks for these ticks. Out: a line for each. A tick is known by its price and counts
from its timestamp.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.subscriber import Address, Mqtt, Plain, Subscriber, Tick
from tickwire_client import Client

OPENING_AT_ONCE = 8
OPEN_S = 30.0


class Crowd:
    """The subscribers' process, from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the subscribers' process ended; what it said is above")
        found: dict[str, Any] = json.loads(answer)
        if found.get("lost"):
            raise RuntimeError(f"{found['lost']} subscribers lost their connection")
        return found


@contextmanager
def crowd_of(kind: str, url: str, symbol: str) -> Iterator[Crowd]:
    """`mqtt` at a site, or `plain` at the classic design's WebSocket address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.crowd", kind, url, symbol],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        yield Crowd(process)
    finally:
        process.kill()
        process.communicate()


class Held:
    """All subscribers, and which ticks each heard."""

    def __init__(self, address: Callable[[], Awaitable[Address]]) -> None:
        self._address = address
        self._held: list[Subscriber] = []
        self._heard_by: dict[int, set[Subscriber]] = defaultdict(set)
        self._lag_ms: dict[int, float] = {}
        self.lost = 0

    def heard(self, subscriber: Subscriber, ticks: list[Tick]) -> None:
        for number, sent_ms in ticks:
            by = self._heard_by[number]
            by.add(subscriber)
            if len(by) >= len(self._held) and number not in self._lag_ms:
                self._lag_ms[number] = time.time() * 1000 - sent_ms

    async def hold(self, count: int) -> dict[str, Any]:
        while len(self._held) < count:
            more = range(min(OPENING_AT_ONCE, count - len(self._held)))
            self._held += await asyncio.gather(*(self._open() for _ in more))
        return {"held": len(self._held)}

    async def report(self, *, first: int, last: int, wait_s: float) -> dict[str, Any]:
        """Each tick's lag, or null when it hasn't reached everyone in time."""
        deadline = time.monotonic() + wait_s
        wanted = range(first, last + 1)
        while time.monotonic() < deadline and not all(number in self._lag_ms for number in wanted):
            await asyncio.sleep(0.02)
        lags = [self._lag_ms.get(number) for number in wanted]
        return {"lag_ms": lags, "lost": self.lost, "cpu_s": time.process_time()}

    async def _open(self) -> Subscriber:
        address = await self._address()
        parts = urlsplit(address.url)
        async with asyncio.timeout(OPEN_S):
            _, subscriber = await asyncio.get_running_loop().create_connection(
                lambda: Subscriber(self, address), str(parts.hostname), parts.port or 80
            )
            await subscriber.ready
        return subscriber


async def _serve(kind: str, url: str, symbol: str) -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    if kind == "plain":

        async def plain() -> Address:
            return Plain(url, symbol)

        await _obey(orders, Held(plain))
        return
    async with Client(url) as client:

        async def signed() -> Address:
            address = await client.signed_address()
            return Mqtt(address.url, address.client_id, f"prices/{symbol}")

        await _obey(orders, Held(signed))


async def _obey(orders: asyncio.StreamReader, held: Held) -> None:
    while line := await orders.readline():
        order = json.loads(line)
        if "hold" in order:
            answer = await held.hold(order["hold"])
        else:
            answer = await held.report(**order)
        print(json.dumps(answer), flush=True)
    os._exit(0)  # a thousand goodbyes would only be in the way of what comes next


def main() -> None:
    """`python -m benchmarks.crowd mqtt SITE SYMBOL`, or `plain WS_URL SYMBOL`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(*sys.argv[1:]))


if __name__ == "__main__":
    main()
