"""A stream: what `Client.ticks`, `board`, `bars` and `alerts` return.

In: decoded messages from the connections' threads, what was caught up over HTTP, what became of the
connection. Out: an asynchronous iterator. A stream is subscribed, and that is confirmed, before its first
item; it is unsubscribed when it ends, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from tickwire_client._buffer import Buffer, Counters, Overflow
from tickwire_client._sieve import Sieve
from tickwire_client.errors import ClosedError
from tickwire_client.events import Event, State, Status

_TURN_S = 0.005  # for so long a full buffer may keep the loop's other tasks waiting
_TURN_ITEMS = 100  # between two looks at the clock
_FLOOD = 1_000  # messages a second
_NAP_S = (0.001, 0.016)
_NAP_ITEMS = 2_000  # a smaller buffer might be full by then

T = TypeVar("T")


class Hub(Protocol):
    """What a stream needs of its client."""

    async def open(self, stream: Stream[Any]) -> None: ...

    def close(self, stream: Stream[Any]) -> None: ...


class CatchUp(Protocol):
    """Brings over HTTP what the lane didn't."""

    def fell(self) -> None:
        """A connection that the stream stands on is gone. On the loop."""

    def stood(self) -> None:
        """The stream is subscribed, for the first time or again. On the loop."""

    def lacking(self) -> None:
        """Something is missing. On the loop."""

    async def run(self) -> None:
        """Until cancelled."""


