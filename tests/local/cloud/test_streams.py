"""A table's stream and the function that reads it: batching windows and filters."""

from __future__ import annotations

import functools
import json
import time
from typing import Any

import pytest

from tests.local.cloud.conftest import Kit, eventually

pytestmark = pytest.mark.slow

COUNTER = """
import boto3, os, time
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
def handler(event, context):
    table.put_item(Item={"pk": "call", "sk": time.time_ns(), "records": [
        record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]})
"""


class Stream:
    """A table with a stream, and a second one where its reader counts."""

    def __init__(self, kit: Kit, **mapping: Any) -> None:
        self.kit = kit
        self.source = kit.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
        self.counts = Kit(kit.cloud)
        self.counts.table()
        kit.function(
            COUNTER,
            rights=[{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}],
            Environment={"Variables": {"TABLE": self.counts.name}},
        )
        arn = kit.cloud.client("dynamodb").describe_table(TableName=self.source)["Table"]["LatestStreamArn"]
        kit.drain(arn, StartingPosition="LATEST", **mapping)

    def put(self, pk: str) -> None:
        self.kit.cloud.client("dynamodb").put_item(
            TableName=self.source, Item={"pk": {"S": pk}, "sk": {"N": str(time.time_ns())}}
        )

    def calls(self) -> list[tuple[float, list[str]]]:
        return [
            (float(item["sk"]["N"]) / 1e9, [one["S"] for one in item["records"]["L"]])
            for item in self.counts.items()
        ]

    def called(self, times: int) -> bool:
        return len(self.calls()) == times


def test_a_window_gathers_what_comes_in_the_meantime(kit: Kit) -> None:
    """With a window of a second the function is called about once a second, not once a change."""
    stream = Stream(kit, MaximumBatchingWindowInSeconds=1, BatchSize=1000)
    stream.put("warm")
    eventually(stream.calls)
    began = time.monotonic()
    while time.monotonic() - began < 4.2:
        stream.put("x")
    sent = eventually(lambda: len(kit.items()))
    eventually(lambda: sum(len(records) for _, records in stream.calls()) == sent)
    calls = stream.calls()
    assert 4 <= len(calls) <= 7


def test_a_window_ends_when_it_ends(kit: Kit) -> None:
    """A change late in a window is passed on at its end, not four seconds after the change."""
    stream = Stream(kit, MaximumBatchingWindowInSeconds=4)
    stream.put("warm")
    eventually(stream.calls)
    time.sleep(4.5)  # that window is over
    stream.put("first")
    ((_, _), (first, _)) = eventually(lambda: stream.calls() if len(stream.calls()) == 2 else None)
    time.sleep(max(0, first + 3 - time.time()))  # late in this one
    stream.put("second")
    *_, (second, _) = eventually(lambda: stream.calls() if len(stream.calls()) == 3 else None)
    assert 3 < second - first < 6


def test_without_a_window_a_change_is_passed_on_at_once(kit: Kit) -> None:
    """The reader hears of it long before a second is over."""
    stream = Stream(kit)
    stream.put("warm")
    eventually(stream.calls)
    waits = []
    for number in range(2, 11):
        began = time.time()
        stream.put("x")
        eventually(functools.partial(stream.called, number))
        waits.append(stream.calls()[-1][0] - began)
    assert sorted(waits)[4] < 0.5


def test_what_the_filter_leaves_out_is_never_seen(kit: Kit) -> None:
    """The function is called for the rest only, and the rest isn't held up."""
    wanted = json.dumps({"dynamodb": {"Keys": {"pk": {"S": ["wanted"]}}}})
    stream = Stream(kit, FilterCriteria={"Filters": [{"Pattern": wanted}]})
    for pk in ("other", "wanted", "other", "wanted", "other"):
        stream.put(pk)
    eventually(lambda: sum(len(records) for _, records in stream.calls()) == 2)
    assert {pk for _, records in stream.calls() for pk in records} == {"wanted"}
