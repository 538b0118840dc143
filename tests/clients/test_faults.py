"""What a reader gets when the lane loses, doubles, disorders, breaks or freezes: against a real broker."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients.feed import Feed, seqs
from tests.clients.stage import ALLOWED, Stage, run, until
from tests.clients.test_client import my_guest
from tests.clients.wire import Wire
from tickwire.tick import Tick
from tickwire_client import Client, Credentials, Gap, RejectedError, SlowReaderError, Status, Stream
from tickwire_client import _catch_up as catch_up
from tickwire_client import _guard as guard
from tickwire_client import _reconnect as reconnect
from tickwire_client import _watch as watch
from tickwire_client.identity import Guest


@pytest.fixture
def feed(stage: Stage) -> Feed:
    return Feed(stage)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for at random is waited for shortly."""
    monkeypatch.setattr(catch_up, "LOSS_S", 0.2)


async def take(items: AsyncIterator[Any], count: int) -> list[Any]:
    return [await anext(items) for _ in range(count)]


async def ticks_until(items: AsyncIterator[Any], seq: int) -> list[Any]:
    """Items up to the tick with this seq."""
    out: list[Any] = []
    while not (out and isinstance(out[-1], Tick) and out[-1].seq >= seq):
        out.append(await anext(items))
    return out


async def publishing(feed: Feed, *, pause_s: float = 0.005, count: int = 1) -> None:
    """Until cancelled, a few ticks at a time; in a thread, as the broker's answer is waited for."""
    while True:
        await asyncio.to_thread(feed.tick, "AAPL", count)
        await asyncio.sleep(pause_s)


async def during(work: Coroutine[Any, Any, None], body: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    try:
        await body
    finally:
        task.cancel()


def dropping(*which: int) -> Callable[[bytes], list[bytes]]:
    """Drop the n-th price messages, from 1."""
    count = 0

    def tamper(frame: bytes) -> list[bytes]:
        nonlocal count
        count += b"prices/" in frame
        return [] if count in which and b"prices/" in frame else [frame]

    return tamper


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


def test_a_lossless_stream_fetches_what_was_lost_before_it_goes_on(
    stage: Stage, feed: Feed, link: Wire
) -> None:
    """In order, from the API's aligned blocks, with the gap announced; the reader misses nothing."""
    feed.tick("AAPL", 98, say=False)

    async def go() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", lossless=True, events=True) as stream,
        ):
            items = aiter(stream)
            assert (await ticks_until(items, 98))[-1].price == 98
            link.tamper = dropping(2, 3)
            for _ in range(4):
                feed.tick("AAPL", 2)
            found = await take(items, 9)
            assert seqs(found) == list(range(99, 107))
            assert found[2:4] == [Gap("AAPL", 101, 104, True, feed.series), found[3]]
            assert [(q["after_seq"], q["limit"]) for q in feed.asked] == [("100", "100")]
            assert (prices.stats().filled, prices.stats().gaps) == (4, 0)

    run(go())


def test_what_cannot_be_had_any_more_is_told_in_its_place(stage: Stage, feed: Feed, link: Wire) -> None:
    """Expired, or history off: the stream says what is missing and goes on."""
    feed.lost = {2, 3}

    feed.tick("AAPL", 1, say=False)

    async def go() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", lossless=True, events=True) as stream,
        ):
            items = aiter(stream)
            await ticks_until(items, 1)
            link.tamper = dropping(1)
            feed.tick("AAPL", 2)
            feed.tick()
            assert await take(items, 2) == [Gap("AAPL", 2, 3, False, feed.series), feed.made["AAPL"][3]]
            link.tamper, feed.status = dropping(1), 404
            feed.tick()
            feed.tick()
            assert await take(items, 2) == [Gap("AAPL", 5, 5, False, feed.series), feed.made["AAPL"][5]]
            assert prices.stats().gaps == 2

    run(go())


def test_what_comes_twice_or_in_another_order_is_put_right_without_a_request(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait before a request is long enough for what was only late."""
    monkeypatch.setattr(catch_up, "LOSS_S", 60)
    kept: list[bytes] = []

    def swap(frame: bytes) -> list[bytes]:
        """Each second one first, and everything twice."""
        if b"prices/" not in frame:
            return [frame]
        kept.append(frame)
        return [kept.pop(), kept.pop()] * 2 if len(kept) == 2 else []

    feed.tick("AAPL", 1, say=False)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", lossless=True) as stream:
            items = aiter(stream)
            await ticks_until(items, 1)
            link.tamper = swap
            for _ in range(6):
                feed.tick()
            assert seqs(await take(items, 6)) == [2, 3, 4, 5, 6, 7]
            assert feed.asked == []

    run(go())


def test_a_stream_that_is_not_lossless_says_what_it_missed(stage: Stage, feed: Feed, link: Wire) -> None:
    """As an event before what follows, and as a count for those who didn't ask for events."""

    feed.tick("AAPL", 1, say=False)

    async def go() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", events=True) as told,
            prices.ticks("AAPL") as plain,
        ):
            items, others = aiter(told), aiter(plain)
            assert seqs(await ticks_until(items, 1)) == seqs(await take(others, 1)) == [1]
            link.tamper = dropping(1)
            feed.tick("AAPL", 3)
            feed.tick()
            assert await take(items, 2) == [Gap("AAPL", 2, 4, False, feed.series), feed.made["AAPL"][4]]
            assert seqs(await take(others, 1)) == [5]
            assert prices.stats().gaps == 2
            assert feed.asked == []

    run(go())


