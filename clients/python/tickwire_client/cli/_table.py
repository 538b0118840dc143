"""The table of `tickwire watch`: a row a symbol, with where its price stands and where it came from.

In: quotes, ticks, the time. Out: a table for rich. No I/O and no clock. What colour says, an arrow and a sign
say as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tickwire.tick import Tick
from tickwire_client import Quote

if TYPE_CHECKING:
    from rich.console import Group

SHOWN = 24
"""Prices in a sparkline."""
LEVELS = "▁▂▃▄▅▆▇█"
ARROWS = {1: "▲", -1: "▼", 0: "="}
COLOURS = {1: "green", -1: "red", 0: ""}


@dataclass(slots=True)
class Row:
    """One symbol's."""

    price: Decimal | None = None
    time_ms: int = 0
    place: tuple[int, int] = (-1, -1)
    before: Decimal | None = None
    """What the change is measured from: the previous close, or the first price seen when there is none."""
    closed: bool = False
    """Whether `before` is a previous close."""
    turn: int = 0
    """Whether the last move was up, down, or none."""
    prices: deque[Decimal] = field(default_factory=lambda: deque(maxlen=SHOWN))

    def take(self, tick: Tick) -> None:
        if (tick.series, tick.seq) <= self.place:
            return
        if self.price is not None:
            self.turn = _sign(tick.price - self.price)
        if self.before is None:
            self.before = tick.price
        self.price, self.time_ms, self.place = tick.price, tick.time_ms, (tick.series, tick.seq)
        self.prices.append(tick.price)


class Board:
    """All rows, in the order in which they were asked for."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self._rows = {symbol: Row() for symbol in symbols}

    def start(self, quotes: Mapping[str, Quote]) -> None:
        """The snapshot: prices from before the first tick, and the previous closes."""
        for symbol, quote in quotes.items():
            row = self._rows[symbol]
            if quote.previous_close is not None:
                row.before, row.closed = quote.previous_close, True
            row.take(quote.tick)

    def take(self, tick: Tick) -> None:
        self._rows[tick.symbol].take(tick)

    def view(self, *, now_ms: float, caption: str) -> Group:
        """As it stands now."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        first_seen = any(row.price is not None and not row.closed for row in self._rows.values())
        note = "; * since this watch began, as there is no previous close" if first_seen else ""
        table = Table(box=None, pad_edge=False)
        table.add_column("symbol", style="bold", no_wrap=True)
        for name in ("price", "change", "%"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        table.add_column("last prices", no_wrap=True, min_width=SHOWN)
        table.add_column("age", justify="right", no_wrap=True)
        for symbol, row in self._rows.items():
            if row.price is None or row.before is None:
                table.add_row(symbol, Text("no price yet", "dim"))
                continue
            change = row.price - row.before
            colour = COLOURS[_sign(change)]
            table.add_row(
                symbol,
                f"{row.price:f}",
                Text(f"{change:+f}" + ("" if row.closed else "*"), colour),
                Text(f"{change / row.before * 100:+.2f}", colour),
                Text(ARROWS[row.turn], COLOURS[row.turn]),
                Text(sparkline(row.prices), "cyan"),
                age(now_ms - row.time_ms),
            )
        return Group(table, Text(caption + note, "dim"))


def sparkline(prices: Iterable[Decimal]) -> str:
    """`▁▄█`: the lowest of the prices is the lowest block; prices that are all the same are a low line."""
    found = list(prices)
    low = min(found, default=Decimal(0))
    span = max(found, default=Decimal(0)) - low
    return "".join(LEVELS[int((price - low) / span * (len(LEVELS) - 1)) if span else 0] for price in found)


def age(ms: float) -> str:
    """`0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`. A clock that is behind gives no negative age."""
    seconds = max(0.0, ms / 1000)
    if seconds < 10:
        return f"{seconds:.1f} s"
    for width_s, unit, until_s in ((1, "s", 120), (60, "min", 7_200), (3_600, "h", 172_800)):
        if seconds < until_s:
            return f"{seconds // width_s:.0f} {unit}"
    return f"{seconds // 86_400:.0f} d"


def _sign(change: Decimal) -> int:
    return (change > 0) - (change < 0)
