"""What rings, when, and whom it tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.queue import VISIBILITY_S
from handlers import events, status
from handlers.ingest import UNITS
from tests.components.watched import alarms, metrics, world
from tests.components.world import ACCOUNT, evaluate

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:tickwire-dev-alarms"
BRAKE = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:tickwire-dev-brake"
OF_AWS = {
    "AWS/SQS": ("QueueName", {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}),
    "AWS/Lambda": ("FunctionName", {"Errors", "Throttles", "Duration"}),
    "AWS/IoT": (
        "Protocol",
        {
            "PublishIn.Throttle",
            "PublishOut.Throttle",
            "Connect.Throttle",
            "Subscribe.Throttle",
            "PublishOut.Success",
        },
    ),
}
"""The metrics of AWS that alarms look at, each with the dimension by which AWS keeps it."""


# ---- What rings ----------------------------------------------------------------------------------------


def test_every_function_has_an_alarm_on_its_errors_and_a_part_in_the_one_on_throttles() -> None:
    """A new function that's left out fails here."""
    functions = {one.inputs["name"] for one in world().of("aws:lambda/function:Function")}
    watched = [
        (kind, dimensions[0][1])
        for alarm in alarms().values()
        for namespace, kind, dimensions in metrics(alarm)
        if namespace == "AWS/Lambda"
    ]
    assert len(watched) == len(set(watched)), "twice"
    for kind in ("Errors", "Throttles"):
        assert {name for seen, name in watched if seen == kind} == functions


@pytest.mark.parametrize("noun", ["ingest", "query", "door", "status"])
def test_a_function_near_its_timeout_rings_before_it_is_cut_off(noun: str) -> None:
    """At four fifths of its time, in three minutes of five: one slow run is no matter."""
    timeout_s = world().one("aws:lambda/function:Function", noun).inputs["timeout"]
    alarm = alarms()[f"{noun}-duration"]
    assert alarm["threshold"] == timeout_s * 800
    assert alarm["statistic"] == "Maximum"
    assert (alarm["datapointsToAlarm"], alarm["evaluationPeriods"], alarm["period"]) == (3, 5, 60)


def test_the_feeds_duration_is_nobodys_business() -> None:
    """It runs by the clock, a little over a minute, whatever the load; cut off, it would be an error."""
    assert "feed-duration" not in alarms()
    assert "feed-errors" in alarms()


def test_one_dead_letter_rings() -> None:
    """Set aside is a tick that nobody sees, until somebody looks."""
    alarm = alarms()["dead-letters"]
    assert metrics(alarm) == [
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", "tickwire-dev-dead.fifo"),))
    ]
    assert (alarm["statistic"], alarm["comparisonOperator"], alarm["threshold"]) == (
        "Maximum",
        "GreaterThanThreshold",
        0,
    )
    assert (alarm["datapointsToAlarm"], alarm["evaluationPeriods"]) == (1, 1)


def test_a_lost_batch_does_not_ring_but_a_queue_that_grows_old_does() -> None:
    """A batch comes back after the queue's visibility time; what waits longer than twice that isn't one."""
    alarm = alarms()["queue-age"]
    assert 2 * VISIBILITY_S < alarm["threshold"] < 60
    assert metrics(alarm) == [
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "tickwire-dev-ingest.fifo"),))
    ]


def test_late_prices_ring() -> None:
    """The 95th percentile of the age at publish, far below the five seconds after which a tick is stale."""
    alarm = alarms()["age-at-publish"]
    assert alarm["extendedStatistic"] == "p95"
    assert "statistic" not in alarm
    assert alarm["threshold"] == 1_000


@pytest.mark.parametrize(
    ("settings", "rings"),
    [
        ({}, True),
        ({"feedPaused": True}, False),
        ({"feed": "off"}, False),
        ({"feed": "off", "calendar": "XNYS"}, True),
    ],
    ids=["on", "paused", "off", "in a market's hours"],
)
def test_silence_rings_only_where_ticks_are_sure_to_come(settings: dict[str, Any], rings: bool) -> None:
    """From the simulated feed while it runs; from another's if a calendar says when it may sleep."""
    assert ("silence" in alarms(evaluate(settings))) is rings


def test_silence_in_market_hours_is_what_the_status_measures() -> None:
    """No measure means that nobody looked; a new stage has a quarter of an hour for its first tick."""
    alarm = alarms()["silence"]
    assert metrics(alarm) == [("Tickwire", "Silence", (("stage", "dev"),))]
    assert alarm["treatMissingData"] == "breaching"
    assert (alarm["comparisonOperator"], alarm["threshold"]) == ("GreaterThanThreshold", 60)
    assert (alarm["datapointsToAlarm"], alarm["evaluationPeriods"], alarm["period"]) == (5, 5, 60)
    assert alarm["warmUpConfiguration"] == {"warmUpPeriodDurationInMinutes": 15}


def test_elsewhere_no_data_is_good_news() -> None:
    """Refusals, throttles and errors are measured when there are some; a sleeping queue reports nothing."""
    others = {noun: alarm for noun, alarm in alarms().items() if noun != "silence"}
    assert {alarm["treatMissingData"] for alarm in others.values()} == {"notBreaching"}


