"""The board and the conflated price lanes: a function that follows the history table."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.broker import Broker
from components.function import Function, FunctionArgs
from components.history import History
from components.rights import allow
from components.stream import follow, may_follow
from tickwire.stage import Stage

AGE_S = 60  # older, it's worthless: a full board comes each minute


@dataclass(frozen=True, kw_only=True)
class BoardArgs:
    stage: Stage
    follows: History
    publishes_to: Broker


class Board(pulumi.ComponentResource):
    """Function, and its mapping to the table's stream."""

    function: Function

    def __init__(self, name: str, args: BoardArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Board", name, None, opts)
        stage, broker = args.stage, args.publishes_to
        topics = [broker.topics.board, *([broker.topics.price("*")] if stage.conflated else [])]
        self.function = Function(
            name,
            FunctionArgs(
                stage=stage,
                noun="board",
                description="Publishes the newest of many symbols at once",
                timeout_s=30,
                memory_mb=256,
                may=[
                    *may_follow(args.follows),
                    allow("iot:Publish", on=[broker.arn(f"topic/{topic}") for topic in topics]),
                ],
                environment={
                    "CONFLATED": ",".join(stage.conflated),
                    "TOPIC_PREFIX": broker.prefix,
                    "IOT_ENDPOINT": broker.data_url,
                },
            ),
            ResourceOptions(parent=self),
        )
        follow(
            name,
            stage=stage,
            history=args.follows,
            function=self.function,
            window_s=stage.window_s,
            age_s=AGE_S,
            parent=self,
        )
        self.register_outputs({})
