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

from benchmarks import meter
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
    """Messages a second in all, so many of them at once, each with so many ticks."""

    name: str
    rate: float
    ticks: int = 1
    symbols: int = 8
    burst: int = 1
    seconds: int = SECONDS


LOADS = (
    Load(name="10 ticks/s, one a message", rate=10),
    Load(name="50 ticks/s, one a message", rate=50),
    # Ten symbols at a time, as the simulated feed sends them.
    Load(name="500 ticks/s, 20 symbols packed at 1 s", rate=20, ticks=25, symbols=20, burst=10),
)
ALL_AT_ONCE = Load(name="the same, all 20 in one instant", rate=20, ticks=25, symbols=20, burst=20)
STEPS = (60, 80, 100, 140, 200, 250, 300, 350, 400, 500, 600)  # messages a second, to find the wall


def run() -> list[Section]:
    settings = {"symbols": SYMBOLS, "feed": "off"}
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        # The wall is to be the platform's, not that of one reader's connection.
        Platform(
            state=Path(folder), keep=False, limits=False, settings=settings, say=lambda _: None
        ) as platform,
        _floor(platform) as floor_url,
    ):
        for wanted in LOADS:
            ours = _measure(platform, platform.outputs["queueUrl"], wanted)
            rows += _rows(wanted, ours, _measure(platform, floor_url, wanted))
            until = percentile(_ages_ms(platform), 0.5)
            rows.append(
                Row(what=f"{wanted.name}: of p50, until ingest has published", value=until, unit="ms")
            )
        lags = _measure(platform, platform.outputs["queueUrl"], ALL_AT_ONCE)
        rows.append(Row(what=f"{ALL_AT_ONCE.name}: p95", value=percentile(lags, 0.95), unit="ms"))
        rows += _wall(platform)
    notes = [
        f"{SECONDS} s each; {load()}.",
        "The simulated feed sends ten symbols at a time; all at once keep the cores busy for that long.",
        "The floor stores nothing and publishes each message; load and reader share the cores with both.",
    ]
    return [Section(title="From the queue to a subscriber", rows=rows, notes=notes)]


def _rows(wanted: Load, ours: Sequence[float], floor: Sequence[float]) -> Iterator[Row]:
    for share, goal in ((0.5, None), (0.95, GOAL_MS), (0.99, None)):
        name = f"{wanted.name}: p{share * 100:.0f}"
        yield Row(what=name, value=percentile(ours, share), unit="ms", at_most=goal)
    yield Row(what=f"{wanted.name}: floor p95", value=percentile(floor, 0.95), unit="ms")
    ratio = percentile(ours, 0.95) / percentile(floor, 0.95)
    yield Row(what=f"{wanted.name}: p95 against the floor", value=ratio, unit="x")


def _wall(platform: Platform) -> Iterator[Row]:
    """The highest rate of single ticks whose p95 is still within the goal, and who is busy beyond it."""
    held = 0
    for rate in STEPS:
        before, began_s = meter.spent_s(platform.cloud.pid), time.monotonic()
        lags = _measure(platform, platform.outputs["queueUrl"], Load(name="", rate=rate, seconds=10))
        took_s = time.monotonic() - began_s
        server, workers = (
            (now - then) / took_s for now, then in zip(meter.spent_s(platform.cloud.pid), before, strict=True)
        )
        if percentile(lags, 0.95) > GOAL_MS:
            break
        held = rate
    name = f"highest rate of single ticks with p95 within {GOAL_MS} ms"
    yield Row(what=name, value=held, unit="messages/s")
    if meter.HAS_CPU:
        yield Row(what=f"at {rate}/s, the local AWS's one process", value=server, unit="cores")
        yield Row(what=f"at {rate}/s, its functions' workers", value=workers, unit="cores")


def _ages_ms(platform: Platform) -> list[float]:
    """What ingest itself measured, from its log."""
    name = f"/aws/lambda/tickwire-{platform.stage}-ingest"
    events = platform.client("logs").filter_log_events(logGroupName=name, filterPattern="AgeAtPublish")[
        "events"
    ]
    lines = [line for event in events for line in event["message"].splitlines() if "AgeAtPublish" in line]
    return [age for line in lines for age in json.loads(line).get("AgeAtPublish", [])]


def _measure(platform: Platform, queue_url: str, wanted: Load) -> list[float]:
    """Milliseconds from SQS to the subscriber, of each message after the warm-up."""
    return asyncio.run(_listen(platform, queue_url, wanted))


async def _listen(platform: Platform, queue_url: str, wanted: Load) -> list[float]:
    lags: list[float] = []
    expected = int(wanted.rate * wanted.seconds)
    warm = int(wanted.rate * WARM_S)
    seen = 0
    async with Client(platform.url) as prices, prices.ticks(*SYMBOLS[: wanted.symbols]) as stream:
        sender = threading.Thread(target=_send, args=(platform, queue_url, wanted, expected))
        sender.start()
        async with asyncio.timeout(wanted.seconds + 60):
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
    for number in range(0, count, wanted.burst):
        time.sleep(max(0.0, began + number / wanted.rate - time.monotonic()))
        for start in range(number, number + wanted.burst, 10):
            places = range(start, min(start + 10, number + wanted.burst))
            entries = [_entry(wanted, place, floor="floor" in queue_url) for place in places]
            sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)


def _entry(wanted: Load, number: int, *, floor: bool) -> dict[str, Any]:
    symbol = SYMBOLS[number % wanted.symbols]
    now_ms = time.time_ns() // 1_000_000
    ticks: list[dict[str, Any]] = [
        {
            "symbol": symbol,
            "price": 100 + place,
            "timestamp": iso(now_ms),
            "volume": int(place == wanted.ticks - 1),
        }
        for place in range(wanted.ticks)
    ]
    entry = {"Id": str(number), "MessageGroupId": symbol, "MessageDeduplicationId": uuid.uuid4().hex}
    if not floor:
        return {**entry, "MessageBody": json.dumps(ticks)}
    # It numbers nothing: the time of sending keeps its messages apart.
    body = {**ticks[-1], "seq": time.time_ns(), "series": time.time_ns()}
    topic = {"DataType": "String", "StringValue": f"prices/{symbol}"}
    return {**entry, "MessageBody": json.dumps(body), "MessageAttributes": {"topic": topic}}


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
