"""SQS queues, whose settings are text attributes, and the policies that may be set apart from them."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any, ClassVar

from local.engine.aws import Aws, unless_missing
from local.engine.kind import EVERYWHERE, Kind, Made, Values
from local.engine.shape import UnknownPropertyError

# Property: its attribute, and the value that taking it away goes back to (None: it can't be taken away).
_ATTRIBUTES: dict[str, tuple[str, Any]] = {
    "contentBasedDeduplication": ("ContentBasedDeduplication", False),
    "deduplicationScope": ("DeduplicationScope", "queue"),
    "delaySeconds": ("DelaySeconds", 0),
    "fifoQueue": ("FifoQueue", None),
    "fifoThroughputLimit": ("FifoThroughputLimit", "perQueue"),
    "kmsDataKeyReusePeriodSeconds": ("KmsDataKeyReusePeriodSeconds", 300),
    "kmsMasterKeyId": ("KmsMasterKeyId", ""),
    "maxMessageSize": ("MaximumMessageSize", 262144),
    "messageRetentionSeconds": ("MessageRetentionPeriod", 345600),
    "policy": ("Policy", ""),
    "receiveWaitTimeSeconds": ("ReceiveMessageWaitTimeSeconds", 0),
    "redriveAllowPolicy": ("RedriveAllowPolicy", ""),
    "redrivePolicy": ("RedrivePolicy", ""),
    "sqsManagedSseEnabled": ("SqsManagedSseEnabled", True),
    "visibilityTimeoutSeconds": ("VisibilityTimeout", 30),
}


class Queue(Kind):
    token, service = "aws:sqs/queue:Queue", "sqs"
    create_op, delete_op, read_op = "CreateQueue", "DeleteQueue", "GetQueueUrl"
    key = {"QueueUrl": "{id}"}
    replace = frozenset({"name", "namePrefix", "fifoQueue"})
    identity = ("name",)
    tag_ops = ("TagQueue", "UntagQueue")
    tag_key = {"QueueUrl": "{id}"}
    outputs = {"arn": "arn:aws:sqs:{region}:{account}:{name}", "url": "{id}"}

    def check(self, aws: Aws, new: Values) -> None:
        for name in new.keys() - _ATTRIBUTES.keys() - {"name", "namePrefix"} - EVERYWHERE:
            raise UnknownPropertyError(name)

    def auto_name(self, values: Values, logical: str) -> str:
        return super().auto_name(values, logical) + (".fifo" if values.get("fifoQueue") else "")

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        return unless_missing(
            lambda: str(aws.call("sqs", "GetQueueUrl", QueueName=values["name"])["QueueUrl"])
        )

    def create(self, aws: Aws, new: Values) -> Made:
        given = {name: new[name] for name in _ATTRIBUTES if name in new}
        if given.get("fifoQueue") is False:  # SQS knows the attribute only as "true"
            del given["fifoQueue"]
        tags = {"tags": new["tagsAll"]} if new.get("tagsAll") else {}
        answer = aws.call("sqs", "CreateQueue", QueueName=new["name"], Attributes=_attributes(given), **tags)
        ref = answer["QueueUrl"]
        return Made(ref=ref, outputs=self.told(aws, ref, new, answer))

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        values = {name: new.get(name, _ATTRIBUTES[name][1]) for name in changed if name in _ATTRIBUTES}
        if values:
            aws.call("sqs", "SetQueueAttributes", QueueUrl=ref, Attributes=_attributes(values))
        self.retag(aws, ref, old, new)
        return {}


class QueueSetting(Kind):
    """One attribute of a queue, as a resource of its own: it lets two queues name each other."""

    service, name_key, ref = "sqs", "", "{queueUrl}"
    replace = frozenset({"queueUrl"})
    identity = ("queueUrl",)
    name: ClassVar[str]

    def check(self, aws: Aws, new: Values) -> None:
        for name in new.keys() - {"queueUrl", "region", self.name}:
            raise UnknownPropertyError(name)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        def asked() -> str | None:
            url, attribute = values["queueUrl"], _ATTRIBUTES[self.name][0]
            answer = aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=[attribute])
            return str(url) if answer.get("Attributes", {}).get(attribute) else None

        return unless_missing(asked)

    def create(self, aws: Aws, new: Values) -> Made:
        self._set(aws, new["queueUrl"], new[self.name])
        return Made(ref=new["queueUrl"], outputs={})

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        self._set(aws, ref, new[self.name])
        return {}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        self._set(aws, ref, "")

    def _set(self, aws: Aws, url: str, value: Any) -> None:
        aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=_attributes({self.name: value}))


class QueuePolicy(QueueSetting):
    token, name = "aws:sqs/queuePolicy:QueuePolicy", "policy"


class RedrivePolicy(QueueSetting):
    token, name = "aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy"


class RedriveAllowPolicy(QueueSetting):
    token, name = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy"


def _attributes(values: Values) -> dict[str, str]:
    return {
        _ATTRIBUTES[name][0]: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


KINDS = (Queue(), QueuePolicy(), RedrivePolicy(), RedriveAllowPolicy())
