"""The HTTP side: the snapshot, and publishing through the API's door. Blocking: callers run it in a thread.

In: symbols, or ticks. Out: quotes, or how many ticks were accepted; a problem document becomes
`RejectedError`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from tickwire.tick import Tick, iso, parse_iso
from tickwire_client import _http
from tickwire_client.errors import AnswerError, RejectedError, TickError


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The newest tick of a symbol, and the last price of the day before, where there is one."""

    tick: Tick
    previous_close: Decimal | None

    @property
    def change(self) -> Decimal | None:
        """Price less previous close."""
        return None if self.previous_close is None else self.tick.price - self.previous_close


def latest(api: str, symbols: Sequence[str], *, timeout_s: float) -> dict[str, Quote]:
    """GET /prices: symbols that never had a tick are left out."""
    url = f"{api}/prices?{urlencode({'symbols': ','.join(symbols)}, safe=',')}"
    found = _read(_http.call("GET", url, timeout_s=timeout_s, headers={"Accept": "application/json"}))
    rows = found.get("prices") if isinstance(found, dict) else None
    if not isinstance(rows, list):
        raise AnswerError(url, "no list of prices")
    try:
        quotes = [_quote(row) for row in rows if row.get("price") is not None]
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise AnswerError(url, f"a price that can't be read ({error})") from None
    return {quote.tick.symbol: quote for quote in quotes}


def publish(api: str, ticks: Sequence[Tick], *, key: str, timeout_s: float) -> int:
    """POST /ticks: how many were accepted. The platform numbers them; a time of 0 means its time of
    arrival."""
    url = f"{api}/ticks"
    body = "[" + ",".join([_input(tick) for tick in ticks]) + "]"
    headers = {"Content-Type": "application/json", "x-api-key": key}
    found = _read(_http.call("POST", url, timeout_s=timeout_s, headers=headers, body=body.encode()))
    accepted = found.get("accepted") if isinstance(found, dict) else None
    if type(accepted) is not int:
        raise AnswerError(url, "no count of accepted ticks")
    return accepted


def _quote(row: dict[str, Any]) -> Quote:
    tick = Tick(
        symbol=row["symbol"],
        price=Decimal(row["price"]),
        time_ms=parse_iso(row["timestamp"]),
        bid=_optional(row.get("bid")),
        ask=_optional(row.get("ask")),
        volume=_optional(row.get("volume")),
        source=row.get("source"),
        series=int(row["series"]),
        seq=int(row["seq"]),
    )
    return Quote(tick=tick, previous_close=_optional(row.get("previousClose")))


def _optional(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _input(tick: Tick) -> str:
    """One tick as the door takes it. Written by hand, so that decimals arrive as they are."""
    if not tick.price.is_finite() or tick.price <= 0:
        raise TickError(f"price is {str(tick.price)!r}; expected a positive finite number")
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
        )
    raise AnswerError(url, f"{answer.status} {answer.content_type or 'without a content type'}")
