"""The stage on one page, as CloudWatch's dashboard JSON. Pure: names go in, a document comes out.

Three graphs a row, in the order that a price flows: ticks, queue, functions, table, broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from components.rules import OURS

COLUMNS, HEIGHT = 24, 6
ALARMS_HEIGHT = 3
WIDTH = 8
PERIOD_S = 60

Row = list[Any]
"""A metric as CloudWatch lists it: namespace, name, dimensions by turns, and how to show it."""


def body(
    *,
    stage: str,
    region: str,
    queue: str,
    dead: str,
    table: str,
    functions: Sequence[str],
    alarms: Sequence[str],
) -> dict[str, Any]:
    """The dashboard of a stage. `alarms` are ARNs."""
    graphs = [
        *_ticks(stage),
        *_queues(stage, queue, dead),
        *_functions(functions),
        *_table(table),
        *_broker(),
    ]
    return {
        "start": "-PT3H",
        "periodOverride": "inherit",
        "widgets": [_alarms(alarms), *_placed(graphs, region)],
    }


def _ticks(stage: str) -> Iterable[dict[str, Any]]:
    def ours(name: str, label: str, **how: Any) -> Row:
        return [OURS, name, "stage", stage, {"label": label, **how}]

    names = {"TicksIn": "in", "TicksStored": "stored", "TicksPublished": "published"}
    yield _graph("Ticks a minute", [ours(name, label) for name, label in names.items()])
    by_reason = f"SEARCH('{{{OURS},reason,stage}} MetricName=\"MessagesRefused\" stage=\"{stage}\"', 'Sum')"
    yield _graph(
        "Stale ticks, refused messages by reason",
        [ours("TicksStale", "stale"), [{"expression": by_reason, "label": "refused", "id": "refused"}]],
    )
    ages = [ours("AgeAtPublish", part, stat=part) for part in ("p50", "p95", "p99")]
    yield _graph("Age at publish, ms from the queue", ages)


def _queues(stage: str, queue: str, dead: str) -> Iterable[dict[str, Any]]:
    def sqs(name: str, of: str, label: str) -> Row:
        return ["AWS/SQS", name, "QueueName", of, {"label": label}]

    depth = [
        sqs("ApproximateNumberOfMessagesVisible", queue, "waiting"),
        sqs("ApproximateNumberOfMessagesNotVisible", queue, "in hand"),
    ]
    silence = [OURS, "Silence", "stage", stage, {"label": "without a tick"}]
    oldest = [sqs("ApproximateAgeOfOldestMessage", queue, "oldest message"), silence]
    letters = [sqs("ApproximateNumberOfMessagesVisible", dead, "set aside")]
    yield _graph("Queue, s of the oldest message and without a tick", oldest, stat="Maximum")
    yield _graph("Queue, messages", depth, stat="Maximum")
    yield _graph("Dead letters", letters, stat="Maximum")


def _functions(functions: Sequence[str]) -> Iterable[dict[str, Any]]:
    def each(name: str) -> list[Row]:
        return [["AWS/Lambda", name, "FunctionName", function, {"label": function}] for function in functions]

    yield _graph("Functions, errors", each("Errors"))
    yield _graph("Functions, throttles", each("Throttles"))
    yield _graph("Functions, longest run in ms", each("Duration"), stat="Maximum")


def _table(table: str) -> Iterable[dict[str, Any]]:
    def units(name: str, label: str) -> Row:
        return ["AWS/DynamoDB", name, "TableName", table, {"label": label}]

    consumed = [
        units("ConsumedWriteCapacityUnits", "written"),
        units("ConsumedReadCapacityUnits", "read"),
    ]
    throttles = [units("WriteThrottleEvents", "writes"), units("ReadThrottleEvents", "reads")]
    yield _graph("Table, units a minute", consumed)
    yield _graph("Table, throttled", throttles)


def _broker() -> Iterable[dict[str, Any]]:
    def iot(name: str, protocol: str, label: str) -> Row:
        return ["AWS/IoT", name, "Protocol", protocol, {"label": label}]

    passed = [iot("PublishIn.Success", "HTTP", "in"), iot("PublishOut.Success", "MQTT", "out")]
    came = [iot("Connect.Success", "MQTT", "connects"), iot("Subscribe.Success", "MQTT", "subscribes")]
    refused = [
        iot("PublishIn.Throttle", "HTTP", "in"),
        iot("PublishOut.Throttle", "MQTT", "out"),
        iot("Connect.Throttle", "MQTT", "connects"),
        iot("Subscribe.Throttle", "MQTT", "subscribes"),
    ]
    yield _graph("Broker, messages a minute (whole account)", passed)
    yield _graph("Broker, arrivals a minute (whole account)", came)
    yield _graph("Broker, throttled (whole account)", refused)


def _alarms(arns: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": COLUMNS,
        "height": ALARMS_HEIGHT,
        "properties": {"title": "Alarms", "alarms": list(arns)},
    }


def _graph(title: str, metrics: Sequence[Row], *, stat: str = "Sum") -> dict[str, Any]:
    return {"title": title, "metrics": list(metrics), "stat": stat, "period": PERIOD_S, "view": "timeSeries"}


def _placed(graphs: Iterable[dict[str, Any]], region: str) -> list[dict[str, Any]]:
    """Left to right, top to bottom, below the alarms."""
    return [
        {
            "type": "metric",
            "x": place * WIDTH % COLUMNS,
            "y": ALARMS_HEIGHT + place * WIDTH // COLUMNS * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "properties": {**graph, "region": region, "yAxis": {"left": {"min": 0}}},
        }
        for place, graph in enumerate(graphs)
    ]
