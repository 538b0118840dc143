"""When a market is open: sessions as a compact text, and what they say of a moment.

In: a text such as `XNYS 2026-01-01 -A--AAAAA-- A=870-1260`: the calendar's name, a first day, a letter for
each day from then on (`-` for none), and for each letter from and to which minute it's open, counted from the
day's midnight in UTC; several spans when there's a break. `24/7` says itself. Out: whether it's open, since
when and until when. Spans include their first moment, not their last. Beyond the days that it knows, it says
so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

ALWAYS = "24/7"
DAY_MIN = 1_440
MINUTE_MS = 60_000
DAY_MS = DAY_MIN * MINUTE_MS
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_EPOCH = date(1970, 1, 1)

Spans = tuple[tuple[int, int], ...]
"""From and to, in order, without touching each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What a calendar says of a moment; None for what it doesn't know or what never comes."""

    state: Literal["open", "closed", "unknown"]
    since_ms: int | None = None
    until_ms: int | None = None
    """When it changes."""
    opens_ms: int | None = None
    """When it opens next: later than now, also while it's open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The sessions of the days from `from_ms` to `to_ms`; of no days, it's always open."""

    name: str
    spans_ms: Spans = ()
    from_ms: int = 0
    to_ms: int = 0

    @classmethod
    def parse(cls, text: str) -> Calendar:
        """The calendar that `encode` wrote."""
        if text == ALWAYS:
            return cls(name=ALWAYS)
        name, first, days, *legend = text.split(" ")
        minutes = {entry[0]: _minutes(entry[2:]) for entry in legend}
        from_ms = (date.fromisoformat(first) - _EPOCH).days * DAY_MS
        spans = [
            (from_ms + day * DAY_MS + start * MINUTE_MS, from_ms + day * DAY_MS + end * MINUTE_MS)
            for day, letter in enumerate(days)
            if letter != "-"
            for start, end in minutes[letter]
        ]
        return cls(name=name, spans_ms=_joined(spans), from_ms=from_ms, to_ms=from_ms + len(days) * DAY_MS)

    def at(self, time_ms: int) -> Market:
        if self.name == ALWAYS:
            return Market(state="open")
        place = bisect_right(self.spans_ms, time_ms, key=lambda span: span[0])
        before = self.spans_ms[place - 1] if place else None
        opens_ms = self.spans_ms[place][0] if place < len(self.spans_ms) else None
        if before and time_ms < before[1]:
            return Market(state="open", since_ms=before[0], until_ms=before[1], opens_ms=opens_ms)
        if not self.from_ms <= time_ms < self.to_ms:
            return Market(state="unknown", opens_ms=opens_ms)
        since_ms = before[1] if before else None
        return Market(state="closed", since_ms=since_ms, until_ms=opens_ms, opens_ms=opens_ms)


def encode(name: str, sessions: Mapping[date, Spans], first: date, last: date) -> str:
    """The text for the days from `first` to `last`; spans are in minutes from their day's midnight in UTC.

    Equal sessions give equal text: letters are given in the order of the days.
    """
    letters: dict[Spans, str] = {}
    days = ""
    for count in range((last - first).days + 1):
        spans = sessions.get(first + timedelta(days=count))
        days += "-" if spans is None else letters.setdefault(spans, LETTERS[len(letters)])
    legend = [
        f"{letter}=" + ",".join(f"{start}-{end}" for start, end in spans) for spans, letter in letters.items()
    ]
    return " ".join([name, first.isoformat(), days, *legend])


def _minutes(text: str) -> Spans:
    # A session may begin on the day before, at a negative minute: the first '-' after a digit parts the two.
    pairs = ((span, span.index("-", 1)) for span in text.split(","))
    return tuple((int(span[:at]), int(span[at + 1 :])) for span, at in pairs)


def _joined(spans: Sequence[tuple[int, int]]) -> Spans:
    """A session that begins when another ends goes on with it."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
