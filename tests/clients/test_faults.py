"""What a reader gets when the lane loses, doubles, disorders or breaks: against a real broker."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.clients.feed import Feed, during, publishing, seqs, take, ticks_until
from tests.clients.stage import Stage, run, until
from tests.clients.test_client import my_guest
from tests.clients.wire import Wire
from tickwire.tick import Tick
from tickwire_client import Client, Credentials, Gap, Status
from tickwire_client import _catch_up as catch_up
from tickwire_client import _reconnect as reconnect
from tickwire_client.identity import Guest


def dropping(*which: int) -> Callable[[bytes], list[bytes]]:
    """Drop the n-th price messages, from 1."""
    count = 0

    def tamper(frame: bytes) -> list[bytes]:
        nonlocal count
        count += b"prices/" in frame
        return [] if count in which and b"prices/" in frame else [frame]

    return tamper


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


def test_a_cut_costs_a_lossless_stream_nothing(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing lost or doubled, in order, and soon: the long wait is for losses of an open connection."""
    monkeypatch.setattr(catch_up, "LOSS_S", 600)

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


@pytest.mark.parametrize("late_s", [0, 0.01])
def test_a_planned_reconnect_makes_before_it_breaks(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch, late_s: float
) -> None:
    """Before the broker's 24 hours are over another one stands beside the old one: no gap, no event, also
    when prices are on their way on the old one.
    """
    monkeypatch.setattr(reconnect, "LIFE_S", (0.2, 0.3))

    def delayed(frame: bytes) -> list[bytes]:
        time.sleep(late_s)
        return [frame]

    link.tamper = delayed

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
