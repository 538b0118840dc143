"""Ingest against the straightforward function that puts and publishes one tick at a time; and its own speed.

The same messages go through both, with AWS in memory: calls and write units are counted, not timed. The
handler's speed is CPU with the calls stubbed, so that nothing but its own work is measured.
"""

from __future__ import annotations

import contextlib
import cProfile
import io
import json
import os
import pstats
import time
from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import boto3

from benchmarks.report import Row, Section, load
from benchmarks.stub import Account, account
from handlers import ingest
from tickwire import market, wire

SIZES = (1, 10, 40)
MESSAGES = 400
BATCH = 10
SPEED_TICKS = 60_000
GOAL_TICKS_S = 100_000

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "STAGE": "bench",
    "SYMBOLS": "AAPL",
    "LIVE": "AAPL",
    "TOPIC_PREFIX": "",
    "TABLE": "history",
    "KEEP_S": "604800",
    "IOT_ENDPOINT": "https://data.iot.us-east-1.amazonaws.com",
    "DEAD_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/0/dead.fifo",
}

Batch = dict[str, Any]


def run() -> list[Section]:
    with patch.dict(os.environ, ENVIRONMENT), contextlib.redirect_stdout(io.StringIO()):
        costs = [row for count in SIZES for row in _costs(count)]
        speeds = [_speed(count) for count in SIZES]
        profile = _profile()
    return [
        Section(title="Ingest against one put and one publish a tick", rows=costs, notes=[_SAME]),
        Section(title="Ingest's own speed, AWS stubbed", rows=speeds, notes=[*profile, load()]),
    ]


_SAME = f"{MESSAGES} messages of a symbol, one at a time, so that no batch helps; ten at once cost less."


def _costs(count: int) -> Iterator[Row]:
    batches = _batches(count, MESSAGES, batch=1)
    ticks = count * MESSAGES
    with account() as plain:
        _straightforward(batches)
    with _fresh() as ours:
        for batch in batches:
            ingest.handler(batch, None)
    goals = {10: (5.0, 4.0)}.get(count, (None, None))
    name = f"{count} tick{'s' if count > 1 else ''} a message"
    calls, units = (plain.calls.total() / ours.calls.total(), plain.write_units / ours.write_units)
    yield Row(what=f"{name}: AWS calls a tick", value=ours.calls.total() / ticks, unit="")
    yield Row(what=f"{name}: fewer calls", value=calls, unit="x", at_least=goals[0])
    yield Row(what=f"{name}: write units a tick", value=ours.write_units / ticks, unit="")
    yield Row(what=f"{name}: fewer write units", value=units, unit="x", at_least=goals[1])


def _straightforward(batches: Sequence[Batch]) -> None:
    """As its users would write it: decode, put an item, publish, for each tick."""
    db, data = boto3.client("dynamodb"), boto3.client("iot-data")
    for batch in batches:
        for record in batch["Records"]:
            for tick in json.loads(record["body"]):
                item = {
                    "pk": {"S": tick["symbol"]},
                    "sk": {"S": tick["timestamp"]},
                    **{name: {"N": str(tick[name])} for name in ("price", "bid", "ask", "volume")},
                    "expires": {"N": str(int(time.time()) + 604_800)},
                }
                db.put_item(TableName="history", Item=item)
                data.publish(topic=f"prices/{tick['symbol']}", qos=0, payload=json.dumps(tick))


def _speed(count: int) -> Row:
    batches = _batches(count, SPEED_TICKS // count, batch=BATCH)
    with _fresh(), _instant():
        ingest.handler(batches[0], None)
        began = time.process_time()
        for batch in batches[1:]:
            ingest.handler(batch, None)
        rate = (SPEED_TICKS - count * BATCH) / (time.process_time() - began)
    goal = GOAL_TICKS_S if count == max(SIZES) else None
    return Row(
        what=f"{count} tick{'s' if count > 1 else ''} a message",
        value=rate,
        unit="ticks/s a core",
        at_least=goal,
    )


@contextlib.contextmanager
def _instant() -> Iterator[None]:
    """Clients that answer before boto3 does any work of its own."""
    one = ingest.ingest()
    with (
        patch.object(one.history._table, "put", lambda *_, **__: True),
        patch.object(one.broker, "_publish", lambda *_: True),
    ):
        yield


def _profile() -> list[str]:
    batches = _batches(max(SIZES), 400, batch=BATCH)
    with _fresh(), _instant():
        ingest.handler(batches[0], None)
        one = ingest.ingest()
        records = [record for batch in batches[1:] for record in batch["Records"]]
        profile = cProfile.Profile()
        profile.enable()
        for start in range(0, len(records), BATCH):
            one.take("AAPL", records[start : start + BATCH])
        profile.disable()
    stats: Any = pstats.Stats(profile)
    total = stats.total_tt
    top = sorted(stats.stats.items(), key=lambda entry: -entry[1][2])[:6]
    return [
        f"{spent / total:.0%} in `{name}` of {os.path.basename(file)}"
        for (file, _, name), (_, _, spent, *_) in top
    ]


@contextlib.contextmanager
def _fresh() -> Iterator[Account]:
    ingest.ingest.cache_clear()
    with account() as made:
        yield made
    ingest.ingest.cache_clear()


def _batches(ticks: int, messages: int, *, batch: int) -> list[Batch]:
    now_ms = time.time_ns() // 1_000_000
    span_ms = 1000 * ticks // 5
    records = []
    for number in range(messages):
        start = now_ms - span_ms * (messages - number) % 86_400_000
        found = market.trades("AAPL", start, start + 2 * span_ms + 2_000, rate=5)[:ticks]
        about = {
            "MessageGroupId": "AAPL",
            "SequenceNumber": str(18849496460467696128 + number),
            "SentTimestamp": str(now_ms + 3_600_000),  # fresh, however long the benchmark takes
        }
        records.append({"messageId": str(number), "body": wire.encode_input(found), "attributes": about})
    return [{"Records": records[start : start + batch]} for start in range(0, len(records), batch)]
