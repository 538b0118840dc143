"""Where bars are kept: in the history table, beside the ticks that they outlive.

Items, by `pk` and `sk`:
- `bars#SYMBOL`, minute such as 2026-11-21T14:30Z: a one-minute bar; expires some days after its own day.
- `days#SYMBOL`, day such as 2026-11-21 (UTC): that day's bar; never expires.

An item's `b` is a row of all that the bar holds, small enough that an hour of bars costs two read units at
most; `s` is its series, `n` its ticks and `t` its `through`. A bar only ever gives way to one that holds
more, so whoever writes late writes nothing.
"""

from __future__ import annotations

import json
import time
from decimal import Decimal

from handlers.table import Item, Table, n, s
from tickwire.bars import WIDTHS_MS, Bar
from tickwire.tick import iso, parse_iso

DAY_MS = WIDTHS_MS["1d"]
ROW = 14  # what a row holds; one more says that the bar was corrected

# Of one series, a bar with more ticks has all those of one with fewer.
_NEWER = "attribute_not_exists(pk) OR s < :s OR (s = :s AND (n < :n OR (n = :n AND t < :t)))"


class BarStore:
    """The bars of one stage's table."""

    def __init__(self, table: str, *, keep_days: int = 90, connections: int = 10) -> None:
        self._table = Table(table, connections=connections)
        self._keep_ms = keep_days * DAY_MS

    def put(self, bar: Bar) -> bool:
        """Keep `bar`, unless what is there holds as much; say whether it was kept."""
        item = _item(bar)
        if bar.interval == "1m":
            item["expires"] = n(self._expires_ms(bar.start_ms) // 1000)
        values = {f":{name}": item[name] for name in "snt"}
        return self._table.put(item, ConditionExpression=_NEWER, ExpressionAttributeValues=values)

    def is_kept(self, time_ms: int) -> bool:
        """Whether all bars of that time's day are still there, so that a late tick can be put among them."""
        return self._expires_ms(time_ms) > time.time() * 1000

    def last(self, symbol: str, count: int, *, consistent: bool = False) -> list[Bar]:
        """The last one-minute bars, in order."""
        found = self._table.query(
            "pk = :pk",
            {":pk": s(f"bars#{symbol}")},
            ScanIndexForward=False,
            Limit=count,
            ConsistentRead=consistent,
        )
        return [_bar(symbol, "1m", item) for item in found][::-1]

    def between(
        self, symbol: str, from_ms: int, to_ms: int, *, interval: str = "1m", consistent: bool = False
    ) -> list[Bar]:
        """The one-minute or daily bars with `from_ms` <= start < `to_ms`, in order."""
        values = {
            ":pk": s(_pk(symbol, interval)),
            ":from": s(_sk(interval, from_ms + WIDTHS_MS[interval] - 1)),
            ":to": s(_sk(interval, to_ms - 1)),
        }
        if values[":from"]["S"] > values[":to"]["S"]:
            return []
        found = self._table.query("pk = :pk AND sk BETWEEN :from AND :to", values, ConsistentRead=consistent)
        return [_bar(symbol, interval, item) for item in found]

    def day(self, symbol: str, time_ms: int) -> Bar | None:
        """The daily bar of that time's day, None before the day was closed."""
        start_ms = time_ms // DAY_MS * DAY_MS
        found = self.between(symbol, start_ms, start_ms + DAY_MS, interval="1d", consistent=True)
        return found[0] if found else None

    def _expires_ms(self, time_ms: int) -> int:
        """All bars of a day go together: what is left of a day always makes the whole day's bar."""
        return (time_ms // DAY_MS + 1) * DAY_MS + self._keep_ms


def _pk(symbol: str, interval: str) -> str:
    return f"{'days' if interval == '1d' else 'bars'}#{symbol}"


def _sk(interval: str, time_ms: int) -> str:
    return iso(time_ms)[:10] if interval == "1d" else iso(time_ms)[:16] + "Z"


def _item(bar: Bar) -> Item:
    return {
        "pk": s(_pk(bar.symbol, bar.interval)),
        "sk": s(_sk(bar.interval, bar.start_ms)),
        "b": s(_row(bar)),
        "s": n(bar.series),
        "n": n(bar.count),
        "t": n(bar.through),
    }


def _row(bar: Bar) -> str:
    prices = f"{bar.open:f},{bar.high:f},{bar.low:f},{bar.close:f}"
    sums = f"{bar.volume:f},{bar.turnover:f},{bar.total:f}"
    places = ",".join(f"{at - bar.start_ms},{seq - bar.first}" for at, seq in (bar.opened, bar.closed))
    average = "null" if bar.average5m is None else f"{bar.average5m:f}"
    text = f"[{prices},{sums},{bar.first},{bar.last - bar.first},{places},{average}"
    return text + (",1]" if bar.corrected else "]")


def _bar(symbol: str, interval: str, item: Item) -> Bar:
    numbers = json.loads(item["b"]["S"], parse_float=Decimal)
    *sums, first, width, opened_ms, opened, closed_ms, closed, average = numbers[:ROW]
    price, high, low, close, volume, turnover, total = map(Decimal, sums)
    start_ms = parse_iso(item["sk"]["S"] if interval == "1m" else item["sk"]["S"] + "T00:00Z")
    return Bar(
        symbol=symbol,
        interval=interval,
        start_ms=start_ms,
        open=price,
        high=high,
        low=low,
        close=close,
        opened=(start_ms + opened_ms, first + opened),
        closed=(start_ms + closed_ms, first + closed),
        volume=volume,
        turnover=turnover,
        total=total,
        count=int(item["n"]["N"]),
        first=first,
        last=first + width,
        series=int(item["s"]["N"]),
        average5m=None if average is None else Decimal(average),
        corrected=len(numbers) > ROW,
        through=int(item["t"]["N"]),
    )
