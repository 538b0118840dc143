"""The history table: one symbol's ticks stored once, numbered once; read by newest, by `seq` and by time.

Items, by `pk` and `sk`:
- `newest`, symbol: where the symbol's order stands and its newest tick; never expires.
- `SYMBOL#series#n`, first seq: a chunk of consecutive ticks; n counts partitions of 1,000 ticks.
- `hours#SYMBOL`, hour: the first seq of that hour: where a reader of a time range begins.

A chunk's key is its first `seq`, so two writers that stand at the same place write the same key, and the
condition that it isn't there yet lets one of them win. `newest` follows and may lag; chunks are the truth.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from handlers.table import Item, Table, n, s
from tickwire import wire
from tickwire.ledger import BLOCK, Chunk, Entry, Head, advance, chunks, is_known
from tickwire.tick import Tick, iso

PARTITION = 1_000  # ticks
WORKING_S = 3_600  # what is kept to number ticks safely, even with history off
TRUST_S = 60  # how long a remembered head is believed without looking, if this is the only writer
LOOK_S = 0.1  # how long otherwise: as long as it takes to get from `look` to `append`
RACES_MAX = 8
READ_MAX = 20_000  # ticks read for one page
HOUR_MS = 3_600_000


class Contended(Exception):
    """Other writers won every try; the messages go back to the queue."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Every chunk with ticks of the messages, stored now or before; `new` ticks were stored now."""

    chunks: list[Chunk]
    new: int


@dataclass(frozen=True, slots=True)
class Page:
    """Ticks of one series in order; `next_seq` is set when more may follow."""

    series: int
    ticks: list[Tick]
    next_seq: int | None = None


