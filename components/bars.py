"""Minute and day bars: a function that follows the history table, and closes each minute what went quiet."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.broker import Broker
from components.clock import ClockArgs, each_minute
from components.function import Function, FunctionArgs
from components.history import History
from components.rights import allow
from components.stream import follow, may_follow
from tickwire.stage import Stage

WINDOW_S = 5  # a bar is out this long after its minute at most
PUBLISHED = ("1m", "1d")  # the other intervals are derived by whoever reads
AGE_S = 3_600  # what is given up then is made up for with the next


@dataclass(frozen=True, kw_only=True)
class BarsArgs:
    stage: Stage
    follows: History
    publishes_to: Broker


class Bars(pulumi.ComponentResource):
    """Function, its mapping to the table's stream, and its clock."""

    function: Function

    def __init__(self, name: str, args: BarsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Bars", name, None, opts)
        stage, history, broker = args.stage, args.follows, args.publishes_to
        self.function = Function(
            name,
            FunctionArgs(
                stage=stage,
                noun="bars",
                description="Folds ticks into bars, each once",
                timeout_s=60,
                memory_mb=512,
                may=[
                    *may_follow(history),
                    allow("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", on=history.arn),
                    allow(
                        "iot:Publish",
                        on=[broker.arn(f"topic/{broker.topics.bar(each, '*')}") for each in PUBLISHED],
                    ),
                ],
                environment={
                    "SYMBOLS": ",".join(stage.symbols),
                    "TABLE": history.table,
                    "KEEP_S": str(stage.keep_s),
                    "BAR_DAYS": str(stage.bar_days),
                    "TOPIC_PREFIX": broker.prefix,
                    "IOT_ENDPOINT": broker.data_url,
                },
            ),
            ResourceOptions(parent=self),
        )
        quiet = ClockArgs(
            stage=stage, wakes=self.function, description="Closes quiet bars", event={"close": True}
        )
        each_minute(name, quiet, parent=self)
        follow(
            name,
            stage=stage,
            history=history,
            function=self.function,
            window_s=WINDOW_S,
            age_s=AGE_S,
            parent=self,
        )
        self.register_outputs({})
