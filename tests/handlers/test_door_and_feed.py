"""The two that fill the queue: whoever has the key, and the simulated feed."""

from __future__ import annotations

import base64
import json
import os
import time
from decimal import Decimal
from typing import Any

import boto3
import pytest

from handlers import door, feed
from handlers.queue import Queue
from tests.handlers.conftest import KEY
from tickwire import intake, market


def post(body: object, *, key: str | None = KEY, **headers: str) -> tuple[int, dict[str, Any]]:
    text = body if isinstance(body, str) else json.dumps(body)
    given = {**headers, **({"x-api-key": key} if key else {})}
    answer = door.handler({"headers": given, "body": text}, None)
    return answer["statusCode"], json.loads(answer["body"])


def queued() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        boto3.client("sqs")
        .receive_message(QueueUrl=os.environ["QUEUE_URL"], MaxNumberOfMessages=10, AttributeNames=["All"])
        .get("Messages", [])
    )
    return found


def test_an_array_of_any_symbols_is_split_by_symbol(aws: None) -> None:
    """One message a symbol, in the order given, decimals exact."""
    text = '[{"symbol":"AAPL","price":1.10},{"symbol":"MSFT","price":2},{"symbol":"AAPL","price":3}]'
    assert post(text) == (202, {"accepted": 3})
    groups = {m["Attributes"]["MessageGroupId"]: m["Body"] for m in queued()}
    assert set(groups) == {"AAPL", "MSFT"}
    assert '"price":1.10' in groups["AAPL"]
    assert [tick["price"] for tick in json.loads(groups["AAPL"])] == [1.1, 3]


@pytest.mark.parametrize(
    "body",
    [
        "[" + ",".join(['{"symbol":"AAPL","price":189.45}'] * 1_000) + "]",
        '{"symbol":"AAPL","price":1.23456789012e-11,"volume":1e11,"source":"\\u00e9\\u00e9"}',
        '{"symbol":"AAPL","price":0.000000000001,"volume":0e-99}',
    ],
)
def test_what_is_accepted_is_taken_by_ingest(aws: None, body: str) -> None:
    """A message is longer than what came in: its ticks have their time in it."""
    status, answer = post(body)
    assert status == 202
    found = [
        tick
        for message in queued()
        for tick in intake.ticks(message["Body"], symbols={"AAPL"}, arrived_ms=time.time_ns() // 1_000_000)
    ]
    given = json.loads(body, parse_float=Decimal)
    prices = [tick["price"] for tick in (given if isinstance(given, list) else [given])]
    assert [tick.price for tick in found] == prices
    assert answer == {"accepted": len(found)}


def test_equal_observations_are_two(aws: None) -> None:
    """A price that comes again is a new observation, not a repetition."""
    for _ in range(2):
        assert post({"symbol": "AAPL", "price": 1})[0] == 202
    assert len(queued()) == 2


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "k"])
def test_without_the_key_nothing_is_taken(aws: None, key: str | None) -> None:
    """And nothing says which part was wrong."""
    assert post({"symbol": "AAPL", "price": 1}, key=key)[0] == 401
    assert queued() == []


def test_a_stage_without_a_key_takes_no_writes(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is presented."""
    monkeypatch.setenv("API_KEY_SHA256", "")
    status, body = post({"symbol": "AAPL", "price": 1})
    assert status == 403
    assert "pulumi config set" in body["detail"]


def test_a_foreign_origin_may_not_write(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program sends no origin; a page must be one of the allowed."""
    monkeypatch.setenv("WRITE_ORIGINS", "https://desk.example.org")
    tick = {"symbol": "AAPL", "price": 1}
    assert post(tick, origin="https://evil.example.org")[0] == 403
    assert post(tick, origin="https://desk.example.org")[0] == 202


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("nonsense", 400, "json"),
        ('{"symbol":"APPL","price":1}', 400, "symbol"),
        ('{"symbol":"AAPL","price":-1}', 400, "price"),
        ("[]", 400, "count"),
        ('{"symbol":"AAPL","price":1.234567890123e-11}', 400, "number"),
        ("x" * 70_000, 413, "size"),
    ],
)
def test_bad_input_is_a_problem_and_nothing_is_queued(aws: None, body: str, status: int, reason: str) -> None:
    """All or nothing: one bad tick in an array refuses the array."""
    got, problem = post(body)
    assert (got, problem["reason"]) == (status, reason)
    assert queued() == []


