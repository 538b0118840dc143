"""The queue that ticks come in by: FIFO, a message group per symbol, and the dead letters beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.place import Place
from tickwire.stage import Stage

DAY_S = 86_400
# Twice the ingest function's timeout: a batch that was lost comes back soon, never too early.
VISIBILITY_S = 12


@dataclass(frozen=True, kw_only=True)
class QueueArgs:
    stage: Stage
    attempts_max: int
    """After so many tries a message goes to the dead letters, and its symbol goes on.

    Ingest itself sets aside what can never be taken. What is left fails with a fault that may pass, or ends
    the function each time: as long as that is taken for the former, nothing overtakes it.
    """


class Queue(pulumi.ComponentResource):
    """Two queues. Groups don't wait for each other; nothing is deduplicated by content."""

    name: pulumi.Output[str]
    url: pulumi.Output[str]
    arn: pulumi.Output[str]
    dead_name: pulumi.Output[str]
    dead_url: pulumi.Output[str]
    dead_arn: pulumi.Output[str]

    def __init__(self, name: str, args: QueueArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Queue", name, None, opts)
        dead = self._dead(f"{name}-dead", args.stage)
        ingest = self._ingest(name, args, dead)
        self.name, self.url, self.arn = ingest.name, ingest.url, ingest.arn
        self.dead_name, self.dead_url, self.dead_arn = dead.name, dead.url, dead.arn
        self.register_outputs({"url": self.url, "deadUrl": self.dead_url})

    def _ingest(self, name: str, args: QueueArgs, dead: aws.sqs.Queue) -> aws.sqs.Queue:
        redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": args.attempts_max}
        return aws.sqs.Queue(
            name,
            aws.sqs.QueueArgs(
                name=_ingest_name(args.stage),
                fifo_queue=True,
                content_based_deduplication=False,
                deduplication_scope="messageGroup",
                fifo_throughput_limit="perMessageGroupId",
                visibility_timeout_seconds=VISIBILITY_S,
                message_retention_seconds=4 * DAY_S,
                sqs_managed_sse_enabled=True,
                redrive_policy=pulumi.Output.json_dumps(redrive),
                tags=args.stage.tags,
            ),
            ResourceOptions(parent=self),
        )

    def _dead(self, name: str, stage: Stage) -> aws.sqs.Queue:
        source = Place.here().arn("sqs", _ingest_name(stage))
        return aws.sqs.Queue(
            name,
            aws.sqs.QueueArgs(
                name=stage.named("dead.fifo"),
                fifo_queue=True,
                content_based_deduplication=False,
                deduplication_scope="messageGroup",
                fifo_throughput_limit="perMessageGroupId",
                message_retention_seconds=14 * DAY_S,
                sqs_managed_sse_enabled=True,
                redrive_allow_policy=json.dumps(
                    {"redrivePermission": "byQueue", "sourceQueueArns": [source]}
                ),
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )


def _ingest_name(stage: Stage) -> str:
    return stage.named("ingest.fifo")
