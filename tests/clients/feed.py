"""A platform's ticks for tests: numbered without a hole, kept, published, and served by the site's API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Sequence
from decimal import Decimal
from typing import Any

from tests.clients.stage import SERIES, TIME_MS, Stage, until
from tickwire.tick import Tick, iso, parse_iso

PAGE = 100


class Feed:
    """`tick` makes ticks of a symbol and publishes them, unless told not to: then only the API has them."""

    def __init__(self, stage: Stage, *, series: int = SERIES) -> None:
        self._stage, self.series = stage, series
        self.made: dict[str, list[Tick]] = {}
        self.lost: set[int] = set()
        """Seqs that the API doesn't have."""
        self.status = 200
        """What the API answers with."""
        stage.site.api = self.answer

    @property
    def asked(self) -> list[dict[str, str]]:
        """What was asked of single symbols' ticks."""
        return [query for path, query in self._stage.site.got if path.count("/") > 2]

    def tick(self, symbol: str = "AAPL", count: int = 1, *, say: bool = True) -> list[Tick]:
        made = self.made.setdefault(symbol, [])
        new = [
            Tick(symbol, Decimal(seq), TIME_MS + seq, series=self.series, seq=seq)
            for seq in range(len(made) + 1, len(made) + count + 1)
        ]
        made += new
        if say:
            self._stage.send(new)
        return new

    def wipe(self) -> None:
        """History is gone; a new series begins."""
        self.series += 1
        self.made.clear()

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        """As `GET /api/prices` and `GET /api/prices/AAPL` do."""
        if self.status != 200:
            return self.status, {"title": "no", "status": self.status, "detail": "not now"}
        symbol = path.removeprefix("/api/prices").strip("/")
        if not symbol:
            wanted = query["symbols"].split(",")
            newest = [ticks[-1] for symbol, ticks in self.made.items() if symbol in wanted and ticks]
            return 200, {"prices": [_row(tick) | {"symbol": tick.symbol} for tick in newest]}
        if "cursor" in query:
            query = json.loads(query["cursor"]) | {"limit": query["limit"]}
        if int(query.get("series", self.series)) != self.series:
            return 410, {"title": "That series is gone", "status": 410}
        found = [tick for tick in self.made.get(symbol, []) if self._wanted(tick, query)]
        limit = int(query["limit"])
        cursor = json.dumps(query | {"after_seq": found[limit - 1].seq}) if len(found) > limit else None
        rows = [_row(tick) for tick in found[:limit]]
        return 200, {"symbol": symbol, "series": self.series, "ticks": rows, "cursor": cursor}

    def _wanted(self, tick: Tick, query: dict[str, str]) -> bool:
        if tick.seq in self.lost or tick.seq <= int(query.get("after_seq", 0)):
            return False
        if "from" in query and tick.time_ms < parse_iso(query["from"]):
            return False
        return "to" not in query or tick.time_ms < parse_iso(query["to"])


def _row(tick: Tick) -> dict[str, object]:
    return {"seq": tick.seq, "series": tick.series, "price": int(tick.price), "timestamp": iso(tick.time_ms)}


def seqs(items: Sequence[object]) -> list[int]:
    return [item.seq for item in items if isinstance(item, Tick)]


async def take(items: AsyncIterator[Any], count: int) -> list[Any]:
    return [await anext(items) for _ in range(count)]


async def ticks_until(items: AsyncIterator[Any], seq: int) -> list[Any]:
    """Items up to the tick with this seq."""
    out: list[Any] = []
    while not (out and isinstance(out[-1], Tick) and out[-1].seq >= seq):
        out.append(await anext(items))
    return out


async def offered(stream: Any, messages: int) -> None:
    """Wait until a stream has been given that many messages, and has put what passed into its buffer."""
    await until(lambda: stream._offered >= messages)
    with stream.buffer.lock:  # held from the count to the buffer
        pass


async def publishing(feed: Feed, *, pause_s: float = 0.005, count: int = 1) -> None:
    """Until cancelled, a few ticks at a time; in a thread, as the broker's answer is waited for."""
    while True:
        await asyncio.to_thread(feed.tick, "AAPL", count)
        await asyncio.sleep(pause_s)


async def during(work: Coroutine[Any, Any, None], body: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    try:
        await body
    finally:
        task.cancel()
