"""`SyncClient`: the same client for programs without an event loop.

In: calls from any thread. Out: what the client's coroutines return, yield and raise. Each client has a thread
with a loop of its own, so it works beside a running one, as in Jupyter.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Coroutine
from datetime import datetime
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from tickwire_client._blocking import SyncHistory, SyncPublisher, SyncStream, Worker
from tickwire_client._client import Client, Stats
from tickwire_client._platform import Platform
from tickwire_client._stream import Stream
from tickwire_client.errors import ClosedError
from tickwire_client.identity import Identity

P = ParamSpec("P")
T = TypeVar("T")


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
        self._worker = Worker()

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
