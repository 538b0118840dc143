"""`Client`: a platform, opened.

In: an address. Out: streams of ticks, boards, bars and alerts; the snapshot, history and a publisher. Its
connections to the broker are made when the first stream starts, and shared by all. It runs on the caller's
event loop and starts none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from tickwire.tick import Tick, iso, to_ms
from tickwire_client import _api, _platform
from tickwire_client._access import Access
from tickwire_client._buffer import Counters
from tickwire_client._catch_up import Door
from tickwire_client._history import History
from tickwire_client._hub import Hub
from tickwire_client._lanes import Lanes, check_interval, check_zone
from tickwire_client._platform import Platform
from tickwire_client._sign import VALID_S
from tickwire_client._stream import Stream
from tickwire_client.errors import ClosedError
from tickwire_client.identity import Identity, guest
from tickwire_client.publisher import Publisher
from tickwire_client.values import Bar, Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a client has seen since it was opened.

    The latencies are of the last 1,000 price messages: this machine's clock at arrival, less the time that
    stands on the newest tick. So the difference of the two clocks is in them, and whatever the source of the
    ticks took to send them; below zero, one of the clocks is wrong. None before the first.
    """

    received: int
    """Ticks that arrived and could be read; a message of another lane counts as one."""
    duplicates: int
    """Ticks left out because a stream already had them, or newer ones."""
    conflated: int
    """Items replaced by a newer one of their symbol because the reader was too far behind."""
    dropped: int
    """Items left out because the reader was too far behind, without a newer one in their place."""
    gaps: int
    """Losses that a stream was told of and that weren't filled."""
    filled: int
    """Ticks that were fetched over HTTP."""
    undecodable: int
    """Messages that can't be read. They are left out."""
    reconnects: int
    latency_p50_ms: int | None
    latency_p95_ms: int | None
    latency_p99_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAddress:
    """What any MQTT client needs to connect: good for one connection that is opened within `valid_s`."""

    url: str
    client_id: str
    host: str
    """The Host header that the signature covers."""
    valid_s: int


class Client(Lanes):
    """A Tickwire platform: `async with Client("http://127.0.0.1:8080") as prices`.

    Entering reads the platform's discovery document: AddressError, UnreachableError or NotTickwireError say
    what is wrong. Not to be shared between event loops.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        identity: Identity | Callable[[Platform], Identity] | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """`url` defaults to $TICKWIRE_URL; `identity` to a guest of the platform's pool, one for the process.

        It may be made of the platform, which is then given: its pool is only known from discovery.

        `timeout_s` bounds each request, and how long a stream waits for its first connection.
        """
        if not timeout_s > 0:
            raise ValueError(f"timeout_s is {timeout_s}; expected more than 0 seconds")
        self._url = _platform.address(url)
        self._identity, self._timeout_s = identity, timeout_s
        self._counters = Counters()
        self._access: Access | None = None
        self._hub: Hub | None = None

    async def __aenter__(self) -> Self:
        self._access = await asyncio.to_thread(self._reach)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._access = None
        if self._hub is not None:
            await self._hub.stop()
            self._hub = None

    @property
    def platform(self) -> Platform:
        """The discovery document: stage, region, symbols, topics."""
        return self._reached().platform

    async def latest(self, *symbols: str) -> dict[str, Quote]:
        """The newest tick of each symbol, all of the stage's when none is named. Without a connection."""
        platform = self.platform
        return await self._door().latest(platform.check(symbols) or platform.symbols)

    def history(self, symbol: str, start: datetime | None = None, end: datetime | None = None) -> History:
        """The symbol's ticks with `start` <= time < `end`, in the order of seq: `async for tick in …`.

        Without `start` as far back as the stage keeps them, without `end` up to now. Read page by page
        as the loop goes on; `.pages()` gives the pages. A tick that came over a minute late may be left out.
        """
        self.platform.check([symbol])
        check_zone("start", start)
        check_zone("end", end)
        return History(self._door(), symbol, start, end)

    async def bar_history(
        self,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        interval: str = "1m",
    ) -> list[Bar]:
        """The bars with `start` <= their start < `end`, oldest first; by default the last 60 intervals.

        The one that is still open has `closed=False`. At most 7 days at once, ten years of daily bars.
        """
        self.platform.check([symbol])
        check_interval(interval)
        query: dict[str, str | int] = {"interval": interval}
        for name, moment in (("from", start), ("to", end)):
            check_zone(name, moment)
            if moment is not None:
                query[name] = iso(to_ms(moment.astimezone(UTC)))
        return await self._door().bars(symbol, query)

    def publisher(self, *, key: str, linger_s: float = 0.05, maxsize: int = 10_000) -> Publisher:
        """For those who feed the platform: packs, keeps the order, tries again. See `Publisher`."""
        platform = self.platform
        return Publisher(platform, key=key, linger_s=linger_s, maxsize=maxsize, timeout_s=self._timeout_s)

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
        late = sorted(self._hub.latencies_ms.copy()) if self._hub is not None else []

        def percentile(share: float) -> int | None:
            return late[min(len(late) - 1, int(share * len(late)))] if late else None

        return Stats(
            received=counted.received,
            duplicates=counted.duplicates,
            conflated=counted.conflated,
            dropped=counted.dropped,
            gaps=counted.gaps,
            filled=counted.filled,
            undecodable=counted.undecodable,
            reconnects=counted.reconnects,
            latency_p50_ms=percentile(0.5),
            latency_p95_ms=percentile(0.95),
            latency_p99_ms=percentile(0.99),
        )

    # What follows is for streams.

    async def open(self, stream: Stream[Any]) -> None:
        access = self._reached()
        if self._hub is None or self._hub.error is not None:
            self._hub = Hub(access, renewed=self._reach, counters=self._counters, timeout_s=self._timeout_s)
        await self._hub.open(stream)

    def close(self, stream: Stream[Any]) -> None:
        if self._hub is not None:
            self._hub.close(stream)

    def _door(self) -> Door:
        return Door(api=self.platform.api, timeout_s=self._timeout_s)

    def _reach(self) -> Access:
        platform = _platform.discover(self._url, timeout_s=self._timeout_s)
        identity = self._identity
        if identity is None:
            url, pool_id = platform.identity_url, platform.pool_id
            return Access(platform, guest(url=url, pool_id=pool_id, timeout_s=self._timeout_s))
        return Access(platform, identity(platform) if callable(identity) else identity)

    def _reached(self) -> Access:
        if self._access is None:
            raise ClosedError()
        return self._access
