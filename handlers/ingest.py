"""Ingest: messages from the queue become numbered ticks in history, then messages on the price lane.

A message that can never be decoded is set aside in the dead-letter queue with its reason. A fault that may
pass hands the message and all behind it in its group back to the queue. Ticks are stored before they are
published, so whoever sees `seq` n can fetch it; symbols go side by side, each in its own order.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.broker import Broker, fresh_ms
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
    with contextlib.suppress(*FAULTS):  # each symbol that stays unknown asks for itself, and fails by itself
        ingest().history.look(groups.keys() & ingest().symbols)
    parts = ingest().pool.map(ingest().take, groups, groups.values())
    taken = functools.reduce(Taken.__add__, parts, Taken())
    _measure(taken)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in taken.back]}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A good message: its id at SQS, what it holds, and whether it comes again from the dead letters."""

    id: str
    entry: Entry
    resent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of messages."""

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

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            back=[*self.back, *other.back],
            refused=[*self.refused, *other.refused],
            ticks=self.ticks + other.ticks,
            stored=self.stored + other.stored,
            published=self.published + other.published,
            stale=self.stale + other.stale,
            age_ms=[*self.age_ms, *other.age_ms],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """The ports of one stage."""

    symbols: frozenset[str]
    live: frozenset[str]
    """Symbols whose every batch is published at once."""
    history: History
    broker: Broker
    dead: Queue
    pool: ThreadPoolExecutor

    def take(self, group: str, records: Sequence[Record]) -> Taken:
        """Take one group's messages in order."""
        good: list[Decoded] = []
        reasons: list[str] = []
        back: list[str] = []
        for place, record in enumerate(records):
            try:
                good.append(self._decode(group, record))
            except Exception as error:
                refused = error if isinstance(error, intake.Refused) else _unexpected(error)
                try:
                    self._set_aside(group, record, refused)
                    reasons.append(refused.reason)
                except FAULTS as fault:
                    emit("handed_back", group=group, messages=len(records) - place, error=str(fault))
                    back = [waiting["messageId"] for waiting in records[place:]]
                    break
        runs = [list(run) for _, run in itertools.groupby(good, key=lambda decoded: decoded.resent)]
        parts = [Taken(back=back, refused=reasons)]
        for place, run in enumerate(runs):
            try:
                parts.append(self._finish(group, run))
            except FAULTS as fault:
                waiting = [decoded.id for later in runs[place:] for decoded in later]
                emit("handed_back", group=group, messages=len(waiting), error=str(fault))
                parts.append(Taken(back=waiting))
                break
        return functools.reduce(Taken.__add__, parts)

    def _decode(self, group: str, record: Record) -> Decoded:
        about = record["attributes"]
        sent_ms = int(about["SentTimestamp"])
        resent = record.get("messageAttributes", {}).get("resent")
        arrived_ms = int(resent["stringValue"]) if resent else sent_ms
        ticks = intake.ticks(record["body"], symbols=self.symbols, arrived_ms=arrived_ms)
        if ticks[0].symbol != group:
            raise intake.Refused("group", "message group", group, f"the symbol, {ticks[0].symbol}")
        entry = Entry(int(about["SequenceNumber"]), sent_ms, tuple(ticks))
        return Decoded(record["messageId"], entry, resent is not None)

    def _finish(self, symbol: str, run: Sequence[Decoded]) -> Taken:
        """Store, then publish what is fresh. What comes again from the dead letters is only stored."""
        entries = [decoded.entry for decoded in run]
        appended = self.history.append(symbol, entries)
        came = sum(len(entry.ticks) for entry in entries)
        if run[0].resent or symbol not in self.live:
            return Taken(ticks=came, stored=appended.new)
        fresh = [tick for chunk in appended.chunks if fresh_ms(chunk.sent_ms) > 0 for tick in chunk.ticks]
        published = self.broker.publish(symbol, wire.messages(fresh), sent_ms=entries[-1].sent_ms)
        stale = sum(len(chunk.ticks) for chunk in appended.chunks) - published
        if stale:
            emit("stale", symbol=symbol, ticks=stale)
        return Taken(
            ticks=came,
            stored=appended.new,
            published=published,
            stale=stale,
            age_ms=[time.time() * 1000 - entries[0].sent_ms] if published else [],
        )

    def _set_aside(self, group: str, record: Record, refused: intake.Refused) -> None:
        # Cut, or a message of the largest size would have no room for its reason.
        message = Message(group, record["messageId"], record["body"][: intake.BODY_BYTES_MAX])
        # One that comes again keeps the time when it first came; of others it may be anything.
        resent = record.get("messageAttributes", {}).get("resent", {}).get("stringValue", "")
        sent_ms = resent if resent.isdecimal() else record["attributes"]["SentTimestamp"]
        self.dead.send_aside(message, reason=refused.reason, detail=str(refused), sent=sent_ms)
        emit("refused", reason=refused.reason, group=group, message=record["messageId"])


def _unexpected(error: Exception) -> intake.Refused:
    """Decoding depends on the message alone: what broke it would break it each time it came again."""
    return intake.Refused("unexpected", "message", repr(error), "a message that can be decoded")


def _measure(taken: Taken) -> None:
    """One line for the batch, and one for each reason that something was refused for."""
    counts = {
        "TicksIn": taken.ticks,
        "TicksStored": taken.stored,
        "TicksPublished": taken.published,
        "TicksStale": taken.stale,
    }
    measure(UNITS, {**counts, **({"AgeAtPublish": list(taken.age_ms)} if taken.age_ms else {})})
    for reason, count in Counter(taken.refused).items():
        measure(UNITS, {"MessagesRefused": count}, reason=reason)


@functools.cache
def ingest() -> Ingest:
    """The ports, made once from the environment."""
    return Ingest(
        symbols=frozenset(os.environ["SYMBOLS"].split(",")),
        live=frozenset(os.environ["LIVE"].split(",")),
        history=History(os.environ["TABLE"], keep_s=int(os.environ["KEEP_S"]), connections=SYMBOLS_AT_ONCE),
        broker=Broker(
            Topics(os.environ["TOPIC_PREFIX"]), os.environ["IOT_ENDPOINT"], connections=SYMBOLS_AT_ONCE
        ),
        dead=Queue(os.environ["DEAD_QUEUE_URL"]),
        pool=ThreadPoolExecutor(SYMBOLS_AT_ONCE),
    )
