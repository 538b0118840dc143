"""`SyncClient`: the same client for programs without an event loop.

In: calls from any thread. Out: what the client's coroutines return, yield and raise. Each client has a thread
with a loop of its own, so it works beside a running one, as in Jupyter. Ctrl-C interrupts every wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from tickwire.tick import Tick
from tickwire_client._client import Client, Stats
from tickwire_client._history import History
from tickwire_client._platform import Platform
from tickwire_client._stream import Stream
from tickwire_client.errors import ClosedError
from tickwire_client.identity import Identity
from tickwire_client.publisher import Publisher

P = ParamSpec("P")
T = TypeVar("T")


class _Worker:
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

    def __init__(self, worker: _Worker, stream: Stream[T]) -> None:
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

    def __init__(self, worker: _Worker, history: History) -> None:
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

    def __init__(self, worker: _Worker, publisher: Publisher) -> None:
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


def _waiting(
    method: Callable[Concatenate[Client, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SyncClient, P], T]:
    """A coroutine function, waited for."""

    @functools.wraps(method)
    def twin(client: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._worker.call(method(client._client, *args, **kwargs))

    return twin


def _streaming(
    method: Callable[Concatenate[Client, P], Stream[T]],
) -> Callable[Concatenate[SyncClient, P], SyncStream[T]]:
    """A method that gives a stream."""

    @functools.wraps(method)
    def twin(client: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> SyncStream[T]:
        return SyncStream(client._worker, client._on_loop(lambda: method(client._client, *args, **kwargs)))

    return twin


class SyncClient:
    """A `Client` for programs without an event loop: `with SyncClient(url) as prices`.

    Its methods take, return and raise what those of `Client` do; streams are read with `for`. It may be used
    from several threads.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        identity: Identity | Callable[[Platform], Identity] | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._client = Client(url, identity=identity, timeout_s=timeout_s)
        self._worker = _Worker()

    def __enter__(self) -> Self:
        self._worker.start()
        try:
            self._worker.call(self._client.__aenter__())
        except BaseException:
            self._worker.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with contextlib.suppress(ClosedError):  # it wasn't open
                self._worker.call(self._client.__aexit__(kind, error, trace))
        finally:
            self._worker.stop()

    @property
    def platform(self) -> Platform:
        """The discovery document: stage, region, symbols, topics."""
        return self._client.platform

    ticks = _streaming(Client.ticks)
    board = _streaming(Client.board)
    bars = _streaming(Client.bars)
    alerts = _streaming(Client.alerts)
    latest = _waiting(Client.latest)
    bar_history = _waiting(Client.bar_history)
    publish = _waiting(Client.publish)
    signed_address = _waiting(Client.signed_address)

    def history(self, symbol: str, start: datetime | None = None, end: datetime | None = None) -> SyncHistory:
        """The symbol's ticks with `start` <= time < `end`: `for tick in …`, or `.pages()`."""
        return SyncHistory(self._worker, self._client.history(symbol, start, end))

    def publisher(self, *, key: str, linger_s: float = 0.05, maxsize: int = 10_000) -> SyncPublisher:
        """For those who feed the platform: packs, keeps the order, tries again."""
        make = functools.partial(self._client.publisher, key=key, linger_s=linger_s, maxsize=maxsize)
        return SyncPublisher(self._worker, self._on_loop(make))

    def stats(self) -> Stats:
        """Counts since the client was made."""
        return self._client.stats()

    def _on_loop(self, make: Callable[[], T]) -> T:
        async def work() -> T:
            return make()

        return self._worker.call(work())


async def _next(items: AsyncIterator[T], *end: Any) -> T:
    return await anext(items, *end)
