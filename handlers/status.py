"""Status: woken each minute, it says whether the market is open and the platform well, and all prices.

If the market opens or closes before the next wake, it waits for that and says so at once. What it can't see
is part of the message: a status that doesn't come is the one fault that it can't tell.

Whoever pauses the stage calls it for its last word. The broker keeps that one, for viewers who come later;
nothing else would tell them why nothing comes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handlers import board
from handlers.broker import Broker
from handlers.events import begin, emit, measure
from handlers.history import History
from tickwire import status
from tickwire.calendar import Calendar
from tickwire.topic import Topics

WAKE_MS = 60_000
KEPT_S = WAKE_MS // 1000
UNITS = {"Silence": "Seconds"}

Found = TypeVar("Found")


def handler(event: dict[str, Any], context: object) -> None:
    """Publish the status and a full board; then the market's change, if it comes within a minute.

    With {"pause": true}, say only that the stage is paused, with false that it isn't any more; raise when
    that doesn't go out.
    """
    begin(context)
    clock = _clock()
    now_ms = _now_ms()
    if "pause" in event:
        clock.turn(now_ms, paused=bool(event["pause"]))
        return
    silent_s = clock.say(now_ms)
    measure(UNITS, {"Silence": silent_s})
    board.full(clock.history, clock.broker, list(clock.symbols))
    change_ms = clock.calendar.at(now_ms).until_ms
    if change_ms is not None and change_ms - now_ms <= WAKE_MS:
        time.sleep(max(0, change_ms - _now_ms()) / 1000)
        clock.say(max(change_ms, _now_ms()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The ports of one stage."""

    symbols: tuple[str, ...]
    calendar: Calendar
    paused: bool
    history: History
    broker: Broker
    queues: Any
    queue_url: str
    dead_url: str

    def say(self, at_ms: int) -> int:
        """Look, and publish; return for how many seconds no tick came though some should."""
        seen = self._look(at_ms, paused=self.paused)
        if not self._send(seen):
            emit("status_failed")
        return seen.silent_s

    def turn(self, at_ms: int, *, paused: bool) -> None:
        """Say that the stage is paused, for as long as it is; or not any more, until the next wake says more.

        What the broker keeps is replaced, never removed: removing is an empty message, to everybody.
        """
        kept: dict[str, Any] = {"retain": True} if paused else {"retain": True, "messageExpiry": KEPT_S}
        if not self._send(self._look(at_ms, paused=paused or self.paused), **kept):
            raise RuntimeError("the broker didn't take the status")

    def _look(self, at_ms: int, *, paused: bool) -> status.Seen:
        return status.Seen(
            at_ms=at_ms,
            calendar=self.calendar.name,
            market=self.calendar.at(at_ms),
            paused=paused,
            newest_ms=_try("history", self._newest_ms),
            waiting=_try("queue", lambda: self._waiting(self.queue_url)),
            dead=_try("dead", lambda: self._waiting(self.dead_url)),
        )

    def _send(self, seen: status.Seen, **kept: Any) -> bool:
        return self.broker.send(self.broker.topics.status, status.message(seen), sent_ms=_now_ms(), **kept)

    def _newest_ms(self) -> int:
        return max((head.sent_ms for head in self.history.newest(self.symbols)), default=0)

    def _waiting(self, url: str) -> int:
        name = "ApproximateNumberOfMessages"
        return int(self.queues.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def _try(what: str, look: Callable[[], Found]) -> Found | None:
    try:
        return look()
    except (BotoCoreError, ClientError) as error:
        emit("status_blind", of=what, error=str(error))
        return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@cache
def _clock() -> Clock:
    patience = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})
    return Clock(
        symbols=tuple(os.environ["SYMBOLS"].split(",")),
        calendar=Calendar.parse(os.environ["CALENDAR"]),
        paused=os.environ["PAUSED"] == "yes",
        history=History(os.environ["TABLE"], keep_s=int(os.environ["KEEP_S"]), connections=1),
        broker=Broker(Topics(os.environ["TOPIC_PREFIX"]), os.environ["IOT_ENDPOINT"], connections=1),
        queues=boto3.client("sqs", config=patience),
        queue_url=os.environ["QUEUE_URL"],
        dead_url=os.environ["DEAD_QUEUE_URL"],
    )
