"""What a stream is brought over HTTP: the snapshot that it begins with, ticks since a time, what was lost.

In: a stream that was subscribed, or lacks something. Out: items in their place. What always holds: a request
is tried a bounded number of times, then what it was for is told as lost; what many clients lack at the same
moment they ask for at random moments, in blocks that are the same for all, so that a cache answers most.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar

from tickwire.tick import Tick, iso, to_ms
from tickwire_client import _api
from tickwire_client._order import Missing
from tickwire_client._reconnect import ceiling_s
from tickwire_client._sieve import BarSieve, TickSieve
from tickwire_client._stream import Stream
from tickwire_client.errors import AnswerError, RejectedError, TickwireError, UnreachableError
from tickwire_client.values import Bar, BoardUpdate, Quote

LOSS_S = 2.0  # a loss may be everybody's: ask within this
RETURN_S = 0.4  # a connection's return has been spread by its back-off
AT_ONCE = 4  # requests
TRIES_MAX = 6  # some 15 s
LAGS_MAX = 3  # a read right after the write may not see it yet
SNAPSHOT_TRIES = 2
SNAPSHOT_S = 3.0  # live prices wait for it

Since: TypeAlias = datetime | Tick | Sequence[Tick]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a platform's API is, and how long to wait for an answer."""

    api: str
    timeout_s: float

    async def latest(self, symbols: Sequence[str]) -> dict[str, Quote]:
        return await asyncio.to_thread(_api.latest, self.api, symbols, timeout_s=self.timeout_s)

    async def ticks(self, symbol: str, query: Mapping[str, str | int]) -> _api.Page:
        return await asyncio.to_thread(_api.ticks, self.api, symbol, query, timeout_s=self.timeout_s)

    async def bars(self, symbol: str, query: Mapping[str, str | int]) -> list[Bar]:
        return await asyncio.to_thread(_api.bars, self.api, symbol, query, timeout_s=self.timeout_s)

    async def block(self, symbol: str, missing: Missing) -> list[Tick]:
        return await asyncio.to_thread(
            _api.block, self.api, symbol, missing.series, missing.after_seq, timeout_s=self.timeout_s
        )


