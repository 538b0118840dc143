"""The order of one symbol's ticks: who gets which `seq`, and what the newest is. State is a value.

In: where the order stands (`Head`) and the messages that came, each with its source's own number, which
rises within a symbol. Out: the ticks that are new, numbered without hole or double, and where it stands then.
A message that comes again, whole or in part, yields nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tickwire.tick import Tick

BLOCK = 100  # ticks in an aligned block: chunks never cross its edge, gap fills ask for it
DAY_MS = 86_400_000
RENEWED_MS = 60_000  # SQS lets a deleted queue's name be used again after this


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a source: its number, which rises within the symbol, when it was sent, and its ticks."""

    number: int
    sent_ms: int
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a symbol's order stands: the last `seq` given and the message that it came from.

    `taken` ticks of message `number` have their place; all of any earlier message have. `newest` is the
    tick to show: the latest by time. `close` is the last price of the day before the newest's, UTC;
    `open` the first price of the newest's own.
    """

    series: int
    seq: int = 0
    number: int = 0
    sent_ms: int = 0
    taken: int = 0
    newest: Tick | None = None
    close: Decimal | None = None
    open: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive ticks of one block and source, oldest first: what history keeps as one item."""

    ticks: tuple[Tick, ...]
    number: int
    sent_ms: int
    taken: int

    @property
    def first(self) -> int:
        return self.ticks[0].seq

    @property
    def last(self) -> int:
        return self.ticks[-1].seq


def is_known(entry: Entry, number: int, sent_ms: int) -> bool:
    """Whether a message at or before (`number`, `sent_ms`) in its source's order.

    A lower number sent well after the last one comes from a source that began anew, such as a queue that was
    deleted and made again.
    """
    return entry.number <= number and entry.sent_ms <= sent_ms + RENEWED_MS


def chunks(head: Head, entries: Sequence[Entry]) -> list[Chunk]:
    """Number what is new in `entries` behind `head`, cut where a block or a source ends."""
    out: list[Chunk] = []
    ticks: list[Tick] = []
    seq, number, sent_ms, taken = head.seq, head.number, head.sent_ms, head.taken
    for entry in entries:
        if not is_known(entry, number, sent_ms):
            done = 0
        elif entry.number == number:
            done = taken
        else:
            continue
        for place, tick in enumerate(entry.ticks[done:], start=done + 1):
            if ticks and (seq % BLOCK == 0 or tick.source != ticks[-1].source):
                out.append(Chunk(tuple(ticks), number, sent_ms, taken))
                ticks = []
            seq += 1
            number, sent_ms, taken = entry.number, entry.sent_ms, place
            ticks.append(_numbered(tick, head.series, seq))
    if ticks:
        out.append(Chunk(tuple(ticks), number, sent_ms, taken))
    return out


def advance(head: Head, chunk: Chunk) -> Head:
    """Where the order stands once `chunk` is stored. An older tick never becomes the newest."""
    newest, close, opened = head.newest, head.close, head.open
    for tick in chunk.ticks:
        if newest is None:
            newest, opened = tick, tick.price
        elif tick.time_ms >= newest.time_ms:
            if tick.time_ms // DAY_MS > newest.time_ms // DAY_MS:
                close, opened = newest.price, tick.price
            newest = tick
    return replace(
        head,
        seq=chunk.last,
        number=chunk.number,
        sent_ms=chunk.sent_ms,
        taken=chunk.taken,
        newest=newest,
        close=close,
        open=opened,
    )


def _numbered(tick: Tick, series: int, seq: int) -> Tick:
    return Tick(
        tick.symbol, tick.price, tick.time_ms, tick.bid, tick.ask, tick.volume, tick.source, series, seq
    )
