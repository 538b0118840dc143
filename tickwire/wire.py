"""Price messages: what travels on the price lane, and the rows that history keeps.

In: a run of ticks of one symbol, numbered one after the other. Out: UTF-8 JSON, and back. Decimals survive
exactly: they never pass through a binary float. The newest tick is the message's top level; the older ones
are `older`, oldest first, each `[price, age_ms, volume, bid, ask]` with trailing nulls dropped, `age_ms`
before the newest's timestamp. All ticks of a message have one source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from json.scanner import make_scanner
from typing import Any

from tickwire.tick import Tick, iso, parse_iso

VERSION = 1
MESSAGE_BYTES_MAX = 5_000  # AWS IoT Core bills a delivery in units of 5 KB
TICKS_MAX = 100  # in one message


class WireError(ValueError):
    """A payload that isn't a price message. The text says what is wrong with it."""


def encode(ticks: Sequence[Tick]) -> str:
    """One message carrying consecutive, numbered ticks of one symbol and source, oldest first."""
    newest = ticks[-1]
    text = f'{{"symbol":"{newest.symbol}",{details(newest)},"seq":{newest.seq},"series":{newest.series}'
    if len(ticks) > 1:
        text += f',"first":{ticks[0].seq},"older":{rows(ticks[:-1], newest.time_ms)}'
    return f'{text},"v":{VERSION}}}'


def details(tick: Tick) -> str:
    """The JSON members of a tick that say what was observed, and when."""
    text = f'"price":{tick.price:f},"timestamp":"{iso(tick.time_ms)}"'
    if tick.bid is not None:
        text += f',"bid":{tick.bid:f}'
    if tick.ask is not None:
        text += f',"ask":{tick.ask:f}'
    if tick.volume is not None:
        text += f',"volume":{tick.volume:f}'
    return text if tick.source is None else f'{text},"source":{json.dumps(tick.source)}'


def encode_input(ticks: Sequence[Tick]) -> str:
    """A queue message's body: ticks of one symbol that have no number yet."""
    return "[" + ",".join([f'{{"symbol":"{tick.symbol}",{details(tick)}}}' for tick in ticks]) + "]"


@dataclass(frozen=True, slots=True)
class Message:
    """A message's text, and how many ticks it carries."""

    text: str
    ticks: int


def messages(ticks: Sequence[Tick]) -> list[Message]:
    """As few messages as carry all the ticks, in order, each within the bounds and of one source."""
    out: list[Message] = []
    start = 0
    while start < len(ticks):
        end = start + 1
        while end < min(len(ticks), start + TICKS_MAX) and ticks[end].source == ticks[start].source:
            end += 1
        text = encode(ticks[start:end])
        while end - start > 1 and len(text.encode()) > MESSAGE_BYTES_MAX:
            end = start + max(1, (end - start) * MESSAGE_BYTES_MAX // len(text.encode()))
            text = encode(ticks[start:end])
        out.append(Message(text, end - start))
        start = end
    return out


def decode(payload: str | bytes) -> list[Tick]:
    """The ticks of a price message, oldest first. Unknown fields are ignored."""
    message = _read(payload)
    if not isinstance(message, dict):
        raise WireError(f"payload is a {type(message).__name__}; expected an object")
    try:
        symbol, seq = message["symbol"], message["seq"]
        get = message.get
        series, source, older, first = message["series"], get("source"), get("older") or (), get("first", seq)
        newest_ms = parse_iso(message["timestamp"])
        if type(symbol) is not str:
            raise WireError(f"symbol is {symbol!r}; expected text")
        if type(seq) is not int or type(series) is not int or first != seq - len(older):
            raise WireError(f"seq {seq!r}, first {first!r} and {len(older)} older ticks don't agree")
        ticks = (
            unrows(older, symbol=symbol, base_ms=newest_ms, series=series, first=first, source=source)
            if older
            else []
        )
        price, bid, ask, volume = message["price"], get("bid"), get("ask"), get("volume")
        ticks.append(
            Tick(
                symbol,
                price if type(price) is Decimal else _decimal(price),
                newest_ms,
                bid if type(bid) is Decimal else _optional(bid),
                ask if type(ask) is Decimal else _optional(ask),
                volume if type(volume) is Decimal else _optional(volume),
                source,
                series,
                seq,
            )
        )
    except KeyError as error:
        raise WireError(f"payload has no {error.args[0]!r}") from None
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, WireError):
            raise
        raise WireError(f"payload has a field of the wrong kind: {error}") from None
    return ticks


def _read(payload: str | bytes) -> Any:
    """The payload's JSON. Its reader is made once and called directly: that's half of what reading costs."""
    try:
        text = payload if isinstance(payload, str) else payload.decode()
        try:
            message, end = _scan(text, 0)
            if end == len(text):
                return message
        except StopIteration:
            pass  # a space before it, or nothing of JSON at all
        return _READER.decode(text)
    except (ValueError, ArithmeticError, RecursionError) as error:  # ArithmeticError: 1e9999999999999999999
        raise WireError(f"payload is not JSON: {error}") from None


def rows(ticks: Sequence[Tick], base_ms: int) -> str:
    """Ticks as compact JSON rows, their times as ages before `base_ms`."""
    return "[" + ",".join([_row(tick, base_ms) for tick in ticks]) + "]"


def unrows(
    table: Any, *, symbol: str, base_ms: int, series: int, first: int, source: str | None
) -> list[Tick]:
    """The ticks of rows, numbered upwards from `first`."""
    ticks = []
    for place, row in enumerate(table):
        price, age_ms, volume, bid, ask = (*row, None, None, None)[:5]
        if type(age_ms) is not int:
            raise WireError(f"a row's age is {age_ms!r}; expected whole milliseconds")
        ticks.append(
            Tick(
                symbol,
                _decimal(price),
                base_ms - age_ms,
                _optional(bid),
                _optional(ask),
                _optional(volume),
                source,
                series,
                first + place,
            )
        )
    return ticks


def _row(tick: Tick, base_ms: int) -> str:
    row = f"[{tick.price:f},{base_ms - tick.time_ms}"
    if tick.ask is not None:
        return f"{row},{_json(tick.volume)},{_json(tick.bid)},{tick.ask:f}]"
    if tick.bid is not None:
        return f"{row},{_json(tick.volume)},{tick.bid:f}]"
    if tick.volume is not None:
        return f"{row},{tick.volume:f}]"
    return row + "]"


def _json(value: Decimal | None) -> str:
    return "null" if value is None else f"{value:f}"


def _decimal(value: Any) -> Decimal:
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    raise WireError(f"{value!r} stands where a number was expected")


def _optional(value: Any) -> Decimal | None:
    return None if value is None else _decimal(value)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


_READER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
_scan: Callable[[str, int], tuple[Any, int]] = make_scanner(_READER)  # type: ignore[arg-type]