class TickCatchUp:
    """Of a stream of ticks."""

    def __init__(self, stream: Stream[Tick], sieve: TickSieve, door: Door, since: Since | None) -> None:
        self._stream, self._sieve, self._door, self._since = stream, sieve, door, since
        self._wanted, self._room = asyncio.Event(), asyncio.Event()
        self._stood = False
        self._slots = asyncio.Semaphore(AT_ONCE)

    def fell(self) -> None: ...

    def stood(self) -> None:
        self._stood = True
        self._wanted.set()

    def lacking(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            stood, self._stood = self._stood, False
            if stood:
                await self._snapshot()
            if self._missing():
                if self._since is None and await self._disturbed(RETURN_S if stood else LOSS_S):
                    continue
                await self._fill()
            self._since = None

    async def _disturbed(self, most_s: float) -> bool:
        """Wait for a random time; True when the stream has stood up meanwhile, which comes first."""
        try:
            async with asyncio.timeout(random.uniform(0, most_s)):
                while not self._stood:  # what else is missing meanwhile waits with the rest
                    self._wanted.clear()
                    await self._wanted.wait()
        except TimeoutError:
            return False
        return True

    async def _snapshot(self) -> None:
        stream, sieve = self._stream, self._sieve
        if self._since is None:
            quotes, starts = await _snapshot(stream, self._door), dict[str, Tick]()
        else:  # asked for, so what can't be had isn't passed over
            quotes = await tried(lambda: self._door.latest(stream.symbols))
            starts = await self._starts(quotes)
        with stream.buffer.lock:
            for symbol, order in sieve.orders.items():
                quote = quotes.get(symbol)
                if (start := starts.get(symbol)) is not None:
                    newest = quote.tick if quote else start
                    if newest.series == start.series:
                        order.begin(start.series, start.seq, until=newest.seq)
                stream.put(sieve.snapshot(symbol, quote.tick if quote else None))

    async def _starts(self, quotes: Mapping[str, Quote]) -> dict[str, Tick]:
        """For each symbol the tick after which the stream begins."""
        since = self._since
        if isinstance(since, Tick):
            return {since.symbol: since}
        if not isinstance(since, datetime):
            return {tick.symbol: tick for tick in since or ()}
        found: dict[str, Tick] = {}
        query: dict[str, str | int] = {"from": iso(to_ms(since.astimezone(UTC))), "limit": 1}

        async def one(symbol: str) -> None:
            async with self._slots:
                page = await tried(lambda: self._door.ticks(symbol, query))
            if page.ticks:
                first = page.ticks[0]
                found[symbol] = Tick(
                    symbol, first.price, first.time_ms, series=first.series, seq=first.seq - 1
                )

        await asyncio.gather(*(one(symbol) for symbol in quotes))
        return found

    def _missing(self) -> dict[str, Missing]:
        with self._stream.buffer.lock:
            missing = self._sieve.missing()
            if not missing:
                self._stream.complete()
        return missing

    async def _fill(self) -> None:
        """Block by block, the symbols side by side, until nothing is missing."""
        while missing := self._missing():
            await asyncio.gather(*(self._one(*lack) for lack in missing.items()))

    async def _one(self, symbol: str, missing: Missing) -> None:
        async with self._slots:
            self._room.clear()
            with self._stream.buffer.lock:
                self._stream.buffer.when_room(self._room.set)
            await self._room.wait()
            asked, ticks = await self._block(symbol, missing)
        with self._stream.buffer.lock:
            self._stream.put(self._sieve.fill(symbol, asked, ticks))

    async def _block(self, symbol: str, missing: Missing) -> tuple[Missing, list[Tick]]:
        """What the block holds of what is missing, and of how much this is the answer."""
        asked = missing.block
        ticks: list[Tick] = []
        for lag in range(LAGS_MAX):
            try:
                found = await tried(lambda: self._door.block(symbol, asked))
            except RejectedError as refusal:
                return (missing if refusal.status in (404, 410) else asked), []
            except (AnswerError, UnreachableError):
                return asked, []
            ticks = [tick for tick in found if tick.series == asked.series]
            if ticks and ticks[-1].seq >= asked.last:
                break
            await asyncio.sleep(random.uniform(0, ceiling_s(lag + 1, 0)))
        return asked, ticks


class BoardCatchUp:
    """Of a stream of the board: all prices at once, whenever it was subscribed."""

    def __init__(self, stream: Stream[BoardUpdate], door: Door) -> None:
        self._stream, self._door = stream, door
        self._wanted = asyncio.Event()

    def fell(self) -> None: ...

    def stood(self) -> None:
        self._wanted.set()

    def lacking(self) -> None: ...

    async def run(self) -> None:
        stream = self._stream
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            quotes = await _snapshot(stream, self._door)
            if quotes:
                update = BoardUpdate(time=datetime.now(UTC), full=True, prices=tuple(quotes.values()))
                with stream.buffer.lock:
                    stream.put(stream.sieve.sift(update))


class BarCatchUp:
    """Of a stream of bars: those since a time, and, after a reconnect, those since the last one before it."""

    def __init__(
        self,
        stream: Stream[Bar],
        sieve: BarSieve,
        door: Door,
        *,
        interval: str,
        width: timedelta,
        since: datetime | None,
    ) -> None:
        self._stream, self._sieve, self._door = stream, sieve, door
        self._interval, self._width, self._since = interval, width, since
        self._starts: dict[str, datetime] = {}  # from where on bars may be missing
        self._wanted = asyncio.Event()

    def fell(self) -> None:
        """From here on bars may be missed, whatever the lanes bring once they are back."""
        with self._stream.buffer.lock:
            for symbol in self._stream.symbols:
                start = self._sieve.newest(symbol) or self._since
                if start is not None:
                    self._starts.setdefault(symbol, start)

    def stood(self) -> None:
        self.fell()
        self._since = self._since or datetime.now(UTC) - self._width  # the bar that is open as it begins
        self._wanted.set()

    def lacking(self) -> None: ...

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            with self._stream.buffer.lock:
                starts, self._starts = self._starts, {}
            for symbol, start in starts.items():
                query = {"interval": self._interval, "from": iso(to_ms(start.astimezone(UTC)))}
                try:
                    bars = await tried(functools.partial(self._door.bars, symbol, query))
                except TickwireError as error:
                    self._stream.tell("connected", f"without the bars of {symbol} meanwhile: {error}")
                    continue
                with self._stream.buffer.lock:
                    for bar in bars:
                        if bar.closed:
                            self._stream.put(self._sieve.sift(bar))


async def _snapshot(stream: Stream[Any], door: Door) -> dict[str, Quote]:
    """The newest of each symbol; none of them when they can't be had, which the stream is told."""
    door = replace(door, timeout_s=min(door.timeout_s, SNAPSHOT_S))
    try:
        return await tried(lambda: door.latest(stream.symbols), tries=SNAPSHOT_TRIES)
    except TickwireError as error:
        stream.tell("connected", f"without a snapshot: {error}")
        return {}


async def tried(ask: Callable[[], Awaitable[T]], *, tries: int = TRIES_MAX) -> T:
    """Again while trying again may help, at random moments that grow apart."""
    for failures in range(1, tries + 1):
        try:
            return await ask()
        except (UnreachableError, RejectedError) as error:
            passing = isinstance(error, UnreachableError) or error.status == 429 or error.status >= 500
            if not passing or failures == tries:
                raise
        await asyncio.sleep(random.uniform(0, ceiling_s(failures, 60)))
    raise AssertionError("unreachable")
