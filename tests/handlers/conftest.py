"""Handlers under moto: real table and queues in memory, the broker a recorder."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from handlers import door, feed, ingest, query, status
from handlers.history import History

SYMBOLS = "AAPL,MSFT,BTC-USD"
KEY = "k" * 32


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A table, an ingest queue and a dead-letter queue, and the environment that names them."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "STAGE": "test",
        "SYMBOLS": SYMBOLS,
        "LIVE": SYMBOLS,
        "TOPIC_PREFIX": "",
        "TABLE": "history",
        "KEEP_S": "3600",
        "IOT_ENDPOINT": "https://data.iot.us-east-1.amazonaws.com",
        "RATE": "5",
        "PACK_MS": "500",
        "API_KEY_SHA256": "5e318f8cf9cbe249a30812b8ca132d691ded7a91991413558db5758575f5e01f",
        "WRITE_ORIGINS": "",
        "CALENDAR": "24/7",
        "PAUSED": "no",
    }.items():
        monkeypatch.setenv(name, value)
    for cached in (
        ingest.ingest,
        query._calendar,
        query._history,
        query._symbols,
        door._queue,
        door._symbols,
        feed._calendar,
        feed._queue,
        status._clock,
    ):
        cached.cache_clear()
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="history",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        sqs = boto3.client("sqs")
        for name, variable in (("ingest.fifo", "QUEUE_URL"), ("dead.fifo", "DEAD_QUEUE_URL")):
            url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
            monkeypatch.setenv(variable, url)
        yield


@pytest.fixture
def history(aws: None) -> History:
    return History("history", keep_s=3600)


@pytest.fixture
def published(aws: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What went to the broker: (topic, message)."""
    out: list[tuple[str, dict[str, Any]]] = []

    def record(_: object, topic: str, message: str, **kept: Any) -> bool:
        out.append((topic, json.loads(message) | kept))
        return True

    monkeypatch.setattr("handlers.broker.Broker._publish", record)
    return out


_numbers = itertools.count(1)


def record(
    symbol: str, body: object, *, number: int | None = None, sent_ms: int | None = None
) -> dict[str, Any]:
    """A message as SQS hands it to a function."""
    number = next(_numbers) if number is None else number
    return {
        "messageId": f"id-{number}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "MessageGroupId": symbol,
            "SequenceNumber": f"{number:020d}",
            "SentTimestamp": str(sent_ms or time.time_ns() // 1_000_000),
        },
    }


def ticks(symbol: str, *prices: float) -> list[dict[str, Any]]:
    return [{"symbol": symbol, "price": price} for price in prices]
