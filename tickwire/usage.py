"""What a stage uses of AWS in a month, as its functions call it: each figure with the lane that it's for.

In: a stage and its workload. Out: uses, by the names of `tickwire.prices`. Sizes, counts of calls and memory
are the program's own, and tests hold them against it; what only AWS can show is in `tickwire.assumed`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tickwire import limits
from tickwire.assumed import (
    ACCESS_BYTES,
    ANSWER_KB,
    IDLE_POLLS_MIN,
    PAGE_KB,
    PAGE_REQUESTS,
    RUN_MS,
    SESSION_H,
    SYSTEM_BYTES,
    TILES,
)
from tickwire.calendar import ALWAYS
from tickwire.flow import (
    BLOCK,
    BOARD_BYTES,
    OLDER_BYTES,
    PRICE_BYTES,
    Flow,
    chunk_bytes,
    chunk_units,
    watched,
)
from tickwire.stage import Stage
from tickwire.workload import ALWAYS_H, Viewers

MINUTES = ALWAYS_H * 60
DAYS = ALWAYS_H / 24

MEMORY_MB = {
    "feed": 256,
    "ingest": 512,
    "board": 256,
    "bars": 512,
    "query": 512,
    "door": 256,
    "status": 256,
    "brake": 256,
}
METRICS = {"ingest": 5, "board": 2, "bars": 1, "status": 1}
"""Those that functions write while all is well; the others are only there when something is wrong."""
PARTITION = 1_000  # ticks that one query covers at most
FEED_RUN_S = 63  # of each minute: feeds overlap
BARS_WINDOW_S = 5
HEAD_TRUST_S = 60  # for so long ingest believes what it read, as the only writer

INPUT_BYTES = 131  # of one tick on the queue
HEAD_BYTES = 256
HOUR_BARS = 65  # read for the last hour of a symbol
BAR_BYTES = 230
ITEM_BYTES = 100  # that DynamoDB adds to each item that it stores

LOG_BYTES = {"feed": 80, "ingest": 450, "board": 270, "bars": 50, "status": 230, "query": 0}
"""Of a run's own lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """So much of one thing, for one lane: price, board, bar, status, history, rest or base."""

    of: str
    lane: str
    what: str
    quantity: float


def uses(stage: Stage) -> list[Use]:
    """All that a stage uses in a month at its workload."""
    flow = Flow.of(stage)
    snapshots = stage.workload.requests + sum(_sessions(one) for one in stage.workload.viewers)
    hours = sum(_sessions(one) * min(_topics(one, flow), TILES) for one in stage.workload.viewers)
    asked = snapshots + hours
    runs = _runs(stage, flow, asked)
    return [
        use
        for part in (
            _queue(stage, flow),
            _functions(stage, flow, runs),
            _table(stage, flow, snapshots, hours),
            _published(flow),
            *(_watched(viewers, flow) for viewers in stage.workload.viewers),
            _served(stage, asked),
            _kept(stage, flow, runs, asked),
        )
        for use in part
        if use.quantity
    ]


def _queue(stage: Stage, flow: Flow) -> Iterator[Use]:
    size = flow.messages / flow.calls * flow.ticks * INPUT_BYTES if flow.calls else 0.0
    sends = flow.calls * flow.open_s * max(1, math.ceil(size / 65_536))
    receives = sends * flow.batches / flow.calls if flow.calls else 0.0
    again = FEED_RUN_S / 60 if stage.feed == "simulated" else 1.0
    yield Use(of="sqs.fifo", lane="history", what="sends", quantity=sends * again)
    yield Use(of="sqs.fifo", lane="history", what="receives", quantity=receives)
    yield Use(of="sqs.fifo", lane="history", what="deletes", quantity=flow.batches * flow.open_s)
    yield Use(of="sqs.fifo", lane="base", what="idle polling", quantity=IDLE_POLLS_MIN * MINUTES)
    yield Use(of="sqs.fifo", lane="status", what="looks at both queues", quantity=2 * MINUTES)


def _runs(stage: Stage, flow: Flow, asked: float) -> dict[str, float]:
    clock = MINUTES if stage.feed == "simulated" and not stage.feed_paused else 0.0
    return {
        "feed": clock,
        "ingest": flow.batches * flow.open_s,
        "board": flow.windows * flow.open_s,
        "bars": min(1 / BARS_WINDOW_S, flow.calls) * flow.open_s + MINUTES,
        "status": MINUTES,
        "query": asked,
    }


LANES = {
    "feed": "base",
    "ingest": "history",
    "board": "board",
    "bars": "bar",
    "status": "status",
    "query": "rest",
}