def test_a_new_series_is_a_reset(stage: Stage, feed: Feed) -> None:
    """History was wiped: the reader goes on with the new numbers, and no gap is claimed."""

    async def go() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", lossless=True, events=True) as stream,
        ):
            items = aiter(stream)
            feed.tick("AAPL", 5)
            await ticks_until(items, 5)
            feed.wipe()
            feed.tick("AAPL", 2, say=False)
            feed.tick()
            assert await take(items, 1) == feed.made["AAPL"][2:]

    run(go())


def test_a_cut_costs_a_lossless_stream_nothing(stage: Stage, feed: Feed, link: Wire) -> None:
    """Nothing lost, nothing doubled, in order; the reader is told that it reconnected."""

    async def body() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", lossless=True, events=True) as stream,
        ):
            items = aiter(stream)
            found = await ticks_until(items, 20)
            for _ in range(2):
                link.down()
                count = len(feed.made["AAPL"])
                await until(lambda: len(feed.made["AAPL"]) > count + 20)  # noqa: B023
                link.up()
                found += await ticks_until(items, count + 40)
            numbers = seqs(found)
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            states = [item.state for item in found if isinstance(item, Status)]
            assert states[0] == states[-1] == "connected"
            assert "reconnecting" in states
            assert prices.stats().reconnects == 2
            assert prices.stats().gaps == 0

    run(during(publishing(feed), body()))


def test_a_planned_reconnect_makes_before_it_breaks(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the broker's 24 hours are over another one stands beside the old one: no gap, no event."""
    monkeypatch.setattr(reconnect, "LIFE_S", (0.2, 0.3))

    async def body() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", events=True) as stream:
            items = aiter(stream)
            found = [await anext(items)]
            while prices.stats().reconnects < 3:
                found.append(await anext(items))
            numbers = seqs(found)
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            assert [item for item in found if not isinstance(item, Tick)] == found[:1]
            assert (link.accepted, prices.stats().gaps) == (4, 0)

    run(during(publishing(feed), body()))


def quickened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watchdog that loses patience a hundred times sooner."""
    monkeypatch.setattr(watch, "QUIET_S", (0.3, 0.6))
    monkeypatch.setattr(watch, "STATUS_S", 1.3)
    monkeypatch.setattr(guard, "LOOK_S", 0.05)
    monkeypatch.setattr(guard, "PROOF_S", 0.1)
    monkeypatch.setattr(guard, "ASK_S", 0.05)


def status(market: str = "open", *, paused: bool = False) -> str:
    now = datetime.now(UTC)
    soon = (now + timedelta(hours=1)).isoformat()
    told = {"time": now.isoformat(), "market": market, "until": soon, "paused": paused}
    return json.dumps(told | {"calendar": "XNYS", "opens": soon, "degraded": False, "reasons": []})


def test_an_open_connection_without_data_is_noticed_and_replaced(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket is open and carries nothing, while the API has newer prices: stale, then a reconnect."""
    quickened(monkeypatch)
    monkeypatch.setattr(watch, "STATUS_S", 60)

    async def go() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", lossless=True, events=True) as stream,
        ):
            items = aiter(stream)
            stage.publish("status", status())
            feed.tick()
            await ticks_until(items, 1)
            link.freeze()
            feed.tick("AAPL", 3)
            found = await ticks_until(items, 4)
            states = [(item.state, item.why) for item in found if isinstance(item, Status)]
            assert [state for state, _ in states] == ["stale", "connected"]
            assert "AAPL is at seq 4 over HTTP" in states[0][1]
            assert seqs(found) == [2, 3, 4]

    run(go())


