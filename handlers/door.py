"""The door: `POST /api/ticks` takes one tick or an array of any symbols, and splits it onto the queue.

Writes need the stage's key; only its SHA-256 is known here. A browser's origin must be an allowed one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
import uuid
from collections import defaultdict
from functools import cache
from typing import Any

from handlers.events import begin, emit
from handlers.http import Answer, Problem, json_answer
from handlers.queue import Message, Queue
from tickwire import intake
from tickwire.tick import Tick


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one request."""
    begin(context)
    try:
        _admit(event.get("headers", {}))
        ticks = _ticks(event)
        _send(ticks)
    except Problem as problem:
        return problem.answer()
    return json_answer(json.dumps({"accepted": len(ticks)}), status=202, cache="no-store")


def _admit(headers: dict[str, str]) -> None:
    expected = os.environ["API_KEY_SHA256"]
    if not expected:
        raise Problem(
            403, "This stage takes no writes", "no key is set; set one by pulumi config set --secret apiKey"
        )
    given = hashlib.sha256(headers.get("x-api-key", "").encode()).hexdigest()
    if not hmac.compare_digest(given, expected):
        wanted = "the stage's key"
        raise Problem(
            401,
            "The key is not this stage's",
            f"x-api-key is missing or another one; expected {wanted}",
            field="x-api-key",
            expected=wanted,
        )
    origin, allowed = headers.get("origin"), os.environ["WRITE_ORIGINS"].split(",")
    if origin is not None and origin not in allowed:
        raise Problem(
            403,
            "This origin may not write",
            f"origin is {origin!r}; expected one of writeOrigins",
            field="origin",
            value=origin,
        )


def _ticks(event: dict[str, Any]) -> list[Tick]:
    body: str | bytes = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body)
        return intake.observations(body, symbols=_symbols(), arrived_ms=time.time_ns() // 1_000_000)
    except binascii.Error:
        raise Problem(400, "The body can't be read", "body is not base64 as announced") from None
    except intake.Refused as refused:
        raise Problem(
            413 if refused.reason == "size" else 400,
            "The input can't be taken",
            str(refused),
            reason=refused.reason,
            field=refused.field,
            value=refused.value,
            expected=refused.expected,
        ) from None


def _send(ticks: list[Tick]) -> None:
    """One message a symbol, or more where one can't hold all, its ticks in the order given."""
    by_symbol: dict[str, list[Tick]] = defaultdict(list)
    for tick in ticks:
        by_symbol[tick.symbol].append(tick)
    messages = [
        Message(symbol, uuid.uuid4().hex, body)
        for symbol, group in by_symbol.items()
        for body in intake.bodies(group)
    ]
    refused = _queue().send(messages)
    if refused:
        lost = sorted({message.group for message in refused})
        emit("queue_refused", symbols=lost)
        raise Problem(503, "The queue did not take all", "send these symbols again", symbols=lost)


@cache
def _symbols() -> frozenset[str]:
    return frozenset(os.environ["SYMBOLS"].split(","))


@cache
def _queue() -> Queue:
    return Queue(os.environ["QUEUE_URL"])
