"""A client's connections and what travels on them: who wants which topic, on which connection.

In: streams that come and go; what the links bring and tell. Out: each message decoded once and given to all
who want it; to each stream what became of its topics. What always holds: a topic is subscribed once however
many want it; no connection has more topics, or, as long as others can be made, more messages a second than
the broker bears; an open connection that is dead is noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from tickwire import wire
from tickwire_client import values
from tickwire_client._access import Access
from tickwire_client._buffer import Counters
from tickwire_client._catch_up import Door
from tickwire_client._link import Link, owned
from tickwire_client._reconnect import State as LinkState
from tickwire_client._stream import Stream
from tickwire_client._watch import Watch
from tickwire_client.errors import (
    ClosedError,
    TickwireError,
    TooManyTopicsError,
    TopicRefusedError,
    UnreachableError,
)

TOPICS_MAX = 50  # on one connection: AWS IoT Core's limit
LINKS_MAX = 4
RATE_MAX = 90.0  # messages a second on one connection: the broker discards what comes beyond 100
CROWDED_S = 3  # in a row
LATENCIES = 1_000  # kept to take percentiles of
LOOK_S = 1.0
ASK_S = 2.0  # ask within this: what is everybody's silence mustn't be everybody's request at once
PROOF_S = 3.0  # what the snapshot shows must have come by then, or a conflated lane's window later


class Route:
    """One topic: how its messages are read, who wants them, which link carries it."""

    __slots__ = ("count", "former", "link", "paced", "read", "streams", "ticks")

    def __init__(self, read: Callable[[bytes], Any], *, link: Link, ticks: bool, paced: bool) -> None:
        self.read, self.link, self.ticks, self.paced = read, link, ticks, paced
        self.streams: tuple[Stream[Any], ...] = ()  # replaced, never changed: two threads read
        self.former: Link | None = None
        self.count = 0


class Hub:
    """Over for good when stopped or after a terminal error, which `error` holds."""

    def __init__(
        self, access: Access, *, renewed: Callable[[], Access], counters: Counters, timeout_s: float
    ) -> None:
        """`renewed` reads discovery again and gives fresh access; it may block, and is called in a thread."""
        self.access, self.renewed = access, renewed
        self.error: Exception | None = None
        self.latencies_ms: deque[int] = deque(maxlen=LATENCIES)
        self._counters, self._timeout_s = counters, timeout_s
        self._status = access.platform.topics.get("status")
        self._routes: dict[str, Route] = {}
        self._links: list[Link] = []
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(time.monotonic())
        self._asking: asyncio.Task[None] | None = None
        self._watching = owned(self._look(), self.over)

    async def open(self, stream: Stream[Any]) -> None:
        """Subscribe and wait until each topic is confirmed; raises what refused it, or UnreachableError."""
        if self.error is not None:
            raise self.error
        own = () if self._status is None else (self._status,)
        count = len({*self._routes, *own, *stream.topics})
        if count > LINKS_MAX * TOPICS_MAX:
            raise TooManyTopicsError(count, most=LINKS_MAX * TOPICS_MAX)
        self._first()
        for topic in stream.topics:
            route = self._routes.get(topic)
            if route is None:
                link = self._roomy()
                ticks = stream.read is wire.decode
                route = Route(stream.read, link=link, ticks=ticks, paced=stream.paced)
                self._routes[topic] = route
                link.want([topic])
            route.streams = (*route.streams, stream)
        self._stand()
        try:
            async with asyncio.timeout(self._timeout_s):
                await stream.confirmed()
        except TimeoutError:
            why = "the broker didn't confirm the subscription in time"
            down = [link.last_failure for link in self._links if not link.up]
            raise UnreachableError(self.access.platform.iot_url, down[0] if down else why) from None

    def close(self, stream: Stream[Any]) -> None:
        """Drop what only this stream wanted. The broker hears of it soon after."""
        for topic in stream.topics:
            route = self._routes.get(topic)
            if route is None:
                continue
            route.streams = tuple(other for other in route.streams if other is not stream)
            if not route.streams:
                self._forget(topic)
        for link in self._links[1:]:
            if not link.wanted:
                self._links.remove(link)
                link.abandon()

    async def stop(self) -> None:
        """End every stream and every connection."""
        links, self._links = self._links, []  # which are waited for here
        self.over(ClosedError())
        await asyncio.gather(*(link.stop() for link in links), return_exceptions=True)

    # What the links tell.

    def deliver(self, topic: str, payload: bytes) -> None:
        """Decode once, give to all. In a session's thread."""
        route = self._routes.get(topic)
        if route is None:
            return  # unsubscribed a moment ago
        route.count += 1
        try:
            found = route.read(payload)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            self._counters.undecodable += 1
            return
        if route.ticks:
            self._counters.received += len(found)
            self.latencies_ms.append(time.time_ns() // 1_000_000 - found[-1].time_ms)
        else:
            self._counters.received += 1
        for stream in route.streams:
            stream.offer(found)

    def connected(self, link: Link, *, again: bool) -> None:
        self._counters.reconnects += again
        self._watch.connected(time.monotonic())

    def confirmed(self, link: Link) -> None:
        for topic in link.confirmed:
            route = self._routes.get(topic)
            if route is not None and route.link is link and route.former is not None:
                route.former.unwant([topic])  # it came from both meanwhile
                route.former = None
        self._stand()

    def fallen(self, link: Link, state: LinkState, why: str) -> None:
        for stream in self._streams(link):
            stream.fall("stale" if state == "stale" else "reconnecting", why)

    def refused(self, topics: Collection[str], why: str) -> None:
        """End the streams that want one of these."""
        error = TopicRefusedError(tuple(topics), why)
        for topic in topics:
            route = self._routes.get(topic)
            for stream in route.streams if route else ():
                stream.end(error)
                self.close(stream)
            self._forget(topic)  # the status lane's own: nothing watches then, and prices go on

    def over(self, error: Exception) -> None:
        """For good: every stream raises `error` after what it already has."""
        self.error = self.error or error
        streams = {stream for route in self._routes.values() for stream in route.streams}
        self._routes = {}
        for stream in streams:
            stream.end(self.error)
        self._watching.cancel()
        if self._asking is not None:
            self._asking.cancel()
        links, self._links = self._links, []
        for link in links:
            link.abandon()

    # Which link carries what.

    def _first(self) -> None:
        """The first link, which carries the status lane as well."""
        if not self._links:
            link = self._made()
            if self._status is not None:
                self._routes[self._status] = Route(self._read_status, link=link, ticks=False, paced=False)
                link.want([self._status])

    def _made(self) -> Link:
        link = Link(self, alone=self._status, timeout_s=self._timeout_s)
        self._links.append(link)
        return link

    def _roomy(self) -> Link:
        return next((link for link in self._links if len(link.wanted) < TOPICS_MAX), None) or self._made()

    def _forget(self, topic: str) -> None:
        route = self._routes.pop(topic, None)
        for link in (route.link, route.former) if route else ():
            if link is not None:
                link.unwant([topic])

    def _stand(self) -> None:
        """Tell the streams whose topics are all confirmed."""
        for stream in {stream for route in self._routes.values() for stream in route.streams}:
            if all(self._is_confirmed(topic) for topic in stream.topics):
                count = len(stream.topics)
                stream.stand(f"subscribed to {count} topic{'s' * (count > 1)}")

    def _is_confirmed(self, topic: str) -> bool:
        route = self._routes.get(topic)
        return route is not None and topic in (route.former or route.link).confirmed

    def _streams(self, link: Link) -> set[Stream[Any]]:
        routes = [route for route in self._routes.values() if (route.former or route.link) is link]
        return {stream for route in routes for stream in route.streams}

    # The watchdog, once a second.

    async def _look(self) -> None:
        counts: dict[str, int] = {}
        crowded: dict[Link, int] = {}
        while True:
            await asyncio.sleep(LOOK_S)
            rates = {topic: route.count - counts.get(topic, 0) for topic, route in self._routes.items()}
            counts = {topic: route.count for topic, route in self._routes.items()}
            heard = sum(rate for topic, rate in rates.items() if self._routes[topic].paced)
            for link in list(self._links):
                rate = sum(rates[topic] for topic in link.wanted if topic in rates)
                crowded[link] = crowded.get(link, 0) + 1 if rate > RATE_MAX * LOOK_S else 0
                if crowded[link] == CROWDED_S:
                    self._spread(link, rates)
            if not any(link.up for link in self._links) or self._held_up():
                continue
            match self._watch.look(time.monotonic(), heard):
                case "stale":
                    self._dead("the market is open, and neither a status nor a price has come for minutes")
                case "ask" if self._asking is None or self._asking.done():
                    self._asking = owned(self._ask(), self.over)

    def _spread(self, link: Link, rates: dict[str, int]) -> None:
        """Move half of a crowded link's messages to another one, without a gap; or say that it can't be."""
        topics = sorted((t for t in link.wanted if t in rates and t != self._status), key=rates.__getitem__)
        if len(topics) > 1 and len(self._links) < LINKS_MAX:
            other = self._made()
            for topic in topics[::2]:
                self._routes[topic].former, self._routes[topic].link = link, other
            other.want(topics[::2])
            return
        rate = sum(rates[topic] for topic in topics)
        why = (
            f"{rate} messages/s on one connection, and the broker discards what comes beyond 100:"
            " lane='board' has all symbols' newest in one or two a second"
        )
        for stream in self._streams(link):
            stream.tell("crowded", why)

    async def _ask(self) -> None:
        """Whether prices have been made that the lanes didn't bring: the snapshot tells."""
        streams = {s for route in self._routes.values() if route.paced for s in route.streams}
        symbols = sorted({symbol for stream in streams for symbol in stream.symbols})
        if not symbols:
            return
        await asyncio.sleep(random.uniform(0, ASK_S))
        platform = self.access.platform
        try:
            quotes = await Door(api=platform.api, timeout_s=self._timeout_s).latest(symbols)
        except TickwireError:
            return  # the status lane is left to tell
        await asyncio.sleep(PROOF_S + platform.window_s)
        for stream in streams:
            with stream.buffer.lock:
                behind = [quote for quote in quotes.values() if stream.sieve.behind(quote)]
            if behind:
                symbol, seq = behind[0].symbol, behind[0].tick.seq
                self._dead(
                    f"{symbol} is at seq {seq} over HTTP, and its lane has brought nothing for seconds"
                )
                return

    def _dead(self, why: str) -> None:
        for link in self._links:
            link.stale(why)

    def _held_up(self) -> bool:
        """Whether a slow reader holds up a connection: its silence says nothing then."""
        return any(stream.buffer.blocks for route in self._routes.values() for stream in route.streams)

    def _read_status(self, payload: bytes) -> None:
        """In a session's thread."""
        found = values.load(payload)
        until, at = found.get("until"), datetime.fromisoformat(found["time"])
        until_s = None if until is None else (datetime.fromisoformat(until) - at).total_seconds()
        market, paused = str(found["market"]), bool(found.get("paused"))
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(
                lambda: self._watch.status(time.monotonic(), market=market, paused=paused, until_s=until_s)
            )
