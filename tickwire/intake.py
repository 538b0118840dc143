"""Tick input: what feeds put on the queue, and decoding it strictly.

In: one message's bytes. Out: its ticks, in order, or `Refused` with a reason to count by and a sentence for
whoever sent it. Every bound is here; nothing that passes can fail later.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from tickwire import wire
from tickwire.symbol import near
from tickwire.tick import Tick, iso, parse_iso

BODY_BYTES_MAX = 65_536
TICKS_MAX = 1_000  # in one message
NUMBER_LENGTH_MAX = 24  # characters
SMALLEST, LARGEST = Decimal("1e-12"), Decimal("1e12")
SOURCE_LENGTH_MAX = 32
PAST_MS_MAX = 30 * 86_400_000
FUTURE_MS_MAX = 60_000
_FIELDS = "price, timestamp, bid, ask, volume and source"


class Refused(ValueError):
    """Input that can never be taken. `reason` is one of a few words to count by."""

    def __init__(self, reason: str, field: str, value: str, expected: str) -> None:
        self.reason, self.field, self.expected = reason, field, expected
        self.value = value if len(value) <= 80 else value[:77] + "..."
        super().__init__(f"{field} is {self.value}; expected {expected}")


def ticks(body: str | bytes, *, symbols: Collection[str], arrived_ms: int) -> list[Tick]:
    """The ticks of one queue message: one object or an array of objects, all of the same symbol."""
    found = observations(body, symbols=symbols, arrived_ms=arrived_ms)
    for tick in found:
        if tick.symbol != found[0].symbol:
            raise Refused(
                "symbols", "symbol", tick.symbol, f"{found[0].symbol}, as in the message's first tick"
            )
    return found


def observations(body: str | bytes, *, symbols: Collection[str], arrived_ms: int) -> list[Tick]:
    """The ticks of one object or an array of objects, of any of the stage's symbols."""
    if len(body) > BODY_BYTES_MAX:
        raise Refused("size", "message", f"{len(body)} bytes", f"at most {BODY_BYTES_MAX}")
    try:
        value = json.loads(body, parse_float=_decimal, parse_int=_decimal, parse_constant=_constant)
    except UnicodeDecodeError:
        raise Refused("encoding", "message", "not UTF-8", "UTF-8 JSON") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("json", "message", "not JSON", 'JSON like {"symbol":"AAPL","price":189.45}') from None
    entries = value if isinstance(value, list) else [value]
    if not 1 <= len(entries) <= TICKS_MAX:
        raise Refused("count", "message", f"an array of {len(entries)}", f"1 to {TICKS_MAX} ticks")
    return [_tick(entry, symbols, arrived_ms) for entry in entries]


def bodies(ticks: Sequence[Tick]) -> list[str]:
    """Messages' bodies that carry all the ticks of one symbol, in order, each within the bounds."""
    text = wire.encode_input(ticks)
    if len(ticks) == 1 or (len(ticks) <= TICKS_MAX and len(text) <= BODY_BYTES_MAX):
        return [text]
    middle = len(ticks) // 2
    return bodies(ticks[:middle]) + bodies(ticks[middle:])


def _tick(entry: Any, symbols: Collection[str], arrived_ms: int) -> Tick:
    if not isinstance(entry, dict):
        raise Refused("shape", "tick", _kind(entry), f"an object with symbol and price, optionally {_FIELDS}")
    symbol = entry.get("symbol")
    if not isinstance(symbol, str) or symbol not in symbols:
        hint = near(symbol, symbols) if isinstance(symbol, str) else []
        raise Refused(
            "symbol", "symbol", repr(symbol), " or ".join(hint) if hint else "a symbol of this stage"
        )
    return Tick(
        symbol,
        _positive("price", entry.get("price")),
        _time(entry.get("timestamp"), arrived_ms),
        None if entry.get("bid") is None else _positive("bid", entry["bid"]),
        None if entry.get("ask") is None else _positive("ask", entry["ask"]),
        None if entry.get("volume") is None else _volume(entry["volume"]),
        _source(entry.get("source")),
    )


def _positive(field: str, value: Any) -> Decimal:
    if type(value) is Decimal and SMALLEST <= value < LARGEST:
        return _plain(value)
    raise Refused(field, field, _shown(value), "a positive number from 10^-12 to below 10^12")


def _volume(value: Any) -> Decimal:
    if type(value) is Decimal:
        if value == 0:
            return Decimal(0)  # 0e-999999999 would be written out as a gigabyte of zeros
        if SMALLEST <= value < LARGEST:
            return _plain(value)
    raise Refused("volume", "volume", _shown(value), "a number, 0 or from 10^-12 to below 10^12")


def _time(value: Any, arrived_ms: int) -> int:
    if value is None:
        return arrived_ms
    expected = "an ISO 8601 time with a zone, such as 2026-11-21T14:30:00.123Z"
    if not isinstance(value, str) or len(value) > 40:
        raise Refused("timestamp", "timestamp", repr(value), expected)
    try:
        time_ms = parse_iso(value)
    except (ValueError, OverflowError):
        raise Refused("timestamp", "timestamp", repr(value), expected) from None
    if not arrived_ms - PAST_MS_MAX <= time_ms <= arrived_ms + FUTURE_MS_MAX:
        low, high = iso(arrived_ms - PAST_MS_MAX), iso(arrived_ms + FUTURE_MS_MAX)
        raise Refused("timestamp", "timestamp", repr(value), f"a time between {low} and {high}")
    return time_ms


def _source(value: Any) -> str | None:
    if value is None or (
        isinstance(value, str) and 1 <= len(value) <= SOURCE_LENGTH_MAX and value.isprintable()
    ):
        return value
    raise Refused("source", "source", repr(value), f"1 to {SOURCE_LENGTH_MAX} printable characters")


def _decimal(text: str) -> Decimal:
    if len(text) > NUMBER_LENGTH_MAX:
        raise Refused("number", "number", text, f"at most {NUMBER_LENGTH_MAX} characters")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Refused("number", "number", text, "an exponent that a decimal can have") from None


def _plain(value: Decimal) -> Decimal:
    """A number as it travels on: without an exponent, and then still within the bound."""
    if len(text := f"{value:f}") > NUMBER_LENGTH_MAX:
        raise Refused("number", "number", text, f"at most {NUMBER_LENGTH_MAX} characters without an exponent")
    return value


def _constant(name: str) -> None:
    raise Refused("number", "number", name, "a finite number")


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
