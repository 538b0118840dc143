"""The simulated feed: woken each minute, it paces itself and puts each window's trades on the queue.

A window's trades and their deduplication ids depend on time alone, so two feeds that overlap, or a wake that
comes twice, put nothing twice. Each wake runs a little over its minute to meet the next one. Outside the
market's sessions it rests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.events import begin, emit
from handlers.queue import BATCH_MAX, Message, Queue
from tickwire import intake, market
from tickwire.calendar import Calendar

RUN_MS = 63_000
LATE_MS_MAX = 5_000  # a window later than this is left out and counted


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Feed one minute; answer how many messages went out and how many did not."""
    begin(context)
    pack_ms, rate = int(os.environ["PACK_MS"]), int(os.environ["RATE"])
    symbols = os.environ["SYMBOLS"].split(",")
    start = _now_ms() // pack_ms * pack_ms
    sent = failed = 0
    for window, group in windows(symbols, start, start + int(event.get("run_ms", RUN_MS)), pack_ms):
        if _calendar().at(window).state != "open":
            continue
        messages = [found for symbol in group for found in packed(symbol, window, pack_ms, rate)]
        time.sleep(max(0, window + pack_ms - _now_ms()) / 1000)
        if _now_ms() - window - pack_ms > LATE_MS_MAX:
            failed += len(messages)
            continue
        try:
            refused = len(_queue().send(messages))
        except (BotoCoreError, ClientError) as error:
            emit("feed_failed", messages=len(messages), error=str(error))
            refused = len(messages)
        failed += refused
        sent += len(messages) - refused
    emit("fed", sent=sent, failed=failed)
    return {"sent": sent, "failed": failed}


def windows(
    symbols: Sequence[str], start_ms: int, end_ms: int, pack_ms: int
) -> Iterator[tuple[int, Sequence[str]]]:
    """Windows of ten symbols each, as many as one call carries, spread over time: all at once would queue."""
    groups = [symbols[place : place + BATCH_MAX] for place in range(0, len(symbols), BATCH_MAX)]
    for begin_ms in range(start_ms, end_ms, pack_ms):
        for place, group in enumerate(groups):
            yield begin_ms + place * pack_ms // len(groups), group


def packed(symbol: str, window_ms: int, pack_ms: int, rate: int) -> list[Message]:
    """The messages that hold a symbol's trades of one window: one as a rule, none without trades."""
    trades = market.trades(symbol, window_ms, window_ms + pack_ms, rate=rate)
    name = f"{symbol}-{window_ms}-{pack_ms}-{rate}"
    bodies = intake.bodies(trades) if trades else []
    return [Message(symbol, f"{name}-{place}", body) for place, body in enumerate(bodies)]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@cache
def _queue() -> Queue:
    return Queue(os.environ["QUEUE_URL"])


@cache
def _calendar() -> Calendar:
    return Calendar.parse(os.environ["CALENDAR"])
