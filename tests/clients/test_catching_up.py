"""What a stream begins with, and what is read over HTTP: against a real broker."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from tests.clients.feed import Feed, seqs, take, ticks_until
from tests.clients.stage import ALLOWED, Stage, run
from tickwire_client import Client, Gap, RejectedError, Status
from tickwire_client import _catch_up as catch_up


def test_a_stream_begins_with_the_snapshot_and_goes_on_live(stage: Stage, feed: Feed) -> None:
    """The newest price is there at once, however quiet the lane; nothing comes twice."""
    feed.tick("AAPL", 7, say=False)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            items = aiter(stream)
            assert (await anext(items)).seq == 7
            feed.tick("AAPL", 2)
            assert seqs(await take(items, 2)) == [8, 9]

    run(go())


def test_ticks_since_a_time_come_first_and_live_follows_without_a_hole(stage: Stage, feed: Feed) -> None:
    """History block by block, then what happens now; also from the last tick that one has."""
    feed.tick("AAPL", 250, say=False)
    start = feed.made["AAPL"][119]

    async def go() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", since=start.timestamp) as timed,
            prices.ticks("AAPL", since=start, events=True) as after,
        ):
            feed.tick("AAPL", 5)
            assert seqs(await take(aiter(timed), 136)) == list(range(120, 256))
            found = await ticks_until(aiter(after), 255)
            assert seqs(found) == list(range(121, 256))
            assert [item for item in found if isinstance(item, Gap)] == []
            feed.tick()
            assert seqs(await take(aiter(timed), 1)) == [256]

    run(go())


def test_a_frozen_api_holds_live_prices_up_for_a_moment_only(
    stage: Stage, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept meanwhile, and come when the snapshot is given up."""
    monkeypatch.setattr(catch_up, "SNAPSHOT_S", 0.2)
    thawed = threading.Event()

    def frozen(path: str, query: dict[str, str]) -> tuple[int, object]:
        thawed.wait(30)
        return 503, {}

    stage.site.api = frozen

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            feed.tick("AAPL", 3)
            assert seqs(await take(aiter(stream), 3)) == [1, 2, 3]

    try:
        run(go())
    finally:
        thawed.set()


def test_since_without_history_is_an_error_and_not_a_hole(stage: Stage, feed: Feed) -> None:
    """What was asked for can't be had: the stream says so at once."""
    feed.tick("AAPL", 5, say=False)
    answer = feed.answer

    def off(path: str, query: dict[str, str]) -> tuple[int, object]:
        return answer(path, query) if path == "/api/prices" else (404, {"title": "History is off"})

    stage.site.api = off

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", since=datetime.now(UTC)) as stream:
            with pytest.raises(RejectedError, match=r"404: History is off"):
                await anext(aiter(stream))

    run(go())


def test_history_is_read_page_by_page(stage: Stage, feed: Feed) -> None:
    """The start is included and the end is not; each page is fetched when the loop gets there."""
    made = feed.tick("AAPL", 2_500, say=False)

    async def go() -> None:
        async with Client(stage.url) as prices:
            assert [tick async for tick in prices.history("AAPL")] == made
            part = prices.history("AAPL", made[10].timestamp, made[2_300].timestamp)
            assert [tick async for tick in part] == made[10:2_300]
            stage.site.got.clear()
            pages = prices.history("AAPL").pages()
            assert len(await anext(pages)) == 1_000
            assert len(stage.site.got) == 1
            assert stage.site.got[0][1] == {"limit": "1000", "after_seq": "0"}
            feed.status = 410
            with pytest.raises(Exception, match=r"answered 410: not now"):
                await anext(pages)

    run(go())


def test_a_dead_api_costs_the_snapshot_and_not_the_stream(
    stage: Stage, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live goes on; what is missing is told."""
    monkeypatch.setattr(catch_up, "TRIES_MAX", 2)
    feed.status = 503

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", lossless=True, events=True) as stream:
            feed.tick()
            found = await ticks_until(aiter(stream), 1)
            assert [item.why[:18] for item in found if isinstance(item, Status)][1:] == ["without a snapshot"]

    run(go())


def test_every_symbol_of_the_stage_is_asked_for_without_naming_any(stage: Stage, feed: Feed) -> None:
    """The snapshot is one request for all of them."""
    stage.site.document = stage.document() | {"symbols": list(ALLOWED)}
    for symbol in ALLOWED:
        feed.tick(symbol, say=False)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks() as stream:
            assert {tick.symbol for tick in await take(aiter(stream), len(ALLOWED))} == set(ALLOWED)
            assert [path for path, _ in stage.site.got] == ["/api/prices"]

    run(go())
