"""SQS queues, and the policies that may be set apart from them."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, ClassVar

from local.engine.attributed import Attributed, as_text
from local.engine.aws import Aws
from local.engine.kind import Made, Values


class Queue(Attributed):
    token, service = "aws:sqs/queue:Queue", "sqs"
    delete_op = "DeleteQueue"
    key = {"QueueUrl": "{id}"}
    attributes = {
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
    others = frozenset({"name", "namePrefix"})
    replace = frozenset({"name", "namePrefix", "fifoQueue"})
    identity = ("name",)
    tag_ops, tag_key = ("TagQueue", "UntagQueue"), {"QueueUrl": "{id}"}
    outputs = {"arn": "arn:aws:sqs:{region}:{account}:{name}", "url": "{id}"}

    def auto_name(self, values: Values, logical: str) -> str:
        return super().auto_name(values, logical) + (".fifo" if values.get("fifoQueue") else "")

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        return str(aws.call("sqs", "GetQueueUrl", QueueName=values["name"])["QueueUrl"])

    def create(self, aws: Aws, new: Values) -> Made:
        given = self.given(new)
        if not new.get("fifoQueue"):  # SQS knows the attribute only as "true"
            given.pop("FifoQueue", None)
        tags = {"tags": new["tagsAll"]} if new.get("tagsAll") else {}
        answer = aws.call("sqs", "CreateQueue", QueueName=new["name"], Attributes=given, **tags)
        return Made(ref=answer["QueueUrl"], outputs=self.told(aws, answer["QueueUrl"], new, answer))

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        if given := self.given(new, changed):
            aws.call("sqs", "SetQueueAttributes", QueueUrl=ref, Attributes=given)
        self.retag(aws, ref, old, new)
        return {}


class _Setting(Attributed):
    """One attribute of a queue as a resource of its own: so two queues can name each other."""

    service, name_key, ref = "sqs", "", "{queueUrl}"
    others = frozenset({"queueUrl"})
    replace = frozenset({"queueUrl"})
    identity = ("queueUrl",)
    name: ClassVar[str]

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        url, names = values["queueUrl"], [self.attributes[self.name][0]]
        found = aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=names)
        return str(url) if found.get("Attributes", {}).get(names[0]) else None

    def create(self, aws: Aws, new: Values) -> Made:
        self._set(aws, new["queueUrl"], new[self.name])
        return Made(ref=new["queueUrl"], outputs={})

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        self._set(aws, ref, new[self.name])
        return {}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        self._set(aws, ref, "")

    def _set(self, aws: Aws, url: str, value: Any) -> None:
        attributes = {self.attributes[self.name][0]: as_text(value)}
        aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=attributes)


class QueuePolicy(_Setting):
    token, name = "aws:sqs/queuePolicy:QueuePolicy", "policy"
    attributes = {"policy": ("Policy", "")}


class RedrivePolicy(_Setting):
    token, name = "aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy"
    attributes = {"redrivePolicy": ("RedrivePolicy", "")}


class RedriveAllowPolicy(_Setting):
    token, name = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy"
    attributes = {"redriveAllowPolicy": ("RedriveAllowPolicy", "")}


KINDS = (Queue(), QueuePolicy(), RedrivePolicy(), RedriveAllowPolicy())