def _functions(stage: Stage, flow: Flow, runs: dict[str, float]) -> Iterator[Use]:
    for name, count in runs.items():
        yield Use(of="lambda.request", lane=LANES[name], what=f"{name} runs", quantity=count)
        seconds = count * RUN_MS[name] / 1000
        if name == "feed" and count:
            seconds = (
                flow.open_s * FEED_RUN_S / 60 + max(0.0, MINUTES - flow.open_s / 60) * RUN_MS[name] / 1000
            )
        gbs = seconds * MEMORY_MB[name] / 1024
        yield Use(of="lambda.gbs", lane=LANES[name], what=f"{name} at {MEMORY_MB[name]} MB", quantity=gbs)
    clocks = runs["feed"] + 2 * MINUTES  # bars and status
    yield Use(of="schedule.run", lane="base", what="functions woken each minute", quantity=clocks)
    if stage.tracing:
        traces = sum(min(count, 3600 * ALWAYS_H + count / 20) for count in runs.values())
        yield Use(of="xray.trace", lane="base", what="runs traced", quantity=traces)


def _table(stage: Stage, flow: Flow, snapshots: float, hours: float) -> Iterator[Use]:
    appends, open_min = flow.messages * flow.open_s, flow.open_s / 60
    units = chunk_units(flow.ticks, even=stage.feed == "simulated" and flow.ticks.is_integer())
    yield Use(of="dynamodb.write", lane="history", what="ticks", quantity=appends * units)
    yield Use(of="dynamodb.write", lane="history", what="the newest", quantity=appends)
    yield Use(of="dynamodb.write", lane="history", what="hours", quantity=flow.symbols * open_min / 60)
    looks = min(appends, flow.symbols * flow.open_s / HEAD_TRUST_S)
    yield Use(of="dynamodb.read", lane="history", what="where symbols stand", quantity=looks)
    bars = flow.symbols * open_min * min(1.0, 60 * flow.messages / flow.symbols)
    rate = flow.messages * flow.ticks / flow.symbols
    each = chunk_bytes(flow.ticks) / max(1.0, flow.ticks)
    # The last bars; then ticks from the beginning of a block to the newest, a window and a message later.
    rest = flow.ticks + BLOCK / 2
    fold = 1 + math.ceil((rate * (60 + BARS_WINDOW_S) + rest) * each / 4096)
    yield Use(of="dynamodb.write", lane="bar", what="bars", quantity=bars + flow.symbols * DAYS)
    yield Use(of="dynamodb.read", lane="bar", what="ticks of a minute", quantity=bars * fold)
    snapshot = math.ceil(flow.symbols * HEAD_BYTES / 4096) / 2
    yield Use(of="dynamodb.read", lane="bar", what="the newest, by the clock", quantity=MINUTES * snapshot)
    yield Use(of="dynamodb.read", lane="status", what="the newest, twice", quantity=2 * MINUTES * snapshot)
    yield Use(of="dynamodb.read", lane="rest", what="snapshots", quantity=snapshots * snapshot)
    # The bars, with those that their averages need; where the symbol stands; the open minute so far.
    open_bar = math.ceil((rate * (30 + BARS_WINDOW_S) + rest) * each / 4096)
    hour = (math.ceil(HOUR_BARS * BAR_BYTES / 4096) + 1 + open_bar) / 2
    yield Use(of="dynamodb.read", lane="rest", what="hours of bars", quantity=hours * hour)
    gb = _stored_gb(stage, flow)
    yield Use(of="dynamodb.stored", lane="history", what="ticks and bars", quantity=gb)
    if stage.protected:
        yield Use(of="dynamodb.backup", lane="history", what="continuous backup", quantity=gb)
    reads = (flow.windows + min(1 / BARS_WINDOW_S, flow.calls)) * flow.open_s
    yield Use(of="dynamodb.stream", lane="board", what="batches, by Lambda", quantity=reads)


def _stored_gb(stage: Stage, flow: Flow) -> float:
    share = flow.open_s / (ALWAYS_H * 3600)
    item = chunk_bytes(flow.ticks) + ITEM_BYTES
    ticks = flow.messages * share * max(stage.keep_s, 3600) * item
    bars = flow.symbols * share * 1440 * stage.bar_days * (BAR_BYTES + ITEM_BYTES)
    return (ticks + (bars if flow.messages else 0.0)) / 1e9


def _published(flow: Flow) -> Iterator[Use]:
    price = (flow.live + flow.conflated) * flow.open_s
    bars = (
        flow.symbols
        * (flow.open_s / 60 if flow.messages else 0.0)
        * min(1.0, 60 * flow.messages / flow.symbols)
    )
    yield Use(of="iot.message", lane="price", what="publishes", quantity=price)
    yield Use(of="iot.message", lane="board", what="publishes", quantity=flow.board * flow.open_s)
    yield Use(of="iot.message", lane="board", what="full boards", quantity=flow.full * MINUTES)
    yield Use(of="iot.message", lane="bar", what="publishes", quantity=bars)
    yield Use(of="iot.message", lane="status", what="publishes", quantity=MINUTES)


