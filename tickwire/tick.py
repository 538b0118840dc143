"""A tick: one observation of one symbol's price, and its place in the symbol's order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Tick:
    """One observation. Decimals are exact; time is in whole milliseconds since 1970, UTC.

    `(series, seq)` orders the ticks of a symbol: `seq` rises by one for each, from 1, and `series` rises when
    history was wiped. Both are 0 before the platform has numbered the tick.
    """

    symbol: str
    price: Decimal
    time_ms: int
    bid: Decimal | None = None
    ask: Decimal | None = None
    volume: Decimal | None = None
    source: str | None = None
    series: int = 0
    seq: int = 0

    @property
    def timestamp(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self.time_ms)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware datetime; finer parts are cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def iso(time_ms: int) -> str:
    """`2026-11-21T14:30:00.123Z`."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 time with a zone; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; expected ISO 8601 such as 2026-11-21T14:30:00.123Z")
    return to_ms(moment)
