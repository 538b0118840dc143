"""Bars: a symbol's ticks, folded minute by minute in the order of their `seq`. State is a value.

In: numbered ticks in order. Out: spans, each a minute that is over and the late ticks that came meanwhile,
and the bars that a span makes or changes. A minute is over at the first tick whose minute is later; a tick of
an earlier minute is late and corrects that minute's bar. Minutes are half-open: 60,000 ms belongs to the
second one. Bars follow from the ticks alone, never from how they were batched: a bar whose last seq is n
holds every tick of its minute up to n, so a tick that comes again is known by its number.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext

from tickwire.tick import Tick, iso

MINUTE_MS = 60_000
WIDTHS_MS = {"1m": MINUTE_MS, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "1d": 86_400_000}
AVERAGE_MS = 300_000
LATE_MAX = 50_000  # ticks kept for one span; with more it's cut, and its late ticks come in two parts
VERSION = 1

_EXACT = Context(prec=150)  # beyond any sum of price x volume that input can make
_MEAN = Context(prec=12)
_time_ms = operator.attrgetter("time_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Open, high, low, close. Open and close go by time, then `seq`; sums are exact."""

    symbol: str
    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    opened: tuple[int, int]
    """Time and seq of the tick that `open` came with."""
    closed: tuple[int, int]
    volume: Decimal
    turnover: Decimal
    """Sum of price x volume."""
    total: Decimal
    """Sum of the prices."""
    count: int
    first: int
    last: int
    """The highest seq in it: it holds every tick of its minute up to here."""
    series: int
    interval: str = "1m"
    average5m: Decimal | None = None
    """Mean price of the ticks of the five minutes that end with its last minute, as it was when it was made:
    a later correction of one before it isn't in it until `averaged` works it out anew, as answers do."""
    corrected: bool = False
    through: int = 0
    """Every tick up to here is in this bar or an earlier one."""

    @property
    def end_ms(self) -> int:
        return self.start_ms + WIDTHS_MS[self.interval]

    @property
    def vwap(self) -> Decimal | None:
        return _MEAN.divide(self.turnover, self.volume) if self.volume else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A minute's ticks, and the late ones that came meanwhile, both in order; either may be none."""

    start_ms: int
    """The minute's start, or that of the last one that is over when none is open."""
    ticks: Sequence[Tick]
    late: Sequence[Tick]
    after: int
    """Every tick up to here is in an earlier span."""
    through: int
    over: bool


def minute(time_ms: int) -> int:
    return time_ms // MINUTE_MS * MINUTE_MS


def spans(ticks: Iterable[Tick], *, after: int = 0, over_ms: int = -MINUTE_MS) -> Iterator[Span]:
    """Cut ticks into spans; the last one is what is still open. `over_ms` is the last minute that is over."""
    start_ms, own, late, through = over_ms, list[Tick](), list[Tick](), after
    end_ms = start_ms + MINUTE_MS  # so a minute with `own` empty is over, and its ticks are late
    for tick in ticks:
        if start_ms <= tick.time_ms < end_ms and own:
            own.append(tick)
        elif tick.time_ms >= end_ms:
            if own:
                yield Span(start_ms=start_ms, ticks=own, late=late, after=after, through=through, over=True)
                late, after = [], through
            start_ms, own = minute(tick.time_ms), [tick]
            end_ms = start_ms + MINUTE_MS
        else:
            late.append(tick)
            if len(late) == LATE_MAX:
                yield Span(start_ms=start_ms, ticks=(), late=late, after=after, through=after, over=True)
                late = []
        through = tick.seq
    yield Span(start_ms=start_ms, ticks=own, late=late, after=after, through=through, over=False)


def changes(span: Span, bars: Mapping[int, Bar]) -> list[Bar]:
    """The bars that a span changes, by minute, then the one that it makes: the order to record them in.

    `bars` holds, by start, what there is of those minutes and of the four before each.
    """
    known = dict(bars)
    out = []
    for start_ms, ticks in sorted(_by_minute(span.late).items()):
        bar = known.get(start_ms)
        new = [tick for tick in ticks if bar is None or tick.seq > bar.last]
        if new:
            bar = of(new) if bar is None else merge(bar, of(new))
            known[start_ms] = replace(bar, corrected=True, through=span.after)
            out.append(_averaged(known, start_ms))
            known[start_ms] = out[-1]
    if span.ticks:
        known[span.start_ms] = replace(of(span.ticks), through=span.through)
        out.append(_averaged(known, span.start_ms))
    return out


