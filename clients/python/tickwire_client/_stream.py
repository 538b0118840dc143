"""A stream of ticks: what `Client.ticks` returns.

In: ticks from the connection. Out: an asynchronous iterator. A stream is subscribed, and that is confirmed,
before its first item; it is unsubscribed when it ends, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from tickwire.tick import Tick
from tickwire_client._buffer import Buffer, Counters
from tickwire_client.errors import ClosedError

_TURN_TICKS = 100


class Hub(Protocol):
    """What a stream needs of its client."""

    async def open(self, stream: Stream) -> None: ...

    def close(self, stream: Stream) -> None: ...


class Stream:
    """Ticks of some symbols, as `async for tick in stream` or within `async with stream`.

    Order: (series, seq) strictly rises for each symbol. Loss: none while the reader keeps up; one that is
    `maxsize` ticks behind gets only the newest of each symbol until it has caught up, which
    `Client.stats().conflated` counts. A connection that breaks is made anew, and what was published in
    between is missing: `seq` shows it. Raises TopicRefusedError, UnauthorizedError or TakenOverError when the
    stream can't go on, and ClosedError when the client is closed under it. One reader at a time.
    """

    def __init__(self, hub: Hub, *, topics: tuple[str, ...], maxsize: int, counters: Counters) -> None:
        self.topics = topics
        self._hub = hub
        self._buffer = Buffer(size=maxsize, counters=counters, wake=self._wake)
        self._open = False
        self._loop: asyncio.AbstractEventLoop
        self._there: asyncio.Event
        self._confirmed: asyncio.Future[None]

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._there = asyncio.Event()
        self._confirmed = self._loop.create_future()
        self._open = True
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

    async def __aiter__(self) -> AsyncIterator[Tick]:
        mine = not self._open
        if mine:
            await self.__aenter__()
        try:
            turn = 0
            while True:
                tick = self._buffer.take()
                if tick is None:
                    await self._there.wait()
                    self._there.clear()
                    turn = 0
                    continue
                yield tick
                turn += 1
                if turn == _TURN_TICKS:  # a full buffer mustn't keep the loop's other tasks waiting
                    await asyncio.sleep(0)
                    turn = 0
        finally:
            if mine:
                self.close()

    def close(self) -> None:
        """End the stream: unsubscribe from what no other stream wants. Closing again does nothing."""
        if self._open:
            self._open = False
            self._hub.close(self)
            self.end(ClosedError())

    # What follows is for the connection.

    async def confirmed(self) -> None:
        """Wait until every topic is confirmed; raises what ended the stream before that."""
        await asyncio.shield(self._confirmed)

    def confirm(self) -> None:
        """Every topic is subscribed. On the loop."""
        if not self._confirmed.done():
            self._confirmed.set_result(None)

    def offer(self, ticks: list[Tick]) -> None:
        """Ticks of one message. From the connection's thread."""
        self._buffer.offer(ticks)

    def end(self, error: BaseException) -> None:
        """Nothing more will come, because of `error`. On the loop."""
        self._buffer.end(error)
        if not self._confirmed.done():
            self._confirmed.set_exception(error)
            self._confirmed.exception()  # seen: no complaint when nobody waits for it any more

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and its readers with it
            self._loop.call_soon_threadsafe(self._there.set)
