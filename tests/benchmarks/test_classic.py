"""The classic design works as its users would want, or comparing with it would say nothing."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as dial

from benchmarks.classic.setup import Classic, set_up
from local.cloud import Cloud

pytestmark = pytest.mark.slow

TIMEOUT_S = 20


def test_the_classic_design_reaches_every_subscriber_and_forgets_who_is_gone(cloud: Cloud) -> None:
    """Three subscribers get each tick. One that leaves is forgotten at once; one that $disconnect never told
    of is forgotten when a post finds it gone.
    """
    queue_url, queue_arn = _queue(cloud)
    classic = set_up(cloud.client, aws_url=cloud.url, queue_arn=queue_arn, symbols=["AAPL"])
    with ExitStack() as open_:
        watching = [open_.enter_context(_subscriber(classic)) for _ in range(3)]
        known = _connections(cloud, classic)
        assert len(known) == 3

        _send(cloud, queue_url, 189.45)
        assert [_heard(one) for one in watching] == [[189.45]] * 3

        watching.pop().close()
        _eventually(lambda: len(_connections(cloud, classic)) == 2)

        _missed(cloud, classic, "nobody")
        assert "nobody" in _connections(cloud, classic)
        _send(cloud, queue_url, 189.5)
        assert [_heard(one) for one in watching] == [[189.5]] * 2
        _eventually(lambda: "nobody" not in _connections(cloud, classic))
        assert _connections(cloud, classic) < known


def test_the_classic_design_refuses_an_unknown_symbol(cloud: Cloud) -> None:
    """Nothing is stored for a symbol that the stage doesn't have."""
    _, queue_arn = _queue(cloud)
    classic = set_up(cloud.client, aws_url=cloud.url, queue_arn=queue_arn, symbols=["AAPL"], name="other")
    with dial(classic.url, open_timeout=TIMEOUT_S) as one:
        one.send(json.dumps({"action": "subscribe", "symbol": "NOPE"}))
        assert json.loads(one.recv(TIMEOUT_S)) == {"refused": "NOPE"}
        assert not _connections(cloud, classic, "NOPE")


def _queue(cloud: Cloud) -> tuple[str, str]:
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "12"}
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes=attributes)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, found["Attributes"]["QueueArn"]


@contextmanager
def _subscriber(classic: Classic) -> Iterator[ClientConnection]:
    with dial(classic.url, open_timeout=TIMEOUT_S) as connection:
        connection.send(json.dumps({"action": "subscribe", "symbol": "AAPL"}))
        assert json.loads(connection.recv(TIMEOUT_S)) == {"subscribed": "AAPL"}
        yield connection


def _send(cloud: Cloud, queue_url: str, price: float) -> None:
    cloud.client("sqs").send_message(
        QueueUrl=queue_url,
        MessageBody=json.dumps({"symbol": "AAPL", "price": price}),
        MessageGroupId="AAPL",
        MessageDeduplicationId=uuid.uuid4().hex,
    )


def _heard(connection: ClientConnection) -> list[float]:
    return [tick["price"] for tick in json.loads(connection.recv(TIMEOUT_S))["ticks"]]


def _missed(cloud: Cloud, classic: Classic, connection: str) -> None:
    """What a connection leaves behind whose end nobody told."""
    for symbol in ("AAPL", f"#{connection}"):
        item = {"symbol": {"S": symbol}, "connection": {"S": connection}}
        cloud.client("dynamodb").put_item(TableName=classic.table, Item=item)


def _connections(cloud: Cloud, classic: Classic, symbol: str = "AAPL") -> set[str]:
    items: list[dict[str, Any]] = cloud.client("dynamodb").scan(TableName=classic.table)["Items"]
    return {item["connection"]["S"] for item in items if item["symbol"]["S"] == symbol}


def _eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not what():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_S} s"
        time.sleep(0.02)
