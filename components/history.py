"""The table that remembers: ticks for the retention time, and the newest of each symbol for ever."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from tickwire.stage import Stage


@dataclass(frozen=True, kw_only=True)
class HistoryArgs:
    stage: Stage


class History(pulumi.ComponentResource):
    """One table on demand, keys `pk` and `sk`. Its stream carries each new item on to whoever folds it."""

    table: pulumi.Output[str]
    arn: pulumi.Output[str]
    stream_arn: pulumi.Output[str]

    def __init__(self, name: str, args: HistoryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:History", name, None, opts)
        table = self._table(name, args.stage)
        self.table, self.arn, self.stream_arn = table.name, table.arn, table.stream_arn
        self.register_outputs({"table": self.table})

    def _table(self, name: str, stage: Stage) -> aws.dynamodb.Table:
        return aws.dynamodb.Table(
            name,
            aws.dynamodb.TableArgs(
                name=stage.named("history"),
                billing_mode="PAY_PER_REQUEST",
                hash_key="pk",
                range_key="sk",
                attributes=[
                    aws.dynamodb.TableAttributeArgs(name="pk", type="S"),
                    aws.dynamodb.TableAttributeArgs(name="sk", type="S"),
                ],
                ttl=aws.dynamodb.TableTtlArgs(attribute_name="expires", enabled=True),
                stream_enabled=True,
                stream_view_type="NEW_IMAGE",
                point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=stage.protected),
                deletion_protection_enabled=stage.protected,
                tags=stage.tags,
            ),
            ResourceOptions(parent=self, protect=stage.protected),
        )
