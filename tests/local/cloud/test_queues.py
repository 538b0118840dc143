"""FIFO queues and the functions that drain them: groups in order, nothing lost, dead letters where they
belong.
"""

from __future__ import annotations

import functools
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.local.cloud.conftest import Kit, eventually, inside

pytestmark = pytest.mark.slow

ANY = [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]
# Writes down what it is given, in the order that it is given; fails messages that say so, and all after one
# in a group.
CLERK = """
import boto3, json, os, time
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
def handler(event, context):
    failed, groups = [], set()
    for record in event["Records"]:
        body, group = json.loads(record["body"]), record["attributes"]["MessageGroupId"]
        table.put_item(Item={"pk": group, "sk": time.time_ns(), "body": json.dumps(body), "pid": os.getpid(),
                             "attempt": record["attributes"]["ApproximateReceiveCount"],
                             "batch": context.aws_request_id})
        for _ in range(1000 if "until" in body else 0):
            if os.path.exists(body["until"]):
                break
            time.sleep(.01)
        if group in groups or body.get("fail") == "always" or (
                body.get("fail") == record["attributes"]["ApproximateReceiveCount"]):
            groups.add(group)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
"""


class Desk:
    """A queue, a clerk who drains it, and what the clerk wrote down."""

    def __init__(self, kit: Kit, *, concurrency: int = 2, **queue: int) -> None:
        self.kit, self.table = kit, kit.table()
        self.url, self.arn, self.dead = kit.fifo(**queue)
        kit.function(CLERK, rights=ANY, Environment={"Variables": {"TABLE": self.table}})
        self.concurrency = concurrency

    def open(self) -> None:
        self.kit.drain(
            self.arn,
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": self.concurrency},
        )

    def warm(self, mark: Path) -> None:
        """Open, with two workers running: a cold start may take longer than a short visibility timeout."""
        self.open()
        for group in ("warm1", "warm2"):
            self.send(group, n=-1, until=str(mark))
            eventually(functools.partial(self.numbers, group))
        mark.touch()
        sqs = self.kit.cloud.client("sqs")
        eventually(lambda: waiting(sqs, self.url) == 0)

    def send(self, group: str, **body: Any) -> None:
        self.kit.cloud.client("sqs").send_message(
            QueueUrl=self.url,
            MessageBody=json.dumps(body),
            MessageGroupId=group,
            MessageDeduplicationId=uuid.uuid4().hex,
        )

    def written(self, group: str = "") -> list[dict[str, Any]]:
        return [
            {
                "group": item["pk"]["S"],
                "batch": item["batch"]["S"],
                "pid": item["pid"]["N"],
                "attempt": int(item["attempt"]["S"]),
                **json.loads(item["body"]["S"]),
            }
            for item in self.kit.items()
            if not group or item["pk"]["S"] == group
        ]

    def has(self, entries: int) -> bool:
        return len(self.written()) == entries

    def numbers(self, group: str) -> list[int]:
        return [entry["n"] for entry in self.written(group)]


