"""Query: health, stocks, the snapshot, ticks and bars, read from history. Never a scan, always a bound.

`GET /api/prices/AAPL?after_seq=&limit=100` on a block's edge with the series named is cacheable for ever once
the block is full, so that a thousand clients that miss the same ticks cost one read behind a CDN.
"""

from __future__ import annotations

import base64
import json
import os
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from handlers import barview
from handlers.barstore import BarStore
from handlers.history import History, Page
from handlers.http import Answer, Problem, json_answer, wrong
from tickwire import wire
from tickwire.calendar import Calendar
from tickwire.ledger import BLOCK, Head
from tickwire.symbol import near
from tickwire.tick import Tick, iso, parse_iso

LIMIT_MAX = 1_000
TIME_MS_MAX = 10**14
FOR_EVER = "public, max-age=31536000, immutable"


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one GET request."""
    path = event["rawPath"].removeprefix("/api").strip("/").split("/")
    query = event.get("queryStringParameters") or {}
    try:
        _reads(event)
        match path:
            case ["health"]:
                return _health()
            case ["stocks"]:
                return json_answer(json.dumps({"stocks": [{"symbol": symbol} for symbol in _symbols()]}))
            case ["prices"]:
                return _snapshot(query)
            case ["prices", symbol]:
                return _ticks(symbol, query)
            case ["bars", symbol]:
                return _bars(symbol, query)
        raise Problem(404, "There is nothing here", f"path is {event['rawPath']!r}; GET /api/health answers")
    except Problem as problem:
        return problem.answer()


def _reads(event: dict[str, Any]) -> None:
    method = event.get("requestContext", {}).get("http", {}).get("method", "GET")
    if method not in ("GET", "HEAD"):
        raise Problem(
            405,
            "This can only be read",
            f"method is {method} on {event['rawPath']!r}; expected GET, or POST on /api/ticks",
            field="method",
            value=method,
            expected="GET",
        )


def _health() -> Answer:
    heads = _history().newest(_symbols())
    times = [head.newest.time_ms for head in heads if head.newest is not None]
    now_ms = time.time_ns() // 1_000_000
    market = _calendar().at(now_ms)
    facts = {
        "status": "ok",
        "stage": os.environ["STAGE"],
        "time": iso(now_ms),
        "market": market.state,
        "until": None if market.until_ms is None else iso(market.until_ms),
        "history": "on" if _history_is_on() else "off",
        "symbols": len(_symbols()),
        "newest": iso(max(times)) if times else None,
    }
    return json_answer(json.dumps(facts))


def _snapshot(query: dict[str, str]) -> Answer:
    """The newest tick of each symbol asked for, all without `symbols`."""
    _only(query, "symbols")
    wanted = (
        [_symbol(name) for name in query["symbols"].split(",")] if "symbols" in query else list(_symbols())
    )
    heads = {head.newest.symbol: head for head in _history().newest(wanted) if head.newest is not None}
    prices = ",".join(_price(heads[symbol]) for symbol in dict.fromkeys(wanted) if symbol in heads)
    return json_answer(f'{{"prices":[{prices}]}}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The ticks that a request asks for."""

    limit: int
    series: int
    """0 for whichever is kept."""
    after: int | None
    from_ms: int
    to_ms: int

    @property
    def ranged(self) -> bool:
        return self.from_ms > 0 or self.to_ms < TIME_MS_MAX

    @property
    def aligned(self) -> bool:
        """Whether it asks for exactly one block of a series, as a gap filler does."""
        whole = self.after is not None and self.after % BLOCK == 0 and self.limit == BLOCK
        return whole and self.series > 0 and not self.ranged


def _ticks(name: str, query: dict[str, str]) -> Answer:
    symbol, wanted = _symbol(name), _wanted(query)
    if not _history_is_on():
        raise Problem(404, "History is off", "this stage keeps no history; live prices are on the price lane")
    if wanted.aligned and wanted.after is not None:
        block = _history().block(symbol, wanted.series, wanted.after)
        if len(block) == BLOCK:
            return _page(symbol, wanted, Page(wanted.series, block, block[-1].seq), cache=FOR_EVER)
    if wanted.ranged:
        page = _history().between(
            symbol, wanted.from_ms, wanted.to_ms, limit=wanted.limit, after_seq=wanted.after
        )
    else:
        page = _history().after(symbol, wanted.after, limit=wanted.limit)
    page = page or Page(wanted.series, [])
    if wanted.series not in (0, page.series):
        raise Problem(
            410,
            "That series is gone",
            f"series is {wanted.series}; history was wiped, and {page.series} is the one kept",
            field="series",
            value=wanted.series,
            expected=page.series,
        )
    return _page(symbol, wanted, page, cache="no-cache")


