"""`SyncClient` behind the methods of `Client`, so that what is tested of the one is tested of the other.

Each call is made in a thread, as a program without a loop would make it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self, TypeVar

from tickwire_client import Platform, Stats, SyncClient, SyncStream

T = TypeVar("T")
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

    def __getattr__(self, name: str) -> Any:
        """What is waited for: latest, publish, signed_address."""

        async def call(*args: Any, **settings: Any) -> Any:
            return await asyncio.to_thread(getattr(self._client, name), *args, **settings)

        return call


class TwinStream:
    """What `Stream` is to a test. An iterator that is closed closes the one below."""

    def __init__(self, stream: SyncStream[Any]) -> None:
        self._stream = stream

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._stream.__enter__)
        return self

    async def __aexit__(self, *what: Any) -> None:
        await asyncio.to_thread(self._stream.__exit__, *what)

    async def __aiter__(self) -> AsyncIterator[Any]:
        items = iter(self._stream)
        try:
            while (item := await asyncio.to_thread(next, items, _OVER)) is not _OVER:
                yield item
        finally:
            _close(items)


def _close(items: Iterator[Any]) -> None:
    close = getattr(items, "close", None)
    if close is not None:
        close()
