"""The board and the conflated lanes: the newest of each symbol of a batch, whatever happened before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest

from handlers import board, ingest
from handlers.broker import Broker
from handlers.history import History
from tests.handlers.conftest import record, ticks
from tickwire.topic import Topics

Published = list[tuple[str, dict[str, Any]]]


@pytest.fixture(autouse=True)
def lanes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CONFLATED", "MSFT")
    yield
    for cached in (board._conflated, board._broker):
        cached.cache_clear()


def heads(table: str = "history") -> dict[str, list[dict[str, Any]]]:
    """The event that the table's stream would make of its heads."""
    items = boto3.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "newest"}},
    )["Items"]
    return {"Records": [{"dynamodb": {"NewImage": item}} for item in items]}


def take(symbol: str, *prices: int) -> None:
    assert ingest.handler({"Records": [record(symbol, ticks(symbol, *prices))]}, None) == {
        "batchItemFailures": []
    }


def test_the_newest_of_a_burst_goes_out_once(history: History, published: Published) -> None:
    """On the board for all that changed, on the price lane for those that are conflated."""
    take("AAPL", 1, 2)
    first = heads()
    take("AAPL", 3)
    take("MSFT", 7, 8)
    published.clear()
    board.handler({"Records": first["Records"] + heads()["Records"]}, None)
    (topic, message), (lane, price) = published
    assert topic == "board"
    assert {one["symbol"]: (one["price"], one["seq"]) for one in message["prices"]} == {
        "AAPL": (3, 3),
        "MSFT": (8, 2),
    }
    assert (lane, price["symbol"], price["price"], price["seq"]) == ("prices/MSFT", "MSFT", 8, 2)


def test_a_batch_that_comes_twice_says_the_same_twice(history: History, published: Published) -> None:
    """Nothing is remembered in between."""
    take("MSFT", 7)
    event = heads()
    published.clear()
    board.handler(event, None)
    board.handler(event, None)
    said = [{**message, "time": ""} for _, message in published]
    assert said[:2] == said[2:]


def test_what_cannot_go_out_hands_the_batch_back(
    history: History, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream brings it again."""
    take("AAPL", 1)
    monkeypatch.setattr(Broker, "send", lambda *_, **__: False)
    with pytest.raises(board.Unsaid, match="board"):
        board.handler(heads(), None)


def test_a_symbol_whose_lane_is_not_live_is_stored_but_not_published(
    history: History, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ingest leaves it to the window, or to nobody."""
    monkeypatch.setenv("LIVE", "AAPL")
    ingest.ingest.cache_clear()
    take("MSFT", 7)
    assert published == []
    page = history.after("MSFT", 0, limit=10)
    assert page is not None
    assert [tick.price for tick in page.ticks] == [Decimal(7)]


def test_a_full_board_has_every_symbol(history: History, published: Published) -> None:
    """Of the universe that had a tick."""
    take("AAPL", 1)
    take("MSFT", 7)
    published.clear()
    board.full(history, Broker(Topics(), "https://data.iot", connections=1), ["AAPL", "MSFT", "BTC-USD"])
    ((topic, message),) = published
    assert (topic, message["full"]) == ("board", True)
    assert {price["symbol"] for price in message["prices"]} == {"AAPL", "MSFT"}
