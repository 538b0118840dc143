"""One symbol to many subscribers, beside the classic design: a connection table and a broadcast loop.

Both drain the same queue of the same platform, one after the other, and all subscribers are in one process.
A tick counts from its handing over to SQS to its arrival at the last of them.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import meter
from benchmarks.classic.setup import Classic, code, set_up
from benchmarks.crowd import Crowd, crowd_of
from benchmarks.report import Row, Section, load, percentile
from components.code import zipped
from local.platform import Platform
from tickwire.tick import iso

SYMBOL = "AAPL"
LEVELS = (50, 200, 1_000)
RATE = 5  # ticks a second, one a message
SECONDS = 15
IDLE_S = 2
WAIT_S = 60  # after the last tick was sent; what has not arrived by then counts with its age
PROBES = 20
GOAL = 20
SHARES = (0.5, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a design did with the ticks of one level. Processor times are of a tick."""

    lag_ms: Sequence[float]
    late: int
    """Ticks that had not reached everyone."""
    calls: float
    calls_a_batch: float
    ticks_a_batch: float
    function_ms: float
    server_ms: float
    idle: float
    """The server's share of a core while the subscribers only waited."""
    crowd: float
    """The subscribers' own share of a core."""


Level = Mapping[int, Found]


class Sender:
    """Hands ticks to the queue; their number is their price."""

    def __init__(self, platform: Platform) -> None:
        self._sqs = platform.client("sqs")
        self._url = platform.outputs["queueUrl"]
        self._number = 0

    def send(self, count: int) -> tuple[int, int, list[float]]:
        """At the rate, each at its time; the first and the last number, and when each was sent in ms."""
        began, first, sent = time.monotonic(), self._number + 1, []
        for place in range(count):
            time.sleep(max(0.0, began + place / RATE - time.monotonic()))
            self._number += 1
            sent.append(time.time() * 1000)
            self._sqs.send_message(
                QueueUrl=self._url,
                MessageBody=_tick(self._number),
                MessageGroupId=SYMBOL,
                MessageDeduplicationId=uuid.uuid4().hex,
            )
        return first, self._number, sent


def run() -> list[Section]:
    settings = {"symbols": [SYMBOL], "feed": "off"}
    with (
        tempfile.TemporaryDirectory() as folder,
        Platform(state=Path(folder), keep=False, settings=settings, say=lambda _: None) as platform,
    ):
        sender = Sender(platform)
        ours, publish_ms = _ours(platform, sender)
        theirs, post_ms = _theirs(platform, sender)
    return _sections(ours, theirs, publish_ms, post_ms)


def _ours(platform: Platform, sender: Sender) -> tuple[Level, float]:
    function = f"tickwire-{platform.stage}-ingest"
    meter.meter(platform.client, function, zipped())
    with crowd_of("mqtt", platform.url, SYMBOL) as crowd:
        found = {level: _measure(platform, function, crowd, sender, level) for level in LEVELS}
        return found, _publish_ms(platform, crowd)


def _theirs(platform: Platform, sender: Sender) -> tuple[Level, float]:
    """The same queue: its consumer is another now."""
    (mapping,) = platform.client("lambda").list_event_source_mappings(
        FunctionName=f"tickwire-{platform.stage}-ingest"
    )["EventSourceMappings"]
    platform.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
    classic = set_up(
        platform.client,
        aws_url=platform.aws_url,
        queue_arn=mapping["EventSourceArn"],
        symbols=[SYMBOL],
    )
    meter.meter(platform.client, classic.broadcast, code())
    with crowd_of("plain", classic.url, SYMBOL) as crowd:
        post_ms = _post_ms(platform, classic, crowd)
        found = {level: _measure(platform, classic.broadcast, crowd, sender, level) for level in LEVELS}
    return found, post_ms


def _measure(platform: Platform, function: str, crowd: Crowd, sender: Sender, level: int) -> Found:
    server = platform.cloud.pid
    crowd.ask(hold=level)
    first, last, _ = sender.send(1)  # functions start
    crowd.ask(first=first, last=last, wait_s=WAIT_S)
    waiting = meter.read(platform.client, function, server)
    time.sleep(IDLE_S)
    begun = meter.read(platform.client, function, server)
    before = crowd.ask(first=first, last=last, wait_s=0)["cpu_s"]
    began = time.monotonic()
    first, last, sent = sender.send(RATE * SECONDS)
    heard = crowd.ask(first=first, last=last, wait_s=WAIT_S)
    took_s = time.monotonic() - began
    now_ms = time.time() * 1000
    done = meter.read(platform.client, function, server) - begun
    ticks, batches = max(1, done.messages), max(1, done.batches)
    lags = zip(heard["lag_ms"], sent, strict=True)
    return Found(
        lag_ms=[now_ms - sent_ms if lag is None else lag for lag, sent_ms in lags],
        late=heard["lag_ms"].count(None),
        calls=done.calls / ticks,
        calls_a_batch=done.calls / batches,
        ticks_a_batch=ticks / batches,
        function_ms=1000 * done.workers_s / ticks,
        server_ms=1000 * done.server_s / ticks,
        idle=(begun - waiting).server_s / IDLE_S,
        crowd=(heard["cpu_s"] - before) / took_s,
    )


def _publish_ms(platform: Platform, crowd: Crowd) -> float:
    """From one publish to the last of all subscribers, with no queue and no function before it."""
    data = platform.client("iot-data")

    def publish(number: int) -> None:
        tick = {**json.loads(_tick(number)), "seq": number, "series": 1}
        data.publish(topic=f"prices/{SYMBOL}", qos=0, payload=json.dumps(tick))

    return _probe(crowd, publish)


