"""What the dashboard shows."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from tests.components.watched import alarms, metrics, world
from tests.components.world import ACCOUNT, World, evaluate


def dashboard(found: World | None = None) -> dict[str, Any]:
    body = (found or world()).one("aws:cloudwatch/dashboard:Dashboard", "alarms").inputs["dashboardBody"]
    shown: dict[str, Any] = json.loads(body)
    return shown


def graphs(found: World | None = None) -> dict[str, dict[str, Any]]:
    """The dashboard's graphs by title."""
    widgets = dashboard(found)["widgets"]
    return {one["properties"]["title"]: one["properties"] for one in widgets if one["type"] == "metric"}


def test_the_dashboard_shows_every_metric_that_an_alarm_looks_at() -> None:
    """So whoever hears an alarm sees its curve."""
    shown = {tuple(row[:4]) for graph in graphs().values() for row in graph["metrics"] if len(row) > 1}
    for noun, alarm in alarms().items():
        for namespace, name, ((key, value),) in metrics(alarm):
            if name != "MessagesRefused":  # shown by reason
                assert (namespace, name, key, value) in shown, noun
    ((refused,),) = [
        row for row in graphs()["Stale ticks, refused messages by reason"]["metrics"] if len(row) == 1
    ]
    assert refused["expression"] == (
        "SEARCH('{Tickwire,reason,stage} MetricName=\"MessagesRefused\" stage=\"dev\"', 'Sum')"
    )


def test_the_dashboard_shows_the_flow() -> None:
    """Ticks in, stored and published; ages; the table's units and throttles; what the broker passes on."""
    rows = {
        title: [(row[1], row[-1].get("stat", graph["stat"])) for row in graph["metrics"] if len(row) > 1]
        for title, graph in graphs().items()
    }
    assert rows["Ticks a minute"] == [(name, "Sum") for name in ("TicksIn", "TicksStored", "TicksPublished")]
    assert rows["Age at publish, ms from the queue"] == [
        ("AgeAtPublish", part) for part in ("p50", "p95", "p99")
    ]
    assert [name for name, _ in rows["Table, units a minute"]] == [
        "ConsumedWriteCapacityUnits",
        "ConsumedReadCapacityUnits",
    ]
    assert [name for name, _ in rows["Table, throttled"]] == ["WriteThrottleEvents", "ReadThrottleEvents"]
    assert [name for name, _ in rows["Broker, messages a minute (whole account)"]] == [
        "PublishIn.Success",
        "PublishOut.Success",
    ]


def test_the_dashboard_lists_the_stages_alarms_first() -> None:
    """All of them, by ARN."""
    first = dashboard()["widgets"][0]
    assert first["type"] == "alarm"
    named = [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:tickwire-dev-{noun}" for noun in alarms()]
    assert sorted(first["properties"]["alarms"]) == sorted(named)


def test_the_dashboards_widgets_fill_the_page_without_covering_each_other() -> None:
    """Twenty-four columns, as CloudWatch has."""
    places = [
        (one["x"], one["y"], one["x"] + one["width"], one["y"] + one["height"])
        for one in dashboard()["widgets"]
    ]
    assert all(0 <= left < right <= 24 for left, _, right, _ in places)
    for one, other in combinations(places, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_dashboard_is_of_the_stages_region() -> None:
    """A graph without a region would show the reader's."""
    found = evaluate(region="eu-central-1")
    assert {graph["region"] for graph in graphs(found).values()} == {"eu-central-1"}


def test_a_stage_without_a_feed_shows_none() -> None:
    """No graph of a function that isn't there."""
    assert "tickwire-dev-feed" not in json.dumps(dashboard(evaluate({"feed": "off"})))
    assert "tickwire-dev-feed" in json.dumps(dashboard())
