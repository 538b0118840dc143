"""Whether an open connection is dead or too full is noticed: against a real broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.clients.feed import Feed, during, seqs, take, ticks_until
from tests.clients.stage import Stage, run, until
from tests.clients.wire import Wire
from tickwire.tick import Tick
from tickwire_client import Client, Status
from tickwire_client import _guard as guard
from tickwire_client import _hub as hub_
from tickwire_client import _watch as watch
from tickwire_client._route import Route


def quickened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watchdog that loses patience a hundred times sooner."""
    monkeypatch.setattr(watch, "QUIET_S", (0.3, 0.6))
    monkeypatch.setattr(watch, "STATUS_S", 1.3)
    monkeypatch.setattr(guard, "LOOK_S", 0.05)
    monkeypatch.setattr(guard, "PROOF_S", 0.1)
    monkeypatch.setattr(guard, "ASK_S", 0.05)


def guard_of(client: Client) -> guard.Guard:
    assert client._hub is not None
    return client._hub._guard


def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the watchdog says from now on."""
    looks: list[str] = []
    look = watch.Watch.look

    def noted(self: watch.Watch, now_s: float, heard: int) -> watch.Look:
        looks.append(found := look(self, now_s, heard))
        return found

    monkeypatch.setattr(watch.Watch, "look", noted)
    return looks


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


def test_a_reader_of_a_lossless_stream_that_sleeps_hides_no_dead_connection(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its full buffer holds up no connection, so silence means what it always does."""
    quickened(monkeypatch)
    monkeypatch.setattr(watch, "STATUS_S", 60)

    async def go() -> None:
        async with (
            Client(stage.url) as prices,
            prices.ticks("AAPL", lossless=True, maxsize=1) as stream,
        ):
            stage.publish("status", status())
            feed.tick()
            await until(lambda: stream.buffer.blocks)
            link.freeze()
            feed.tick("AAPL", 3)
            await until(lambda: link.accepted == 2)
            assert seqs(await take(aiter(stream), 4)) == [1, 2, 3, 4]

    run(go())