def _post_ms(platform: Platform, classic: Classic, crowd: Crowd) -> float:
    """From one post to the one subscriber, with no queue and no function before it."""
    crowd.ask(hold=1)
    key = {":symbol": {"S": SYMBOL}}
    (item,) = platform.client("dynamodb").query(
        TableName=classic.table, KeyConditionExpression="symbol = :symbol", ExpressionAttributeValues=key
    )["Items"]
    gateway = platform.client("apigatewaymanagementapi", endpoint_url=classic.connections_url)

    def post(number: int) -> None:
        data = json.dumps({"symbol": SYMBOL, "ticks": [json.loads(_tick(number))]})
        gateway.post_to_connection(ConnectionId=item["connection"]["S"], Data=data)

    return _probe(crowd, post)


def _probe(crowd: Crowd, send: Callable[[int], None]) -> float:
    lags: list[float] = []
    for number in range(1_000_001, 1_000_001 + PROBES):
        send(number)
        (lag,) = crowd.ask(first=number, last=number, wait_s=WAIT_S)["lag_ms"]
        lags.append(lag)
    return percentile(lags, 0.5)


def _tick(number: int) -> str:
    return json.dumps({"symbol": SYMBOL, "price": number, "timestamp": iso(time.time_ns() // 1_000_000)})


def _publishing(ours: Level, theirs: Level) -> Iterator[Row]:
    for level in LEVELS:
        for name, found in (("ours", ours[level]), ("classic", theirs[level])):
            about = f"{level:,} subscribers, {name}"
            yield Row(what=f"{about}: AWS calls a tick", value=found.calls, unit="")
            yield Row(what=f"{about}: AWS calls a batch", value=found.calls_a_batch, unit="")
            if meter.HAS_CPU:
                yield Row(what=f"{about}: function's CPU a tick", value=found.function_ms, unit="ms")
                yield Row(what=f"{about}: local AWS's CPU a tick", value=found.server_ms, unit="ms")
    few, most = LEVELS[0], LEVELS[-1]
    for name, levels, goal in (("ours", ours, 1.1), ("classic", theirs, None)):
        value = levels[most].calls_a_batch / levels[few].calls_a_batch
        what = f"{name}: calls a batch with {most:,} against {few:,}"
        yield Row(what=what, value=value, unit="x", at_most=goal)


def _arriving(ours: Level, theirs: Level, publish_ms: float, post_ms: float) -> Iterator[Row]:
    for level in LEVELS:
        for name, found in (("ours", ours[level]), ("classic", theirs[level])):
            for share in SHARES:
                what = f"{level:,} subscribers, {name}: p{share * 100:.0f}"
                yield Row(what=what, value=percentile(found.lag_ms, share), unit="ms")
        for share in SHARES:
            ratio = percentile(theirs[level].lag_ms, share) / percentile(ours[level].lag_ms, share)
            what = f"{level:,} subscribers: shorter, p{share * 100:.0f}"
            yield Row(what=what, value=ratio, unit="x", at_least=GOAL if level == LEVELS[-1] else None)
    most = LEVELS[-1]
    yield Row(
        what=f"of ours: one publish until the last of {most:,} has it, p50", value=publish_ms, unit="ms"
    )
    yield Row(what="of theirs: one post until the one has it, p50", value=post_ms, unit="ms")
    if meter.HAS_CPU:
        alone_ms = theirs[most].function_ms * theirs[most].ticks_a_batch
        yield Row(what=f"of theirs: function's CPU for a post to each of {most:,}", value=alone_ms, unit="ms")
        ratio = alone_ms / percentile(ours[most].lag_ms, 0.5)
        yield Row(what="that alone against all of ours, p50", value=ratio, unit="x")


def _sections(ours: Level, theirs: Level, publish_ms: float, post_ms: float) -> list[Section]:
    def shares(of: Callable[[Found], float]) -> str:
        each = (f"{of(ours[level]):.0%} and {of(theirs[level]):.0%} with {level:,}" for level in LEVELS)
        return ", ".join(each)

    together = ", ".join(f"{theirs[level].ticks_a_batch:.1f} with {level:,}" for level in LEVELS)
    late = sum(found.late for found in (*ours.values(), *theirs.values()))
    publishing = [
        f"{RATE} ticks/s for {SECONDS} s, one a message, by the same FIFO queue; {load()}.",
        "Ours numbers and stores each tick besides; the classic design only asks its table and posts.",
        f"It falls behind, so ticks share a batch and its posts: {together}. Without that, calls a tick"
        " would be calls a batch.",
        "Deliveries are the service's work on AWS; here they are the local AWS's CPU in both designs.",
    ]
    arriving = [
        f"Ticks that had not reached everyone {WAIT_S} s after the last was sent: {late}.",
        "The local AWS, of a core, while subscribers only wait, ours and classic:"
        f" {shares(lambda found: found.idle)}.",
        f"The subscribers' process, of a core: {shares(lambda found: found.crowd)}.",
        "Both floors are the local AWS's and hide some of the difference: ours is mostly its broker, which"
        " serves one subscriber after another. The function's CPU for posting would stay with any gateway.",
    ]
    title = "One symbol to many subscribers, against a connection table"
    return [
        Section(title=f"{title}: publishing", rows=list(_publishing(ours, theirs)), notes=publishing),
        Section(
            title=f"{title}: until the last has it",
            rows=list(_arriving(ours, theirs, publish_ms, post_ms)),
            notes=arriving,
        ),
    ]
