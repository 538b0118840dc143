"""What shuts guests out by itself: a function that an alarm calls when too much goes out to viewers."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.function import Function, FunctionArgs
from components.identity import Identity
from components.place import Place
from components.rights import allow
from tickwire.brakes import ALARM, GUESTS, parameter
from tickwire.stage import Stage

CALLER = "lambda.alarms.cloudwatch.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class BrakeArgs:
    stage: Stage
    shuts_out: Identity


class Brake(pulumi.ComponentResource):
    """Function, and the alarm's right to call it; nothing at all where no rate is set.

    It may give one policy to one role, the one that shuts guests out, and can't take it away again.
    """

    function: Function | None

    def __init__(self, name: str, args: BrakeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Brake", name, None, opts)
        self.function = None
        if args.stage.guest_brake:
            self.function = self._function(name, args)
            self._call(name, args.stage, self.function)
        self.register_outputs({})

    def _function(self, name: str, args: BrakeArgs) -> Function:
        stage, identity = args.stage, args.shuts_out
        attach = allow("iam:AttachRolePolicy", on=identity.guests)
        only = {"Condition": {"ArnEquals": {"iam:PolicyARN": identity.closed.arn}}}
        note = Place.here().arn("ssm", f"parameter{parameter(stage.name, GUESTS)}")
        return Function(
            name,
            FunctionArgs(
                stage=stage,
                noun="brake",
                description="Shuts guests out when its alarm rings",
                timeout_s=30,
                memory_mb=256,
                may=[attach | only, allow("ssm:PutParameter", on=note)],
                environment={
                    "ROLE": identity.guests.apply(lambda arn: arn.rpartition("/")[2]),
                    "CLOSED": identity.closed.arn,
                    "NOTE": parameter(stage.name, GUESTS),
                    "ALARM": stage.named(ALARM),
                },
            ),
            ResourceOptions(parent=self),
        )

    def _call(self, name: str, stage: Stage, function: Function) -> None:
        place = Place.here()
        aws.lambda_.Permission(
            name,
            aws.lambda_.PermissionArgs(
                action="lambda:InvokeFunction",
                function=function.name,
                principal=CALLER,
                statement_id=f"alarm-{name}",
                source_account=place.account,
                source_arn=place.arn("cloudwatch", f"alarm:{stage.named(ALARM)}"),
            ),
            ResourceOptions(parent=self),
        )
