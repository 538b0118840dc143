"""The minute's clock: the function that says how the market and the platform are, and a full board."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.broker import Broker
from components.calendar import sessions
from components.clock import ClockArgs, each_minute
from components.function import Function, FunctionArgs
from components.history import History
from components.queue import Queue
from components.rights import allow
from tickwire.stage import Stage


@dataclass(frozen=True, kw_only=True)
class StatusArgs:
    stage: Stage
    reads: History
    looks_at: Queue
    publishes_to: Broker


class Status(pulumi.ComponentResource):
    """Function and schedule. It may count messages, but not read them."""

    function: Function

    def __init__(self, name: str, args: StatusArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Status", name, None, opts)
        self.function = self._function(name, args)
        woken = ClockArgs(stage=args.stage, wakes=self.function, description="Wakes the status")
        each_minute(name, woken, parent=self)
        self.register_outputs({})

    def _function(self, name: str, args: StatusArgs) -> Function:
        stage, history, queue, broker = args.stage, args.reads, args.looks_at, args.publishes_to
        topics = (broker.topics.status, broker.topics.board)
        return Function(
            name,
            FunctionArgs(
                stage=stage,
                noun="status",
                description="Says each minute how the market and the platform are",
                timeout_s=100,  # a minute for a change of the market that is about to come
                memory_mb=256,
                may=[
                    allow("dynamodb:Query", on=history.arn),
                    allow("sqs:GetQueueAttributes", on=[queue.arn, queue.dead_arn]),
                    allow("iot:Publish", on=[broker.arn(f"topic/{topic}") for topic in topics]),
                    allow("iot:RetainPublish", on=broker.arn(f"topic/{broker.topics.status}")),
                ],
                environment={
                    "SYMBOLS": ",".join(stage.symbols),
                    "CALENDAR": sessions(stage.calendar),
                    "PAUSED": "yes" if stage.feed == "simulated" and stage.feed_paused else "no",
                    "TABLE": history.table,
                    "KEEP_S": str(stage.keep_s),
                    "TOPIC_PREFIX": broker.prefix,
                    "IOT_ENDPOINT": broker.data_url,
                    "QUEUE_URL": queue.url,
                    "DEAD_QUEUE_URL": queue.dead_url,
                },
            ),
            ResourceOptions(parent=self),
        )
