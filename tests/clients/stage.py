"""What a test says as the platform, and how it waits."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar

from tests.clients.cloud import Broker
from tests.clients.site import Site
from tests.clients.wire import Wire
from tickwire import discovery, wire
from tickwire.tick import Tick
from tickwire.topic import Topics

ALLOWED = ("AAPL", "MSFT", "NVDA", "TSLA", "BRK.B", "BTC-USD", "S7", "S8", "S9", "S10")
REFUSED = "NOPE"  # in the discovery document, and not in the guests' policy
SERIES = 1_790_000_000_123
TIME_MS = 1_795_271_400_123
DEADLINE_S = 15.0

_seqs = itertools.count(1)
T = TypeVar("T")


class Stage:
    def __init__(self, *, site: Site, broker: Broker, symbols: tuple[str, ...]) -> None:
        self.site, self.symbols = site, symbols
        self.link: Wire | None = None
        self.move(broker)

    def move(self, broker: Broker) -> None:
        """Be deployed on `broker`: discovery names its pool, and what is said is said there."""
        self.broker = broker
        if self.link is not None:
            self.link.target = broker.port
        self.site.document = self.document()

    @property
    def url(self) -> str:
        return self.site.url

    def document(self) -> dict[str, Any]:
        return discovery.document(
            stage="test",
            region="us-east-1",
            iot_url=f"ws://127.0.0.1:{(self.link or self.broker).port}/mqtt",
            signing_host=self.broker.signing_host,
            pool_id=self.broker.pool_id,
            identity_url=f"http://127.0.0.1:{self.broker.port}",
            api=f"{self.url}/api",
            topics=Topics(),
            lanes={},
            symbols=self.symbols,
        )

    def say(self, symbol: str, *prices: str) -> list[Tick]:
        """Publish one message with a tick for each price; the ticks as they were sent."""
        ticks = [Tick(symbol, Decimal(price), TIME_MS, series=SERIES, seq=next(_seqs)) for price in prices]
        self.send(ticks)
        return ticks

    def send(self, ticks: list[Tick]) -> None:
        self.publish(f"prices/{ticks[0].symbol}", wire.encode(ticks))

    def publish(self, topic: str, payload: str) -> None:
        self.broker.data.publish(topic=topic, qos=0, payload=payload.encode())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine, bounded; leaves the process's current event loop alone."""

    async def bounded() -> T:
        async with asyncio.timeout(DEADLINE_S):
            return await work

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(bounded())


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; the test's own deadline ends it."""
    while not condition():
        await asyncio.sleep(0.01)
