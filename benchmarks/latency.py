"""From the queue to a subscriber on one machine, beside a function that only publishes.

Each message is sent at its time, whether or not the one before has arrived; a tick's timestamp is when it
was handed to SQS. The subscriber is the project's own client.
"""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Row, Section, load, percentile
from local.platform import Platform
from tickwire.tick import iso
from tickwire_client import Client

SYMBOLS = [f"S{number:02}" for number in range(20)]
SECONDS = 20
WARM_S = 3  # at the beginning, not counted: functions start
GOAL_MS = 150

FLOOR = """
import json, os, boto3
data = boto3.client("iot-data", endpoint_url=os.environ["IOT_ENDPOINT"])
def handler(event, context):
    for record in event["Records"]:
        data.publish(topic=record["messageAttributes"]["topic"]["stringValue"], payload=record["body"], qos=0)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Messages a second in all, each with so many ticks."""

    name: str
    rate: float
    ticks: int = 1
    symbols: int = 8


LOADS = (
    Load(name="10 ticks/s, one a message", rate=10),
    Load(name="50 ticks/s, one a message", rate=50),
)


def run() -> list[Section]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = {"symbols": SYMBOLS, "feed": "off"}
        with Platform(state=Path(folder), keep=False, settings=settings, say=lambda _: None) as platform:
            with _floor(platform) as floor_url:
                for wanted in LOADS:
                    ours = _measure(platform, platform.outputs["queueUrl"], wanted)
                    floor = _measure(platform, floor_url, wanted)
                    rows += _rows(wanted, ours, floor)
    return [
        Section(title="From the queue to a subscriber", rows=rows, notes=[f"{SECONDS} s each; {load()}."])
    ]


def _rows(wanted: Load, ours: Sequence[float], floor: Sequence[float]) -> Iterator[Row]:
    for share, goal in ((0.5, None), (0.95, GOAL_MS), (0.99, None)):
        name = f"{wanted.name}: p{share * 100:.0f}"
        yield Row(what=name, value=percentile(ours, share), unit="ms", at_most=goal)
    yield Row(what=f"{wanted.name}: floor p95", value=percentile(floor, 0.95), unit="ms")
    ratio = percentile(ours, 0.95) / percentile(floor, 0.95)
    yield Row(what=f"{wanted.name}: p95 against the floor", value=ratio, unit="x")


def _measure(platform: Platform, queue_url: str, wanted: Load) -> list[float]:
    """Milliseconds from SQS to the subscriber, of each message after the warm-up."""
    return asyncio.run(_listen(platform, queue_url, wanted))


async def _listen(platform: Platform, queue_url: str, wanted: Load) -> list[float]:
    lags: list[float] = []
    expected = int(wanted.rate * SECONDS)
    warm = int(wanted.rate * WARM_S)
    seen = 0
    async with Client(platform.url) as prices, prices.ticks(*SYMBOLS[: wanted.symbols]) as stream:
        sender = threading.Thread(target=_send, args=(platform, queue_url, wanted, expected))
        sender.start()
        async with asyncio.timeout(SECONDS + 60):
            async for tick in stream:
                now_ms = time.time() * 1000
                if int(tick.volume or 0) != 1:
                    continue  # only the last tick of a message is timed
                seen += 1
                if seen > warm:
                    lags.append(now_ms - tick.time_ms)
                if seen == expected:
                    break
        sender.join()
    return lags


def _send(platform: Platform, queue_url: str, wanted: Load, count: int) -> None:
    sqs = platform.client("sqs")
    began = time.monotonic()
    seq = int(time.time())  # the floor numbers nothing: rising numbers keep its messages apart
    for number in range(count):
        time.sleep(max(0.0, began + number / wanted.rate - time.monotonic()))
        symbol = SYMBOLS[number % wanted.symbols]
        now_ms = time.time_ns() // 1_000_000
        ticks = [
            {
                "symbol": symbol,
                "price": 100 + place,
                "timestamp": iso(now_ms),
                "volume": int(place == wanted.ticks - 1),
            }
            for place in range(wanted.ticks)
        ]
        floor: dict[str, Any] = {}
        body: Any = ticks
        if "floor" in queue_url:
            body = {**ticks[-1], "seq": seq + number, "series": 1}
            floor = {
                "MessageAttributes": {"topic": {"DataType": "String", "StringValue": f"prices/{symbol}"}}
            }
        sqs.send_message(
            QueueUrl=queue_url,
            MessageBody=json.dumps(body),
            MessageGroupId=symbol,
            MessageDeduplicationId=uuid.uuid4().hex,
            **floor,
        )


@contextmanager
def _floor(platform: Platform) -> Iterator[str]:
    """A queue like ingest's and a function that only publishes."""
    sqs, lambda_, iam = (platform.client(name) for name in ("sqs", "lambda", "iam"))
    url = sqs.create_queue(
        QueueName="floor.fifo",
        Attributes={
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
            "VisibilityTimeout": "12",
        },
    )["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="floor", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    rights = {"Effect": "Allow", "Action": ["iot:*", "sqs:*", "logs:*"], "Resource": "*"}
    iam.put_role_policy(RoleName="floor", PolicyName="floor", PolicyDocument=_policy(rights))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as out:
        out.writestr("floor.py", FLOOR)
    lambda_.create_function(
        FunctionName="floor",
        Runtime="python3.14",
        Role=role,
        Handler="floor.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=6,
        Environment={"Variables": {"IOT_ENDPOINT": platform.aws_url}},
    )
    lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName="floor", BatchSize=10)
    yield url


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
