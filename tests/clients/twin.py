"""`SyncClient` behind the methods of `Client`, so that what is tested of the one is tested of the other.

Each call is made in a thread, as a program without a loop would make it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Self

from tickwire_client import Platform, Stats, SyncClient, SyncHistory, SyncPublisher, SyncStream
from tickwire_client._buffer import Buffer

_OVER = object()


class Twin:
    """What `Client` is to a test."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._client = SyncClient(*args, **settings)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._client.__enter__)
        return self

    async def __aexit__(self, *what: Any) -> None:
        await asyncio.to_thread(self._client.__exit__, *what)

    @property
    def platform(self) -> Platform:
        return self._client.platform

    def stats(self) -> Stats:
        return self._client.stats()

    def ticks(self, *symbols: str, **settings: Any) -> TwinStream:
        return TwinStream(self._client.ticks(*symbols, **settings))

    def board(self, *symbols: str, **settings: Any) -> TwinStream:
        return TwinStream(self._client.board(*symbols, **settings))

    def bars(self, *symbols: str, **settings: Any) -> TwinStream:
        return TwinStream(self._client.bars(*symbols, **settings))

    def alerts(self, *symbols: str, **settings: Any) -> TwinStream:
        return TwinStream(self._client.alerts(*symbols, **settings))

    def history(self, *args: Any) -> TwinHistory:
        return TwinHistory(self._client.history(*args))

    def publisher(self, **settings: Any) -> TwinPublisher:
        return TwinPublisher(self._client.publisher(**settings))

    def __getattr__(self, name: str) -> Any:
        """What is waited for: latest, bar_history, publish, signed_address."""
        return _awaited(getattr(self._client, name))


class TwinStream:
    """What `Stream` is to a test."""

    def __init__(self, stream: SyncStream[Any]) -> None:
        self._stream = stream

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._stream.__enter__)
        return self

    async def __aexit__(self, *what: Any) -> None:
        await asyncio.to_thread(self._stream.__exit__, *what)

    def __aiter__(self) -> AsyncIterator[Any]:
        return _each(iter(self._stream))

    def close(self) -> None:
        self._stream.close()

    @property
    def buffer(self) -> Buffer[Any]:
        return self._stream._stream.buffer

    @property
    def _offered(self) -> int:
        return self._stream._stream._offered


class TwinHistory:
    """What `History` is to a test."""

    def __init__(self, history: SyncHistory) -> None:
        self._history = history

    def __aiter__(self) -> AsyncIterator[Any]:
        return _each(iter(self._history))

    def pages(self) -> AsyncIterator[Any]:
        return _each(self._history.pages())


class TwinPublisher:
    """What `Publisher` is to a test."""

    def __init__(self, publisher: SyncPublisher) -> None:
        self._publisher = publisher

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._publisher.__enter__)
        return self

    async def __aexit__(self, *what: Any) -> None:
        await asyncio.to_thread(self._publisher.__exit__, *what)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._publisher, name)
        return _awaited(found) if callable(found) else found


def _awaited(method: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def call(*args: Any, **settings: Any) -> Any:
        return await asyncio.to_thread(method, *args, **settings)

    return call


async def _each(items: Iterator[Any]) -> AsyncIterator[Any]:
    """An iterator that is closed closes the one below."""
    try:
        while (item := await asyncio.to_thread(next, items, _OVER)) is not _OVER:
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
