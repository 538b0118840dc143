"""What calls for a person: one rule an alarm. Pure: what there is to watch goes in, rules come out.

Each rule rings for one cause, so that its section of docs/operations.md can say what to do. Functions have
alarms of their own for what only their own log explains: a ringing alarm doesn't ring again, so one for all
would hide the second. An alarm costs by the metrics that it looks at, so adding up would save nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi

from components.function import Function
from components.queue import Queue
from tickwire.brakes import ALARM
from tickwire.calendar import ALWAYS
from tickwire.stage import Stage
from tickwire.status import SILENCE_S_MAX

OURS = "Tickwire"  # the namespace of the metrics that the functions write


@dataclass(frozen=True, kw_only=True)
class Metric:
    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Rings when so many periods of the last few are over the line."""

    period_s: int
    periods: int
    of: int


AT_ONCE = Window(period_s=60, periods=1, of=1)
ANY_IN_FIVE_MIN = Window(period_s=300, periods=1, of=1)
LASTING = Window(period_s=60, periods=3, of=5)
FIVE_MIN = Window(period_s=60, periods=5, of=5)

OLDEST_S_MAX = 30  # a lost batch comes back after 12 s; this is no lost batch
AGE_MS_MAX = 1_000
RUN_MS_MAX = 800  # for each second that a function has


ESSENTIAL = ("dead-letters", "queue-age", "silence", "errors")
"""Sections whose alarms each stage has, however little it's watched: prices stopped, or were lost."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    noun: str
    """Names the alarm: `tickwire-{stage}-{noun}`."""
    section: str
    """The heading in docs/operations.md."""
    means: str
    metrics: Sequence[Metric]
    """Several are added up."""
    statistic: Literal["Sum", "Maximum", "p95"] = "Sum"
    rings: Literal["above", "below"] = "above"
    threshold: float = 0
    window: Window = ANY_IN_FIVE_MIN
    missing: Literal["breaching", "notBreaching"] = "notBreaching"
    """What it says that nothing was measured: mostly, that there was nothing to count."""
    warm_up_min: int = 0
    """So long after its creation it waits for a first measure."""
    calls: Function | None = None
    """Called when it rings, besides telling people."""


def rules(
    stage: Stage,
    *,
    queue: Queue,
    functions: Sequence[Function],
    feed: Function | None,
    brake: Function | None,
) -> list[Rule]:
    """The rules of a stage. Two functions aren't among `functions`: the feed's runs by the clock, the brake's
    because an alarm rings.
    """
    everyone = [*functions, *(one for one in (feed, brake) if one)]
    found = [
        *_of_queue(queue),
        *_of_ticks(stage),
        *(_errors(one) for one in everyone),
        *(_duration(one) for one in functions),
        _throttles(everyone),
        *(_of_broker() if stage.iot_logging else ()),
        *([_too_much(stage, brake)] if brake else ()),
    ]
    if stage.monitoring == "full":
        return found
    return [rule for rule in found if rule.section in ESSENTIAL or rule.calls]


def _of_queue(queue: Queue) -> list[Rule]:
    return [
        Rule(
            noun="dead-letters",
            section="dead-letters",
            means="Messages were set aside: they can't be read, or ingest failed on them for an hour",
            metrics=[_sqs("ApproximateNumberOfMessagesVisible", queue.dead_name)],
            statistic="Maximum",
            window=AT_ONCE,
        ),
        Rule(
            noun="queue-age",
            section="queue-age",
            means=f"Ticks wait for more than {OLDEST_S_MAX} s: ingest doesn't keep up, or can't store",
            metrics=[_sqs("ApproximateAgeOfOldestMessage", queue.name)],
            statistic="Maximum",
            threshold=OLDEST_S_MAX,
            window=LASTING,
        ),
    ]


def _of_ticks(stage: Stage) -> list[Rule]:
    found = [
        Rule(
            noun="stale",
            section="stale",
            means="Ticks were too old to publish, and viewers have to fetch them",
            metrics=[_ours("TicksStale", stage)],
            window=LASTING,
        ),
        Rule(
            noun="refused",
            section="refused",
            means="Somebody keeps sending messages that can't be read",
            metrics=[_ours("MessagesRefused", stage)],
            window=LASTING,
        ),
        Rule(
            noun="age-at-publish",
            section="age-at-publish",
            means=f"One tick in twenty is published more than {AGE_MS_MAX} ms after it reached the queue",
            metrics=[_ours("AgeAtPublish", stage)],
            statistic="p95",
            threshold=AGE_MS_MAX,
            window=LASTING,
        ),
    ]
    # Only here are ticks sure to come: another's feed may sleep at night, if no calendar says when.
    if not stage.feed_paused if stage.feed == "simulated" else stage.calendar != ALWAYS:
        found.append(
            Rule(
                noun="silence",
                section="silence",
                means="No tick comes, though the market is open; or no status, which would see it",
                metrics=[_ours("Silence", stage)],
                statistic="Maximum",
                threshold=SILENCE_S_MAX,
                window=FIVE_MIN,
                missing="breaching",
                warm_up_min=15,
            )
        )
    return found


def _errors(function: Function) -> Rule:
    return Rule(
        noun=f"{function.noun}-errors",
        section="errors",
        means=f"A run of {function.noun} ended in an error, its timeout included",
        metrics=[_lambda("Errors", function)],
    )


def _duration(function: Function) -> Rule:
    line_ms = function.timeout_s * RUN_MS_MAX
    return Rule(
        noun=f"{function.noun}-duration",
        section="duration",
        means=f"Runs of {function.noun} take more than {line_ms} ms, and end at {function.timeout_s} s",
        metrics=[_lambda("Duration", function)],
        statistic="Maximum",
        threshold=line_ms,
        window=LASTING,
    )


def _throttles(functions: Sequence[Function]) -> Rule:
    """One for all functions, as they have one cause: the account's concurrency, which all share."""
    return Rule(
        noun="throttles",
        section="throttles",
        means="Lambda didn't run functions: the account's concurrency is used up",
        metrics=[_lambda("Throttles", one) for one in functions],
    )


