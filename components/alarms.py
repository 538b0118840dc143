"""Alarms, the topic that carries them to people, and the dashboard.

The topic isn't encrypted with a key: CloudWatch can't use AWS's own (`alias/aws/sns`), one of ours would cost
more than all of it, and what passes is an alarm's name and a number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components import dashboard
from components.brake import Brake
from components.feed import Feed
from components.function import Function
from components.history import History
from components.place import Place
from components.queue import Queue
from components.rights import document
from components.rules import Rule, rules
from tickwire.stage import Stage

OPERATIONS = "docs/operations.md"
OPERATORS = {"above": "GreaterThanThreshold", "below": "LessThanThreshold"}


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    stage: Stage
    feed: Feed
    queue: Queue
    history: History
    functions: Sequence[Function]
    """All but the feed's and the brake's."""
    brake: Brake


class Alarms(pulumi.ComponentResource):
    """An alarm for each rule. It tells the topic when it rings and when it's over."""

    topic: pulumi.Output[str]
    """The topic's ARN, for those who want to hear by other ways than e-mail."""
    dashboard: pulumi.Output[str]
    """Its name; empty where there is none."""

    def __init__(self, name: str, args: AlarmsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Alarms", name, None, opts)
        stage, place = args.stage, Place.here()
        self.topic = self._topic(name, stage, place)
        found = rules(
            stage,
            queue=args.queue,
            functions=args.functions,
            feed=args.feed.function,
            brake=args.brake.function,
        )
        for rule in found:
            self._alarm(rule, stage)
        arns = [place.arn("cloudwatch", f"alarm:{stage.named(rule.noun)}") for rule in found]
        self.dashboard = pulumi.Output.from_input("")
        if stage.monitoring == "full":
            self.dashboard = self._dashboard(name, args, place, arns)
        self.register_outputs({"topic": self.topic, "dashboard": self.dashboard})

    def _topic(self, name: str, stage: Stage, place: Place) -> pulumi.Output[str]:
        """Takes this stage's alarms and the account's budgets; IAM says who of the account may subscribe."""
        known = stage.named("alarms")
        alarms = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": place.arn("sns", known),
            "Condition": {"ArnLike": {"aws:SourceArn": place.arn("cloudwatch", f"alarm:{stage.named('*')}")}},
        }
        budgets = {
            "Effect": "Allow",
            "Principal": {"Service": "budgets.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": place.arn("sns", known),
            "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
        }
        may = [alarms, budgets] if stage.monthly_budget else [alarms]
        topic = aws.sns.Topic(
            name,
            aws.sns.TopicArgs(name=known, policy=document(*may), tags=stage.tags),
            ResourceOptions(parent=self),
        )
        if stage.alarm_email:
            aws.sns.TopicSubscription(
                name,
                aws.sns.TopicSubscriptionArgs(topic=topic.arn, protocol="email", endpoint=stage.alarm_email),
                ResourceOptions(parent=self),
            )
        return topic.arn

    def _alarm(self, rule: Rule, stage: Stage) -> None:
        aws.cloudwatch.MetricAlarm(
            rule.noun,
            aws.cloudwatch.MetricAlarmArgs(
                name=stage.named(rule.noun),
                alarm_description=f"{rule.means}. What to do: {OPERATIONS}#{rule.section}",
                comparison_operator=OPERATORS[rule.rings],
                threshold=rule.threshold,
                evaluation_periods=rule.window.of,
                datapoints_to_alarm=rule.window.periods,
                treat_missing_data=rule.missing,
                actions_enabled=not stage.paused,
                warm_up_configuration=_warm_up(rule),
                alarm_actions=[self.topic, *([rule.calls.arn] if rule.calls else [])],
                ok_actions=[self.topic],
                tags=stage.tags,
                **(_one(rule) if len(rule.metrics) == 1 else {"metric_queries": _sum(rule)}),
            ),
            ResourceOptions(parent=self),
        )

    def _dashboard(
        self, name: str, args: AlarmsArgs, place: Place, alarms: Sequence[str]
    ) -> pulumi.Output[str]:
        more = [one for one in (args.feed.function, args.brake.function) if one]
        text = pulumi.Output.all(
            queue=args.queue.name,
            dead=args.queue.dead_name,
            table=args.history.table,
            functions=[function.name for function in (*args.functions, *more)],
        ).apply(
            lambda known: json.dumps(
                dashboard.body(stage=args.stage.name, region=place.region, alarms=alarms, **known)
            )
        )
        made = aws.cloudwatch.Dashboard(
            name,
            # No noun: it's of the whole stage.
            aws.cloudwatch.DashboardArgs(dashboard_name=f"tickwire-{args.stage.name}", dashboard_body=text),
            ResourceOptions(parent=self),
        )
        return made.dashboard_name


def _one(rule: Rule) -> dict[str, Any]:
    """The properties that say what an alarm looks at: one metric."""
    (metric,) = rule.metrics
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": metric.dimensions,
        "extended_statistic" if rule.statistic.startswith("p") else "statistic": rule.statistic,
        "period": rule.window.period_s,
    }


def _sum(rule: Rule) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    """Several metrics, added up; one that says nothing counts as 0."""
    query = aws.cloudwatch.MetricAlarmMetricQueryArgs
    parts = [
        query(
            id=f"part{place}",
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=metric.namespace,
                metric_name=metric.name,
                dimensions=metric.dimensions,
                stat=rule.statistic,
                period=rule.window.period_s,
            ),
            return_data=False,
        )
        for place, metric in enumerate(rule.metrics)
    ]
    total = query(id="total", expression="SUM(FILL(METRICS(), 0))", label=rule.noun, return_data=True)
    return [total, *parts]


def _warm_up(rule: Rule) -> aws.cloudwatch.MetricAlarmWarmUpConfigurationArgs | None:
    if not rule.warm_up_min:
        return None
    return aws.cloudwatch.MetricAlarmWarmUpConfigurationArgs(
        warm_up_period_duration_in_minutes=rule.warm_up_min
    )
