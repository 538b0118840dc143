"""From the queue to history and broker: the function that numbers, stores and publishes ticks."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.broker import Broker
from components.function import Function, FunctionArgs
from components.history import History
from components.queue import VISIBILITY_S, Queue
from components.rights import allow
from tickwire.stage import Stage


@dataclass(frozen=True, kw_only=True)
class IngestArgs:
    stage: Stage
    drains: Queue
    records_to: History
    publishes_to: Broker


class Ingest(pulumi.ComponentResource):
    """Function, and its mapping to the queue. Ten messages at a time is what SQS allows for FIFO."""

    function: Function

    def __init__(self, name: str, args: IngestArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Ingest", name, None, opts)
        self.function = self._function(name, args)
        self._mapping(name, args, self.function)
        self.register_outputs({})

    def _function(self, name: str, args: IngestArgs) -> Function:
        stage, queue, history, broker = args.stage, args.drains, args.records_to, args.publishes_to
        return Function(
            name,
            FunctionArgs(
                stage=stage,
                noun="ingest",
                description="Numbers ticks, stores them, publishes them",
                timeout_s=VISIBILITY_S // 2,
                memory_mb=512,
                may=[
                    allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", on=queue.arn),
                    allow("sqs:SendMessage", on=queue.dead_arn),
                    allow(
                        "dynamodb:GetItem",
                        "dynamodb:BatchGetItem",
                        "dynamodb:Query",
                        "dynamodb:PutItem",
                        on=history.arn,
                    ),
                    allow("iot:Publish", on=broker.arn(f"topic/{broker.topics.price('*')}")),
                ],
                environment={
                    "SYMBOLS": ",".join(stage.symbols),
                    "LIVE": ",".join(stage.live),
                    "TOPIC_PREFIX": broker.prefix,
                    "TABLE": history.table,
                    "KEEP_S": str(stage.keep_s),
                    "DEAD_QUEUE_URL": queue.dead_url,
                    "IOT_ENDPOINT": broker.data_url,
                },
            ),
            ResourceOptions(parent=self),
        )

    def _mapping(self, name: str, args: IngestArgs, function: Function) -> None:
        aws.lambda_.EventSourceMapping(
            name,
            aws.lambda_.EventSourceMappingArgs(
                event_source_arn=args.drains.arn,
                function_name=function.name,
                enabled=not args.stage.paused,
                batch_size=10,
                function_response_types=["ReportBatchItemFailures"],
                scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                    maximum_concurrency=args.stage.ingest_concurrency
                ),
                tags=args.stage.tags,
            ),
            ResourceOptions(parent=self),
        )
