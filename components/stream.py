"""What follows the history table: a function called with each window's new heads, one a symbol and change."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.function import Function
from components.history import History
from components.rights import Statement, allow
from tickwire.stage import Stage

RECORDS_MAX = 1_000  # in one call; a window that holds more is cut
# Only the item that stands for a symbol's newest tick; ticks themselves, bars and marks are not carried.
_HEAD = {"Keys": {"pk": {"S": ["newest"]}}}
HEADS = json.dumps({"eventName": ["INSERT", "MODIFY"], "dynamodb": _HEAD})


def may_follow(history: History) -> tuple[Statement, Statement]:
    """What its role needs. Listing streams has no resource to name, and Lambda asks for it."""
    reads = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    return allow(*reads, on=history.stream_arn), allow("dynamodb:ListStreams", on="*")


def follow(
    name: str,
    *,
    stage: Stage,
    history: History,
    function: Function,
    window_s: int,
    age_s: int,
    parent: pulumi.Resource,
) -> None:
    """Call the function once a window. A batch that fails is tried again, in halves, for `age_s`."""
    aws.lambda_.EventSourceMapping(
        name,
        aws.lambda_.EventSourceMappingArgs(
            event_source_arn=history.stream_arn,
            function_name=function.name,
            starting_position="LATEST",
            enabled=not stage.paused,
            batch_size=RECORDS_MAX,
            maximum_batching_window_in_seconds=window_s,
            maximum_record_age_in_seconds=age_s,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=aws.lambda_.EventSourceMappingFilterCriteriaArgs(
                filters=[aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=HEADS)]
            ),
            tags=stage.tags,
        ),
        ResourceOptions(parent=parent),
    )
