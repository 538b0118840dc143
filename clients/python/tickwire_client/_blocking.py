"""What a blocking client gives: streams, histories and publishers for plain loops and calls.

In: calls from any thread. Out: what came of them on the client's own loop, in its own thread. Whatever
interrupts a wait, such as Ctrl-C, cancels what was waited for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from tickwire.tick import Tick
from tickwire_client._history import History
from tickwire_client._stream import Stream
from tickwire_client.errors import ClosedError
from tickwire_client.publisher import Publisher

T = TypeVar("T")


class Worker:
    """A thread with an event loop, from `start` to `stop`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        there = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(there,), name="tickwire", daemon=True)
        self._thread.start()
        there.wait()

    def stop(self) -> None:
        """End what still runs there, and wait for that. Nothing once it is stopped."""
        loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()

    def _run(self, there: threading.Event) -> None:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            self._loop = runner.get_loop()
            there.set()
            self._loop.run_forever()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for what comes of it. Whatever interrupts the wait cancels it."""
        if self._loop is None:
            work.close()
            raise ClosedError()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def soon(self, action: Callable[[], object]) -> None:
        """Have something done there, without waiting; nothing once it is stopped."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(action)


class SyncStream(Generic[T]):
    """A `Stream` for a plain loop: `for item in stream`, or within `with stream`; see there.

    One reader at a time; `close` may be called from any thread, and ends the reader's loop with ClosedError.
    """

    def __init__(self, worker: Worker, stream: Stream[T]) -> None:
        self._worker, self._stream = worker, stream
        self._open = False

    def __enter__(self) -> Self:
        self._worker.call(self._stream.__aenter__())
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[T]:
        mine = not self._open
        if mine:
            self.__enter__()
        try:
            items = aiter(self._stream)
            while True:
                yield self._worker.call(_next(items))
        finally:
            if mine:
                self.close()

    def close(self) -> None:
        """End the stream. Closing again does nothing."""
        self._open = False
        self._worker.soon(self._stream.close)


class SyncHistory:
    """A `History` for a plain loop."""

    def __init__(self, worker: Worker, history: History) -> None:
        self._worker, self._history = worker, history

    def __iter__(self) -> Iterator[Tick]:
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[list[Tick]]:
        """Up to 1,000 ticks at a time."""
        pages = self._history.pages()
        while (page := self._worker.call(_next(pages, None))) is not None:
            yield page


class SyncPublisher:
    """A `Publisher` for plain calls: `with client.publisher(key=…) as publisher`."""

    def __init__(self, worker: Worker, publisher: Publisher) -> None:
        self._worker, self._publisher = worker, publisher

    @property
    def accepted(self) -> int:
        return self._publisher.accepted

    @property
    def resent(self) -> int:
        return self._publisher.resent

    @property
    def pending(self) -> tuple[Tick, ...]:
        return self._publisher.pending

    def __enter__(self) -> Self:
        self._worker.call(self._publisher.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.call(self._publisher.__aexit__(kind, error, trace))

    def send(
        self,
        symbol: str | Tick,
        price: Decimal | str | int | None = None,
        *,
        timestamp: datetime | None = None,
        bid: Decimal | None = None,
        ask: Decimal | None = None,
        volume: Decimal | None = None,
        source: str | None = None,
    ) -> None:
        work = self._publisher.send(
            symbol, price, timestamp=timestamp, bid=bid, ask=ask, volume=volume, source=source
        )
        self._worker.call(work)

    def flush(self) -> None:
        self._worker.call(self._publisher.flush())


async def _next(items: AsyncIterator[T], *end: Any) -> T:
    return await anext(items, *end)
