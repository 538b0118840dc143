"""Bars: a million ticks folded, against pandas on the same ticks; and what an hour of bars costs the table.

Pandas gets what it's best at, columns of floats that are ready; the fold gets ticks with exact decimals, as
history hands them out, one in a hundred of them late. Both must make the same bars.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pandas

from benchmarks.ingest import ENVIRONMENT
from benchmarks.report import Row, Section, load
from benchmarks.stub import Account, account
from handlers import bars, ingest, query
from tickwire import market, wire
from tickwire.bars import MINUTE_MS, Bar, averaged, changes, spans
from tickwire.tick import Tick, iso

TICKS = 1_000_000
RATE = 5  # ticks a second
LATE = 0.01
WINDOW_MS = 5_000
HOUR_MS = 3_600_000


def run() -> list[Section]:
    with patch.dict(os.environ, {**ENVIRONMENT, "BAR_DAYS": "90"}), contextlib.redirect_stdout(io.StringIO()):
        cost = list(_hour())
    return [
        Section(title="A million ticks made into one-minute bars", rows=list(_fold()), notes=[_SAME, load()]),
        Section(title="An hour of one-minute bars of a symbol, 5 ticks a second", rows=cost, notes=[_READ]),
    ]


_SAME = "Equal in open, high, low, close, count and volume, bar by bar; vwap and average to 1e-9."
_READ = "A read unit is 8 KB of what a query sees, eventually consistent; the open bar comes from its ticks."


def _fold() -> Iterator[Row]:
    ticks = _ticks()
    began = time.process_time()
    known: dict[int, Bar] = {}
    for span in spans(ticks):
        known |= {bar.start_ms: bar for bar in changes(span, known)}
    ours = averaged([known[start_ms] for start_ms in sorted(known)])
    ours_s = time.process_time() - began
    columns = {
        "time": [tick.time_ms for tick in ticks],
        "price": [float(tick.price) for tick in ticks],
        "volume": [float(tick.volume or 0) for tick in ticks],
    }
    frame = pandas.DataFrame(columns)
    began = time.process_time()
    theirs = _resampled(frame)
    theirs_s = time.process_time() - began
    _compare(ours, theirs)
    yield Row(what=f"{len(ours):,} bars of {TICKS:,} ticks, exact decimals", value=ours_s, unit="s of CPU")
    yield Row(what="pandas resample, floats", value=theirs_s, unit="s of CPU")
    yield Row(what="the fold's time to pandas'", value=ours_s / theirs_s, unit="x")


def _resampled(frame: Any) -> Any:
    """As its users would write it; late ticks are put in their place first."""
    frame = frame.sort_values("time", kind="stable")
    frame.index = pandas.to_datetime(frame["time"], unit="ms", utc=True)
    frame["turnover"] = frame["price"] * frame["volume"]
    by_minute = frame.resample("1min")
    out = by_minute["price"].ohlc()
    sums = by_minute[["volume", "turnover", "price"]].sum()
    out["count"] = by_minute["price"].count()
    out["volume"] = sums["volume"]
    out["vwap"] = sums["turnover"] / sums["volume"]
    out["average5m"] = (
        sums["price"].rolling(5, min_periods=1).sum() / out["count"].rolling(5, min_periods=1).sum()
    )
    return out[out["count"] > 0]


def _compare(ours: list[Bar], theirs: Any) -> None:
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    starts = theirs.index.as_unit("ms").astype("int64")
    for bar, start_ms, row in zip(ours, starts, theirs.itertuples(index=False), strict=True):
        exact = (
            bar.start_ms,
            *map(float, (bar.open, bar.high, bar.low, bar.close)),
            bar.count,
            float(bar.volume),
        )
        assert exact == (start_ms, row.open, row.high, row.low, row.close, row.count, row.volume), (bar, row)
        for one, other in ((bar.vwap, row.vwap), (bar.average5m, row.average5m)):
            assert one is not None
            assert abs(float(one) / other - 1) < 1e-9, (bar, row)


def _ticks() -> list[Tick]:
    """A walk in cents; a late tick is up to two minutes old, and comes in a minute that goes on."""
    chance = random.Random(1)
    start_ms = 1_795_219_200_000
    cents, out = 19_000, []
    for seq in range(1, TICKS + 1):
        cents = max(100, cents + chance.randrange(-3, 4))
        time_ms = start_ms + seq * 1000 // RATE
        if chance.random() < LATE:
            time_ms = max(start_ms, time_ms - chance.randrange(120_000))
        volume = Decimal(chance.randrange(1, 500))
        out.append(Tick("AAPL", Decimal(cents) / 100, time_ms, volume=volume, series=1, seq=seq))
    # The last minute's late ticks have to be recorded as well: a tick of the next one closes it.
    out[-1] = Tick(
        "AAPL", Decimal("190.01"), out[-1].time_ms + 300_000, volume=Decimal(1), series=1, seq=TICKS
    )
    return out


def _hour() -> Iterator[Row]:
    end_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    with _fresh() as aws:
        bar_writes = bar_units = 0
        read_units = 0.0
        for start_ms in range(end_ms - HOUR_MS - MINUTE_MS, end_ms + MINUTE_MS // 2, WINDOW_MS):
            _ingest(market.trades("AAPL", start_ms, start_ms + WINDOW_MS, rate=RATE), start_ms)
            writes, units, reads = aws.calls["PutItem"], aws.write_units, aws.read_units
            head = {"NewImage": aws.items["newest"]["AAPL"], "SequenceNumber": "1"}
            assert bars.handler({"Records": [{"dynamodb": head}]}, None) == {"batchItemFailures": []}
            if start_ms >= end_ms - HOUR_MS + WINDOW_MS:
                bar_writes += aws.calls["PutItem"] - writes
                bar_units += aws.write_units - units
                read_units += aws.read_units - reads
        yield Row(what="writes", value=bar_writes, unit="", at_most=60)
        yield Row(what="write units", value=bar_units, unit="", at_most=60)
        yield Row(what="read units to make them", value=read_units, unit="")
        closed = _get(aws, end_ms - HOUR_MS, end_ms)
        yield Row(what="GET of the 60 closed bars", value=closed, unit="read units", at_most=2)
        whole = _get(aws, end_ms - HOUR_MS + MINUTE_MS, end_ms + MINUTE_MS)
        yield Row(what="GET of the last hour, the open bar with it", value=whole, unit="read units")


def _ingest(ticks: list[Tick], sent_ms: int) -> None:
    for place, tick in enumerate(range(0, len(ticks), RATE)):  # a second's ticks a message, as the feed packs
        about = {
            "MessageGroupId": "AAPL",
            "SequenceNumber": str(10**18 + sent_ms * 100 + place),
            "SentTimestamp": str(time.time_ns() // 1_000_000),
        }
        body = wire.encode_input(ticks[tick : tick + RATE])
        record = {"messageId": str(place), "body": body, "attributes": about}
        assert ingest.handler({"Records": [record]}, None) == {"batchItemFailures": []}


def _get(aws: Account, from_ms: int, to_ms: int) -> float:
    aws.read_units = 0.0
    limits = {"from": iso(from_ms), "to": iso(to_ms)}
    answer = query.handler({"rawPath": "/api/bars/AAPL", "queryStringParameters": limits}, None)
    assert answer["body"].count('"start"') == 60, answer["body"]
    return aws.read_units


@contextlib.contextmanager
def _fresh() -> Iterator[Account]:
    caches = (ingest.ingest, bars.bars, query._symbols, query._history, query._bar_store)
    with account() as made:
        for cached in caches:
            cached.cache_clear()
        yield made
    for cached in caches:
        cached.cache_clear()