@pytest.mark.parametrize("rate", [1, 500, 1_000_000])
def test_the_guests_alarm_compares_a_minutes_deliveries_with_the_rate(rate: int) -> None:
    """A minute's average over the rate, once; what AWS IoT Core counts is the whole account's."""
    alarm = alarms(evaluate({"guestBrake": rate}))["guest-brake"]
    assert metrics(alarm) == [("AWS/IoT", "PublishOut.Success", (("Protocol", "MQTT"),))]
    assert (alarm["statistic"], alarm["comparisonOperator"]) == ("Sum", "GreaterThanThreshold")
    assert (alarm["period"], alarm["threshold"]) == (60, rate * 60)
    assert (alarm["datapointsToAlarm"], alarm["evaluationPeriods"]) == (1, 1)


def test_without_a_rate_nothing_shuts_guests_out_by_itself() -> None:
    """No alarm, no function, no role: the brake is off by default."""
    found = evaluate()
    assert "guest-brake" not in alarms(found)
    assert not [one for one in found.custom if one.name == "brake"]


def test_the_accounts_limits_ring_once_by_the_stage_that_owns_the_brokers_log() -> None:
    """They're shared: with alarms in each stage, one cause would ring in all, and be paid by all."""
    assert {noun for noun in alarms() if noun.startswith("iot-")} == {
        "iot-publish-in",
        "iot-publish-out",
        "iot-connect",
        "iot-subscribe",
    }
    assert not [noun for noun in alarms(evaluate()) if noun.startswith("iot-")]


def test_every_alarm_looks_at_a_metric_that_exists() -> None:
    """Ours as the functions measure them, by stage; those of AWS by the dimension that AWS has for them."""
    for noun, alarm in alarms().items():
        for namespace, name, dimensions in metrics(alarm):
            if namespace == events.NAMESPACE:
                assert name in UNITS | status.UNITS, noun
                assert dimensions == (("stage", "dev"),), noun
                continue
            dimension, known = OF_AWS[namespace]
            assert name in known, noun
            assert [key for key, _ in dimensions] == [dimension], noun


def test_refusals_are_measured_by_stage_alone_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm can't add up over reasons, so the sum is a metric of its own."""
    monkeypatch.setenv("STAGE", "dev")
    events.measure(UNITS, {"MessagesRefused": 1}, reason="json")
    (directive,) = json.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"]
    assert ["stage"] in directive["Dimensions"]


def test_an_alarm_over_several_metrics_adds_them_up() -> None:
    """At most ten, as CloudWatch takes; only the sum is compared."""
    queries = alarms()["throttles"]["metricQueries"]
    total, *parts = queries
    assert total == {
        "id": "total",
        "expression": "SUM(FILL(METRICS(), 0))",
        "label": "throttles",
        "returnData": True,
    }
    assert {part["returnData"] for part in parts} == {False}
    assert {(part["metric"]["stat"], part["metric"]["period"]) for part in parts} == {("Sum", 300)}
    assert len({query["id"] for query in queries}) == len(queries) <= 11
    assert "metricName" not in alarms()["throttles"]


@pytest.mark.parametrize(
    ("settings", "count"),
    [({"iotLogging": True}, 30), ({}, 26), ({"feed": "off"}, 23), ({"guestBrake": 500}, 29)],
)
def test_alarms_cost_what_the_operations_page_says(settings: dict[str, Any], count: int) -> None:
    """CloudWatch charges by the metrics that alarms look at."""
    assert sum(len(metrics(alarm)) for alarm in alarms(evaluate(settings)).values()) == count


# ---- Whom it tells -------------------------------------------------------------------------------------


def test_every_alarm_tells_the_topic_when_it_rings_and_when_it_is_over() -> None:
    """And says where it stands what to do. One calls a function besides, when it rings."""
    for noun, alarm in alarms().items():
        assert alarm["alarmActions"] == [TOPIC, *([BRAKE] if noun == "guest-brake" else [])], noun
        assert alarm["okActions"] == [TOPIC], noun
        assert "docs/operations.md#" in alarm["alarmDescription"], noun
        assert len(alarm["alarmDescription"]) <= 1024
        assert alarm["actionsEnabled"] is True


def test_cloudwatch_can_publish_to_the_topic() -> None:
    """It can't use AWS's own key for SNS, so an encrypted topic of that kind would swallow each alarm."""
    topic = world().one("aws:sns/topic:Topic", "alarms").inputs
    assert "kmsMasterKeyId" not in topic
    assert not world().of("aws:sns/topicSubscription:TopicSubscription")


def test_an_address_hears_of_alarms_by_mail() -> None:
    """The one that the stage's settings name; AWS asks it first."""
    found = evaluate({"alarmEmail": "on-call@example.org"})
    assert found.one("aws:sns/topicSubscription:TopicSubscription", "alarms").inputs == {
        "topic": TOPIC,
        "protocol": "email",
        "endpoint": "on-call@example.org",
    }
