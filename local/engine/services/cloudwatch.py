"""CloudWatch alarms and dashboards."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from local.engine.aws import Aws
from local.engine.kind import Kind, Values


class MetricAlarm(Kind):
    token, service = "aws:cloudwatch/metricAlarm:MetricAlarm", "cloudwatch"
    create_op = update_op = "PutMetricAlarm"
    names = {
        "name": "AlarmName",
        "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
        "metricQueries": "Metrics",
        "okActions": "OKActions",
    }
    defaults = {"actionsEnabled": True, "treatMissingData": "missing"}
    replace = frozenset({"name"})
    identity = ("name",)
    whole = True
    tag_key = {"ResourceARN": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"}
    outputs = {"arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"}

    def reshaped(self, values: Values) -> Values:
        queries = [_query(one) for one in values.get("metricQueries", [])]
        return values | ({"metricQueries": queries} if queries else {})

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        found = aws.call("cloudwatch", "DescribeAlarms", AlarmNames=[values["name"]])
        return str(values["name"]) if found.get("MetricAlarms") else None

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        aws.call("cloudwatch", "DeleteAlarms", AlarmNames=[ref])


class Dashboard(Kind):
    token, service, name_key = "aws:cloudwatch/dashboard:Dashboard", "cloudwatch", "dashboardName"
    create_op = update_op = "PutDashboard"
    read_op = "GetDashboard"
    key, ref = {"DashboardName": "{dashboardName}"}, "{dashboardName}"
    replace = frozenset({"dashboardName"})
    identity = ("dashboardName",)
    outputs = {"dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}"}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        aws.call("cloudwatch", "DeleteDashboards", DashboardNames=[ref])


def _query(query: Values) -> dict[str, Any]:
    """A query's metric as CloudWatch nests it: what is measured, then how."""
    if "metric" not in query:
        return query
    metric = query["metric"]
    what = {name: one for name, one in metric.items() if name in ("namespace", "metricName", "dimensions")}
    how = {name: one for name, one in metric.items() if name not in what}
    return {name: one for name, one in query.items() if name != "metric"} | {
        "metricStat": {"metric": what} | how
    }


KINDS = (MetricAlarm(), Dashboard())
