"""What a slow reader gets, by what it chose: against a real broker."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from benchmarks.flood import flooding
from benchmarks.readers import TOPIC, Nobody, platform
from tests.clients.feed import Feed, offered, seqs, ticks_until
from tests.clients.stage import Stage, run, until
from tickwire import wire
from tickwire.tick import Tick
from tickwire_client import Client, SlowReaderError, Stream
from tickwire_client._buffer import Buffer

FLOOD = range(1, 20_001)


async def behind(feed: Feed, stream: Stream[Any]) -> list[Any]:
    """A reader that sleeps while 300 ticks come, then reads until the last."""
    async with stream:
        items = aiter(stream)
        feed.tick()
        found = await ticks_until(items, 1)
        for _ in range(30):
            await asyncio.to_thread(feed.tick, "AAPL", 10)
        await offered(stream, 31)
        return found + await ticks_until(items, 301)


@pytest.mark.parametrize("overflow", [None, "conflate", "drop_oldest"])
def test_a_slow_reader_gets_what_it_chose(stage: Stage, feed: Feed, overflow: Any) -> None:
    """The first ones and the newest; the newest; the last ones. What it missed is counted in each case."""

    async def go() -> None:
        async with Client(stage.url) as client:
            stream = client.ticks("AAPL", overflow=overflow, maxsize=50, events=True)
            numbers = seqs(found := await behind(feed, stream))
            expected = {
                None: [*range(1, 52), 301],
                "conflate": [1, 301],
                "drop_oldest": [1, *range(252, 302)],
            }
            assert numbers == expected[overflow]
            stats = client.stats()
            assert stats.conflated + stats.dropped >= 301 - len(numbers)
            dropped = [item.n for item in found if type(item).__name__ == "Dropped"]
            assert (len(dropped) == 1) is (overflow != "conflate")

    run(go())


def test_a_lossless_slow_reader_gets_everything_from_a_bounded_buffer(stage: Stage, feed: Feed) -> None:
    """What didn't fit is fetched when there is room again."""

    async def go() -> None:
        async with Client(stage.url) as client:
            stream = client.ticks("AAPL", lossless=True, maxsize=50)
            assert seqs(await behind(feed, stream)) == list(range(1, 302))
            assert client.stats().filled >= 200

    run(go())


def test_a_slow_reader_that_chose_an_error_gets_it_with_the_counts(stage: Stage, feed: Feed) -> None:
    """After what was kept for it."""

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(SlowReaderError) as caught:
                await behind(feed, client.ticks("AAPL", overflow="error", maxsize=50))
            assert (caught.value.kept, caught.value.missed) == (50, 250)

    run(go())


def test_a_slow_reader_that_chose_to_block_gets_everything_late(stage: Stage, feed: Feed) -> None:
    """The connection isn't read meanwhile; nothing is lost, and the buffer stays within its bound."""

    async def go() -> None:
        async with Client(stage.url) as client, client.ticks("AAPL", overflow="block", maxsize=50) as stream:
            items = aiter(stream)
            feed.tick()
            await ticks_until(items, 1)
            for _ in range(30):
                await asyncio.to_thread(feed.tick, "AAPL", 10)
            await until(lambda: stream.buffer.blocks)
            assert client.stats().received <= 61, "the first, what fits, and the message that waits"
            assert seqs(await ticks_until(items, 301)) == list(range(2, 302))
            assert client.stats().gaps == 0

    run(go())


@pytest.mark.parametrize(("maxsize", "by_handfuls"), [(10_000, True), (1_000, False)])
def test_a_flood_is_read_by_handfuls_and_whole(
    monkeypatch: pytest.MonkeyPatch, maxsize: int, by_handfuls: bool
) -> None:
    """Unless the buffer might be full before the reader looks again."""
    rests = count_rests(monkeypatch)
    payloads = [wire.encode([Tick("AAPL", Decimal(1), 0, series=1, seq=seq)]).encode() for seq in FLOOD]

    async def go() -> list[int]:
        with flooding(TOPIC, payloads) as port, platform(port) as url:
            async with Client(url, identity=Nobody()) as client:
                stream = client.ticks("AAPL", overflow="block", maxsize=maxsize)
                return seqs(await ticks_until(aiter(stream), FLOOD[-1]))

    assert run(go()) == [*FLOOD]
    assert bool(rests) is by_handfuls


def test_below_a_flood_each_message_wakes_the_reader(
    stage: Stage, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = count_rests(monkeypatch)

    async def go() -> None:
        async with Client(stage.url) as client, client.ticks("AAPL") as stream:
            items = aiter(stream)
            for number in range(1, 101):
                await asyncio.to_thread(feed.tick, "AAPL")
                await ticks_until(items, number)

    run(go())
    assert rests == []


def count_rests(monkeypatch: pytest.MonkeyPatch) -> list[Buffer[Any]]:
    rests: list[Buffer[Any]] = []
    rest = Buffer.rest

    def counted(buffer: Buffer[Any]) -> None:
        rests.append(buffer)
        rest(buffer)

    monkeypatch.setattr(Buffer, "rest", counted)
    return rests