def test_a_body_in_base64_is_read(aws: None) -> None:
    """As API Gateway hands over what isn't text."""
    body = base64.b64encode(b'{"symbol":"AAPL","price":1}').decode()
    answer = door.handler({"headers": {"x-api-key": KEY}, "body": body, "isBase64Encoded": True}, None)
    assert answer["statusCode"] == 202
    answer = door.handler({"headers": {"x-api-key": KEY}, "body": "%", "isBase64Encoded": True}, None)
    assert answer["statusCode"] == 400


def test_a_window_says_the_same_whoever_asks() -> None:
    """Two feeds that overlap send equal messages with equal ids: the queue takes each once."""
    (one,) = feed.packed("AAPL", 1_795_000_000_000, 500, 5)
    assert [one] == feed.packed("AAPL", 1_795_000_000_000, 500, 5)
    found = intake.ticks(one.body, symbols={"AAPL"}, arrived_ms=1_795_000_000_500)
    assert all(1_795_000_000_000 <= tick.time_ms < 1_795_000_000_500 for tick in found)


def test_the_fastest_feed_in_the_longest_window_is_taken_whole(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a message holds, and ten symbols' more than a call does: SQS takes 256 KB at once."""
    start = 1_795_000_000_000
    symbols = [f"S{number}" for number in range(10)]
    made = [message for symbol in symbols for message in feed.packed(symbol, start, 10_000, 100)]
    assert len({message.id for message in made}) == len(made) > len(symbols)
    calls: list[int] = []
    queue = Queue(os.environ["QUEUE_URL"])
    send = queue._sqs.send_message_batch

    def counted(**request: Any) -> Any:
        calls.append(sum(len(entry["MessageBody"]) for entry in request["Entries"]))
        return send(**request)

    monkeypatch.setattr(queue._sqs, "send_message_batch", counted)
    assert queue.send(made) == []
    assert max(calls) <= 262_144
    found = [
        tick
        for message in made
        if message.group == "S0"
        for tick in intake.ticks(message.body, symbols={"S0"}, arrived_ms=start + 10_000)
    ]
    assert found == market.trades("S0", start, start + 10_000, rate=100)


def test_windows_cut_time_without_hole_or_double() -> None:
    """The trades of ten seconds are the trades of its twenty halves."""
    start = 1_795_000_000_000
    whole = market.trades("TSLA", start, start + 10_000, rate=5)
    halves = [
        t for at in range(start, start + 10_000, 500) for t in market.trades("TSLA", at, at + 500, rate=5)
    ]
    assert whole == halves
    assert 40 <= len(whole) <= 60
    assert len({tick.price for tick in whole}) > 10
    assert all(t.bid is not None and t.ask is not None and t.bid < t.price < t.ask for t in whole)


def test_the_feed_paces_itself_and_sends_every_symbol(aws: None) -> None:
    """Two windows of half a second."""
    assert feed.handler({"run_ms": 1_000}, None) == {"sent": 6, "failed": 0}
    assert {m["Attributes"]["MessageGroupId"] for m in queued()} == {"AAPL", "MSFT", "BTC-USD"}


def test_symbols_take_turns_ten_at_a_time() -> None:
    """Each symbol's windows follow on one another; two feeds that overlap have the same ones."""
    symbols = [f"S{number}" for number in range(25)]
    found = list(feed.windows(symbols, 60_000, 62_000, 1_000))
    assert [window for window, _ in found] == [60_000, 60_333, 60_666, 61_000, 61_333, 61_666]
    assert [len(group) for _, group in found] == [10, 10, 5] * 2
    assert [symbol for _, group in found[:3] for symbol in group] == symbols
    assert list(feed.windows(symbols, 61_000, 62_000, 1_000)) == found[3:]


def test_a_feed_that_finds_the_queue_gone_says_so_and_goes_on(
    aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted, not thrown."""
    monkeypatch.setenv("QUEUE_URL", os.environ["QUEUE_URL"].replace("ingest", "gone"))
    assert feed.handler({"run_ms": 500}, None) == {"sent": 0, "failed": 3}
    assert '"event":"feed_failed"' in capsys.readouterr().out