def test_one_dead_connection_is_noticed_while_another_brings_prices(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is watched by itself: the one that lives neither hides the other nor is made anew with it."""
    quickened(monkeypatch)
    monkeypatch.setattr(watch, "STATUS_S", 60)
    monkeypatch.setattr(hub_, "TOPICS_MAX", 2)  # the status and AAPL, then MSFT

    async def body() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", events=True) as lively:
            link.spare()
            async with prices.ticks("AAPL", "MSFT", lossless=True, events=True) as stream:
                assert link.accepted == 2
                await asyncio.to_thread(feed.tick, "MSFT")
                found: list[Any] = []
                async for item in stream:
                    if isinstance(item, Tick) and item.symbol == "AAPL":
                        continue
                    found.append(item)
                    if seqs([item]) == [1]:
                        link.freeze()
                        stage.publish("status", status())  # by the one that lives: silence is asked about
                        await asyncio.to_thread(feed.tick, "MSFT", 3)
                    elif seqs([item]) == [4]:
                        break
            states = [(item.state, item.why) for item in found if isinstance(item, Status)]
            assert [state for state, _ in states] == ["connected", "stale", "connected"]
            assert "MSFT is at seq 4 over HTTP" in states[1][1]
            assert seqs(found) == [1, 2, 3, 4]
            assert link.accepted == 3
            told = [item.state for item in await take(aiter(lively), 50) if isinstance(item, Status)]
            assert told == ["connected"]

    async def chatter() -> None:
        """Prices that the API knows nothing of, so that no delay is proof against their connection."""
        while True:
            await asyncio.to_thread(stage.say, "AAPL", "1")
            await asyncio.sleep(0.05)

    run(during(chatter(), body()))


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


def test_a_status_that_is_missing_alone_is_no_dead_connection(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices come, or the status lane was refused: then its silence says nothing of the connection."""
    quickened(monkeypatch)
    monkeypatch.setattr(watch, "STATUS_S", 60)
    looks = looked(monkeypatch)
    stage.site.document = stage.document()
    stage.site.document["topics"]["status"] = "nobody/may/read/this"

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            await until(lambda: not guard_of(prices)._told)
            monkeypatch.setattr(watch, "STATUS_S", 0.5)
            feed.tick()
            await anext(aiter(stream))
            looks.clear()
            await until(lambda: len(looks) > 40)  # two seconds: four times the patience
            assert (set(looks), link.accepted) == ({"fine"}, 1)
        monkeypatch.setattr(watch, "QUIET_S", (10, 120))  # no pause between two prices is a silence
        stage.site.document = stage.document()
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            async for tick in stream:  # each asks for the next one
                if tick.seq == 40:
                    break
                await asyncio.sleep(0.05)
                feed.tick()
            (one,) = guard_of(prices)._watches.values()
            await until(lambda: one._heard_s > one._connected_s)
            assert link.accepted == 2

    run(go())


@pytest.mark.parametrize("told", [status("closed"), status(paused=True)], ids=["closed", "paused"])
def test_a_market_that_is_closed_or_paused_may_be_silent(
    stage: Stage, feed: Feed, link: Wire, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Silence isn't a fault then, and nobody reconnects or asks."""
    quickened(monkeypatch)
    looks = looked(monkeypatch)
    known: list[str] = []
    hear = watch.Watch.status

    def heard(self: watch.Watch, now_s: float, **told: Any) -> None:
        hear(self, now_s, **told)
        looks.clear()
        known.append(told["market"])

    monkeypatch.setattr(watch.Watch, "status", heard)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            feed.tick()
            await anext(aiter(stream))
            stage.publish("status", told)
            await until(lambda: known)
            await until(lambda: len(looks) > 60)  # three seconds: twice the patience
            assert set(looks) == {"fine"}
            assert link.accepted == 1

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


class Bearer:
    """A link, as far as a guard looks at what it carries."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.wanted, self.up = set(topics), False


class Hub:
    """Of a guard alone: links that want topics, and what was moved between them."""

    def __init__(self, topics: str) -> None:
        self.access: Any = None
        self.links: list[Any] = [Bearer(topics)]
        self.routes = {topic: self._route(self.links[0]) for topic in topics}
        self.told: list[str] = []
        self.moved: list[str] = []

    def _route(self, link: Any) -> Route:
        route = Route(bytes, link=link, ticks=False, paced=True)
        route.streams = (SimpleNamespace(tell=lambda state, why: self.told.append(state)),)  # type: ignore[assignment]
        return route

    def spread(self, link: Any, topics: Sequence[str]) -> bool:
        other: Any = Bearer(topics)
        self.links.append(other)
        for topic in topics:
            assert self.routes[topic].sole is link
            self.routes[topic].former, self.routes[topic].link = link, other
        self.moved.append("".join(topics))
        return True

    def arrived(self) -> None:
        for topic, route in self.routes.items():
            if route.former is not None:
                route.former.wanted.discard(topic)
                route.former = None

    def streams(self, link: Any) -> set[Any]:
        return {s for route in self.routes.values() if route.bearer is link for s in route.streams}

    def over(self, error: Exception) -> None:
        raise error


def test_a_connection_that_is_crowded_again_is_relieved_again() -> None:
    """What moves isn't moved twice, what stays is counted anew, and a link that is gone is forgotten."""

    async def go() -> None:
        hub = Hub("ABCDEF")
        watchdog = guard.Guard(hub, timeout_s=1)
        try:
            rates = dict.fromkeys("ABCDEF", 60)
            for _ in range(guard.CROWDED_S):
                watchdog._relieve(rates)
            assert [len(topics) for topics in hub.moved] == [3]
            for _ in range(guard.CROWDED_S):  # the new link hasn't come yet: half of what stays
                watchdog._relieve(rates)
            assert [len(topics) for topics in hub.moved] == [3, 2]
            hub.arrived()
            for _ in range(guard.CROWDED_S):
                watchdog._relieve(rates)
            assert [len(topics) for topics in hub.moved] == [3, 2, 2, 1]
            assert hub.told == []
            del hub.links[1:]
            watchdog._relieve({})
            assert list(watchdog._crowded) == hub.links
        finally:
            watchdog.stop()

    run(go())