def _bars(name: str, query: dict[str, str]) -> Answer:
    symbol = _symbol(name)
    _only(query, "interval", "from", "to")
    from_ms, to_ms = (_time(query, end, 0) if end in query else None for end in ("from", "to"))
    if from_ms is not None and to_ms is not None and from_ms > to_ms:
        raise wrong("from", query["from"], f"a time before to, {query['to']}")
    wanted = barview.Range.checked(query.get("interval", "1m"), from_ms, to_ms)
    return json_answer(barview.answer(symbol, wanted, store=_bar_store(), history=_history()))


def _wanted(query: dict[str, str]) -> Wanted:
    _only(query, "from", "to", "after_seq", "limit", "cursor", "series")
    limit = _whole(query, "limit", BLOCK, 1, LIMIT_MAX)
    if "cursor" in query:
        return _opened(query["cursor"], limit)
    wanted = Wanted(
        limit=limit,
        series=_whole(query, "series", 0, 0, 10**15),
        after=_whole(query, "after_seq", 0, 0, 10**12) if "after_seq" in query else None,
        from_ms=_time(query, "from", 0),
        to_ms=_time(query, "to", TIME_MS_MAX),
    )
    if wanted.from_ms > wanted.to_ms:
        raise wrong("from", query["from"], f"a time before to, {query['to']}")
    return wanted


def _page(symbol: str, wanted: Wanted, page: Page, *, cache: str) -> Answer:
    cursor = None if page.next_seq is None else _closed(wanted, page.series, page.next_seq)
    ticks = ",".join(map(_tick, page.ticks))
    text = f'{{"symbol":"{symbol}","series":{page.series},"ticks":[{ticks}],"cursor":{json.dumps(cursor)}}}'
    return json_answer(text, cache=cache)


def _price(head: Head) -> str:
    tick = head.newest
    assert tick is not None
    close, opened = ("null" if price is None else f"{price:f}" for price in (head.close, head.open))
    return (
        f'{{"symbol":"{tick.symbol}","series":{tick.series},"previousClose":{close},"dayOpen":{opened},'
        f"{_tick(tick)[1:]}"
    )


def _tick(tick: Tick) -> str:
    return f'{{"seq":{tick.seq},{wire.details(tick)}}}'


def _symbol(name: str) -> str:
    if name not in _symbols():
        hint = near(name, _symbols())
        expected = " or ".join(hint) if hint else "one of GET /api/stocks"
        raise Problem(
            404,
            "There is no such symbol",
            f"symbol is {name!r}; expected {expected}",
            field="symbol",
            value=name,
            expected=expected,
        )
    return name


def _only(query: dict[str, str], *known: str) -> None:
    for name in query:
        if name not in known:
            raise wrong(name, query[name], f"one of the parameters {', '.join(known)}")


def _whole(query: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 16 or not low <= int(text) <= high:
        raise wrong(name, text, f"a whole number from {low} to {high}")
    return int(text)


def _time(query: dict[str, str], name: str, default: int) -> int:
    if name not in query:
        return default
    try:
        return parse_iso(query[name].replace(" ", "+"))
    except (ValueError, OverflowError):
        raise wrong(name, query[name], "an ISO 8601 time with a zone, such as 2026-11-21T14:30:00Z") from None


def _closed(wanted: Wanted, series: int, after: int) -> str:
    facts = f"{series},{after},{wanted.from_ms},{wanted.to_ms}"
    return base64.urlsafe_b64encode(facts.encode()).decode().rstrip("=")


def _opened(cursor: str, limit: int) -> Wanted:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        series, after, from_ms, to_ms = (int(part) for part in text.split(","))
    except ValueError:
        raise wrong("cursor", cursor, "a cursor as an earlier page gave it") from None
    return Wanted(limit=limit, series=series, after=after, from_ms=from_ms, to_ms=to_ms)


def _history_is_on() -> bool:
    return int(os.environ["KEEP_S"]) > 0


@cache
def _calendar() -> Calendar:
    return Calendar.parse(os.environ["CALENDAR"])


@cache
def _symbols() -> tuple[str, ...]:
    return tuple(os.environ["SYMBOLS"].split(","))


@cache
def _history() -> History:
    return History(os.environ["TABLE"], keep_s=int(os.environ["KEEP_S"]))


@cache
def _bar_store() -> BarStore:
    return BarStore(os.environ["TABLE"])
