"""The program's alarms on the local cloud: they ring, and the topic tells.

The local CloudWatch looks at a metric's name only, not its dimensions, takes an alarm's whole window as one
period, and looks when somebody puts a metric. It adds nothing up, doesn't notice silence, reads no metrics
from logs, and asks no topic's policy. So this shows that alarms and topic fit together; the rest is AWS's.
"""

from __future__ import annotations

import json
from typing import Any

from local.platform import Platform


def test_every_alarm_on_one_metric_rings_and_tells_its_listeners_where_to_read_on(quiet: Platform) -> None:
    """A value over the line each; the message names the alarm and its section of the operations page."""
    cloudwatch = quiet.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNamePrefix="tickwire-local-")["MetricAlarms"]
    for alarm in found:  # one that rings already wouldn't again
        cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="test")
    url = listener(quiet)
    alarms = {alarm["AlarmName"]: alarm for alarm in found if alarm.get("MetricName")}
    assert len(found) == len(alarms) + 1, "the one that adds up stays as it is"
    for alarm in alarms.values():
        cloudwatch.put_metric_data(
            Namespace=alarm["Namespace"],
            MetricData=[
                {
                    "MetricName": alarm["MetricName"],
                    "Dimensions": alarm["Dimensions"],
                    "Value": alarm["Threshold"] + 1,
                }
            ],
        )
    told = messages(quiet, url, len(alarms))
    assert told.keys() == alarms.keys()
    for name, message in told.items():
        assert message["NewStateValue"] == "ALARM"
        assert "docs/operations.md#" in message["AlarmDescription"], name


def listener(platform: Platform) -> str:
    """A queue that hears the stage's topic."""
    sqs, topic = platform.client("sqs"), platform.outputs["alarmTopic"]
    url: str = sqs.create_queue(QueueName="alarms-listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    platform.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def messages(platform: Platform, url: str, count: int) -> dict[str, dict[str, Any]]:
    """What alarms said on ringing, by the alarm, until so many have or none comes any more."""
    sqs = platform.client("sqs")
    told: dict[str, dict[str, Any]] = {}
    while len(told) < count:
        got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10).get("Messages", [])
        if not got:
            break
        for message in got:
            said = json.loads(json.loads(message["Body"])["Message"])
            if said["NewStateValue"] == "ALARM":
                told[said["AlarmName"]] = said
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return told
