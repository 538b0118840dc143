"""A client's connections and what travels on them: who wants which topic, on which connection.

In: streams that come and go; what the links bring and tell. Out: each message decoded once and given to all
who want it; to each stream what became of its topics. What always holds: a topic is subscribed once however
many want it; no connection has more topics, or, as long as others can be made, more messages a second than
the broker bears; an open connection that is dead is noticed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from time import time_ns
from typing import Any

from tickwire import limits, wire
from tickwire_client._access import Access
from tickwire_client._buffer import Counters
from tickwire_client._guard import Guard
from tickwire_client._link import Link
from tickwire_client._reconnect import State as LinkState
from tickwire_client._route import Route
from tickwire_client._stream import Stream
from tickwire_client.errors import ClosedError, TooManyTopicsError, TopicRefusedError, UnreachableError

TOPICS_MAX = limits.SUBSCRIPTIONS.value  # on one connection
LINKS_MAX = 4
LATENCIES = 1_000  # kept to take percentiles of


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
        self.routes: dict[str, Route] = {}
        self.links: list[Link] = []
        self._guard = Guard(self, timeout_s=timeout_s)
        if self._status is None:
            self._guard.untold()

    async def open(self, stream: Stream[Any]) -> None:
        """Subscribe and wait until each topic is confirmed; raises what refused it, or UnreachableError."""
        if self.error is not None:
            raise self.error
        own = () if self._status is None else (self._status,)
        count = len({*self.routes, *own, *stream.topics})
        if count > LINKS_MAX * TOPICS_MAX:
            raise TooManyTopicsError(count, most=LINKS_MAX * TOPICS_MAX)
        self._first()
        for topic in stream.topics:
            route = self.routes.get(topic)
            if route is None:
                link = self._roomy()
                ticks = stream.read is wire.decode
                route = Route(stream.read, link=link, ticks=ticks, paced=stream.paced)
                self.routes[topic] = route
                link.want([topic])
            route.streams = (*route.streams, stream)
        self._stand()
        try:
            async with asyncio.timeout(self._timeout_s):
                await stream.confirmed()
        except TimeoutError:
            why = "the broker didn't confirm the subscription in time"
            down = [link.last_failure for link in self.links if not link.up]
            raise UnreachableError(self.access.platform.iot_url, down[0] if down else why) from None

    def close(self, stream: Stream[Any]) -> None:
        """Drop what only this stream wanted. The broker hears of it soon after."""
        for topic in stream.topics:
            route = self.routes.get(topic)
            if route is None:
                continue
            route.streams = tuple(other for other in route.streams if other is not stream)
            if not route.streams:
                self._forget(topic)
        for link in self.links[1:]:
            if not link.wanted:
                self.links.remove(link)
                link.abandon()

    async def stop(self) -> None:
        """End every stream and every connection."""
        links, self.links = self.links, []  # which are waited for here
        self.over(ClosedError())
        await asyncio.gather(*(link.stop() for link in links), return_exceptions=True)

    # What the links tell.

    def deliver(self, topic: str, payload: bytes) -> None:
        """Decode once, give to all. In a session's thread."""
        route = self.routes.get(topic)
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
            self.latencies_ms.append(time_ns() // 1_000_000 - found[-1].time_ms)
        else:
            self._counters.received += 1
        for stream in route.streams:
            stream.offer(found)

    def connected(self, link: Link, *, again: bool) -> None:
        self._counters.reconnects += again
        self._guard.connected(link)

    def confirmed(self, link: Link) -> None:
        for topic in link.confirmed:
            route = self.routes.get(topic)
            if route is not None and route.link is link and route.former is not None:
                route.former.unwant([topic])  # it came from both meanwhile
                route.former = None
        self._stand()

    def fallen(self, link: Link, state: LinkState, why: str) -> None:
        for stream in self.streams(link):
            stream.fall("stale" if state == "stale" else "reconnecting", why)

    def refused(self, topics: Collection[str], why: str) -> None:
        """End the streams that want one of these."""
        error = TopicRefusedError(tuple(topics), why)
        for topic in topics:
            route = self.routes.get(topic)
            for stream in route.streams if route else ():
                stream.end(error)
                self.close(stream)
            self._forget(topic)
            if topic == self._status:
                self._guard.untold()  # silence says less then; prices go on

    def over(self, error: Exception) -> None:
        """For good: every stream raises `error` after what it already has."""
        self.error = self.error or error
        streams = {stream for route in self.routes.values() for stream in route.streams}
        self.routes = {}
        for stream in streams:
            stream.end(self.error)
        self._guard.stop()
        links, self.links = self.links, []
        for link in links:
            link.abandon()

    # Which link carries what.

    def _first(self) -> None:
        """The first link, which carries the status lane as well."""
        if not self.links:
            link = self._made()
            if self._status is not None:
                read = self._guard.read_status
                self.routes[self._status] = Route(read, link=link, ticks=False, paced=False)
                link.want([self._status])

    def _made(self) -> Link:
        link = Link(self, alone=self._status, timeout_s=self._timeout_s)
        self.links.append(link)
        return link

    def _roomy(self) -> Link:
        return next((link for link in self.links if len(link.wanted) < TOPICS_MAX), None) or self._made()

    def _forget(self, topic: str) -> None:
        route = self.routes.pop(topic, None)
        for link in (route.link, route.former) if route else ():
            if link is not None:
                link.unwant([topic])

    def _stand(self) -> None:
        """Tell the streams whose topics are all confirmed."""
        for stream in {stream for route in self.routes.values() for stream in route.streams}:
            if all(self._is_confirmed(topic) for topic in stream.topics):
                count = len(stream.topics)
                stream.stand(f"subscribed to {count} topic{'s' * (count > 1)}")

    def _is_confirmed(self, topic: str) -> bool:
        route = self.routes.get(topic)
        return route is not None and topic in route.bearer.confirmed

    def spread(self, link: Link, topics: Sequence[str]) -> bool:
        """Move these topics to another link, without a gap; False when there can't be another."""
        moved = [topic for topic in topics if topic != self._status]
        if not moved or len(self.links) == LINKS_MAX:
            return False
        other = self._made()
        for topic in moved:
            self.routes[topic].former, self.routes[topic].link = link, other
        other.want(moved)
        return True

    def streams(self, link: Link) -> set[Stream[Any]]:
        return {s for route in self.routes.values() if route.bearer is link for s in route.streams}
