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
from typing import Any, Literal, Self, TypeVar, get_args, overload

from tickwire import wire
from tickwire.tick import Tick, iso, to_ms
from tickwire.topic import INTERVALS
from tickwire_client import _api, _platform, values
from tickwire_client._access import Access
from tickwire_client._buffer import Counters, Overflow
from tickwire_client._catch_up import BarCatchUp, BoardCatchUp, Door, Since, TickCatchUp
from tickwire_client._history import History
from tickwire_client._hub import Hub
from tickwire_client._platform import Platform
from tickwire_client._sieve import AlertSieve, BarSieve, BoardSieve, TickSieve
from tickwire_client._sign import VALID_S
from tickwire_client._stream import Stream
from tickwire_client.errors import ClosedError, LaneError
from tickwire_client.events import Event
from tickwire_client.identity import Identity, guest
from tickwire_client.publisher import Publisher
from tickwire_client.values import Alert, Bar, BoardUpdate, Quote

Lane = Literal["price", "live", "board"]
T = TypeVar("T")


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


class Client:
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

    @overload
    def ticks(
        self,
        *symbols: str,
        lane: Lane = ...,
        since: Since | None = ...,
        overflow: Overflow | None = ...,
        maxsize: int = ...,
        lossless: bool = ...,
        events: Literal[False] = ...,
    ) -> Stream[Tick]: ...

    @overload
    def ticks(
        self,
        *symbols: str,
        lane: Lane = ...,
        since: Since | None = ...,
        overflow: Overflow | None = ...,
        maxsize: int = ...,
        lossless: bool = ...,
        events: Literal[True],
    ) -> Stream[Tick | Event]: ...

    def ticks(
        self,
        *symbols: str,
        lane: Lane = "price",
        since: Since | None = None,
        overflow: Overflow | None = None,
        maxsize: int = 10_000,
        lossless: bool = False,
        events: bool = False,
    ) -> Stream[Tick] | Stream[Tick | Event]:
        """Ticks of the symbols, all of the stage's when none is named: the newest, then as they happen.

        An unknown symbol raises UnknownSymbolError at once, one without a price lane LaneOffError.

        `lane`: "price" is the symbol's price lane, whatever the stage makes of it; "live" the same, but
        LaneError unless it carries every tick; "board" the newest of each symbol about once a second, on one
        topic however many there are.
        `since`: an aware time, or the last tick you have (or several, one a symbol). History from then on
        comes first, and live follows it without a hole.
        `maxsize` ticks are kept for a slow reader. `overflow` says what happens to the next one. None: the
        newest of each symbol from then on, until the reader has caught up. "conflate": never more than the
        newest of each symbol. "drop_oldest". "block": the connection isn't read, which other streams feel,
        and after 45 s the broker hangs up. "error": SlowReaderError.
        `lossless`, on live lanes: what was lost on the way, or while the reader was slow, is fetched over
        HTTP, and newer ticks wait for it. What can't be had is a Gap with `filled=False`.
        `events`: Gap, Dropped and Status come in the stream as well.
        """
        platform = self.platform
        if lane not in get_args(Lane):
            raise ValueError(f"lane is {lane!r}; expected one of {', '.join(map(repr, get_args(Lane)))}")
        if lossless and overflow not in (None, "block"):
            raise ValueError(f"overflow is {overflow!r}; expected None or 'block' with lossless=True")
        if isinstance(since, datetime) and since.tzinfo is None:
            raise ValueError(f"since is {since}; expected a time with a zone, such as datetime.now(UTC)")
        if lane == "board":
            wanted = platform.check(symbols) or platform.symbols
            topics: tuple[str, ...] = (platform.topic("board"),)
        else:
            wanted = platform.audible(symbols)
            topics = tuple(platform.price_topic(symbol) for symbol in wanted)
        live = [symbol for symbol in wanted if lane != "board" and platform.live(symbol)]
        if (lossless or lane == "live") and len(live) < len(wanted):
            off = next(symbol for symbol in wanted if symbol not in live)
            raise LaneError(off, "board" if lane == "board" else platform.lanes.get(off, "live"))
        sieve = TickSieve(wanted, live=live, fills=lossless, limit=maxsize, counters=self._counters)
        return Stream(
            self,
            topics=topics,
            symbols=wanted,
            read=values.read_board if lane == "board" else wire.decode,
            paced=True,
            sieve=sieve,
            catch_up=lambda stream: TickCatchUp(stream, sieve, self._door(), since),
            maxsize=maxsize,
            overflow=overflow,
            lossless=lossless,
            events=events,
            counters=self._counters,
            key=_symbol,
            merge=_newer,
        )

    @overload
    def board(
        self,
        *symbols: str,
        overflow: Overflow | None = ...,
        maxsize: int = ...,
        events: Literal[False] = ...,
    ) -> Stream[BoardUpdate]: ...

    @overload
    def board(
        self, *symbols: str, overflow: Overflow | None = ..., maxsize: int = ..., events: Literal[True]
    ) -> Stream[BoardUpdate | Event]: ...

    def board(
        self,
        *symbols: str,
        overflow: Overflow | None = None,
        maxsize: int = 1_000,
        events: bool = False,
    ) -> Stream[BoardUpdate] | Stream[BoardUpdate | Event]:
        """All prices, then the ones that changed, about once a second; of all symbols when none is named.

        An update holds only what is newer than what this stream had of the symbol. `overflow` as with
        `ticks`; conflated updates become one, with the newest of each symbol.
        """
        platform = self.platform
        wanted = platform.check(symbols) or platform.symbols
        return Stream(
            self,
            topics=(platform.topic("board"),),
            symbols=wanted,
            read=values.read_board,
            paced=True,
            sieve=BoardSieve(wanted, counters=self._counters),
            catch_up=lambda stream: BoardCatchUp(stream, self._door()),
            maxsize=maxsize,
            overflow=overflow,
            lossless=False,
            events=events,
            counters=self._counters,
            key=_all,
            merge=_merged,
        )

    @overload
    def bars(
        self,
        *symbols: str,
        interval: str = ...,
        since: datetime | None = ...,
        overflow: Overflow | None = ...,
        maxsize: int = ...,
        events: Literal[False] = ...,
    ) -> Stream[Bar]: ...

    @overload
    def bars(
        self,
        *symbols: str,
        interval: str = ...,
        since: datetime | None = ...,
        overflow: Overflow | None = ...,
        maxsize: int = ...,
        events: Literal[True],
    ) -> Stream[Bar | Event]: ...

    def bars(
        self,
        *symbols: str,
        interval: str = "1m",
        since: datetime | None = None,
        overflow: Overflow | None = None,
        maxsize: int = 1_000,
        events: bool = False,
    ) -> Stream[Bar] | Stream[Bar | Event]:
        """Each bar when it closes; with `since`, those that start from then on before them.

        A late tick corrects its bar: it comes again with `corrected`. The bar lane has bars of 1m; of other
        intervals there is only `bar_history`.
        """
        platform = self.platform
        wanted = platform.check(symbols) or platform.symbols
        _check_interval(interval)
        _check_zone("since", since)
        sieve = BarSieve(wanted, counters=self._counters)
        return Stream(
            self,
            topics=tuple(platform.topic("bar", symbol, interval) for symbol in wanted),
            symbols=wanted,
            read=values.read_bar,
            paced=False,
            sieve=sieve,
            catch_up=lambda stream: BarCatchUp(stream, sieve, self._door(), interval=interval, since=since),
            maxsize=maxsize,
            overflow=overflow,
            lossless=False,
            events=events,
            counters=self._counters,
            key=_bar,
            merge=_newer,
        )

    @overload
    def alerts(
        self,
        *symbols: str,
        overflow: Overflow | None = ...,
        maxsize: int = ...,
        events: Literal[False] = ...,
    ) -> Stream[Alert]: ...

    @overload
    def alerts(
        self, *symbols: str, overflow: Overflow | None = ..., maxsize: int = ..., events: Literal[True]
    ) -> Stream[Alert | Event]: ...

    def alerts(
        self,
        *symbols: str,
        overflow: Overflow | None = None,
        maxsize: int = 1_000,
        events: bool = False,
    ) -> Stream[Alert] | Stream[Alert | Event]:
        """Public alerts about the symbols as they are raised. What was raised before isn't repeated."""
        platform = self.platform
        wanted = platform.check(symbols) or platform.symbols
        return Stream(
            self,
            topics=tuple(platform.topic("alert", symbol) for symbol in wanted),
            symbols=wanted,
            read=values.read_alert,
            paced=False,
            sieve=AlertSieve(wanted),
            catch_up=None,
            maxsize=maxsize,
            overflow=overflow,
            lossless=False,
            events=events,
            counters=self._counters,
            key=_symbol,
            merge=_newer,
        )

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
        _check_zone("start", start)
        _check_zone("end", end)
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
        _check_interval(interval)
        query: dict[str, str | int] = {"interval": interval}
        for name, moment in (("from", start), ("to", end)):
            _check_zone(name, moment)
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


def _symbol(item: Tick | Alert) -> str:
    return item.symbol


def _bar(item: Bar) -> tuple[str, datetime]:
    return item.symbol, item.start


def _all(item: BoardUpdate) -> str:
    return ""


def _newer(old: T, new: T) -> T:
    return new


def _merged(old: BoardUpdate, new: BoardUpdate) -> BoardUpdate:
    prices = {quote.symbol: quote for quote in (*old.prices, *new.prices)}
    return BoardUpdate(time=new.time, full=old.full or new.full, prices=tuple(prices.values()))


def _check_interval(interval: str) -> None:
    if interval not in INTERVALS:
        raise ValueError(f"interval is {interval!r}; expected one of {', '.join(INTERVALS)}")


def _check_zone(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"{name} is {moment}; expected a time with a zone, such as datetime.now(UTC)")
