"""The account's MQTT broker, as this stage uses it: its addresses, its log, the claim on the stage's topics.

AWS IoT Core is there already; nothing here carries messages. The claim is a parameter named after the prefix:
two stages of an account and region can't both create it, and nobody publishes or listens before it's there.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.place import Place
from components.rights import document, trust, writes_to
from tickwire.stage import Stage
from tickwire.topic import Topics

LOG_GROUP = "AWSIotLogsV2"  # the name is AWS IoT's, one for each account and region


@dataclass(frozen=True, kw_only=True)
class BrokerArgs:
    stage: Stage


class Broker(pulumi.ComponentResource):
    """Addresses and topics are plain text, so that a preview shows the policies that are made of them."""

    place: Place
    topics: Topics
    claim: aws.ssm.Parameter
    prefix: pulumi.Output[str]
    """The topic prefix, once it's claimed."""
    data_url: str
    """Where functions publish by HTTP."""
    socket_url: str
    """Where clients connect by MQTT over WebSocket."""
    signing_host: str
    """The host that a client's signature covers: what a browser sends as Host for `socket_url`."""

    def __init__(self, name: str, args: BrokerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Broker", name, None, opts)
        self.place = Place.here()
        self.topics = args.stage.topics
        self.data_url, self.socket_url, self.signing_host = _addresses(args.stage)
        self.claim = self._claim(f"{name}-topics", args.stage)
        self.prefix = self.claim.name.apply(lambda _: args.stage.topic_prefix)
        if args.stage.iot_logging:
            self._log(f"{name}-log", args.stage)
        self.register_outputs({"socketUrl": self.socket_url})

    def arn(self, resource: str) -> str:
        """Of `topic/…`, `topicfilter/…` or `client/…`."""
        return self.place.arn("iot", resource)

    def _claim(self, name: str, stage: Stage) -> aws.ssm.Parameter:
        return aws.ssm.Parameter(
            name,
            aws.ssm.ParameterArgs(
                name="/".join(filter(None, ("/tickwire/topics", stage.topic_prefix))),
                description="The stage that publishes under this topic prefix",
                type="String",
                value=stage.name,
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )

    def _log(self, name: str, stage: Stage) -> None:
        child = ResourceOptions(parent=self)
        log = aws.cloudwatch.LogGroup(
            name,
            aws.cloudwatch.LogGroupArgs(
                name=LOG_GROUP, retention_in_days=stage.log_retention_days, tags=stage.tags
            ),
            child,
        )
        role = aws.iam.Role(
            name,
            aws.iam.RoleArgs(
                name=stage.named("iot-log"),
                assume_role_policy=document(trust({"Service": "iot.amazonaws.com"})),
                tags=stage.tags,
            ),
            child,
        )
        rights = aws.iam.RolePolicy(
            name,
            aws.iam.RolePolicyArgs(
                name=stage.named("iot-log"),
                role=role.name,
                policy=document(writes_to(log.arn)),
            ),
            child,
        )
        aws.iot.LoggingOptions(
            name,
            # INFO would write a line for each publish.
            aws.iot.LoggingOptionsArgs(default_log_level="WARN", role_arn=role.arn, disable_all_logs=False),
            ResourceOptions(parent=self, depends_on=[rights]),
        )


def _addresses(stage: Stage) -> tuple[str, str, str]:
    """Data URL, socket URL and signing host."""
    if stage.aws_url:
        url = urlsplit(stage.aws_url)
        socket = {"http": "ws", "https": "wss"}[url.scheme]
        return stage.aws_url, f"{socket}://{url.netloc}/mqtt", url.netloc
    host = aws.iot.get_endpoint(endpoint_type="iot:Data-ATS").endpoint_address
    return f"https://{host}", f"wss://{host}/mqtt", host
