"""Ingest: messages from the queue become numbered ticks in history, then messages on the price lane.

A message that can never be decoded is set aside in the dead-letter queue with its reason. A fault that may
pass hands the message and all behind it in its group back to the queue. Ticks are stored before they are
published, so whoever sees `seq` n can fetch it; symbols go side by side, each in its own order.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.broker import Broker
from handlers.events import begin, emit, measure
from handlers.history import Contended, History
from handlers.queue import Message, Queue
from tickwire import intake, wire
from tickwire.ledger import Entry
from tickwire.topic import Topics

SYMBOLS_AT_ONCE = 10  # a batch holds at most ten messages
FAULTS = (BotoCoreError, ClientError, Contended)

UNITS = {
    "TicksIn": "Count",
    "TicksStored": "Count",
    "TicksPublished": "Count",
    "TicksStale": "Count",
    "MessagesRefused": "Count",
    "AgeAtPublish": "Milliseconds",
}

Record = dict[str, Any]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take a batch; answer which messages must come again."""
    begin(context)
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in event["Records"]:
        groups[record["attributes"]["MessageGroupId"]].append(record)
    taken = list(ingest().pool.map(ingest().take, groups, groups.values()))
    _measure(taken)
    failed = [message_id for one in taken for message_id in one.back]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one group's messages."""

    back: Sequence[str] = ()
    """Ids of the messages to hand back."""
    refused: Sequence[str] = ()
    """Reasons of the messages set aside."""
    ticks: int = 0
    stored: int = 0
    published: int = 0
    stale: int = 0
    """Ticks that were no longer fresh when the broker would have taken them."""
    age_ms: Sequence[float] = ()
    """From the queue to each publish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """The ports of one stage."""

    symbols: frozenset[str]
    history: History
    broker: Broker
    dead: Queue
    pool: ThreadPoolExecutor

    def take(self, group: str, records: Sequence[Record]) -> Taken:
        """Take one group's messages in order."""
        entries: list[Entry] = []
        good: list[str] = []
        reasons: list[str] = []
        back: list[str] = []
        for place, record in enumerate(records):
            try:
                entries.append(self._decode(group, record))
                good.append(record["messageId"])
            except intake.Refused as refused:
                try:
                    self._set_aside(group, record, refused)
                    reasons.append(refused.reason)
                except FAULTS as fault:
                    emit("handed_back", group=group, messages=len(records) - place, error=str(fault))
                    back = [waiting["messageId"] for waiting in records[place:]]
                    break
        taken = self._finish(group, entries, good) if entries else Taken()
        return replace(taken, back=[*taken.back, *back], refused=reasons)

    def _decode(self, group: str, record: Record) -> Entry:
        about = record["attributes"]
        sent_ms = int(about["SentTimestamp"])
        ticks = intake.ticks(record["body"], symbols=self.symbols, arrived_ms=sent_ms)
        if ticks[0].symbol != group:
            raise intake.Refused("group", "message group", group, f"the symbol, {ticks[0].symbol}")
        return Entry(int(about["SequenceNumber"]), sent_ms, tuple(ticks))

    def _finish(self, symbol: str, entries: Sequence[Entry], ids: Sequence[str]) -> Taken:
        came = sum(len(entry.ticks) for entry in entries)
        try:
            appended = self.history.append(symbol, entries)
        except FAULTS as fault:
            emit("handed_back", group=symbol, messages=len(ids), error=str(fault))
            return Taken(back=ids, ticks=came)
        ticks = [tick for chunk in appended.chunks for tick in chunk.ticks]
        published = (
            self.broker.publish(symbol, wire.messages(ticks), sent_ms=entries[-1].sent_ms) if ticks else 0
        )
        return Taken(
            ticks=came,
            stored=appended.new,
            published=published,
            stale=len(ticks) - published,
            age_ms=[time.time() * 1000 - entries[0].sent_ms] if published else [],
        )

    def _set_aside(self, group: str, record: Record, refused: intake.Refused) -> None:
        message = Message(group, record["messageId"], record["body"])
        self.dead.send_aside(message, reason=refused.reason, detail=str(refused))
        emit("refused", reason=refused.reason, group=group, message=record["messageId"])


def _measure(taken: Sequence[Taken]) -> None:
    """One line for the batch, and one for each reason that something was refused for."""
    ages = [age for one in taken for age in one.age_ms]
    measure(
        UNITS,
        {
            "TicksIn": sum(one.ticks for one in taken),
            "TicksStored": sum(one.stored for one in taken),
            "TicksPublished": sum(one.published for one in taken),
            "TicksStale": sum(one.stale for one in taken),
            **({"AgeAtPublish": ages} if ages else {}),
        },
    )
    for reason, count in Counter(reason for one in taken for reason in one.refused).items():
        measure(UNITS, {"MessagesRefused": count}, reason=reason)


@cache
def ingest() -> Ingest:
    """The ports, made once from the environment."""
    return Ingest(
        symbols=frozenset(os.environ["SYMBOLS"].split(",")),
        history=History(os.environ["TABLE"], keep_s=int(os.environ["KEEP_S"]), connections=SYMBOLS_AT_ONCE),
        broker=Broker(
            Topics(os.environ["TOPIC_PREFIX"]), os.environ["IOT_ENDPOINT"], connections=SYMBOLS_AT_ONCE
        ),
        dead=Queue(os.environ["DEAD_QUEUE_URL"]),
        pool=ThreadPoolExecutor(SYMBOLS_AT_ONCE),
    )
