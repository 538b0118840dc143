"""What streams yield besides ticks: frozen values, with `Decimal` prices and aware times, read from messages.

In: a payload of the board, the bar or the alert lane, or a row of an HTTP answer. Out: a value, or ValueError
that says what is wrong with it. Unknown fields are ignored, so that a newer platform can be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tickwire.tick import Tick, parse_iso

_READER = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The newest tick of a symbol, the last price of the day before and the first of its own, if known."""

    tick: Tick
    previous_close: Decimal | None = None
    day_open: Decimal | None = None

    @property
    def symbol(self) -> str:
        return self.tick.symbol

    @property
    def price(self) -> Decimal:
        return self.tick.price

    @property
    def change(self) -> Decimal | None:
        """Price less previous close."""
        return None if self.previous_close is None else self.tick.price - self.previous_close


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardUpdate:
    """The symbols whose price changed in a window; `full` says that all of the stage's were looked at."""

    time: datetime
    full: bool
    prices: tuple[Quote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The ticks with `start` <= time < `end`. Said again, `corrected`, it stands in for the one before."""

    symbol: str
    interval: str
    start: datetime
    end: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal | None
    average5m: Decimal | None
    count: int
    first: int
    last: int
    series: int
    corrected: bool = False
    closed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A public alert about a symbol. `fields` is the whole message, with what this version doesn't know."""

    symbol: str
    timestamp: datetime
    kind: str
    text: str
    price: Decimal | None
    fields: Mapping[str, Any] = field(repr=False)


def load(payload: bytes) -> dict[str, Any]:
    """A message's JSON object, with exact decimals."""
    found = _READER.decode(payload.decode())
    if not isinstance(found, dict):
        raise ValueError(f"payload is a {type(found).__name__}; expected an object")
    return found


def read_board(payload: bytes) -> BoardUpdate:
    return board(load(payload))


def read_bar(payload: bytes) -> Bar:
    return bar(load(payload))


def read_alert(payload: bytes) -> Alert:
    return alert(load(payload))


def quote(row: Mapping[str, Any]) -> Quote:
    tick = Tick(
        symbol=_text(row["symbol"]),
        price=_decimal(row["price"]),
        time_ms=parse_iso(row["timestamp"]),
        bid=_optional(row.get("bid")),
        ask=_optional(row.get("ask")),
        volume=_optional(row.get("volume")),
        source=row.get("source"),
        series=int(row["series"]),
        seq=int(row["seq"]),
    )
    return Quote(
        tick=tick, previous_close=_optional(row.get("previousClose")), day_open=_optional(row.get("dayOpen"))
    )


def board(found: Mapping[str, Any]) -> BoardUpdate:
    prices = tuple([quote(row) for row in found["prices"]])
    return BoardUpdate(time=_time(found["time"]), full=bool(found.get("full")), prices=prices)


def bar(found: Mapping[str, Any]) -> Bar:
    return Bar(
        symbol=_text(found["symbol"]),
        interval=_text(found["interval"]),
        start=_time(found["start"]),
        end=_time(found["end"]),
        open=_decimal(found["open"]),
        high=_decimal(found["high"]),
        low=_decimal(found["low"]),
        close=_decimal(found["close"]),
        volume=_decimal(found["volume"]),
        vwap=_optional(found.get("vwap")),
        average5m=_optional(found.get("average5m")),
        count=int(found["count"]),
        first=int(found["first"]),
        last=int(found["last"]),
        series=int(found["series"]),
        corrected=bool(found.get("corrected")),
        closed=bool(found.get("closed", True)),
    )


def alert(found: Mapping[str, Any]) -> Alert:
    return Alert(
        symbol=_text(found["symbol"]),
        timestamp=_time(found["timestamp"]),
        kind=str(found.get("kind", "")),
        text=str(found.get("text", "")),
        price=_optional(found.get("price")),
        fields=dict(found),
    )


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} stands where text was expected")
    return value


def _decimal(value: Any) -> Decimal:
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    raise ValueError(f"{value!r} stands where a number was expected")


def _optional(value: Any) -> Decimal | None:
    return None if value is None else _decimal(value)
