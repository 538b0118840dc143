"""What `GET /bars/AAPL` shows: closed bars as they are kept, then what the ticks after them make.

One query reads the bars. If the range reaches beyond the last one, the ticks after its `through` are folded
the same way as they will be when their minutes close; the bar that is still open says so. Wider bars are
derived from one-minute bars, daily ones are kept.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace

from handlers.barstore import DAY_MS, BarStore
from handlers.history import READ_MAX, History
from handlers.http import wrong
from tickwire.bars import (
    AVERAGE_MS,
    MINUTE_MS,
    WIDTHS_MS,
    Bar,
    averaged,
    changes,
    derive,
    encode,
    minute,
    spans,
)
from tickwire.tick import iso

SHOWN = 60  # intervals, when a request doesn't say from when
SPAN_DAYS_MAX = {"1d": 3_660}
SPAN_DAYS_ELSE = 7
QUIET_MS = 60_000  # as the minute clock has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The bars that a request asks for: those with `from_ms` <= start < `to_ms`."""

    interval: str
    from_ms: int
    to_ms: int

    @classmethod
    def checked(cls, interval: str, from_ms: int | None, to_ms: int | None) -> Range:
        """Whole intervals; `to` is the present if need be, `from` then 60 intervals before."""
        if interval not in WIDTHS_MS:
            raise wrong("interval", interval, f"one of {', '.join(WIDTHS_MS)}")
        width_ms = WIDTHS_MS[interval]
        to_ms = time.time_ns() // 1_000_000 + MINUTE_MS if to_ms is None else to_ms
        end_ms = -(-to_ms // width_ms) * width_ms
        start_ms = end_ms - SHOWN * width_ms if from_ms is None else -(-from_ms // width_ms) * width_ms
        start_ms = max(0, start_ms)
        days = SPAN_DAYS_MAX.get(interval, SPAN_DAYS_ELSE)
        if end_ms - start_ms > days * DAY_MS:
            raise wrong("from", iso(start_ms), f"at most {days} days before to for bars of {interval}")
        return cls(interval=interval, from_ms=start_ms, to_ms=max(start_ms, end_ms))


def answer(symbol: str, wanted: Range, *, store: BarStore, history: History) -> str:
    """The answer's JSON."""
    from_ms, days = wanted.from_ms, list[Bar]()
    if wanted.interval == "1d":
        days = store.between(symbol, wanted.from_ms, wanted.to_ms, interval="1d")
        # Days that aren't closed yet come from their minutes.
        from_ms = max([from_ms, wanted.to_ms - SPAN_DAYS_ELSE * DAY_MS, *(day.end_ms for day in days)])
    found, over_ms = _minutes(symbol, from_ms, wanted.to_ms, store, history)
    rest = found if wanted.interval == "1m" else derive(found, wanted.interval)
    texts = [*map(encode, days), *(encode(bar, closed=bar.end_ms <= over_ms) for bar in rest)]
    return f'{{"symbol":"{symbol}","interval":"{wanted.interval}","bars":[{",".join(texts)}]}}'


def _minutes(
    symbol: str, from_ms: int, to_ms: int, store: BarStore, history: History
) -> tuple[list[Bar], int]:
    """The one-minute bars of a range, and the time up to which they are closed."""
    if from_ms >= to_ms:
        return [], to_ms
    known = {bar.start_ms: bar for bar in store.between(symbol, from_ms - AVERAGE_MS, to_ms)}
    over_ms = to_ms
    if max(known, default=0) + MINUTE_MS < to_ms:
        # Any bar is a place to fold on from; without one in the range it's the last one before or after.
        last = known[max(known)] if known else next(iter(store.last(symbol, 1)), None)
        if last is None or last.end_ms < to_ms:
            over_ms = _tail(symbol, known, last, from_ms - AVERAGE_MS, to_ms, history)
    ordered = averaged([known[start_ms] for start_ms in sorted(known)])
    return [bar for bar in ordered if from_ms <= bar.start_ms < to_ms], over_ms


def _tail(
    symbol: str, known: dict[int, Bar], last: Bar | None, from_ms: int, to_ms: int, history: History
) -> int:
    """Add what the ticks after `last` make; return the time up to which all is closed."""
    head = history.head(symbol)
    if head is None:
        return to_ms
    if last is not None and last.series != head.series:
        last = None
    after, start_ms = (last.through, last.start_ms) if last else (0, -MINUTE_MS)
    unread = history.since(symbol, head, after, consistent=False)
    ticks = list(itertools.islice(itertools.takewhile(lambda t: t.time_ms < to_ms, unread), READ_MAX))
    over_ms = 0
    for span in spans(ticks, after=after, over_ms=start_ms):
        over_ms = span.start_ms if span.ticks else span.start_ms + MINUTE_MS
        if len(ticks) == READ_MAX and not span.over:
            break  # its minute isn't whole, and what is missing is no open bar's
        late = [tick for tick in span.late if tick.time_ms >= from_ms]
        known |= {bar.start_ms: bar for bar in changes(replace(span, late=late), known)}
    return max(over_ms, minute(time.time_ns() // 1_000_000 - QUIET_MS))
