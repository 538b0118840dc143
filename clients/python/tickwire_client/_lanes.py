"""The lanes of a platform as streams: what `Client` offers of them.

In: symbols and options. Out: a `Stream`, not yet subscribed; what can't be asked for is an error at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, get_args, overload

from tickwire import wire
from tickwire.tick import Tick
from tickwire.topic import INTERVALS
from tickwire_client import values
from tickwire_client._buffer import Counters, Overflow
from tickwire_client._catch_up import BarCatchUp, BoardCatchUp, Door, Since, TickCatchUp
from tickwire_client._platform import Platform
from tickwire_client._sieve import AlertSieve, BarSieve, BoardSieve, TickSieve
from tickwire_client._stream import Stream
from tickwire_client.errors import LaneError
from tickwire_client.events import Event
from tickwire_client.values import Alert, Bar, BoardUpdate

Lane = Literal["price", "live", "board"]
BAR_LANES = {"1m": timedelta(minutes=1), "1d": timedelta(days=1)}
"""The intervals that the platform publishes when they close; others are made on demand."""
T = TypeVar("T")


class Lanes(ABC):
    """Base of `Client`, which subscribes what is made here."""

    _counters: Counters

    @property
    @abstractmethod
    def platform(self) -> Platform: ...

    @abstractmethod
    def _door(self) -> Door: ...

    @abstractmethod
    async def open(self, stream: Stream[Any]) -> None: ...

    @abstractmethod
    def close(self, stream: Stream[Any]) -> None: ...

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
        `events`: Gap, Dropped and Status come in the stream as well; of a conflated one Status only, as what
        it leaves out is its purpose, and counted in `stats()`.
        """
        platform = self.platform
        if lane not in get_args(Lane):
            raise ValueError(f"lane is {lane!r}; expected one of {', '.join(map(repr, get_args(Lane)))}")
        if lossless and overflow not in (None, "block"):
            raise ValueError(f"overflow is {overflow!r}; expected None or 'block' with lossless=True")
        if isinstance(since, datetime):
            check_zone("since", since)
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

        A late tick corrects its bar: it comes again with `corrected`. Those of an outage are fetched after
        it, and may come behind a newer one: `start` tells. The bar lane has bars of 1m and 1d; others are a
        ValueError here, and `bar_history` has them.
        """
        platform = self.platform
        wanted = platform.check(symbols) or platform.symbols
        if interval not in BAR_LANES:
            raise ValueError(
                f"interval is {interval!r}; expected '1m' or '1d' on the bar lane:"
                " bar_history() has the others"
            )
        check_zone("since", since)
        sieve = BarSieve(wanted, counters=self._counters)
        return Stream(
            self,
            topics=tuple(platform.topic("bar", symbol, interval) for symbol in wanted),
            symbols=wanted,
            read=values.read_bar,
            paced=False,
            sieve=sieve,
            catch_up=lambda stream: BarCatchUp(
                stream, sieve, self._door(), interval=interval, width=BAR_LANES[interval], since=since
            ),
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
            sieve=AlertSieve(wanted, counters=self._counters),
            catch_up=None,
            maxsize=maxsize,
            overflow=overflow,
            lossless=False,
            events=events,
            counters=self._counters,
            key=_symbol,
            merge=_newer,
        )


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


def check_interval(interval: str) -> None:
    if interval not in INTERVALS:
        raise ValueError(f"interval is {interval!r}; expected one of {', '.join(INTERVALS)}")


def check_zone(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"{name} is {moment}; expected a time with a zone, such as datetime.now(UTC)")
