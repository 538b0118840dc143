"""The planner knows what the program makes: each billable type, each function's memory, each alarm's metrics.

And the sizes and counts that it plans with are those of the program's own messages, items and log lines.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from benchmarks import ingest as bench
from benchmarks.stub import size
from handlers import bars, board, events, feed, ingest, queue, status
from tests.components.watched import alarms, metrics
from tests.components.world import COMPUTED, evaluate
from tickwire import board as boards
from tickwire import flow, ledger, market, prices, usage, wire
from tickwire.prices import PRICES
from tickwire.stage import Stage

PAID_BY: dict[str, set[str]] = {
    "aws:apigatewayv2/api:Api": {"api.request"},
    "aws:apigatewayv2/integration:Integration": set(),
    "aws:apigatewayv2/route:Route": set(),
    "aws:apigatewayv2/stage:Stage": {"logs.written"},
    "aws:budgets/budget:Budget": set(),  # one that only warns is free
    "aws:cloudfront/cachePolicy:CachePolicy": set(),
    "aws:cloudfront/distribution:Distribution": {"cdn.request", "cdn.traffic"},
    "aws:cloudfront/originAccessControl:OriginAccessControl": set(),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": set(),
    "aws:cloudwatch/dashboard:Dashboard": {"dashboard"},
    "aws:cloudwatch/logGroup:LogGroup": {"logs.written", "logs.stored"},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"alarm.metric"},
    "aws:cognito/identityPool:IdentityPool": {"identity"},
    "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment": set(),
    "aws:dynamodb/table:Table": {"dynamodb.write", "dynamodb.read", "dynamodb.stored"},
    "aws:iam/policy:Policy": set(),
    "aws:iam/role:Role": set(),
    "aws:iam/rolePolicy:RolePolicy": set(),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": set(),
    "aws:iot/loggingOptions:LoggingOptions": set(),  # warnings only; their log group is paid for as it fills
    "aws:lambda/eventSourceMapping:EventSourceMapping": {"sqs.fifo", "dynamodb.stream"},
    "aws:lambda/function:Function": {"lambda.request", "lambda.gbs", "metric"},
    "aws:lambda/permission:Permission": set(),
    "aws:s3/bucket:Bucket": {"s3.stored"},
    "aws:s3/bucketObjectv2:BucketObjectv2": {"s3.put", "s3.get"},
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": set(),
    "aws:s3/bucketPolicy:BucketPolicy": set(),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": set(),
    "aws:scheduler/schedule:Schedule": {"schedule.run"},
    "aws:sns/topic:Topic": set(),  # some mails a month
    "aws:sns/topicSubscription:TopicSubscription": set(),
    "aws:sqs/queue:Queue": {"sqs.fifo"},
    "aws:ssm/parameter:Parameter": set(),  # a standard one is free
}
"""By what the planner charges each type that the program makes; nothing for what AWS doesn't charge."""

EVERYTHING = {
    "tracing": True,
    "iotLogging": True,
    "protected": True,
    "alarmEmail": "a@example.org",
    "guestBrake": 5_000,
}
VIEWERS = {"viewers": [{"count": 5, "lane": lane} for lane in ("price", "board", "bar")], "requests": 5}


def test_the_planner_knows_every_type_that_the_program_makes() -> None:
    """A new billable one fails here, until the planner charges it, or says that it's free."""
    world = evaluate({**EVERYTHING, "monthlyBudget": 100_000})
    assert world.error is None
    made = {one.type for one in world.custom}
    assert made == PAID_BY.keys() == COMPUTED.keys()


def test_whatever_a_type_is_charged_by_is_charged() -> None:
    """By a stage that has all; and the broker and traces, which have no resource of ours."""
    charged = {use.of for use in usage.uses(Stage.parse({**EVERYTHING, "workload": VIEWERS}, name="dev"))}
    apart = {"iot.message", "iot.minute", "iot.egress", "xray.trace", "dynamodb.backup"}
    assert charged == set().union(*PAID_BY.values()) | apart == PRICES.keys()


def test_the_planner_knows_every_functions_memory_and_processor() -> None:
    """Both are what a second costs."""
    made = evaluate({"guestBrake": 5_000}).of("aws:lambda/function:Function")
    assert {one.name: one.inputs["memorySize"] for one in made} == usage.MEMORY_MB
    assert {tuple(one.inputs["architectures"]) for one in made} == {("arm64",)}


def test_the_planner_knows_which_functions_are_woken() -> None:
    """Each minute, and a feed that's paused isn't."""
    for settings in ({}, {"feed": "off"}, {"feedPaused": True}):
        found = evaluate(settings).of("aws:scheduler/schedule:Schedule")
        woken = sum(one.inputs["state"] == "ENABLED" for one in found)
        planned = [use for use in usage.uses(Stage.parse(settings, name="dev")) if use.of == "schedule.run"]
        assert planned[0].quantity == woken * usage.MINUTES, settings


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"iotLogging": True},
        {"feed": "off"},
        {"feed": "off", "calendar": "XNYS"},
        {"feedPaused": True},
        {"guestBrake": 5_000},
        {"monitoring": "essential"},
        {"monitoring": "essential", "guestBrake": 5_000},
        {"monitoring": "essential", "feed": "off", "iotLogging": True},
    ],
    ids=str,
)
def test_the_planner_counts_the_metrics_that_alarms_look_at(settings: dict[str, Any]) -> None:
    """They're what an alarm costs."""
    looked = sum(len(metrics(alarm)) for alarm in alarms(evaluate(settings)).values())
    assert usage.watches(Stage.parse(settings, name="dev")) == looked


