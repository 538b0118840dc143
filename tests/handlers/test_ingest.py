"""What ingest promises: stored once, numbered once, in order; bad input stops nobody."""

from __future__ import annotations

import json
import os
import time
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from handlers import ingest
from handlers.broker import Broker
from handlers.history import History
from handlers.table import Table
from tests.handlers.conftest import record, ticks
from tickwire import intake
from tickwire.ledger import Entry

Published = list[tuple[str, dict[str, Any]]]


def take(*records: dict[str, Any]) -> list[str]:
    answer = ingest.handler({"Records": list(records)}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def stored(history: History, symbol: str) -> list[tuple[int, Decimal]]:
    page = history.after(symbol, 0, limit=10_000)
    return [] if page is None else [(tick.seq, tick.price) for tick in page.ticks]


def test_a_tick_is_stored_and_published_with_its_seq(history: History, published: Published) -> None:
    """The message carries what history holds."""
    assert take(record("AAPL", {"symbol": "AAPL", "price": 189.45})) == []
    assert stored(history, "AAPL") == [(1, Decimal("189.45"))]
    ((topic, message),) = published
    assert topic == "prices/AAPL"
    assert (message["symbol"], message["price"], message["seq"]) == ("AAPL", 189.45, 1)
    assert "first" not in message


def test_a_batch_goes_out_as_one_message_a_symbol(history: History, published: Published) -> None:
    """Ticks of several messages travel together; `first` follows on the message before."""
    take(
        record("AAPL", ticks("AAPL", 1, 2)),
        record("MSFT", ticks("MSFT", 7)),
        record("AAPL", ticks("AAPL", 3)),
    )
    take(record("AAPL", ticks("AAPL", 4, 5)))
    aapl = [message for topic, message in published if topic == "prices/AAPL"]
    assert [(m.get("first", m["seq"]), m["seq"], len(m.get("older", []))) for m in aapl] == [
        (1, 3, 2),
        (4, 5, 1),
    ]
    assert stored(history, "AAPL") == [(n, Decimal(n)) for n in range(1, 6)]
    assert stored(history, "MSFT") == [(1, Decimal(7))]


def test_a_message_delivered_five_times_is_stored_once(history: History, published: Published) -> None:
    """At-least-once delivery does not double a tick; what is still fresh may be published again."""
    again = record("AAPL", ticks("AAPL", 1, 2))
    for _ in range(5):
        assert take(again) == []
    ingest.ingest.cache_clear()
    assert take(again) == []
    assert stored(history, "AAPL") == [(1, Decimal(1)), (2, Decimal(2))]
    assert {message["seq"] for _, message in published} == {2}


@pytest.mark.parametrize("survive", range(5))
def test_a_crash_between_any_two_writes_loses_and_doubles_nothing(
    survive: int, history: History, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function ends after n writes; the same messages come again to a new one."""
    batch = [record("AAPL", ticks("AAPL", *range(1, 131))), record("AAPL", ticks("AAPL", 131))]
    put = Table.put
    writes: list[Any] = []

    def put_until(self: Table, item: Any, **condition: Any) -> bool:
        if len(writes) >= survive:
            raise SystemExit("killed")
        writes.append(item)
        return put(self, item, **condition)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "put", put_until)
        with pytest.raises(SystemExit):
            ingest.handler({"Records": batch}, None)
    ingest.ingest.cache_clear()
    assert take(*batch) == []
    assert stored(history, "AAPL") == [(n, Decimal(n)) for n in range(1, 132)]
    assert max(message["seq"] for _, message in published) == 131


def test_two_functions_that_stand_at_the_same_place_share_the_numbers(
    aws: None, published: Published
) -> None:
    """Both remember the same head; the one that comes second sees it and moves on."""
    one, two = History("history", keep_s=3600), History("history", keep_s=3600)
    tick = intake.ticks('{"symbol":"AAPL","price":1}', symbols={"AAPL"}, arrived_ms=1_795_000_000_000)
    one.append("AAPL", [Entry(1, 0, tuple(tick))])
    two.append("AAPL", [Entry(1, 0, tuple(tick))])
    one.append("AAPL", [Entry(2, 0, tuple(tick))])
    two.append("AAPL", [Entry(3, 0, tuple(tick * 3))])
    one.append("AAPL", [Entry(4, 0, tuple(tick))])
    page = one.after("AAPL", 0, limit=100)
    assert page is not None
    assert [found.seq for found in page.ticks] == [1, 2, 3, 4, 5, 6]


def test_a_message_that_comes_again_takes_along_nothing_that_newest_has_not_reached(
    aws: None, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another function has stored the next message and not yet moved `newest`: that one is its to say."""
    one, two = History("history", keep_s=3600), History("history", keep_s=3600)
    tick = tuple(intake.ticks('{"symbol":"AAPL","price":1}', symbols={"AAPL"}, arrived_ms=1_795_000_000_000))
    one.append("AAPL", [Entry(1, 0, tick)])
    with monkeypatch.context() as patch:
        patch.setattr(one, "_show", lambda *_: None)
        one.append("AAPL", [Entry(2, 0, tick)])
    again = two.append("AAPL", [Entry(1, 0, tick)])
    assert [(chunk.first, chunk.last) for chunk in again.chunks] == [(1, 1)]
    assert [head.seq for head in two.newest(["AAPL"])] == [1]


@pytest.mark.parametrize("place", range(3))
def test_a_bad_message_is_set_aside_and_stops_nobody(
    place: int, history: History, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever it stands in its group, the good ones around it arrive; its reason is kept and logged."""
    batch = [record("AAPL", ticks("AAPL", price)) for price in (1, 2)]
    batch.insert(place, record("AAPL", '{"symbol":"AAPL","price":"high"}'))
    assert take(*batch) == []
    assert stored(history, "AAPL") == [(1, Decimal(1)), (2, Decimal(2))]
    dead = boto3.client("sqs").receive_message(
        QueueUrl=os.environ["DEAD_QUEUE_URL"], MessageAttributeNames=["All"]
    )["Messages"]
    assert [m["MessageAttributes"]["reason"]["StringValue"] for m in dead] == ["price"]
    assert dead[0]["Body"] == '{"symbol":"AAPL","price":"high"}'
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["reason"] for e in events if e.get("event") == "refused"] == ["price"]


def test_a_message_that_is_set_aside_again_keeps_the_time_when_it_first_came(history: History) -> None:
    """Sent again too early: whoever mends the sender later still stores its ticks at their time."""
    bad = record("AAPL", '{"symbol":"AAPL","price":"high"}')
    bad["messageAttributes"] = {"resent": {"stringValue": "1795000000000"}}
    assert take(bad) == []
    (dead,) = boto3.client("sqs").receive_message(
        QueueUrl=os.environ["DEAD_QUEUE_URL"], MessageAttributeNames=["All"]
    )["Messages"]
    assert dead["MessageAttributes"]["sent"]["StringValue"] == "1795000000000"


def test_a_symbol_in_another_group_is_set_aside(history: History, published: Published) -> None:
    """Order within a symbol rests on its group."""
    assert take(record("MSFT", ticks("AAPL", 1))) == []
    assert stored(history, "AAPL") == []
    assert published == []


def test_a_passing_fault_hands_the_group_back_and_nothing_overtakes(
    history: History, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the group come again; another symbol in the batch is not held up."""
    error = ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem")
    put = Table.put

    def throttled(self: Table, item: Any, **condition: Any) -> bool:
        if item["pk"]["S"].startswith("AAPL"):
            raise error
        return put(self, item, **condition)

    batch = [
        record("AAPL", ticks("AAPL", 1)),
        record("MSFT", ticks("MSFT", 5)),
        record("AAPL", ticks("AAPL", 2)),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(Table, "put", throttled)
        assert take(*batch) == [batch[0]["messageId"], batch[2]["messageId"]]
    assert take(batch[0], batch[2]) == []
    assert stored(history, "AAPL") == [(1, Decimal(1)), (2, Decimal(2))]
    assert stored(history, "MSFT") == [(1, Decimal(5))]


def test_a_broker_that_is_out_costs_no_tick_and_leaves_old_prices_unsaid(
    history: History, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stored all the same; once no longer fresh it is left to gap filling, and counted."""

    def out(self: Broker, topic: str, message: str) -> bool:
        return False

    monkeypatch.setattr(Broker, "_publish", out)
    stale = record("AAPL", ticks("AAPL", 1), sent_ms=time.time_ns() // 1_000_000 - 6_000)
    assert take(stale) == []
    assert stored(history, "AAPL") == [(1, Decimal(1))]
    assert '"event":"stale"' in capsys.readouterr().out


def test_a_fault_at_the_broker_is_no_exception(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is said in the log, and is not published."""
    broker = ingest.ingest().broker

    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://x")

    monkeypatch.setattr(broker._data, "publish", refuse)
    assert broker._publish("prices/AAPL", "{}") is False


def test_the_newest_outlives_history_and_the_rest_expires(history: History, published: Published) -> None:
    """Chunks carry their end; the head has none."""
    take(record("AAPL", ticks("AAPL", 1)))
    items = boto3.client("dynamodb").scan(TableName="history")["Items"]
    kinds = {item["pk"]["S"].split("#")[0]: "expires" in item for item in items}
    assert kinds == {"newest": False, "AAPL": True, "hours": True}


def test_a_batch_is_measured_in_one_line(
    history: History, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    """Embedded metrics by stage, refusals by reason as well; no tick's body in any line."""
    take(record("AAPL", ticks("AAPL", 1, 2)), record("MSFT", "{"), record("MSFT", "[]"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    metrics = [line for line in lines if "_aws" in line]
    assert [(m["TicksIn"], m["TicksStored"], m["TicksPublished"], m["TicksStale"]) for m in metrics[:1]] == [
        (2, 2, 2, 0)
    ]
    assert {(m["reason"], m["MessagesRefused"]) for m in metrics[1:]} == {("json", 1), ("count", 1)}
    for metric in metrics:
        (directive,) = metric["_aws"]["CloudWatchMetrics"]
        assert {name["Name"] for name in directive["Metrics"]} <= set(metric)
        assert directive["Dimensions"] in ([["stage"]], [["stage"], ["stage", "reason"]])
    assert all('"price":' not in json.dumps(line) for line in lines)


def test_an_older_tick_that_comes_again_is_stored_and_never_shown(
    history: History, published: Published
) -> None:
    """From the dead letters: it has its seq and its first time; the price lane doesn't say it."""
    take(record("AAPL", ticks("AAPL", 10)))
    yesterday_ms = time.time_ns() // 1_000_000 - 86_400_000
    batch = [
        record("AAPL", ticks("AAPL", 11)),
        record("AAPL", ticks("AAPL", 5)),
        record("AAPL", ticks("AAPL", 12)),
    ]
    batch[1]["messageAttributes"] = {"resent": {"stringValue": str(yesterday_ms)}}
    assert take(*batch) == []
    assert stored(history, "AAPL") == [(n, Decimal(p)) for n, p in enumerate((10, 11, 5, 12), start=1)]
    assert [message["seq"] for _, message in published] == [1, 2, 4]
    (head,) = history.newest(["AAPL"])
    assert head.newest is not None
    assert head.newest.price == 12
    page = history.after("AAPL", 2, limit=1)
    assert page is not None
    assert page.ticks[0].time_ms == yesterday_ms
