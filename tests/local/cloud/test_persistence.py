"""What a killed local cloud still knows when it is started again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.cloud import Cloud
from tests.local.cloud.conftest import Keys, Kit, Viewer, eventually, zipped

pytestmark = pytest.mark.slow


def kill(cloud: Cloud) -> None:
    """As the system does when memory runs out: no farewell."""
    os.kill(cloud.pid, signal.SIGKILL)
    cloud.stop()


def items(state: Path) -> list[str]:
    """The items on the disk."""
    with contextlib.closing(sqlite3.connect(state / "items.sqlite", timeout=10)) as file:
        return [body for (body,) in file.execute("select body from item")]


def saved(state: Path, service: str, text: str) -> bool:
    path = state / "services" / f"{service}.json"
    return path.exists() and text in path.read_text()


def test_a_kill_loses_nothing_that_was_saved(
    tmp_path: Path, kit_of: Callable[[Cloud], Kit], viewer: Callable[..., Viewer]
) -> None:
    """Tables, items, functions, mappings, roles, pools, guests, parameters and files are as they were."""
    with Cloud(state=tmp_path / "state") as cloud:
        kit = kit_of(cloud)
        kit.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
        kit.function("def handler(event, context):\n    return 'hello'\n")
        stream = cloud.client("dynamodb").describe_table(TableName=kit.name)["Table"]["LatestStreamArn"]
        kit.drain(stream, StartingPosition="LATEST")
        url, *_ = kit.fifo()
        pool = kit.pool("prices/AAPL")
        identity, keys = kit.guest(pool)
        cloud.client("ssm").put_parameter(Name="/claim", Value="mine", Type="String")
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="site")
        s3.put_object(Bucket="site", Key="index.html", Body=b"<p>")
        for number in range(200):
            put(cloud, kit.name, number)
        cloud.client("dynamodb").delete_item(TableName=kit.name, Key=key(7))
        instance, port = cloud.instance, cloud.port
        eventually(lambda: saved(tmp_path / "state", "ssm", "/claim"))
        eventually(lambda: len(items(tmp_path / "state")) == 199)
        kill(cloud)

    with Cloud(state=tmp_path / "state", port=port) as again:
        assert again.instance == instance
        kit.cloud = again
        assert [int(item["sk"]["N"]) for item in kit.items()] == [n for n in range(200) if n != 7]
        assert kit.call() == "hello"
        assert again.client("sqs").get_queue_url(QueueName=f"{kit.name}.fifo")["QueueUrl"] == url
        assert again.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        assert again.client("ssm").get_parameter(Name="/claim")["Parameter"]["Value"] == "mine"
        assert again.client("s3").get_object(Bucket="site", Key="index.html")["Body"].read() == b"<p>"
        old_credentials = viewer(kit, f"{identity}-1", keys)
        assert old_credentials.connect() == 0
        same, fresh = kit.guest(pool, identity)
        assert same == identity
        assert_hears(kit, viewer, f"{identity}-2", fresh)


def assert_hears(kit: Kit, viewer: Callable[..., Viewer], client_id: str, keys: Keys) -> None:
    guest = viewer(kit, client_id, keys)
    assert guest.connect() == 0
    assert guest.subscribe("prices/AAPL") == [0]
    kit.cloud.client("iot-data").publish(topic="prices/AAPL", payload=b"1")
    assert guest.messages.get(timeout=5) == ("prices/AAPL", b"1")


def put(cloud: Cloud, table: str, number: int, **more: Any) -> None:
    cloud.client("dynamodb").put_item(
        TableName=table, Item={**key(number), "price": {"N": "189.450"}, **more}
    )


def key(number: int) -> dict[str, Any]:
    return {"pk": {"S": "AAPL"}, "sk": {"N": str(number)}}


def test_streams_go_on_after_a_restart(tmp_path: Path, kit_of: Callable[[Cloud], Kit]) -> None:
    """The reader of a stream that had carried many records before hears of the first new one."""
    code = (
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    for record in event['Records']:\n"
        "        number = record['dynamodb']['Keys']['sk']['N']\n"
        "        boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody=number)\n"
    )
    with Cloud(state=tmp_path / "state") as cloud:
        kit = kit_of(cloud)
        kit.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
        queue = cloud.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
        kit.function(
            code,
            rights=[{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
            Environment={"Variables": {"QUEUE": queue}},
        )
        stream = cloud.client("dynamodb").describe_table(TableName=kit.name)["Table"]["LatestStreamArn"]
        kit.drain(stream, StartingPosition="LATEST")
        for number in range(5):
            put(cloud, kit.name, number)
        seen: list[str] = []
        eventually(lambda: gather(cloud, queue, seen) >= 5)
        port = cloud.port
    with Cloud(state=tmp_path / "state", port=port) as again:
        put(again, kit.name, 100)
        eventually(lambda: gather(again, queue, seen) >= 6)
        assert seen == ["0", "1", "2", "3", "4", "100"]


def gather(cloud: Cloud, queue: str, seen: list[str]) -> int:
    sqs = cloud.client("sqs")
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        seen.append(message["Body"])
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return len(seen)


def test_a_queue_is_read_on_after_a_restart_at_another_port(
    tmp_path: Path, kit_of: Callable[[Cloud], Kit]
) -> None:
    """By its mapping, whichever address the sender knows."""
    code = (
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    for record in event['Records']:\n"
        "        boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody=record['body'])\n"
    )
    seen: list[str] = []
    with Cloud(state=tmp_path / "state") as cloud:
        kit = kit_of(cloud)
        out = cloud.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
        url, arn, _ = kit.fifo()
        kit.function(
            code,
            rights=[{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
            Environment={"Variables": {"QUEUE": out}},
        )
        kit.drain(arn)
        send(cloud, url, "before")
        eventually(lambda: gather(cloud, out, seen) >= 1)
    with Cloud(state=tmp_path / "state") as again:
        moved = again.client("sqs").get_queue_url(QueueName=f"{kit.name}.fifo")["QueueUrl"]
        assert urlsplit(moved).port == again.port
        send(again, url, "old address")
        send(again, moved, "new address")
        eventually(lambda: gather(again, out, seen) >= 3)
    assert sorted(seen) == ["before", "new address", "old address"]


def send(cloud: Cloud, url: str, body: str) -> None:
    cloud.client("sqs").send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=body, MessageDeduplicationId=body
    )


def test_a_table_made_anew_has_none_of_the_old_items(tmp_path: Path, kit_of: Callable[[Cloud], Kit]) -> None:
    """Same name, other table: what was deleted with the old one stays deleted."""
    with Cloud(state=tmp_path / "state") as cloud:
        kit = kit_of(cloud)
        kit.table()
        put(cloud, kit.name, 1)
        eventually(lambda: saved(tmp_path / "state", "dynamodb", kit.name))
        cloud.client("dynamodb").delete_table(TableName=kit.name)
        kit.table()
        put(cloud, kit.name, 2)
        made = cloud.client("dynamodb").describe_table(TableName=kit.name)["Table"]["TableId"]
        eventually(lambda: saved(tmp_path / "state", "dynamodb", made))
        eventually(lambda: any('"2"' in body for body in items(tmp_path / "state")))
        kill(cloud)
    with Cloud(state=tmp_path / "state") as again:
        kit.cloud = again
        assert [item["sk"]["N"] for item in kit.items()] == ["2"]


def test_new_code_is_kept_and_old_code_is_not(tmp_path: Path, kit_of: Callable[[Cloud], Kit]) -> None:
    """The zip that the saved definition names is always there, and only that."""
    zips = tmp_path / "state" / "services" / "lambda-blobs"
    with Cloud(state=tmp_path / "state") as cloud:
        kit = kit_of(cloud)
        kit.function("def handler(event, context):\n    return 1\n")
        cloud.client("lambda").update_function_code(
            FunctionName=kit.name, ZipFile=zipped("def handler(event, context):\n    return 2\n")
        )
        new = cloud.client("lambda").get_function_configuration(FunctionName=kit.name)["CodeSha256"]
        eventually(lambda: saved(tmp_path / "state", "lambda", new))
        eventually(lambda: len(list(zips.glob("*.zip"))) == 1)
        kill(cloud)
    assert len(list(zips.glob("*.zip"))) == 1
    with Cloud(state=tmp_path / "state") as again:
        kit.cloud = again
        assert kit.call() == 2


def test_waiting_messages_survive(tmp_path: Path, kit_of: Callable[[Cloud], Kit]) -> None:
    """A backlog and dead letters are still there; what was deleted is not."""
    with Cloud(state=tmp_path / "state") as cloud:
        sqs = cloud.client("sqs")
        url, *_ = kit_of(cloud).fifo()
        for number in range(3):
            sqs.send_message(
                QueueUrl=url,
                MessageBody=json.dumps(number),
                MessageGroupId=str(number),
                MessageDeduplicationId=str(number),
            )
        first = sqs.receive_message(QueueUrl=url)["Messages"][0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
        port = cloud.port
        eventually(lambda: saved(tmp_path / "state", "sqs", '"body": "2"'))
        eventually(lambda: not saved(tmp_path / "state", "sqs", '"body": "0"'))
        kill(cloud)
    with Cloud(state=tmp_path / "state", port=port) as again:
        got = again.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert sorted(message["Body"] for message in got) == ["1", "2"]