def waiting(sqs: Any, url: str) -> int:
    """Messages in the queue, in hand or not."""
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(counts[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


def test_each_group_stays_in_order_while_groups_run_side_by_side(kit: Kit, tmp_path: Path) -> None:
    """Two batches at once never share a group, so a slow group holds up nobody else and overtakes nothing."""
    desk, mark = Desk(kit, concurrency=2), tmp_path / "mark"
    desk.open()
    desk.send("slow", n=0, until=str(mark))
    eventually(lambda: desk.numbers("slow"))
    for number in range(1, 4):
        desk.send("slow", n=number)
    for number in range(12):
        desk.send("quick", n=number)
    eventually(lambda: len(desk.numbers("quick")) == 12)
    assert desk.numbers("slow") == [0], "a message overtook one of its group"
    mark.touch()
    eventually(lambda: len(desk.numbers("slow")) == 4)
    assert desk.numbers("slow") == [0, 1, 2, 3]
    assert desk.numbers("quick") == list(range(12))
    assert len({entry["pid"] for entry in desk.written()}) == 2


def test_a_batch_holds_several_groups(kit: Kit) -> None:
    """Ten messages of two groups that wait together are one call."""
    desk = Desk(kit)
    for number in range(5):
        desk.send("one", n=number)
        desk.send("two", n=number)
    desk.open()
    eventually(lambda: len(desk.written()) == 10)
    assert len({entry["batch"] for entry in desk.written()}) == 1
    assert desk.numbers("one") == desk.numbers("two") == list(range(5))


def test_only_what_failed_comes_again_and_nothing_overtakes_it(kit: Kit, tmp_path: Path) -> None:
    """A partial answer keeps the failed message and those behind it in its group; other groups go on."""
    desk = Desk(kit, visibility_s=10)
    desk.warm(tmp_path / "mark")
    desk.send("bad", n=0)
    desk.send("bad", n=1, fail="1")
    desk.send("bad", n=2)
    eventually(lambda: 1 in desk.numbers("bad"))
    desk.send("bad", n=3)
    desk.send("good", n=0)
    eventually(lambda: desk.numbers("good") == [0])
    assert desk.numbers("bad").count(1) == 1, "the group was to wait for its visibility timeout"
    eventually(lambda: desk.numbers("bad")[-3:] == [1, 2, 3])
    attempts = [(entry["n"], entry["attempt"]) for entry in desk.written("bad")]
    attempts = [one for one in attempts if one != (2, 1) or attempts.index(one) > attempts.index((1, 2))]
    assert attempts[:3] == [(0, 1), (1, 1), (1, 2)]
    assert [number for number, _ in attempts[3:]] == [2, 3]


def test_a_message_that_never_succeeds_becomes_a_dead_letter(kit: Kit, tmp_path: Path) -> None:
    """After `maxReceiveCount` attempts it moves away, and its group goes on."""
    desk = Desk(kit, visibility_s=1, attempts_max=2)
    desk.warm(tmp_path / "mark")
    desk.send("g", n=0, fail="always")
    desk.send("g", n=1)
    sqs = kit.cloud.client("sqs")

    def letters() -> list[dict[str, Any]]:
        got = sqs.receive_message(QueueUrl=desk.dead, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    eventually(lambda: {"n": 0, "fail": "always"} in letters())
    eventually(lambda: desk.numbers("g")[-1] == 1)
    assert [n for n in desk.numbers("g") if n == 0] == [0, 0]


def test_nothing_sent_while_batches_are_deleted_is_lost() -> None:
    """Sending and deleting happen in different threads of the server; each message is seen exactly once."""
    inside("""
        import threading
        sys.setswitchinterval(1e-6)
        sqs = module("services.sqs")
        sqs._act_create_queue({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}}, "")
        url, seen = sqs._queue_url("q.fifo"), []

        def send(group):
            for number in range(1_000):
                sqs._act_send_message({"QueueUrl": url, "MessageBody": f"{group} {number}",
                    "MessageGroupId": group, "MessageDeduplicationId": f"{group} {number}"}, "")

        senders = [threading.Thread(target=send, args=(group,)) for group in ("a", "b")]
        for sender in senders:
            sender.start()
        while True:
            over = not any(sender.is_alive() for sender in senders)
            batch = sqs._receive_messages_for_esm(url, 10)
            seen += [message["body"] for message in batch]
            sqs._delete_messages_for_esm(url, {message["receipt_handle"] for message in batch})
            if over and not batch:
                break
        for group in "ab":
            assert [one for one in seen if one[0] == group] == [f"{group} {n}" for n in range(1_000)]

        # The gap is too narrow to be met each time; so: who sends waits for who deletes.
        sender = threading.Thread(target=send, args=("c",))
        with sqs._queues_lock:
            sender.start()
            sender.join(0.1)
            assert sender.is_alive() and not sqs._get_q(url)["messages"]
        sender.join()
    """)


def test_a_queue_is_drained_at_once(kit: Kit) -> None:
    """From sending to the function's own write well under 150 ms, whether or not others are idle."""
    desk = Desk(kit)
    desk.open()
    desk.send("g", n=-1)
    eventually(lambda: desk.written())
    waits = []
    for number in range(10):
        began = time.time_ns()
        desk.send("g", n=number)
        eventually(functools.partial(desk.has, number + 2))
        newest = max(float(item["sk"]["N"]) for item in kit.items())
        waits.append((newest - began) / 1e6)
    assert sorted(waits)[2] < 150


def test_a_queue_that_is_made_anew_goes_on_with_higher_numbers(kit: Kit) -> None:
    """Who knows by a message's number what it has already would otherwise take the new ones for old."""
    sqs = kit.cloud.client("sqs")

    def send(url: str) -> int:
        sent = sqs.send_message(
            QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId=uuid.uuid4().hex
        )
        return int(sent["SequenceNumber"])

    name = f"{kit.name}-anew.fifo"
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    first, second = send(url), send(url)
    sqs.delete_queue(QueueUrl=url)
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    assert first < second < send(url)
