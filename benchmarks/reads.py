"""What readers cost: a thousand clients that miss the same ticks, and the snapshot."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from benchmarks.ingest import ENVIRONMENT
from benchmarks.report import Row, Section
from benchmarks.stub import Account, account
from handlers import ingest, query
from tickwire import market, wire

CLIENTS = 1_000
SYMBOLS = [f"S{number:02}" for number in range(20)]


def run() -> list[Section]:
    environment = {**ENVIRONMENT, "SYMBOLS": ",".join(SYMBOLS)}
    with patch.dict(os.environ, environment), contextlib.redirect_stdout(io.StringIO()):
        rows = [*_measured(packed=5), *_measured(packed=1)]
    return [
        Section(
            title="What readers cost",
            rows=rows,
            notes=[
                "The gap is seq 150 to 249: it crosses an edge and takes two blocks.",
                "The cache keeps what the answers allow.",
                "One tick a message is the dearest way to be stored, five the feed's default.",
                "It takes some 130 bytes then, 30 of them the price: a block is two units, the gap in two.",
            ],
        )
    ]


def _measured(*, packed: int) -> Iterator[Row]:
    name = f"{packed} tick{'s' if packed > 1 else ''} a message"
    with _fresh() as aws:
        _fill(packed)
        reads, units = _gap(aws)
        yield Row(
            what=f"{name}: {CLIENTS:,} clients miss 100 ticks, cached",
            value=reads,
            unit="reads",
            at_most=3,
        )
        yield Row(what=f"{name}: one client, uncached", value=units, unit="read units", at_most=2)
        aws.read_units = 0.0
        query.handler({"rawPath": "/api/prices"}, None)
        snapshot = f"{name}: snapshot of {len(SYMBOLS)} symbols"
        yield Row(what=snapshot, value=aws.read_units, unit="read units", at_most=10)


@contextlib.contextmanager
def _fresh() -> Iterator[Account]:
    with account() as made:
        for cached in (ingest.ingest, query._symbols, query._history):
            cached.cache_clear()
        yield made
    for cached in (ingest.ingest, query._symbols, query._history):
        cached.cache_clear()


def _fill(packed: int) -> None:
    now_ms = time.time_ns() // 1_000_000
    for place, symbol in enumerate(SYMBOLS):
        ticks = market.trades(symbol, now_ms - 70_000, now_ms, rate=5)[: 320 if place == 0 else packed]
        for number in range(0, len(ticks), packed):
            about = {
                "MessageGroupId": symbol,
                "SequenceNumber": str(18849496460467696128 + number),
                "SentTimestamp": str(now_ms),
            }
            body = wire.encode_input(ticks[number : number + packed])
            record = {"messageId": str(number), "body": body, "attributes": about}
            ingest.handler({"Records": [record]}, None)


def _gap(aws: Account) -> tuple[int, float]:
    """Table reads of all clients behind a cache; read units of one client without."""
    (head,) = query._history().newest(SYMBOLS[:1])
    wanted = [{"series": str(head.series), "after_seq": str(after), "limit": "100"} for after in (100, 200)]
    aws.calls.clear()
    cache: dict[str, dict[str, Any]] = {}
    for _ in range(CLIENTS):
        for parameters in wanted:
            key = str(parameters)
            if key not in cache:
                answer = _get(parameters)
                if "immutable" in answer["headers"]["cache-control"]:
                    cache[key] = answer
    reads = aws.calls["Query"] + aws.calls["GetItem"]
    aws.read_units = 0.0
    for parameters in wanted:
        _get(parameters)
    return reads, aws.read_units


def _get(parameters: dict[str, str]) -> dict[str, Any]:
    return query.handler({"rawPath": f"/api/prices/{SYMBOLS[0]}", "queryStringParameters": parameters}, None)