class History:
    """One stage's table."""

    def __init__(self, table: str, *, keep_s: int, connections: int = 10) -> None:
        self._table = Table(table, connections=connections)
        self._keep_s = max(keep_s, WORKING_S)
        self._heads: dict[str, tuple[float, Head | None]] = {}
        self._shared: dict[str, float] = {}  # when another writer was last noticed

    # -- writing

    def look(self, symbols: Collection[str]) -> None:
        """Read in one call where those of `symbols` stand that `append` would read one by one."""
        keys = [{"pk": s("newest"), "sk": s(symbol)} for symbol in symbols if not self._remembered(symbol)]
        if len(keys) > 1:
            name = self._table.name
            wanted = {name: {"Keys": keys, "ConsistentRead": True}}
            for item in self._table.client.batch_get_item(RequestItems=wanted)["Responses"].get(name, []):
                self._found(item["sk"]["S"], item_head(item["sk"]["S"], item))

    def append(self, symbol: str, entries: Sequence[Entry]) -> Appended:
        """Store what is new in `entries`, which are in order and at least one."""
        new = 0
        stored: dict[int, Chunk] = {}
        head = self._head(symbol)
        shown = head.seq
        for _ in range(RACES_MAX):
            if is_known(entries[0], head.number, head.sent_ms):
                stored |= {chunk.first: chunk for chunk in self._chunks_since(symbol, head, entries[0])}
            for chunk in chunks(head, entries):
                if not self._store(symbol, head, chunk):
                    break
                stored[chunk.first] = chunk
                new += len(chunk.ticks)
                head = advance(head, chunk)
            else:
                if head.seq > shown:
                    self._show(symbol, head)
                self._remember(symbol, head)  # only now: what is remembered is never shown again
                return Appended([stored[first] for first in sorted(stored)], new)
            self._shared[symbol] = time.monotonic()
            for chunk in self._newer_chunks(symbol, head):
                head = advance(head, chunk)
        raise Contended(f"{symbol}: lost {RACES_MAX} races for seq {head.seq + 1}")

    def _store(self, symbol: str, head: Head, chunk: Chunk) -> bool:
        hour = max(tick.time_ms for tick in chunk.ticks) // HOUR_MS
        if head.newest is None or hour > head.newest.time_ms // HOUR_MS:
            self._table.put(
                {
                    "pk": s(f"hours#{symbol}"),
                    "sk": s(_hour(hour * HOUR_MS)),
                    "series": n(chunk.ticks[0].series),
                    "seq": n(chunk.first),
                    "expires": self._expires(),
                }
            )
        base_ms = chunk.ticks[-1].time_ms
        item = {
            "pk": s(_partition(symbol, head.series, chunk.first)),
            "sk": s(_seq(chunk.first)),
            "t": n(base_ms),
            "r": s(wire.rows(chunk.ticks, base_ms)),
            "m": s(f"{chunk.number}:{chunk.sent_ms}:{chunk.taken}"),
            "expires": self._expires(),
        }
        if chunk.ticks[0].source is not None:
            item["s"] = s(chunk.ticks[0].source)
        return self._table.put(item, ConditionExpression="attribute_not_exists(pk)")

    def _show(self, symbol: str, head: Head) -> None:
        self._table.put(
            _head_item(symbol, head),
            ConditionExpression="attribute_not_exists(pk) OR (series = :series AND seq < :seq)",
            ExpressionAttributeValues={":series": n(head.series), ":seq": n(head.seq)},
        )

    def _head(self, symbol: str) -> Head:
        """Where the symbol stands, as remembered or as read.

        It may lag behind the chunks. Then the next one's key is taken already, and `append` rolls forward.
        """
        return self._remembered(symbol) or self._found(symbol, self._read_head(symbol))

    def _remembered(self, symbol: str) -> Head | None:
        """None when it's too long ago, which is soon while other writers are about."""
        at, head = self._heads.get(symbol, (0.0, None))
        now = time.monotonic()
        trust_s = LOOK_S if now - self._shared.get(symbol, -math.inf) < TRUST_S else TRUST_S
        return head if now - at < trust_s else None

    def _found(self, symbol: str, head: Head) -> Head:
        """Remember what `newest` holds, and that another writer is about when it put that there."""
        _, own = self._heads.get(symbol, (0.0, head))
        if own and head.seq > own.seq:
            self._shared[symbol] = time.monotonic()
        self._remember(symbol, head)
        return head

    def _read_head(self, symbol: str) -> Head:
        item = self._table.get("newest", symbol, consistent=True)
        if item is not None:
            return item_head(symbol, item)
        head = Head(series=time.time_ns() // 1_000_000)
        if not self._table.put(_head_item(symbol, head), ConditionExpression="attribute_not_exists(pk)"):
            return self._read_head(symbol)
        return head

    def _remember(self, symbol: str, head: Head) -> None:
        self._heads[symbol] = (time.monotonic(), head)

    def _chunks_since(self, symbol: str, head: Head, entry: Entry) -> list[Chunk]:
        """The stored chunks up to `head` that hold ticks of `entry` or of later messages."""
        found: list[Chunk] = []
        for chunk in self._backwards(symbol, head):
            if chunk.number < entry.number or not is_known(entry, chunk.number, chunk.sent_ms):
                break
            found.insert(0, chunk)
        return found

    def _backwards(self, symbol: str, head: Head) -> Iterator[Chunk]:
        at = head.seq
        while at >= 1:
            values = {":pk": s(_partition(symbol, head.series, at)), ":to": s(_seq(at))}
            condition = "pk = :pk AND sk <= :to"
            empty = True
            for item in self._table.query(condition, values, ConsistentRead=True, ScanIndexForward=False):
                empty = False
                yield _item_chunk(symbol, head.series, item)
            if empty:
                return
            at = _partition_start(at) - 1

    def _expires(self) -> dict[str, str]:
        return n(int(time.time()) + self._keep_s)

    # -- reading

    def newest(self, symbols: Collection[str]) -> list[Head]:
        """Where each symbol stands that has a tick, in one query."""
        items = self._table.query("pk = :pk", {":pk": s("newest")})
        heads = (item_head(item["sk"]["S"], item) for item in items if item["sk"]["S"] in symbols)
        return [head for head in heads if head.newest is not None]

    def block(self, symbol: str, series: int, after: int) -> list[Tick]:
        """The ticks of the block that begins after `after`, as many as there are, in one query."""
        chunks = self._window_chunks(symbol, series, after + 1, BLOCK)
        return [tick for chunk in chunks for tick in chunk.ticks]

    def after(self, symbol: str, seq: int | None, *, limit: int) -> Page | None:
        """Up to `limit` ticks after `seq`, else the newest, in order; None when the symbol has none yet."""
        return self._page(symbol, None if seq is None else seq + 1, limit, lambda _: True, lambda _: False)

    def between(
        self, symbol: str, from_ms: int, to_ms: int, *, limit: int, after_seq: int | None = None
    ) -> Page | None:
        """Up to `limit` ticks with `from_ms` <= time < `to_ms`, in `seq` order; None when there are none yet.

        A tick that came over a minute late is found by its `seq`; by time only if the page reaches it.
        """
        start = after_seq + 1 if after_seq is not None else self._seq_at(symbol, from_ms)
        return self._page(
            symbol,
            start,
            limit,
            lambda tick: from_ms <= tick.time_ms < to_ms,
            lambda tick: tick.time_ms >= to_ms + 60_000,
        )

    def since(self, symbol: str, head: Head, seq: int, *, consistent: bool = True) -> Iterator[Tick]:
        """The ticks after `seq`, up to `head`, in order, less expired ones."""
        for chunk in self._chunks(symbol, head, seq + 1, PARTITION, consistent=consistent):
            yield from (tick for tick in chunk.ticks if seq < tick.seq <= head.seq)

    def head(self, symbol: str) -> Head | None:
        """Where the symbol stands, None before its first tick."""
        item = self._table.get("newest", symbol)
        return None if item is None else item_head(symbol, item)

    def _page(
        self,
        symbol: str,
        start: int | None,
        limit: int,
        wanted: Callable[[Tick], bool],
        beyond: Callable[[Tick], bool],
    ) -> Page | None:
        head = self.head(symbol)
        if head is None:
            return None
        if start is None:
            start = max(1, head.seq - limit + 1)
        ticks: list[Tick] = []
        read = 0
        for chunk in self._chunks(symbol, head, start, limit):
            for tick in chunk.ticks:
                if tick.seq < start or not wanted(tick):
                    if beyond(tick):
                        return Page(head.series, ticks)
                    continue
                ticks.append(tick)
                if len(ticks) == limit:
                    return Page(head.series, ticks, tick.seq if tick.seq < head.seq else None)
            read += len(chunk.ticks)
            if read >= READ_MAX:
                return Page(head.series, ticks, chunk.last)
        return Page(head.series, ticks)

    def _chunks(
        self, symbol: str, head: Head, start: int, limit: int, *, consistent: bool = False
    ) -> Iterator[Chunk]:
        """The stored chunks from the one that holds `start` to the head, in order, less expired ones.

        Each query covers about `limit` ticks, so that a short page isn't billed for a long one.
        """
        at = start
        while at <= head.seq:
            found = False
            for chunk in self._window_chunks(symbol, head.series, at, limit, consistent=consistent):
                found = True
                if chunk.last >= start:
                    yield chunk
            at = _window_end(at, limit) + 1
            if not found:
                at = self._kept_from(symbol, head, at, consistent=consistent)

    def _kept_from(self, symbol: str, head: Head, start: int, *, consistent: bool) -> int:
        """The first seq from `start` on that is kept; behind the head when none is.

        What has expired is what came first: partitions are halved, not walked through.
        """
        found, low, high = head.seq + 1, start, head.seq
        while low <= high:
            middle = max(low, _partition_start((low + high) // 2))
            values = {":pk": s(_partition(symbol, head.series, middle)), ":from": s(_seq(middle))}
            items = self._table.query("pk = :pk AND sk >= :from", values, Limit=1, ConsistentRead=consistent)
            first = next((int(item["sk"]["S"]) for item in items), None)
            if first is None:
                low = _next_partition(middle)
            else:
                found, high = first, middle - 1
        return found

    def _newer_chunks(self, symbol: str, head: Head) -> Iterator[Chunk]:
        """The stored chunks behind `head`, which lags when a writer ended between a chunk and `newest`."""
        at, last = head.seq + 1, head.seq
        while True:
            for chunk in self._window_chunks(symbol, head.series, at, PARTITION, consistent=True):
                if chunk.first > last:
                    last = chunk.last
                    yield chunk
            if last < _next_partition(at) - 1:
                return
            at = last + 1

    def _window_chunks(
        self, symbol: str, series: int, start: int, ticks: int, *, consistent: bool = False
    ) -> Iterator[Chunk]:
        """The chunks of whole blocks of one partition, from the block of `start` on: none crosses an edge."""
        values = {
            ":pk": s(_partition(symbol, series, start)),
            ":from": s(_seq(_block(start))),
            ":to": s(_seq(_window_end(start, ticks))),
        }
        condition = "pk = :pk AND sk BETWEEN :from AND :to"
        for item in self._table.query(condition, values, ConsistentRead=consistent):
            yield _item_chunk(symbol, series, item)

    def _seq_at(self, symbol: str, from_ms: int) -> int:
        """Where to begin for ticks from `from_ms`: the last hour marked up to it, else the first of all."""
        values = {":pk": s(f"hours#{symbol}"), ":to": s(_hour(from_ms))}
        for item in self._table.query("pk = :pk AND sk <= :to", values, ScanIndexForward=False, Limit=1):
            return int(item["seq"]["N"])
        return 1


def _partition(symbol: str, series: int, seq: int) -> str:
    return f"{symbol}#{series}#{(seq - 1) // PARTITION}"


def _partition_start(seq: int) -> int:
    return (seq - 1) // PARTITION * PARTITION + 1


def _next_partition(seq: int) -> int:
    return _partition_start(seq) + PARTITION


def _block(seq: int) -> int:
    """The first seq of its block."""
    return (seq - 1) // BLOCK * BLOCK + 1


def _window_end(start: int, ticks: int) -> int:
    """The last seq of the block that `ticks` from `start` end in, within the partition."""
    return min(_block(start + ticks - 1) + BLOCK, _next_partition(start)) - 1


def _seq(seq: int) -> str:
    return f"{seq:012d}"


def _hour(time_ms: int) -> str:
    return iso(time_ms)[:13]


def _head_item(symbol: str, head: Head) -> Item:
    item = {
        "pk": s("newest"),
        "sk": s(symbol),
        "series": n(head.series),
        "seq": n(head.seq),
        "m": s(f"{head.number}:{head.sent_ms}:{head.taken}"),
    }
    if head.newest is not None:
        item["tick"] = s(wire.encode([head.newest]))
    for name, price in (("close", head.close), ("open", head.open)):
        if price is not None:
            item[name] = s(f"{price:f}")
    return item


def item_head(symbol: str, item: Item) -> Head:
    number, sent_ms, taken = map(int, item["m"]["S"].split(":"))
    return Head(
        series=int(item["series"]["N"]),
        seq=int(item["seq"]["N"]),
        number=number,
        sent_ms=sent_ms,
        taken=taken,
        newest=wire.decode(item["tick"]["S"])[0] if "tick" in item else None,
        close=Decimal(item["close"]["S"]) if "close" in item else None,
        open=Decimal(item["open"]["S"]) if "open" in item else None,
    )


def _item_chunk(symbol: str, series: int, item: Item) -> Chunk:
    ticks = wire.unrows(
        json.loads(item["r"]["S"], parse_float=Decimal),
        symbol=symbol,
        base_ms=int(item["t"]["N"]),
        series=series,
        first=int(item["sk"]["S"]),
        source=item["s"]["S"] if "s" in item else None,
    )
    number, sent_ms, taken = map(int, item["m"]["S"].split(":"))
    return Chunk(tuple(ticks), number, sent_ms, taken)
