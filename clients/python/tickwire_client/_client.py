"""`Client`: a platform, opened.

In: an address. Out: streams of ticks and the snapshot. One client holds at most one connection to the broker,
made when the first stream starts and shared by all. It runs on the caller's event loop and starts none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tickwire.tick import Tick
from tickwire_client import _api, _platform
from tickwire_client._access import Access
from tickwire_client._api import Quote
from tickwire_client._buffer import Counters
from tickwire_client._connection import Connection
from tickwire_client._platform import Platform
from tickwire_client._sign import VALID_S
from tickwire_client._stream import Stream
from tickwire_client.errors import ClosedError
from tickwire_client.identity import Identity, guest


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a client has seen since it was opened."""

    received: int
    """Ticks that arrived and could be read."""
    duplicates: int
    """Ticks left out because a stream already had them, or newer ones."""
    conflated: int
    """Ticks replaced by a newer one of their symbol because the reader was too far behind."""
    undecodable: int
    """Messages that aren't price messages. They are left out."""
    reconnects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAddress:
    """What any MQTT client needs to connect: good for one connection that is opened within `valid_s`."""

    url: str
    client_id: str
    host: str
    """The Host header that the signature covers."""
    valid_s: int


class Client:
    """A Tickwire platform: `async with Client("http://127.0.0.1:8080") as prices`.

    Entering reads the platform's discovery document: AddressError, UnreachableError or NotTickwireError say
    what is wrong. Not to be shared between event loops.
    """

    def __init__(
        self, url: str | None = None, *, identity: Identity | None = None, timeout_s: float = 10.0
    ) -> None:
        """`url` defaults to $TICKWIRE_URL; `identity` to a guest of the platform's pool, one for the process.

        `timeout_s` bounds each request, and how long a stream waits for its first connection.
        """
        if not timeout_s > 0:
            raise ValueError(f"timeout_s is {timeout_s}; expected more than 0 seconds")
        self._url = _platform.address(url)
        self._identity, self._timeout_s = identity, timeout_s
        self._counters = Counters()
        self._access: Access | None = None
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        self._access = await asyncio.to_thread(self._reach)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._access = None
        if self._connection is not None:
            await self._connection.stop()
            self._connection = None

    @property
    def platform(self) -> Platform:
        """The discovery document: stage, region, symbols, topics."""
        return self._reached().platform

    def ticks(self, *symbols: str, maxsize: int = 10_000) -> Stream:
        """Ticks of the symbols as they happen, all of the stage's when none is named.

        An unknown symbol raises UnknownSymbolError at once, one without a price lane LaneOffError. `maxsize`
        ticks are kept for a reader that is slow; one that falls further behind gets the newest of each
        symbol, and `stats()` counts what it missed.
        """
        platform = self.platform
        wanted = platform.audible(symbols)
        topics = tuple(platform.price_topic(symbol) for symbol in wanted)
        return Stream(self, topics=topics, maxsize=maxsize, counters=self._counters)

    async def latest(self, *symbols: str) -> dict[str, Quote]:
        """The newest tick of each symbol, all of the stage's when none is named. Without a connection."""
        platform = self.platform
        wanted = platform.check(symbols) or platform.symbols
        return await asyncio.to_thread(_api.latest, platform.api, wanted, timeout_s=self._timeout_s)

    async def publish(self, *ticks: Tick, key: str) -> int:
        """Send ticks through the API's door; how many it accepted. RejectedError carries its refusal.

        The platform numbers them: `series` and `seq` are not sent, nor is a `time_ms` of 0, which leaves the
        time to the platform. Equal ticks are not duplicates: what is sent twice is published twice.
        """
        platform = self.platform
        platform.check(tick.symbol for tick in ticks)
        return await asyncio.to_thread(_api.publish, platform.api, ticks, key=key, timeout_s=self._timeout_s)

    async def signed_address(self) -> SignedAddress:
        """An address for another MQTT client, signed with this client's identity."""
        access = self._reached()

        def sign() -> SignedAddress:
            return SignedAddress(
                url=access.signed_url(),
                client_id=access.client_id(),
                host=access.platform.signing_host,
                valid_s=VALID_S,
            )

        return await asyncio.to_thread(sign)

    def stats(self) -> Stats:
        """Counts since the client was made."""
        counted = self._counters
        return Stats(
            received=counted.received,
            duplicates=counted.duplicates,
            conflated=counted.conflated,
            undecodable=counted.undecodable,
            reconnects=max(0, counted.connects - 1),
        )

    # What follows is for streams.

    async def open(self, stream: Stream) -> None:
        access = self._reached()
        if self._connection is None or self._connection.error is not None:
            self._connection = Connection(
                access, renew=self._reach, counters=self._counters, timeout_s=self._timeout_s
            )
        await self._connection.open(stream)

    def close(self, stream: Stream) -> None:
        if self._connection is not None:
            self._connection.close(stream)

    def _reach(self) -> Access:
        platform = _platform.discover(self._url, timeout_s=self._timeout_s)
        identity = self._identity or guest(
            url=platform.identity_url, pool_id=platform.pool_id, timeout_s=self._timeout_s
        )
        return Access(platform, identity)

    def _reached(self) -> Access:
        if self._access is None:
            raise ClosedError()
        return self._access