def _watched(viewers: Viewers, flow: Flow) -> Iterator[Use]:
    lane, sessions = viewers.lane, _sessions(viewers)
    topics = 1 if lane == "board" else _topics(viewers, flow)
    filters = topics + 1  # both clients subscribe to the status, too
    connections = math.ceil(filters / limits.SUBSCRIPTIONS.value)
    messages = viewers.count * watched(viewers, flow)
    minutes = viewers.count * viewers.hours * 60 * connections
    arrivals = sessions * (connections + math.ceil(filters / limits.FILTERS.value))
    yield Use(of="iot.message", lane=lane, what="deliveries", quantity=messages)
    told = viewers.count * viewers.hours * 60
    yield Use(of="iot.message", lane="status", what="the status to viewers", quantity=told)
    yield Use(of="iot.message", lane=lane, what="connects and subscribes", quantity=arrivals)
    yield Use(of="iot.minute", lane=lane, what="connections", quantity=minutes)
    size = {"board": BOARD_BYTES * flow.symbols, "bar": 300}.get(
        lane, PRICE_BYTES + OLDER_BYTES * (flow.ticks - 1 if flow.live else 0)
    )
    yield Use(of="iot.egress", lane=lane, what="deliveries", quantity=messages * size / 1e9)
    yield Use(of="cdn.request", lane=lane, what="pages", quantity=sessions * PAGE_REQUESTS)
    yield Use(of="cdn.traffic", lane=lane, what="pages", quantity=sessions * PAGE_KB / 1e6)
    yield Use(of="s3.get", lane=lane, what="pages", quantity=sessions * PAGE_REQUESTS)
    yield Use(of="identity", lane=lane, what="guests", quantity=viewers.count)


def _topics(viewers: Viewers, flow: Flow) -> int:
    return min(viewers.symbols or flow.symbols, flow.symbols)


def _sessions(viewers: Viewers) -> float:
    return viewers.count * viewers.hours / SESSION_H


def _served(stage: Stage, asked: float) -> Iterator[Use]:
    yield Use(of="api.request", lane="rest", what="requests", quantity=asked)
    yield Use(of="cdn.request", lane="rest", what="requests", quantity=asked)
    yield Use(of="cdn.traffic", lane="rest", what="answers", quantity=asked * ANSWER_KB / 1e6)
    yield Use(of="s3.stored", lane="base", what="pages", quantity=0.001)
    yield Use(of="s3.put", lane="base", what="uploads of ten deploys", quantity=300)


def _kept(stage: Stage, flow: Flow, runs: dict[str, float], asked: float) -> Iterator[Use]:
    for name, count in runs.items():
        gb = count * (SYSTEM_BYTES + LOG_BYTES[name]) / 1e9
        yield Use(of="logs.written", lane=LANES[name], what=f"{name} runs", quantity=gb)
    access = asked * ACCESS_BYTES / 1e9
    yield Use(of="logs.written", lane="rest", what="the API's requests", quantity=access)
    written = sum(count * (SYSTEM_BYTES + LOG_BYTES[name]) / 1e9 for name, count in runs.items()) + access
    stored = written * stage.log_retention_days / DAYS
    yield Use(of="logs.stored", lane="base", what="logs", quantity=stored)
    share = min(1.0, flow.open_s / 3600 / ALWAYS_H) if flow.messages else 0.0
    live = 0 if stage.live else 1  # nothing is published by ingest: no age
    metrics = (METRICS["ingest"] - live + METRICS["board"] + METRICS["bars"]) * share + METRICS["status"]
    yield Use(of="metric", lane="base", what="metrics that functions write", quantity=metrics)
    yield Use(of="alarm.metric", lane="base", what="metrics that alarms look at", quantity=watches(stage))
    if stage.monitoring == "full":
        yield Use(of="dashboard", lane="base", what="the dashboard", quantity=1)


def watches(stage: Stage) -> int:
    """Metrics that the stage's alarms look at."""
    fed, braked = stage.feed == "simulated", int(stage.guest_brake > 0)
    lasting = len(MEMORY_MB) - 2  # neither the feed's run nor the brake's is ever too long
    functions = lasting + int(fed) + braked
    silence = int(not stage.feed_paused if fed else stage.calendar != ALWAYS)
    always = 2 + silence + functions + braked  # two of the queue, errors, and the one that pulls the brake
    if stage.monitoring == "essential":
        return always
    throttles, shared = functions, 4 if stage.iot_logging else 0
    return always + 3 + lasting + throttles + shared
