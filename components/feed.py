"""The simulated feed: a function that's woken each minute, paces itself through it, and fills the queue."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.calendar import sessions
from components.clock import ClockArgs, each_minute
from components.function import Function, FunctionArgs
from components.queue import Queue
from components.rights import allow
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
            each_minute(
                name,
                ClockArgs(
                    stage=args.stage,
                    wakes=self.function,
                    description="Wakes the simulated feed",
                    on=not args.stage.feed_paused,
                ),
                parent=self,
            )
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
                    "CALENDAR": sessions(stage.calendar),
                },
            ),
            ResourceOptions(parent=self),
        )
