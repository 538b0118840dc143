"""Bars, made of the history table's stream: each minute of each symbol once, at its close.

The stream, or the minute clock, only says which symbols to look at. Where a symbol's bars stand is in its
last bar: every tick up to its `through` is in a bar. From there on the ticks are read in the order of their
`seq` and folded, late ones recorded first, the closing bar last; so batches that come twice, in other cuts or
after a crash between any two steps make the same bars. A bar is published before it's recorded: a crash
repeats a message rather than losing it. While the broker takes nothing, bars are recorded all the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.barstore import DAY_MS, BarStore
from handlers.broker import Broker
from handlers.events import begin, emit, measure
from handlers.history import History, item_head
from tickwire.bars import AVERAGE_MS, MINUTE_MS, Bar, Span, changes, derive, encode, minute, spans
from tickwire.ledger import Head
from tickwire.topic import Topics

SYMBOLS_AT_ONCE = 10
QUIET_MS = 60_000  # a minute that ended longer ago is over without a later tick
RECENT = 5  # bars that an average needs
RESERVE_S = 10.0  # of a function's time, left for what was begun
RUN_S = 60.0

UNITS = {"BarsClosed": "Count", "BarsCorrected": "Count", "BarsUnpublished": "Count", "TicksTooLate": "Count"}


class Unfinished(Exception):
    """Time is up, or someone else recorded the same bar first: what is left comes again."""


FAULTS = (BotoCoreError, ClientError, Unfinished)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Close what is over of the symbols in a batch, or of all quiet ones; answer which must come again."""
    begin(context)
    until = time.monotonic() + _left_s(context) - RESERVE_S
    if event.get("close"):
        heads = {head.newest.symbol: head for head in bars().history.newest(bars().symbols) if head.newest}
        quiet_ms = time.time_ns() // 1_000_000 - QUIET_MS
        return {"failed": _each(heads, partial(bars().close, quiet_ms=quiet_ms, until=until))}
    numbers: dict[str, str] = {}
    heads = {}
    for record in event["Records"]:
        image = record["dynamodb"].get("NewImage", {})
        if image.get("pk") == {"S": "newest"} and image["sk"]["S"] in bars().symbols:
            heads[image["sk"]["S"]] = item_head(image["sk"]["S"], image)
            numbers[image["sk"]["S"]] = record["dynamodb"]["SequenceNumber"]
    failed = _each(heads, partial(bars().follow, until=until))
    # The stream goes back to the earliest of these; a symbol's last image is all that's needed of it.
    return {"batchItemFailures": [{"itemIdentifier": numbers[symbol]} for symbol in failed]}


def _each(heads: dict[str, Head], work: Callable[[str, Head], Done]) -> list[str]:
    """Work on symbols side by side; the ones that failed, which harms no other."""

    def one(symbol: str) -> Done | None:
        try:
            return work(symbol, heads[symbol])
        except FAULTS as error:
            emit("bars_failed", symbol=symbol, error=repr(error))
            return None

    found = dict(zip(heads, bars().pool.map(one, heads), strict=True))
    done = [each for each in found.values() if each is not None]
    counts = {
        "BarsClosed": sum(each.closed for each in done),
        "BarsCorrected": sum(each.corrected for each in done),
        "BarsUnpublished": sum(each.unpublished for each in done),
        "TicksTooLate": sum(each.too_late for each in done),
    }
    if any(counts.values()):
        measure(UNITS, {name: count for name, count in counts.items() if count})
    return [symbol for symbol, each in found.items() if each is None]