class Stream(Generic[T]):
    """Items of some symbols, as `async for item in stream` or within `async with stream`.

    Order: (series, seq) strictly rises for each symbol. It begins with the snapshot, and goes on live. Loss:
    what the lane didn't bring is a `Gap`, or, in a lossless stream, fetched over HTTP and yielded in place;
    what a slow reader misses is up to `overflow`. A connection that breaks is made anew. All of it is counted
    in `Client.stats()`, and told in the stream itself with `events=True`. Raises TopicRefusedError,
    UnauthorizedError or TakenOverError when the stream can't go on, and ClosedError when the client is closed
    under it. One reader at a time.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        topics: tuple[str, ...],
        symbols: tuple[str, ...],
        read: Callable[[bytes], Any],
        paced: bool,
        sieve: Sieve[T],
        catch_up: Callable[[Stream[T]], CatchUp] | None,
        maxsize: int,
        overflow: Overflow | None,
        lossless: bool,
        events: bool,
        counters: Counters,
        key: Callable[[T], Hashable],
        merge: Callable[[T, T], T],
    ) -> None:
        self.topics, self.symbols, self.sieve = topics, symbols, sieve
        self._sift = sieve.sift
        self.read = read
        """How a message of its topics is decoded; all of a topic's streams have the same."""
        self.paced = paced
        """Whether its lane should bring something all the time while the market is open."""
        self.buffer = Buffer(
            size=maxsize,
            overflow="block" if lossless else overflow,
            events=events,
            counters=counters,
            key=key,
            merge=merge,
            wake=self._wake,
        )
        self._hub, self._lossless, self._events = hub, lossless, events
        self._naps = maxsize >= _NAP_ITEMS
        self._catch_up = catch_up(self) if catch_up else None
        self._offered = 0  # messages, ever
        self._lacking = False  # the catch-up has been told
        self._open = False
        self._state: State | None = None  # as the reader was told last
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop
        self._there: asyncio.Event
        self._confirmed: asyncio.Future[None]

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._there = asyncio.Event()
        self._confirmed = self._loop.create_future()
        self._open = True
        if self._catch_up is not None:
            self._task = self._loop.create_task(self._catch_up.run())
            self._task.add_done_callback(self._caught)
        try:
            await self._hub.open(self)
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[T]:
        mine = not self._open
        if mine:
            await self.__aenter__()
        take, now_s = self.buffer.take, self._loop.time
        turn, turn_s, nap_s = 0, now_s(), 0.0
        seen, seen_s = self._offered, turn_s
        try:
            while True:
                item = take()
                if item is not None:
                    yield item  # type: ignore[misc]  # events only where they were asked for: see Client.ticks
                    turn += 1
                    if turn % _TURN_ITEMS == 0 and now_s() - turn_s > _TURN_S:
                        await asyncio.sleep(0)
                        turn_s = now_s()
                    continue
                if (span_s := now_s() - seen_s) >= _NAP_S[0]:
                    floods = self._naps and self._offered - seen > span_s * _FLOOD
                    nap_s = min(max(2 * nap_s, _NAP_S[0]), _NAP_S[1]) if floods else 0.0
                    seen, seen_s = self._offered, seen_s + span_s
                if nap_s:  # a flood read by handfuls: see decision 19
                    self.buffer.rest()
                    await asyncio.sleep(nap_s)
                else:
                    await self._there.wait()
                self._there.clear()
                turn_s = now_s()
        finally:
            if mine:
                self.close()

    def close(self) -> None:
        """End the stream: unsubscribe from what no other stream wants. Closing again does nothing."""
        if self._open:
            self._open = False
            self._hub.close(self)
            self.end(ClosedError())

    async def aclose(self) -> None:
        """The same, for `contextlib.aclosing`."""
        self.close()

    # What follows is for the connections, and what is caught up.

    async def confirmed(self) -> None:
        """Wait until every topic is confirmed; raises what ended the stream before that."""
        await asyncio.shield(self._confirmed)

    def offer(self, found: Any) -> None:
        """A decoded message. From a connection's thread."""
        buffer = self.buffer
        with buffer.lock:
            self._offered += 1
            if buffer.ended:
                buffer.put(found if isinstance(found, list) else (found,))  # which only counts it
                return
            keep = True
            if buffer.blocks:
                if self._lossless:
                    keep = False  # it's fetched when the reader has caught up
                else:
                    buffer.wait_for_room()
            items = self._sift(found, keep)
            if items is found:  # as almost always
                buffer.push(items)
                return
            if items:
                buffer.put(items)
            if not self._lacking and self.sieve.lacks and self._catch_up is not None:
                self._lacking = True
                self._call(self._catch_up.lacking)

    @property
    def holds_up(self) -> bool:
        """Whether a connection has to wait for its reader; for a lossless one's what it misses is fetched."""
        return self.buffer.blocks and not self._lossless

    def put(self, items: Sequence[T | Event]) -> None:
        """Items that have passed the sieve. The caller holds the buffer's lock."""
        if items:
            self.buffer.put(items)

    def complete(self) -> None:
        """Nothing is missing any more. The caller holds the buffer's lock."""
        self._lacking = False

    def stand(self, why: str) -> None:
        """Every topic is subscribed. On the loop."""
        if self._state != "connected":
            self._state = "connected"
            self.tell("connected", why)
            if self._catch_up is not None:
                self._catch_up.stood()
        if not self._confirmed.done():
            self._confirmed.set_result(None)

    def fall(self, state: State, why: str) -> None:
        """A connection that this stream stands on is gone. On the loop."""
        if state != self._state:
            self._state = state
            if self._catch_up is not None:
                self._catch_up.fell()
            self.tell(state, why)

    def tell(self, state: State, why: str) -> None:
        if self._events:
            with self.buffer.lock:
                self.buffer.put([Status(state, why)])

    def end(self, error: BaseException) -> None:
        """Nothing more will come, because of `error`. On the loop."""
        if not self.buffer.ended and self._open:
            self.tell("closed", str(error))
        self.buffer.end(error)
        if self._task is not None:
            self._task.cancel()
        if not self._confirmed.done():
            self._confirmed.set_exception(error)
            self._confirmed.exception()  # seen: no complaint when nobody waits for it any more

    def _caught(self, task: asyncio.Task[None]) -> None:
        """What the catch-up couldn't mend ends the stream."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.end(error)

    def _wake(self) -> None:
        self._call(self._there.set)

    def _call(self, action: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and its readers with it
            self._loop.call_soon_threadsafe(action)
