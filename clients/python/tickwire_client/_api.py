"""The HTTP side: the snapshot, history, bars, and the door for ticks. Blocking: run in a thread.

In: symbols, ranges, or ticks. Out: quotes, ticks and bars, or how many ticks were accepted; a problem
document becomes `RejectedError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from tickwire.ledger import BLOCK
from tickwire.tick import Tick, iso
from tickwire_client import _http, values
from tickwire_client.errors import AnswerError, RejectedError, TickError
from tickwire_client.values import Bar, Quote

T = TypeVar("T")


def latest(api: str, symbols: Sequence[str], *, timeout_s: float) -> dict[str, Quote]:
    """GET /prices: symbols that never had a tick are left out."""
    url = f"{api}/prices?{urlencode({'symbols': ','.join(symbols)}, safe=',')}"
    found = _read(_http.call("GET", url, timeout_s=timeout_s, headers={"Accept": "application/json"}))
    rows = found.get("prices") if isinstance(found, dict) else None
    if not isinstance(rows, list):
        raise AnswerError(url, "no list of prices")
    quotes = _each(url, "price", [row for row in rows if _field(row, "price") is not None], values.quote)
    return {found.symbol: found for found in quotes}


@dataclass(frozen=True, slots=True)
class Page:
    """Ticks of one series in the order of seq, and the cursor of what follows them, if anything does."""

    series: int
    ticks: list[Tick]
    cursor: str | None


def ticks(api: str, symbol: str, query: Mapping[str, str | int], *, timeout_s: float) -> Page:
    """GET /prices/AAPL: a page of history."""
    url = f"{api}/prices/{quote(symbol)}?{urlencode(query)}"
    found = _read(_http.call("GET", url, timeout_s=timeout_s, headers={"Accept": "application/json"}))
    rows, series, cursor = (_field(found, name) for name in ("ticks", "series", "cursor"))
    if not isinstance(rows, list) or type(series) is not int or not isinstance(cursor, str | None):
        raise AnswerError(url, "no page of ticks")
    place = {"symbol": symbol, "series": series}
    return Page(series, _each(url, "tick", rows, lambda row: values.quote(place | row).tick), cursor)


def block(api: str, symbol: str, series: int, after_seq: int, *, timeout_s: float) -> list[Tick]:
    """The aligned block of ticks that begins after `after_seq`, as many as there are."""
    query = {"series": series, "after_seq": after_seq, "limit": BLOCK}
    return ticks(api, symbol, query, timeout_s=timeout_s).ticks


def bars(api: str, symbol: str, query: Mapping[str, str | int], *, timeout_s: float) -> list[Bar]:
    """GET /bars/AAPL, oldest first."""
    url = f"{api}/bars/{quote(symbol)}?{urlencode(query)}"
    found = _read(_http.call("GET", url, timeout_s=timeout_s, headers={"Accept": "application/json"}))
    rows = _field(found, "bars")
    if not isinstance(rows, list):
        raise AnswerError(url, "no list of bars")
    return _each(url, "bar", rows, values.bar)


def publish(api: str, ticks: Sequence[Tick], *, key: str, timeout_s: float) -> int:
    """POST /ticks: how many were accepted. The platform numbers them; a time of 0 means its time of
    arrival."""
    url = f"{api}/ticks"
    body = "[" + ",".join([_input(tick) for tick in ticks]) + "]"
    headers = {"Content-Type": "application/json", "x-api-key": checked_key(key)}
    found = _read(_http.call("POST", url, timeout_s=timeout_s, headers=headers, body=body.encode()))
    accepted = found.get("accepted") if isinstance(found, dict) else None
    if type(accepted) is not int:
        raise AnswerError(url, "no count of accepted ticks")
    return accepted


def checked_key(key: str) -> str:
    """The key, or ValueError, which doesn't show it."""
    if not key.isascii() or not key.isprintable():
        raise ValueError("the key holds what no HTTP header can carry; expected printable ASCII")
    return key


def _each(url: str, what: str, rows: Iterable[Any], read: Callable[[Any], T]) -> list[T]:
    try:
        return [read(row) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise AnswerError(url, f"a {what} that can't be read ({error})") from None


def _field(found: Any, name: str) -> Any:
    return found.get(name) if isinstance(found, dict) else None


def check(tick: Tick) -> None:
    """TickError for what the door would never take."""
    if not tick.price.is_finite() or tick.price <= 0:
        raise TickError(f"price is {str(tick.price)!r}; expected a positive finite number")


def _input(tick: Tick) -> str:
    """One tick as the door takes it. Written by hand, so that decimals arrive as they are."""
    check(tick)
    fields = [f'"symbol":{json.dumps(tick.symbol)}', f'"price":{tick.price:f}']
    if tick.time_ms:
        fields.append(f'"timestamp":"{iso(tick.time_ms)}"')
    for name in ("bid", "ask", "volume"):
        value = getattr(tick, name)
        if value is not None:
            fields.append(f'"{name}":{value:f}')
    if tick.source is not None:
        fields.append(f'"source":{json.dumps(tick.source)}')
    return "{" + ",".join(fields) + "}"


def _read(answer: _http.Answer) -> Any:
    url = answer.url.partition("?")[0]
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    if 200 <= answer.status < 300 and found is not None:
        return found
    if answer.status >= 400:
        told = found if isinstance(found, dict) else {}
        raise RejectedError(
            url,
            answer.status,
            str(told.get("title") or answer.reason or "no reason given"),
            detail=told.get("detail"),
            field=told.get("field"),
            value=told.get("value"),
            expected=told.get("expected"),
            symbols=told.get("symbols"),
        )
    raise AnswerError(url, f"{answer.status} {answer.content_type or 'without a content type'}")
