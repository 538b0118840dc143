"""The client against a whole local platform: its real API, lanes and history, fed by its publisher."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from local.platform import Platform
from tests.clients.feed import take
from tickwire.tick import Tick
from tickwire_client import Client, Gap, Status

DEADLINE_S = 90
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(DEADLINE_S):
            return await work

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(bounded())


def test_what_is_published_is_streamed_kept_and_folded_into_bars(quiet: Platform) -> None:
    """One way in, every way out: ticks live, since a time, by the board, from history, as bars."""

    async def go() -> None:
        began = datetime.now(UTC) - timedelta(minutes=3)
        async with (
            Client(quiet.url) as client,
            client.ticks("AAPL", lossless=True, events=True) as live,
            client.board("AAPL") as board,
            client.publisher(key=quiet.key) as publisher,
        ):
            for number in range(250):
                price = Decimal(100) + Decimal(number) / 100
                await publisher.send("AAPL", price, timestamp=began + timedelta(milliseconds=500 * number))
            await publisher.flush()
            items = aiter(live)
            found: list[Any] = []
            while sum(isinstance(item, Tick) for item in found) < 250:
                found.append(await anext(items))
            ticks = [item for item in found if isinstance(item, Tick)]
            assert [tick.price for tick in ticks] == [Decimal(100) + Decimal(n) / 100 for n in range(250)]
            numbers = [tick.seq for tick in ticks]
            assert numbers == list(range(numbers[0], numbers[0] + 250))
            assert not [item for item in found if isinstance(item, Gap) and not item.filled]
            assert isinstance(found[0], Status)

            async with client.ticks("AAPL", since=ticks[0]) as again:
                assert await take(aiter(again), 249) == ticks[1:]
            start, end = ticks[20].timestamp, ticks[240].timestamp
            assert [tick async for tick in client.history("AAPL", start, end)] == ticks[20:240]
            quote = (await client.latest("AAPL"))["AAPL"]
            assert quote.tick == ticks[-1]
            async for update in board:
                if update.prices[0].tick.seq == numbers[-1]:
                    break
            bars = await client.bar_history("AAPL", began - timedelta(minutes=1))
            assert sum(bar.count for bar in bars) == 250
            assert max(bar.high for bar in bars) == ticks[-1].price
            start = began - timedelta(minutes=1)
            async with client.bars("AAPL", since=start) as minutes:
                (first,) = await take(aiter(minutes), 1)
            assert (first.open, first.closed) == (100, True)

    run(go())
