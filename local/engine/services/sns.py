"""SNS topics and subscriptions, whose settings are text attributes."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from local.engine.aws import Aws, unless_missing
from local.engine.kind import EVERYWHERE, Kind, Made, Values
from local.engine.shape import UnknownPropertyError

_TOPIC = {
    "archivePolicy": "ArchivePolicy",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoThroughputScope": "FifoThroughputScope",
    "fifoTopic": "FifoTopic",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
_SUBSCRIPTION = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "replayPolicy": "ReplayPolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


class Topic(Kind):
    token, service = "aws:sns/topic:Topic", "sns"
    create_op, delete_op, read_op = "CreateTopic", "DeleteTopic", "GetTopicAttributes"
    key, ref = {"TopicArn": "{id}"}, "arn:aws:sns:{region}:{account}:{name}"
    replace = frozenset({"name", "namePrefix", "fifoTopic"})
    identity = ("name",)
    tag_key = {"ResourceArn": "{id}"}
    outputs = {"arn": "{id}", "owner": "{account}"}

    def check(self, aws: Aws, new: Values) -> None:
        _known(new, _TOPIC.keys() | {"name", "namePrefix"})

    def auto_name(self, values: Values, logical: str) -> str:
        return super().auto_name(values, logical) + (".fifo" if values.get("fifoTopic") else "")

    def create(self, aws: Aws, new: Values) -> Made:
        attributes = {_TOPIC[name]: _text(new[name]) for name in _TOPIC if new.get(name, False) is not False}
        tags = self.with_tags(aws, new["tagsAll"]) if new.get("tagsAll") else {}
        answer = aws.call("sns", "CreateTopic", Name=new["name"], Attributes=attributes, **tags)
        return Made(ref=answer["TopicArn"], outputs=self.told(aws, answer["TopicArn"], new, answer))

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        for name in sorted(changed & _TOPIC.keys()):
            value = _text(new.get(name, ""))
            aws.call(
                "sns", "SetTopicAttributes", TopicArn=ref, AttributeName=_TOPIC[name], AttributeValue=value
            )
        self.retag(aws, ref, old, new)
        return {}


class TopicPolicy(Kind):
    token, service, name_key = "aws:sns/topicPolicy:TopicPolicy", "sns", ""
    ref = "{arn}"
    replace = frozenset({"arn"})
    identity = ("arn",)

    def check(self, aws: Aws, new: Values) -> None:
        _known(new, {"arn", "policy"})

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        def asked() -> str | None:
            attributes = aws.call("sns", "GetTopicAttributes", TopicArn=values["arn"])["Attributes"]
            return str(values["arn"]) if attributes.get("Policy") else None

        return unless_missing(asked)

    def create(self, aws: Aws, new: Values) -> Made:
        self.update(aws, new["arn"], {}, new, set())
        return Made(ref=new["arn"], outputs={"owner": aws.account})

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        policy = _text(new["policy"])
        aws.call("sns", "SetTopicAttributes", TopicArn=ref, AttributeName="Policy", AttributeValue=policy)
        return {}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        """A topic always has a policy: back to the one that lets only its owner use it."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:SetTopicAttributes", "SNS:GetTopicAttributes"],
            "Resource": ref,
            "Condition": {"StringEquals": {"AWS:SourceOwner": aws.account}},
        }
        self.update(aws, ref, {}, {"policy": {"Version": "2012-10-17", "Statement": [statement]}}, set())


class TopicSubscription(Kind):
    token, service, name_key = "aws:sns/topicSubscription:TopicSubscription", "sns", ""
    delete_op, read_op = "Unsubscribe", "GetSubscriptionAttributes"
    key = {"SubscriptionArn": "{id}"}
    replace = frozenset({"topic", "protocol", "endpoint"})
    identity = ("topic", "protocol", "endpoint")
    outputs = {"arn": "{id}", "ownerId": "{account}"}

    def check(self, aws: Aws, new: Values) -> None:
        more = {"topic", "protocol", "endpoint", "confirmationTimeoutInMinutes", "endpointAutoConfirms"}
        _known(new, _SUBSCRIPTION.keys() | more)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        if ref:
            return super().find(aws, ref, values, taken)
        wanted = (values["protocol"], values["endpoint"])

        def listed() -> str | None:
            asked = {"TopicArn": values["topic"]}
            for one in aws.items("sns", "ListSubscriptionsByTopic", "Subscriptions", asked):
                if (one["Protocol"], one["Endpoint"]) == wanted:
                    return str(one["SubscriptionArn"])
            return None

        return unless_missing(listed)

    def create(self, aws: Aws, new: Values) -> Made:
        attributes = {_SUBSCRIPTION[name]: _text(new[name]) for name in _SUBSCRIPTION if name in new}
        arguments = {"TopicArn": new["topic"], "Protocol": new["protocol"], "Endpoint": new["endpoint"]}
        answer = aws.call("sns", "Subscribe", **arguments, Attributes=attributes, ReturnSubscriptionArn=True)
        ref = answer["SubscriptionArn"]
        return Made(ref=ref, outputs=self.told(aws, ref, new, answer))

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        for name in sorted(changed & _SUBSCRIPTION.keys()):
            attribute, value = _SUBSCRIPTION[name], _text(new.get(name, ""))
            aws.call(
                "sns",
                "SetSubscriptionAttributes",
                SubscriptionArn=ref,
                AttributeName=attribute,
                AttributeValue=value,
            )
        return {}


def _known(values: Values, known: Set[str]) -> None:
    for name in values.keys() - known - EVERYWHERE:
        raise UnknownPropertyError(name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


KINDS = (Topic(), TopicPolicy(), TopicSubscription())