def test_an_open_market_without_a_status_is_a_dead_connection(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the API can't be asked."""
    quickened(monkeypatch)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", events=True) as stream:
            stage.publish("status", status())
            feed.status = 503
            link.freeze()
            states: list[str] = []
            async for item in stream:
                assert isinstance(item, Status)
                states.append(item.state)
                if states[-2:] == ["stale", "connected"]:
                    return

    run(go())


@pytest.mark.parametrize("told", [status("closed"), status(paused=True)], ids=["closed", "paused"])
def test_a_market_that_is_closed_or_paused_may_be_silent(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Silence isn't a fault then, and nobody reconnects or asks."""
    quickened(monkeypatch)
    looks: list[str] = []
    look = watch.Watch.look

    def looked(self: watch.Watch, now_s: float, heard: int) -> watch.Look:
        looks.append(found := look(self, now_s, heard))
        return found

    monkeypatch.setattr(watch.Watch, "look", looked)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            feed.tick()
            await anext(aiter(stream))
            stage.publish("status", told)
            await until(lambda: len(looks) > 60)  # three seconds: twice the patience
            assert set(looks[10:]) == {"fine"}
            assert link.accepted == 1

    run(go())


class Expired:
    """Credentials that were good for the first connection and have expired since, until told so."""

    def __init__(self, true: Guest) -> None:
        self._true, self.given, self.forgotten = true, 0, 0

    def name(self) -> str:
        return self._true.name()

    def credentials(self) -> Credentials:
        self.given += 1
        good = self.given == 1 or self.forgotten
        given = self._true.credentials()
        return given if good else replace(given, token="expired")

    def forget(self, refused: Credentials) -> None:
        self.forgotten += 1


def test_credentials_that_expired_meanwhile_are_replaced_at_the_reconnect(
    stage: Stage, feed: Feed, link: Wire
) -> None:
    """Each attempt is signed anew; refused credentials are fetched anew once, and the stream goes on."""

    async def go() -> None:
        me = Expired(my_guest(stage))
        async with (
            Client(stage.url, identity=me) as prices,
            prices.ticks("AAPL", lossless=True) as stream,
        ):
            items = aiter(stream)
            feed.tick()
            await anext(items)
            link.cut()
            feed.tick("AAPL", 2)
            assert seqs(await take(items, 2)) == [2, 3]
            assert me.forgotten == 1

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


async def behind(stage: Stage, feed: Feed, stream: Stream[Any], client: Client) -> list[Any]:
    """A reader that sleeps while 300 ticks come, then reads until the last."""
    async with stream:
        items = aiter(stream)
        feed.tick()
        found = await ticks_until(items, 1)
        for _ in range(30):
            await asyncio.to_thread(feed.tick, "AAPL", 10)
        await until(lambda: client.stats().received >= 300)
        return found + await ticks_until(items, 301)


@pytest.mark.parametrize("overflow", [None, "conflate", "drop_oldest"])
def test_a_slow_reader_gets_what_it_chose(stage: Stage, feed: Feed, overflow: Any) -> None:
    """The first ones and the newest; the newest; the last ones. What it missed is counted in each case."""

    async def go() -> None:
        async with Client(stage.url) as client:
            stream = client.ticks("AAPL", overflow=overflow, maxsize=50, events=True)
            numbers = seqs(found := await behind(stage, feed, stream, client))
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
            assert seqs(await behind(stage, feed, stream, client)) == list(range(1, 302))
            assert client.stats().filled >= 200

    run(go())


def test_a_slow_reader_that_chose_an_error_gets_it_with_the_counts(stage: Stage, feed: Feed) -> None:
    """After what was kept for it."""

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(SlowReaderError) as caught:
                await behind(stage, feed, client.ticks("AAPL", overflow="error", maxsize=50), client)
            assert (caught.value.kept, caught.value.missed) == (50, 250)

    run(go())


def test_a_slow_reader_that_chose_to_block_gets_everything_late(stage: Stage, feed: Feed) -> None:
    """The connection isn't read meanwhile; nothing is lost, and the buffer stays within its bound."""

    async def go() -> None:
        async with Client(stage.url) as client, client.ticks("AAPL", overflow="block", maxsize=50) as stream:
            items = aiter(stream)
            for _ in range(30):
                await asyncio.to_thread(feed.tick, "AAPL", 10)
            await until(lambda: stream.buffer.blocks)
            assert client.stats().received <= 70
            assert seqs(await ticks_until(items, 300))[-50:] == list(range(251, 301))
            assert client.stats().gaps == 0

    run(go())


def test_a_connection_near_the_brokers_rate_is_relieved_by_another(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the messages move, without a gap; when nothing can move any more, the reader is told."""
    monkeypatch.setattr(guard, "RATE_MAX", 5.0)
    monkeypatch.setattr(guard, "LOOK_S", 0.1)

    async def body() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", "MSFT", events=True) as stream:
            found: list[Any] = []
            async for item in stream:
                found.append(item)
                if isinstance(item, Status) and item.state == "crowded":
                    break
            assert "lane='board'" in found[-1].why
            assert link.accepted >= 2
            twice = -1  # each topic comes by one connection only once it has moved
            while twice != prices.stats().duplicates:
                twice = prices.stats().duplicates
                found += await take(aiter(stream), 30)
            for symbol in ("AAPL", "MSFT"):
                numbers = [item.seq for item in found if isinstance(item, Tick) and item.symbol == symbol]
                assert numbers == list(range(numbers[0], numbers[-1] + 1))

    async def both() -> None:
        while True:
            for symbol in ("AAPL", "MSFT"):
                await asyncio.to_thread(feed.tick, symbol)
            await asyncio.sleep(0.01)

    run(during(both(), body()))


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