def of(ticks: Sequence[Tick]) -> Bar:
    """The bar of a minute's ticks, which are in order and at least one."""
    first, last = ticks[0], ticks[-1]
    prices = [tick.price for tick in ticks]
    trades = [tick for tick in ticks if tick.volume is not None]
    volumes = [tick.volume or Decimal(0) for tick in trades]
    # Of equal times the lower seq opens and the higher one closes: both find the first of their order.
    opening, closing = min(ticks, key=_time_ms), max(reversed(ticks), key=_time_ms)
    with localcontext(_EXACT):
        return Bar(
            symbol=first.symbol,
            start_ms=minute(first.time_ms),
            open=opening.price,
            high=max(prices),
            low=min(prices),
            close=closing.price,
            opened=(opening.time_ms, opening.seq),
            closed=(closing.time_ms, closing.seq),
            volume=sum(volumes, Decimal(0)),
            turnover=sum((t.price * v for t, v in zip(trades, volumes, strict=True)), Decimal(0)),
            total=sum(prices, Decimal(0)),
            count=len(ticks),
            first=first.seq,
            last=last.seq,
            series=first.series,
        )


def merge(one: Bar, other: Bar) -> Bar:
    """One bar of the ticks of both, with `one`'s start and interval; neither holds a tick of the other."""
    with localcontext(_EXACT):
        return replace(
            one,
            open=min(one, other, key=lambda bar: bar.opened).open,
            high=max(one.high, other.high),
            low=min(one.low, other.low),
            close=max(one, other, key=lambda bar: bar.closed).close,
            opened=min(one.opened, other.opened),
            closed=max(one.closed, other.closed),
            volume=one.volume + other.volume,
            turnover=one.turnover + other.turnover,
            total=one.total + other.total,
            count=one.count + other.count,
            first=min(one.first, other.first),
            last=max(one.last, other.last),
            average5m=other.average5m,
            corrected=one.corrected or other.corrected,
            through=max(one.through, other.through),
        )


def averaged(bars: Sequence[Bar]) -> list[Bar]:
    """One-minute bars, each with its average as the others give it: what a late tick has changed since."""
    known = {bar.start_ms: bar for bar in bars}
    return [_averaged(known, bar.start_ms) for bar in bars]


def derive(bars: Iterable[Bar], interval: str) -> list[Bar]:
    """Bars of a wider interval from one-minute bars in order."""
    width_ms = WIDTHS_MS[interval]
    out = []
    for place, parts in itertools.groupby(bars, key=lambda bar: bar.start_ms // width_ms):
        bar = functools.reduce(merge, parts)
        out.append(replace(bar, start_ms=place * width_ms, interval=interval))
    return out


def encode(bar: Bar, *, closed: bool = True) -> str:
    """A bar as it stands on the bar lane and in answers. An open one says so."""
    text = (
        f'{{"symbol":"{bar.symbol}","interval":"{bar.interval}",'
        f'"start":"{iso(bar.start_ms)}","end":"{iso(bar.end_ms)}",'
        f'"open":{bar.open:f},"high":{bar.high:f},"low":{bar.low:f},"close":{bar.close:f},'
        f'"volume":{bar.volume:f},"vwap":{_json(bar.vwap)},"average5m":{_json(bar.average5m)},'
        f'"count":{bar.count},"first":{bar.first},"last":{bar.last},"series":{bar.series}'
    )
    if bar.corrected:
        text += ',"corrected":true'
    if not closed:
        text += ',"closed":false'
    return f'{text},"v":{VERSION}}}'


def _by_minute(ticks: Iterable[Tick]) -> dict[int, list[Tick]]:
    out: dict[int, list[Tick]] = {}
    for tick in ticks:
        out.setdefault(minute(tick.time_ms), []).append(tick)
    return out


def _averaged(bars: Mapping[int, Bar], start_ms: int) -> Bar:
    past = range(start_ms - AVERAGE_MS + MINUTE_MS, start_ms + MINUTE_MS, MINUTE_MS)
    found = [bars[at] for at in past if at in bars]
    with localcontext(_EXACT):
        total = sum((bar.total for bar in found), Decimal(0))
    return replace(bars[start_ms], average5m=_MEAN.divide(total, Decimal(sum(bar.count for bar in found))))


def _json(value: Decimal | None) -> str:
    return "null" if value is None else f"{value:f}"
