"""CloudWatch log groups and the metric filters that read them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from local.engine.aws import Aws, is_taken, tolerating
from local.engine.kind import Kind, Made, Values
from local.engine.shape import NOTHING


class LogGroup(Kind):
    token, service = "aws:cloudwatch/logGroup:LogGroup", "logs"
    create_op, delete_op = "CreateLogGroup", "DeleteLogGroup"
    key = {"logGroupName": "{name}"}
    names = {"name": "logGroupName"}
    own = frozenset({"retentionInDays", "kmsKeyId", "skipDestroy"})
    defaults = {"retentionInDays": 0}
    replace = frozenset({"name", "namePrefix", "logGroupClass"})
    identity = ("name",)
    tag_key = {"resourceArn": "{arn}"}
    tags_member = "tags"
    outputs = {"arn": "arn:aws:logs:{region}:{account}:log-group:{name}"}

    def facts(
        self, aws: Aws, ref: str, values: Values, answer: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        arn = f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{values.get('name')}"
        return {**super().facts(aws, ref, values, answer), "arn": arn}

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        listed = aws.items("logs", "DescribeLogGroups", "logGroups", {"logGroupNamePrefix": values["name"]})
        return values["name"] if any(one["logGroupName"] == values["name"] for one in listed) else None

    def create(self, aws: Aws, new: Values) -> Made:
        with tolerating(is_taken):
            return super().create(aws, new)
        # A function that wrote its last words after its group had gone has made it anew, without settings.
        self.settle(aws, new["name"], {}, new)
        self.retag(aws, new["name"], {}, new)
        return Made(ref=new["name"], outputs=self.told(aws, new["name"], new, {}))

    def settle(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        if new["retentionInDays"] != old.get("retentionInDays", 0):
            if days := new["retentionInDays"]:
                aws.call("logs", "PutRetentionPolicy", logGroupName=ref, retentionInDays=days)
            else:
                aws.call("logs", "DeleteRetentionPolicy", logGroupName=ref)
        if new.get("kmsKeyId") != old.get("kmsKeyId"):
            if "kmsKeyId" in new:
                aws.call("logs", "AssociateKmsKey", logGroupName=ref, kmsKeyId=new["kmsKeyId"])
            else:
                aws.call("logs", "DisassociateKmsKey", logGroupName=ref)

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        if not old.get("skipDestroy"):
            super().delete(aws, ref, old)


class LogMetricFilter(Kind):
    token, service = "aws:cloudwatch/logMetricFilter:LogMetricFilter", "logs"
    create_op = update_op = "PutMetricFilter"
    delete_op = "DeleteMetricFilter"
    key = {"logGroupName": "{logGroupName}", "filterName": "{name}"}
    names = {
        "name": "filterName",
        "pattern": "filterPattern",
        "metricTransformation": "metricTransformations",
        "metricTransformation.name": "metricName",
        "metricTransformation.namespace": "metricNamespace",
        "metricTransformation.value": "metricValue",
    }
    replace = frozenset({"name", "logGroupName"})
    identity = ("name", "logGroupName")
    whole = True

    def reshaped(self, values: Values) -> Values:
        return values | {"metricTransformation": [values["metricTransformation"]]}

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        asked = {"logGroupName": values["logGroupName"], "filterNamePrefix": values["name"]}
        listed = aws.items("logs", "DescribeMetricFilters", "metricFilters", asked)
        return values["name"] if any(one["filterName"] == values["name"] for one in listed) else None


KINDS = (LogGroup(), LogMetricFilter())
