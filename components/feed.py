"""The simulated feed: a function that's woken each minute, paces itself through it, and fills the queue."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.function import Function, FunctionArgs
from components.place import Place
from components.queue import Queue
from components.rights import allow, document, trust
from tickwire.stage import Stage


@dataclass(frozen=True, kw_only=True)
class FeedArgs:
    stage: Stage
    fills: Queue


class Feed(pulumi.ComponentResource):
    """Function and schedule; nothing at all where the feed is off."""

    function: Function | None
    name: pulumi.Output[str]
    """The function's; empty where there is none."""

    def __init__(self, name: str, args: FeedArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Feed", name, None, opts)
        self.function, self.name = None, pulumi.Output.from_input("")
        if args.stage.feed == "simulated":
            self.function = self._function(name, args)
            self._schedule(name, args.stage, self.function)
            self.name = self.function.name
        self.register_outputs({"function": self.name})

    def _function(self, name: str, args: FeedArgs) -> Function:
        stage = args.stage
        return Function(
            name,
            FunctionArgs(
                stage=stage,
                noun="feed",
                description="Makes a minute of simulated trades",
                timeout_s=75,
                memory_mb=256,
                may=[allow("sqs:SendMessage", on=args.fills.arn)],
                environment={
                    "SYMBOLS": ",".join(stage.symbols),
                    "QUEUE_URL": args.fills.url,
                    "RATE": str(stage.feed_rate),
                    "PACK_MS": str(stage.feed_pack_ms),
                },
            ),
            ResourceOptions(parent=self),
        )

    def _schedule(self, name: str, stage: Stage, function: Function) -> None:
        # The service works for every account; this role only for our own.
        ours = {"StringEquals": {"aws:SourceAccount": Place.here().account}}
        role = aws.iam.Role(
            f"{name}-clock",
            aws.iam.RoleArgs(
                name=stage.named("feed-clock"),
                assume_role_policy=document(trust({"Service": "scheduler.amazonaws.com"}, condition=ours)),
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )
        rights = aws.iam.RolePolicy(
            f"{name}-clock",
            aws.iam.RolePolicyArgs(
                name=stage.named("feed-clock"),
                role=role.name,
                policy=document(allow("lambda:InvokeFunction", on=function.arn)),
            ),
            ResourceOptions(parent=self),
        )
        aws.scheduler.Schedule(
            name,
            aws.scheduler.ScheduleArgs(
                name=stage.named("feed"),
                description="Wakes the simulated feed",
                schedule_expression="rate(1 minute)",
                state="DISABLED" if stage.feed_paused else "ENABLED",
                flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=aws.scheduler.ScheduleTargetArgs(
                    arn=function.arn,
                    role_arn=role.arn,
                    retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_retry_attempts=0, maximum_event_age_in_seconds=60
                    ),
                ),
            ),
            ResourceOptions(parent=self, depends_on=[rights]),
        )
