"""Who wants which topic, and what the broker confirmed of it.

In: streams that come and go, sessions that come up and go down. Out: SUBSCRIBE and UNSUBSCRIBE on the
session; decoded ticks to each stream of a topic, or the refusal that ends it. What always holds: what is
subscribed follows what is wanted, through any number of sessions, and no answer of the broker goes unread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

from tickwire import limits, wire
from tickwire_client._buffer import Counters
from tickwire_client._mqtt import FILTERS_MAX, Session, describe
from tickwire_client._stream import Stream
from tickwire_client.errors import TooManyTopicsError, TopicRefusedError

TOPICS_MAX = limits.SUBSCRIPTIONS.value  # on one connection
TRIES_MAX = 5  # a broker that hangs up on a SUBSCRIBE, or never answers it, refuses it in this way
RETRY_S = 0.3


class Subscriptions:
    """Of one connection. On the event loop, but `deliver`."""

    def __init__(self, counters: Counters) -> None:
        self.in_flight: tuple[str, ...] = ()
        """The topics of the SUBSCRIBE that waits for its answer."""
        self._counters = counters
        self._session: Session | None = None
        self._routes: dict[
            str, tuple[Stream, ...]
        ] = {}  # values are replaced, never changed: two threads read
        self._confirmed: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def add(self, stream: Stream) -> None:
        """The stream is confirmed, or ended with the refusal, some time after."""
        count = len(self._routes.keys() | set(stream.topics))
        if count > TOPICS_MAX:
            raise TooManyTopicsError(count, most=TOPICS_MAX)
        for topic in stream.topics:
            self._routes[topic] = (*self._routes.get(topic, ()), stream)
        self._changed.set()

    def remove(self, stream: Stream) -> None:
        """Drop what only this stream wanted. The broker hears of it soon after."""
        for topic in stream.topics:
            rest = tuple(other for other in self._routes.get(topic, ()) if other is not stream)
            if rest:
                self._routes[topic] = rest
            else:
                self._routes.pop(topic, None)
        self._changed.set()

    def up(self, session: Session) -> None:
        """A session without any subscription is there."""
        self._session = session
        self._confirmed = set()
        self._changed.set()

    def down(self) -> None:
        """The session is gone, and its subscriptions with it."""
        self._session = None
        self._confirmed = set()

    def end(self, error: Exception) -> None:
        """Every stream raises `error` after what it already has."""
        self.down()
        streams, self._routes = self._streams(), {}
        for stream in streams:
            stream.end(error)

    def refuse(self, topics: Sequence[str], why: str) -> None:
        """End the streams that want one of these."""
        error = TopicRefusedError(topics, why)
        for stream in {stream for topic in topics for stream in self._routes.get(topic, ())}:
            stream.end(error)
            self.remove(stream)
        for topic in topics:
            del self._tries[topic]

    def deliver(self, topic: str, payload: bytes) -> None:
        """Decode once, give to all. In the session's thread."""
        streams = self._routes.get(topic)
        if streams is None:
            return  # unsubscribed a moment ago
        try:
            ticks = wire.decode(payload)
        except wire.WireError:
            self._counters.undecodable += 1
            return
        self._counters.received += len(ticks)
        for stream in streams:
            stream.offer(ticks)

    async def keep(self) -> None:
        """Keep what is subscribed equal to what is wanted, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            session = self._session
            if session is None:
                continue  # `up` sets `_changed` again
            for topics in _eights(sorted(self._routes.keys() - self._confirmed)):
                await self._subscribe(session, topics)
            for topics in _eights(sorted(self._confirmed - self._routes.keys())):
                self._confirmed.difference_update(topics)
                with contextlib.suppress(ConnectionError):  # it went, and the subscription with it
                    await session.unsubscribe(topics)
            for stream in self._streams():
                if self._confirmed.issuperset(stream.topics):
                    stream.confirm()

    async def _subscribe(self, session: Session, topics: tuple[str, ...]) -> None:
        confirmed, self.in_flight = self._confirmed, topics
        try:
            codes = await session.subscribe(topics)
        except ConnectionError:
            self._tries.update(topics)
            worn = [topic for topic in topics if self._tries[topic] >= TRIES_MAX]
            if worn:
                self.refuse(worn, f"it hung up or stayed silent {TRIES_MAX} times when asked")
            asyncio.get_running_loop().call_later(RETRY_S, self._changed.set)
            return
        finally:
            self.in_flight = ()
        for topic, code in zip(topics, codes, strict=True):
            del self._tries[topic]
            if code >= 0x80:
                self.refuse([topic], f"SUBACK {describe(code)}")
            else:
                confirmed.add(topic)  # of the session that was asked: another one has another set

    def _streams(self) -> set[Stream]:
        return {stream for streams in self._routes.values() for stream in streams}


def _eights(topics: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(topics[at : at + FILTERS_MAX]) for at in range(0, len(topics), FILTERS_MAX)]
