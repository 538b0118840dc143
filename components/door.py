"""The way in by HTTP: `POST /api/ticks`, for those who hold the key."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.function import Function, FunctionArgs
from components.query import Query
from components.queue import Queue
from components.rights import allow
from components.route import Route, RouteArgs
from tickwire.stage import Stage


@dataclass(frozen=True, kw_only=True)
class DoorArgs:
    stage: Stage
    opens_on: Query
    fills: Queue
    key_digest: pulumi.Output[str]
    """SHA-256 of the key; empty shuts the door."""


class Door(pulumi.ComponentResource):
    """The function that checks key, origin and ticks, and puts them on the queue."""

    function: Function

    def __init__(self, name: str, args: DoorArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Door", name, None, opts)
        self.function = self._function(name, args)
        Route(
            name,
            RouteArgs(api=args.opens_on.api, path="POST /api/ticks", leads_to=self.function),
            ResourceOptions(parent=self),
        )
        self.register_outputs({})

    def _function(self, name: str, args: DoorArgs) -> Function:
        return Function(
            name,
            FunctionArgs(
                stage=args.stage,
                noun="door",
                description="Takes ticks by HTTP and puts them on the queue",
                timeout_s=10,
                memory_mb=256,
                may=[allow("sqs:SendMessage", on=args.fills.arn)],
                environment={
                    "SYMBOLS": ",".join(args.stage.symbols),
                    "QUEUE_URL": args.fills.url,
                    "API_KEY_SHA256": args.key_digest,
                    "WRITE_ORIGINS": ",".join(args.stage.write_origins),
                },
            ),
            ResourceOptions(parent=self),
        )
