"""Board and conflated price lane, made of the history table's stream: each symbol's newest, once a window.

In: a batch of the stream, a window long, of heads alone (the mapping filters). A symbol's last image in it is
its newest tick, so the newest of a burst always goes out, and nothing has to be remembered in between. Out:
the board's messages, and a price message for each symbol whose lane is conflated. What can't go out hands the
batch back; a batch that comes twice says the same twice, which `seq` tells.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from handlers.broker import Broker
from handlers.events import begin, emit, measure
from handlers.history import History, item_head
from tickwire import board, wire
from tickwire.topic import Topics

UNITS = {"BoardMessages": "Count", "PricesConflated": "Count"}


class Unsaid(RuntimeError):
    """The broker took none of a message's tries; the batch comes again."""


def handler(event: dict[str, Any], context: object) -> None:
    """Publish the newest of each symbol of a batch."""
    begin(context)
    images = [record["dynamodb"]["NewImage"] for record in event["Records"]]
    heads = {image["sk"]["S"]: item_head(image["sk"]["S"], image) for image in images}
    texts = board.messages(heads.values(), at_ms=_now_ms())
    for text in texts:
        _send(_broker().topics.board, text)
    said = 0
    for symbol in _conflated() & heads.keys():
        tick = heads[symbol].newest
        if tick is not None:
            _send(_broker().topics.price(symbol), wire.encode([tick]))
            said += 1
    measure(UNITS, {"BoardMessages": len(texts), "PricesConflated": said})


def full(history: History, broker: Broker, symbols: list[str]) -> None:
    """Publish every symbol's newest, for whoever has nothing yet but the broker."""
    heads = history.newest(symbols)
    for text in board.messages(heads, at_ms=_now_ms(), full=True):
        if not broker.send(broker.topics.board, text, sent_ms=_now_ms()):
            emit("full_board_failed", symbols=len(heads))


def _send(topic: str, text: str) -> None:
    if not _broker().send(topic, text, sent_ms=_now_ms()):
        raise Unsaid(f"nothing was published on {topic} for as long as it was fresh")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@cache
def _conflated() -> frozenset[str]:
    return frozenset(filter(None, os.environ["CONFLATED"].split(",")))


@cache
def _broker() -> Broker:
    return Broker(Topics(os.environ["TOPIC_PREFIX"]), os.environ["IOT_ENDPOINT"], connections=1)
