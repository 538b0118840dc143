"""What passes of what arrives on a lane: each thing once, in order, and only for the symbols asked for.

In: decoded messages, snapshots, answers to what was missing. Out: items for the stream's buffer. One for each
kind of stream; their methods are called with the stream's lock held, from any thread.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from tickwire.tick import Tick
from tickwire_client._buffer import Counters
from tickwire_client._order import Item, Missing, Order
from tickwire_client.events import Event
from tickwire_client.values import Alert, Bar, BoardUpdate, Quote

BARS_KEPT = 256  # bars of a symbol by whose start a repetition is known
ALERTS_KEPT = 256  # of all symbols, likewise

T_co = TypeVar("T_co", covariant=True)


class Sieve(Protocol[T_co]):
    def sift(self, found: Any, keep: bool = True) -> Sequence[T_co | Event]:
        """What passes of a decoded message. Without `keep` it is only noted, to be fetched later."""

    @property
    def lacks(self) -> bool:
        """Whether something has to be fetched."""

    def behind(self, quote: Quote) -> bool:
        """Whether this lane should have brought that by now, and hasn't."""


class TickSieve:
    """Ticks, by an `Order` for each symbol."""

    def __init__(
        self, symbols: Sequence[str], *, live: Iterable[str], fills: bool, limit: int, counters: Counters
    ) -> None:
        """`live`: the symbols whose lane carries every tick. `limit`: how many may wait for missing ones."""
        carried = set(live)
        self.orders = {
            symbol: Order(symbol, gaps=symbol in carried, fills=fills and symbol in carried)
            for symbol in symbols
        }
        self._limit, self._counters = limit, counters

    def sift(self, found: Sequence[Tick] | BoardUpdate, keep: bool = True) -> Sequence[Item]:
        if isinstance(found, BoardUpdate):
            return [item for quote in found.prices for item in self.sift([quote.tick], keep)]
        first = found[0]
        order = self.orders.get(first.symbol)
        if order is None:
            return ()
        if order.plain and keep:  # the common case, in as few steps as can be
            if first.seq == order.seq + 1 and first.series == order.series:
                order.seq = found[-1].seq
                return found
        elif keep:
            keep = sum(order.waiting for order in self.orders.values()) < self._limit
        return self._counted(order, lambda order: order.live(found, keep=keep))

    def snapshot(self, symbol: str, tick: Tick | None) -> Sequence[Item]:
        return self._counted(self.orders[symbol], lambda order: order.snapshot(tick))

    def fill(self, symbol: str, asked: Missing, ticks: Sequence[Tick]) -> Sequence[Item]:
        before = self._counters.duplicates
        out = self._counted(self.orders[symbol], lambda order: order.fill(asked, ticks))
        self._counters.filled += len(ticks) - (self._counters.duplicates - before)
        return out

    def missing(self) -> dict[str, Missing]:
        """What has to be fetched next, by symbol."""
        found = {symbol: order.missing() for symbol, order in self.orders.items()}
        return {symbol: missing for symbol, missing in found.items() if missing is not None}

    @property
    def lacks(self) -> bool:
        """Whether something has to be fetched."""
        return any(order.lacks for order in self.orders.values())

    def behind(self, quote: Quote) -> bool:
        order = self.orders.get(quote.symbol)
        return order is not None and order.place < (quote.tick.series, quote.tick.seq)

    def _counted(self, order: Order, step: Any) -> Sequence[Item]:
        before = order.duplicates
        out: Sequence[Item] = step(order)
        self._counters.duplicates += order.duplicates - before
        for item in out:
            if not isinstance(item, Tick):
                self._counters.gaps += not item.filled
        return out


class BoardSieve:
    """Board updates with what is newer than the last of each symbol; none that would be empty."""

    lacks = False

    def __init__(self, symbols: Sequence[str], *, counters: Counters) -> None:
        self._last = dict.fromkeys(symbols, (-1, -1))
        self._counters = counters

    def sift(self, found: BoardUpdate, keep: bool = True) -> Sequence[BoardUpdate]:
        new = []
        for quote in found.prices:
            place = (quote.tick.series, quote.tick.seq)
            if place > self._last.get(quote.symbol, place):
                self._last[quote.symbol] = place
                new.append(quote)
            elif quote.symbol in self._last:
                self._counters.duplicates += 1
        return [BoardUpdate(time=found.time, full=found.full, prices=tuple(new))] if new else ()

    def behind(self, quote: Quote) -> bool:
        return self._last.get(quote.symbol, (1 << 62, 0)) < (quote.tick.series, quote.tick.seq)


class BarSieve:
    """Bars in the order of their start; one that was said before passes again only if it holds more."""

    lacks = False

    def __init__(self, symbols: Sequence[str], *, counters: Counters) -> None:
        self._seen: dict[str, OrderedDict[datetime, tuple[int, int]]] = {s: OrderedDict() for s in symbols}
        self._counters = counters

    def sift(self, found: Bar, keep: bool = True) -> Sequence[Bar]:
        seen = self._seen.get(found.symbol)
        if seen is None:
            return ()
        place = (found.series, found.last)
        known = seen.get(found.start)
        too_old = known is None and len(seen) == BARS_KEPT and found.start < next(iter(seen))
        if too_old or (known is not None and place <= known):
            self._counters.duplicates += 1
            return ()
        seen[found.start] = place
        if len(seen) > BARS_KEPT:
            seen.popitem(last=False)
        return (found,)

    def newest(self, symbol: str) -> datetime | None:
        """The latest start that has passed."""
        return max(self._seen[symbol], default=None)

    def behind(self, quote: Quote) -> bool:
        return False


class AlertSieve:
    """Alerts as they come, each once: two sessions that overlap both bring it."""

    lacks = False

    def __init__(self, symbols: Sequence[str], *, counters: Counters) -> None:
        self._symbols, self._counters = frozenset(symbols), counters
        self._seen: deque[tuple[str, datetime, str]] = deque(maxlen=ALERTS_KEPT)

    def sift(self, found: Alert, keep: bool = True) -> Sequence[Alert]:
        if found.symbol not in self._symbols:
            return ()
        told = (found.symbol, found.timestamp, found.kind)
        if told in self._seen:
            self._counters.duplicates += 1
            return ()
        self._seen.append(told)
        return (found,)

    def behind(self, quote: Quote) -> bool:
        return False
