"""Ingest: messages from the queue become numbered ticks in history, then messages on the price lane.

A message that can never be decoded is set aside in the dead-letter queue with its reason. A fault that may
pass hands the message and all behind it in its group back to the queue. Ticks are stored before they are
published, so whoever sees `seq` n can fetch it; symbols go side by side, each in its own order.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.broker import Broker
from handlers.events import emit
from handlers.history import Contended, History
from handlers.queue import Message, Queue
from tickwire import intake, wire
from tickwire.ledger import Entry
from tickwire.topic import Topics

SYMBOLS_AT_ONCE = 10  # a batch holds at most ten messages
FAULTS = (BotoCoreError, ClientError, Contended)

Record = dict[str, Any]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take a batch; answer which messages must come again."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in event["Records"]:
        groups[record["attributes"]["MessageGroupId"]].append(record)
    taken = list(ingest().pool.map(ingest().take, groups, groups.values()))
    failed = [message_id for ids in taken for message_id in ids]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """The ports of one stage."""

    symbols: frozenset[str]
    history: History
    broker: Broker
    dead: Queue
    pool: ThreadPoolExecutor

    def take(self, group: str, records: Sequence[Record]) -> list[str]:
        """Take one group's messages in order; return the ids of those to hand back."""
        entries: list[Entry] = []
        good: list[str] = []
        for place, record in enumerate(records):
            sent_ms = int(record["attributes"]["SentTimestamp"])
            try:
                ticks = intake.ticks(record["body"], symbols=self.symbols, arrived_ms=sent_ms)
                if ticks[0].symbol != group:
                    raise intake.Refused("group", "message group", group, f"the symbol, {ticks[0].symbol}")
            except intake.Refused as refused:
                try:
                    self._set_aside(group, record, refused)
                except FAULTS as fault:
                    emit("handed_back", group=group, error=str(fault))
                    return self._finish(group, entries, good) + [r["messageId"] for r in records[place:]]
                continue
            entries.append(Entry(int(record["attributes"]["SequenceNumber"]), sent_ms, tuple(ticks)))
            good.append(record["messageId"])
        return self._finish(group, entries, good)

    def _finish(self, symbol: str, entries: Sequence[Entry], ids: list[str]) -> list[str]:
        if not entries:
            return []
        try:
            chunks = self.history.append(symbol, entries)
        except FAULTS as fault:
            emit("handed_back", group=symbol, messages=len(ids), error=str(fault))
            return ids
        ticks = [tick for chunk in chunks for tick in chunk.ticks]
        if ticks:
            self.broker.publish(symbol, wire.messages(ticks), sent_ms=entries[0].sent_ms)
        return []

    def _set_aside(self, group: str, record: Record, refused: intake.Refused) -> None:
        message = Message(group, record["messageId"], record["body"])
        self.dead.send_aside(message, reason=refused.reason, detail=str(refused))
        emit("refused", reason=refused.reason, group=group, message=record["messageId"])


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