def test_a_stage_with_the_essential_alarms_has_no_dashboard() -> None:
    """It costs as much as thirty metrics."""
    assert not evaluate({"monitoring": "essential"}).of("aws:cloudwatch/dashboard:Dashboard")
    assert evaluate().of("aws:cloudwatch/dashboard:Dashboard")


def test_the_planner_counts_the_metrics_that_functions_write_while_all_is_well() -> None:
    """As each function's `UNITS` names them, less those for what went wrong."""
    wrong = {"MessagesRefused", "BarsCorrected", "BarsUnpublished", "TicksTooLate"}
    units = {"ingest": ingest.UNITS, "board": board.UNITS, "bars": bars.UNITS, "status": status.UNITS}
    assert {name: len(found.keys() - wrong) for name, found in units.items()} == usage.METRICS


def test_the_planner_counts_as_the_functions_do() -> None:
    """Bounds of calls, blocks, windows and runs."""
    from components import bars as bars_component
    from handlers import history

    assert queue.BATCH_MAX == flow.GROUP
    assert (ledger.BLOCK, history.TRUST_S) == (flow.BLOCK, usage.HEAD_TRUST_S)
    assert bars_component.WINDOW_S == usage.BARS_WINDOW_S
    assert feed.RUN_MS == usage.FEED_RUN_S * 1000
    assert wire.MESSAGE_BYTES_MAX == prices.DELIVERY_BYTES
    assert boards._FRAME_BYTES == flow.BOARD_FRAME_BYTES


# ---- sizes -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taken() -> Callable[[int], dict[str, Any]]:
    """What ingest makes of forty messages of so many seconds of the simulated market."""

    def take(seconds: int) -> dict[str, Any]:
        now_ms = time.time_ns() // 1_000_000
        published: list[str] = []
        records, ticks = [], 0
        for number in range(40):
            start = now_ms - 3_600_000 + number * seconds * 1000
            found = market.trades("AAPL", start, start + seconds * 1000, rate=5)
            ticks += len(found)
            about = {
                "MessageGroupId": "AAPL",
                "SequenceNumber": str(18849496460467696128 + number),
                "SentTimestamp": str(now_ms + 3_600_000),
            }
            records.append({"messageId": str(number), "body": wire.encode_input(found), "attributes": about})
        out = io.StringIO()
        with (
            patch.dict(os.environ, bench.ENVIRONMENT),
            contextlib.redirect_stdout(out),
            bench._fresh() as account,
        ):

            def keep(_topic: str, text: str) -> bool:
                published.append(text)
                return True

            with patch.object(ingest.ingest().broker, "_publish", keep):
                for record in records:
                    ingest.handler({"Records": [record]}, None)
            heads = [head for _, head in ingest.ingest().history._heads.values() if head]
        return {
            "ticks": ticks / 40,
            "input": sum(len(record["body"]) for record in records) / ticks,
            "units": account.write_units / 40,
            "newest": max(size(item) for item in account.items["newest"].values()),
            "price": sum(map(len, published)) / 40,
            "log": max(map(len, out.getvalue().splitlines())),
            "heads": heads,
        }

    return take


@pytest.mark.parametrize("seconds", [1, 5, 7])
def test_the_planner_knows_how_large_things_are(taken: Callable[[int], dict[str, Any]], seconds: int) -> None:
    """Messages in and out, items of history and what ingest logs, within a tenth of the program's own."""
    found = taken(seconds)
    ticks = found["ticks"]
    assert flow.chunk_units(ticks) + 1 == pytest.approx(found["units"], rel=0.1)
    assert found["input"] == pytest.approx(usage.INPUT_BYTES, rel=0.1)
    assert found["price"] == pytest.approx(flow.PRICE_BYTES + flow.OLDER_BYTES * (ticks - 1), rel=0.1)
    assert found["newest"] == pytest.approx(usage.HEAD_BYTES, rel=0.1)
    assert found["log"] == pytest.approx(usage.LOG_BYTES["ingest"], rel=0.1)


def test_the_planner_knows_how_many_symbols_a_board_holds(taken: Callable[[int], dict[str, Any]]) -> None:
    """33 in one message, and a 34th makes it two."""
    (first,) = taken(1)["heads"]
    head = replace(first, close=first.open)  # as from its second day on
    for symbols in (33, 34, 66, 67):
        messages = len(boards.messages([head] * symbols, at_ms=0))
        stage = Stage.parse({"symbols": [f"S{number}" for number in range(symbols)]}, name="dev")
        assert flow.Flow.of(stage).full == messages, symbols


def test_the_planner_knows_how_long_other_log_lines_are() -> None:
    """Within a third: they're short, and each run writes one."""
    lines = io.StringIO()
    with patch.dict(os.environ, {"STAGE": "dev"}), contextlib.redirect_stdout(lines):
        events._request["id"] = "8f5d3b0e-1c2d-4e5f-8a9b-0c1d2e3f4a5b"
        events.measure(board.UNITS, {"BoardMessages": 1, "PricesConflated": 0})
        events.measure(status.UNITS, {"Silence": 0})
        events.emit("fed", sent=252, failed=0)
        events._request["id"] = ""
    sizes = dict(zip(("board", "status", "feed"), map(len, lines.getvalue().splitlines()), strict=True))
    for name, found in sizes.items():
        assert found == pytest.approx(usage.LOG_BYTES[name], rel=0.33), name
    assert json.loads(lines.getvalue().splitlines()[-1])["event"] == "fed"
