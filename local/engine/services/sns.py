"""SNS topics, their policies and subscriptions."""

from __future__ import annotations

from collections.abc import Set

from local.engine.attributed import Attributed
from local.engine.aws import Aws
from local.engine.kind import Made, Values


class Topic(Attributed):
    token, service = "aws:sns/topic:Topic", "sns"
    create_op, delete_op, read_op = "CreateTopic", "DeleteTopic", "GetTopicAttributes"
    key, ref = {"TopicArn": "{id}"}, "arn:aws:sns:{region}:{account}:{name}"
    attributes = {
        "archivePolicy": ("ArchivePolicy", ""),
        "contentBasedDeduplication": ("ContentBasedDeduplication", False),
        "deliveryPolicy": ("DeliveryPolicy", ""),
        "displayName": ("DisplayName", ""),
        "fifoThroughputScope": ("FifoThroughputScope", "Topic"),
        "fifoTopic": ("FifoTopic", None),
        "kmsMasterKeyId": ("KmsMasterKeyId", ""),
        "policy": ("Policy", ""),
        "signatureVersion": ("SignatureVersion", "1"),
        "tracingConfig": ("TracingConfig", "PassThrough"),
    }
    others = frozenset({"name", "namePrefix"})
    replace = frozenset({"name", "namePrefix", "fifoTopic"})
    identity = ("name",)
    tag_key = {"ResourceArn": "{id}"}
    outputs = {"arn": "{id}", "owner": "{account}"}

    def auto_name(self, values: Values, logical: str) -> str:
        return super().auto_name(values, logical) + (".fifo" if values.get("fifoTopic") else "")

    def create(self, aws: Aws, new: Values) -> Made:
        given = self.given(new)
        if not new.get("fifoTopic"):  # SNS knows the attribute only as "true"
            given.pop("FifoTopic", None)
        tags = self.with_tags(aws, new["tagsAll"]) if new.get("tagsAll") else {}
        answer = aws.call("sns", "CreateTopic", Name=new["name"], Attributes=given, **tags)
        return Made(ref=answer["TopicArn"], outputs=self.told(aws, answer["TopicArn"], new, answer))

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        for name, value in self.given(new, changed).items():
            aws.call("sns", "SetTopicAttributes", TopicArn=ref, AttributeName=name, AttributeValue=value)
        self.retag(aws, ref, old, new)
        return {}


class TopicPolicy(Attributed):
    token, service, name_key = "aws:sns/topicPolicy:TopicPolicy", "sns", ""
    ref = "{arn}"
    attributes = {"policy": ("Policy", "")}
    others = frozenset({"arn"})
    replace = frozenset({"arn"})
    identity = ("arn",)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        attributes = aws.call("sns", "GetTopicAttributes", TopicArn=values["arn"])["Attributes"]
        return str(values["arn"]) if attributes.get("Policy") else None

    def create(self, aws: Aws, new: Values) -> Made:
        self.update(aws, new["arn"], {}, new, {"policy"})
        return Made(ref=new["arn"], outputs={"owner": aws.account})

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        for name, value in self.given(new, changed).items():
            aws.call("sns", "SetTopicAttributes", TopicArn=ref, AttributeName=name, AttributeValue=value)
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
        self.update(aws, ref, {}, {"policy": {"Version": "2012-10-17", "Statement": [statement]}}, {"policy"})


class TopicSubscription(Attributed):
    token, service, name_key = "aws:sns/topicSubscription:TopicSubscription", "sns", ""
    delete_op, read_op = "Unsubscribe", "GetSubscriptionAttributes"
    key = {"SubscriptionArn": "{id}"}
    attributes = {
        "deliveryPolicy": ("DeliveryPolicy", ""),
        "filterPolicy": ("FilterPolicy", "{}"),
        "filterPolicyScope": ("FilterPolicyScope", "MessageAttributes"),
        "rawMessageDelivery": ("RawMessageDelivery", False),
        "redrivePolicy": ("RedrivePolicy", ""),
        "subscriptionRoleArn": ("SubscriptionRoleArn", ""),
    }
    others = frozenset(
        {"topic", "protocol", "endpoint", "confirmationTimeoutInMinutes", "endpointAutoConfirms"}
    )
    replace = frozenset({"topic", "protocol", "endpoint"})
    identity = ("topic", "protocol", "endpoint")
    outputs = {"arn": "{id}", "ownerId": "{account}"}

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        if ref:
            return super().find(aws, ref, values, taken)
        wanted = (values["protocol"], values["endpoint"])
        for one in aws.items(
            "sns", "ListSubscriptionsByTopic", "Subscriptions", {"TopicArn": values["topic"]}
        ):
            if (one["Protocol"], one["Endpoint"]) == wanted:
                return str(one["SubscriptionArn"])
        return None

    def create(self, aws: Aws, new: Values) -> Made:
        asked = {"TopicArn": new["topic"], "Protocol": new["protocol"], "Endpoint": new["endpoint"]}
        answer = aws.call("sns", "Subscribe", **asked, Attributes=self.given(new), ReturnSubscriptionArn=True)
        ref = answer["SubscriptionArn"]
        return Made(ref=ref, outputs=self.told(aws, ref, new, answer))

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        for name, value in self.given(new, changed).items():
            attribute = {"AttributeName": name, "AttributeValue": value}
            aws.call("sns", "SetSubscriptionAttributes", SubscriptionArn=ref, **attribute)
        return {}


KINDS = (Topic(), TopicPolicy(), TopicSubscription())
