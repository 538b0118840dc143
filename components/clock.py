"""What wakes a function each minute: an EventBridge schedule, and the role by which it may."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.function import Function
from components.place import Place
from components.rights import allow, document, trust
from tickwire.stage import Stage


@dataclass(frozen=True, kw_only=True)
class ClockArgs:
    stage: Stage
    wakes: Function
    description: str
    on: bool = True
    event: Mapping[str, object] | None = None
    """What the function is handed; without it, what the service says of itself."""


def each_minute(name: str, args: ClockArgs, *, parent: pulumi.Resource) -> None:
    """Role, rights and schedule, named after the function. A wake that fails isn't repeated: more come."""
    stage, noun, options = args.stage, args.wakes.noun, ResourceOptions(parent=parent)
    # The service works for every account; this role only for our own.
    ours = {"StringEquals": {"aws:SourceAccount": Place.here().account}}
    role = aws.iam.Role(
        f"{name}-clock",
        aws.iam.RoleArgs(
            name=stage.named(f"{noun}-clock"),
            assume_role_policy=document(trust({"Service": "scheduler.amazonaws.com"}, condition=ours)),
            tags=stage.tags,
        ),
        options,
    )
    rights = aws.iam.RolePolicy(
        f"{name}-clock",
        aws.iam.RolePolicyArgs(
            name=stage.named(f"{noun}-clock"),
            role=role.name,
            policy=document(allow("lambda:InvokeFunction", on=args.wakes.arn)),
        ),
        options,
    )
    aws.scheduler.Schedule(
        name,
        aws.scheduler.ScheduleArgs(
            name=stage.named(noun),
            description=args.description,
            schedule_expression="rate(1 minute)",
            state="ENABLED" if args.on and not stage.paused else "DISABLED",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=args.wakes.arn,
                role_arn=role.arn,
                input=None if args.event is None else json.dumps(args.event),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=0, maximum_event_age_in_seconds=60
                ),
            ),
        ),
        ResourceOptions(parent=parent, depends_on=[rights]),
    )