def _of_broker() -> list[Rule]:
    """Limits that all stages of an account share, so one of them watches: the owner of the broker's log."""
    return [
        # Functions publish by HTTP, and MQTT is all the rest, in a WebSocket or not.
        _broker("publish-in", "PublishIn.Throttle", "HTTP", "refused what functions publish"),
        _broker("publish-out", "PublishOut.Throttle", "MQTT", "left out messages to viewers"),
        _broker("connect", "Connect.Throttle", "MQTT", "refused connections"),
        _broker("subscribe", "Subscribe.Throttle", "MQTT", "refused subscriptions"),
    ]


def _too_much(stage: Stage, brake: Function) -> Rule:
    """AWS IoT Core counts deliveries of the whole account and region; nothing tells the stages apart."""
    seconds = AT_ONCE.period_s
    return Rule(
        noun=ALARM,
        section=ALARM,
        means=f"More than {stage.guest_brake} messages a second went to viewers for a minute: guests are out",
        metrics=[Metric(namespace="AWS/IoT", name="PublishOut.Success", dimensions={"Protocol": "MQTT"})],
        threshold=stage.guest_brake * seconds,
        window=AT_ONCE,
        calls=brake,
    )


def _broker(noun: str, metric: str, protocol: str, what: str) -> Rule:
    return Rule(
        noun=f"iot-{noun}",
        section=f"iot-{noun}",
        means=f"AWS IoT Core {what}: a limit of the account, or of one connection, was hit",
        metrics=[Metric(namespace="AWS/IoT", name=metric, dimensions={"Protocol": protocol})],
    )


def _sqs(name: str, queue: pulumi.Input[str]) -> Metric:
    return Metric(namespace="AWS/SQS", name=name, dimensions={"QueueName": queue})


def _ours(name: str, stage: Stage) -> Metric:
    return Metric(namespace=OURS, name=name, dimensions={"stage": stage.name})


def _lambda(name: str, function: Function) -> Metric:
    return Metric(namespace="AWS/Lambda", name=name, dimensions={"FunctionName": function.name})