@dataclass(slots=True)
class Done:
    """What came of one look at a symbol."""

    closed: int = 0
    corrected: int = 0
    unpublished: int = 0
    too_late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """The ports of one stage."""

    symbols: frozenset[str]
    history: History
    store: BarStore
    broker: Broker
    pool: ThreadPoolExecutor
    open: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By symbol: the series and the minute that was open. Saves a look, and nothing is wrong without it."""
    settled: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """By quiet symbol: series and seq up to which all is closed, and the day that is. As above."""

    def follow(self, symbol: str, head: Head, *, until: float) -> Done:
        """Record each minute that a later tick has closed."""
        series, open_ms = self.open.get(symbol, (0, 0))
        if head.newest is None or (series == head.series and minute(head.newest.time_ms) <= open_ms):
            return Done()
        return self._fold(symbol, head, quiet_ms=None, until=until)

    def close(self, symbol: str, head: Head, *, quiet_ms: int, until: float) -> Done:
        """Record also the open minute if it ended before `quiet_ms`, and the day if that did."""
        if head.newest is None or minute(head.newest.time_ms) + MINUTE_MS > quiet_ms:
            return Done()
        day_ms = quiet_ms // DAY_MS
        if self.settled.get(symbol) == (head.series, head.seq, day_ms):
            return Done()
        done = self._fold(symbol, head, quiet_ms=quiet_ms, until=until)
        self.settled[symbol] = (head.series, head.seq, day_ms)
        return done

    def _fold(self, symbol: str, head: Head, *, quiet_ms: int | None, until: float) -> Done:
        recent = self.store.last(symbol, RECENT, consistent=True)
        fold = _Fold(self, Done(), {bar.start_ms: bar for bar in recent if bar.series == head.series})
        ticks = self.history.since(symbol, head, fold.after)
        for span in spans(ticks, after=fold.after, over_ms=fold.over_ms):
            if time.monotonic() > until:
                raise Unfinished(f"no time is left at seq {span.after}")
            if span.over or (quiet_ms is not None and span.start_ms + MINUTE_MS <= quiet_ms):
                fold.record(symbol, span)
            self.open[symbol] = (head.series, span.start_ms)
        if quiet_ms is not None:
            fold.close_day(symbol, before_ms=quiet_ms)
        return fold.done


@dataclass(slots=True)
class _Fold:
    """One symbol's bars as they are recorded; `known` are the last ones, by start."""

    ports: Bars
    done: Done
    known: dict[int, Bar]

    @property
    def over_ms(self) -> int:
        return max(self.known, default=-MINUTE_MS)

    @property
    def after(self) -> int:
        return self.known[self.over_ms].through if self.known else 0

    def record(self, symbol: str, span: Span) -> None:
        """Late ticks' bars, then the days that they change, then the bar that closes. The order matters."""
        late = [tick for tick in span.late if self.ports.store.is_kept(tick.time_ms)]
        self.done.too_late += len(span.late) - len(late)
        self.close_day(symbol, before_ms=span.start_ms)
        self._know(symbol, sorted({minute(tick.time_ms) for tick in late}))
        made = changes(replace(span, late=late), self.known)
        closing = made.pop() if span.ticks else None
        for bar in made:
            self._put(bar)
            self.done.corrected += 1
        days = {tick.time_ms // DAY_MS for tick in late}
        self._renew_days(symbol, days | ({span.start_ms // DAY_MS} if closing else set()), closing)
        if closing is not None:
            self._put(closing)
            self.done.closed += 1
        elif span.through > self.after:
            self._keep(replace(self.known[self.over_ms], through=span.through))
        for start_ms in sorted(self.known)[:-RECENT]:
            del self.known[start_ms]

    def close_day(self, symbol: str, *, before_ms: int) -> None:
        """Record the bar of the last bar's day, if that ended before and wasn't recorded yet."""
        day = self.over_ms // DAY_MS
        if (
            self.known
            and (day + 1) * DAY_MS <= before_ms
            and self.ports.store.day(symbol, self.over_ms) is None
        ):
            self._put_day(symbol, day, None)

    def _renew_days(self, symbol: str, days: set[int], closing: Bar | None) -> None:
        """Record those days anew that are closed already."""
        current = (closing.start_ms if closing else self.over_ms) // DAY_MS
        for day in sorted(days):
            ended = (day + 1) * DAY_MS <= time.time() * 1000
            if day < current or (ended and self.ports.store.day(symbol, day * DAY_MS) is not None):
                self._put_day(symbol, day, closing)

    def _put_day(self, symbol: str, day: int, closing: Bar | None) -> None:
        found = self.ports.store.between(symbol, day * DAY_MS, (day + 1) * DAY_MS, consistent=True)
        minutes = {bar.start_ms: bar for bar in found}
        if closing is not None and closing.start_ms // DAY_MS == day:
            minutes.setdefault(closing.start_ms, closing)
        for bar in derive((minutes[start_ms] for start_ms in sorted(minutes)), "1d"):
            self._publish(bar)
            self.ports.store.put(replace(bar, through=0))

    def _know(self, symbol: str, minutes: list[int]) -> None:
        """Read the bars of these minutes and the four before each."""
        place = 0
        while place < len(minutes):
            first = last = minutes[place]
            while place < len(minutes) and minutes[place] <= last + AVERAGE_MS:
                last = minutes[place]
                place += 1
            from_ms = first - AVERAGE_MS + MINUTE_MS
            for bar in self.ports.store.between(symbol, from_ms, last + MINUTE_MS, consistent=True):
                if self.known and bar.series == self.known[self.over_ms].series:
                    self.known[bar.start_ms] = bar

    def _put(self, bar: Bar) -> None:
        self._publish(bar)
        self._keep(bar)

    def _keep(self, bar: Bar) -> None:
        if not self.ports.store.put(bar):
            raise Unfinished(f"{bar.symbol}: someone else recorded the minute {bar.start_ms} too")
        self.known[bar.start_ms] = bar

    def _publish(self, bar: Bar) -> None:
        """While the broker takes nothing, one bar is tried for as long as it's fresh, the others not."""
        topic = self.ports.broker.topics.bar(bar.interval, bar.symbol)
        now_ms = time.time_ns() // 1_000_000
        if self.done.unpublished or not self.ports.broker.send(topic, encode(bar), sent_ms=now_ms):
            self.done.unpublished += 1


def _left_s(context: Any) -> float:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return RUN_S if left is None else float(left()) / 1000


@cache
def bars() -> Bars:
    """The ports, made once from the environment."""
    table, connections = os.environ["TABLE"], SYMBOLS_AT_ONCE
    return Bars(
        symbols=frozenset(os.environ["SYMBOLS"].split(",")),
        history=History(table, keep_s=int(os.environ["KEEP_S"]), connections=connections),
        store=BarStore(table, keep_days=int(os.environ["BAR_DAYS"]), connections=connections),
        broker=Broker(
            Topics(os.environ["TOPIC_PREFIX"]), os.environ["IOT_ENDPOINT"], connections=connections
        ),
        pool=ThreadPoolExecutor(SYMBOLS_AT_ONCE),
    )
