"""The broker: publish messages to a symbol's topic, in order, QoS 0."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handlers.events import emit
from tickwire.topic import Topics
from tickwire.wire import Message

FRESH_MS = 5_000  # older than this, a price is left to gap filling
PAUSE_S = 0.2  # between tries


class Broker:
    """Publishes to one stage's topics."""

    def __init__(self, topics: Topics, endpoint: str, *, connections: int) -> None:
        self.topics = topics
        self._data: Any = boto3.client(
            "iot-data",
            endpoint_url=endpoint,
            config=Config(
                max_pool_connections=connections,
                # A try that begins while fresh must end before the function's own time is up.
                connect_timeout=0.5,
                read_timeout=0.5,
                retries={"total_max_attempts": 1},
            ),
        )

    def publish(self, symbol: str, messages: Sequence[Message], *, sent_ms: int) -> int:
        """Publish all in order, retrying while they are fresh; return how many ticks went out."""
        topic = self.topics.price(symbol)
        out = 0
        for message in messages:
            if not self.send(topic, message.text, sent_ms=sent_ms):
                return out
            out += message.ticks
        return out

    def send(self, topic: str, text: str, *, sent_ms: int, **kept: Any) -> bool:
        """Publish one message, retrying while it's fresh; say whether it went out.

        `retain=True` has the broker keep it for whoever comes later, for `messageExpiry` seconds if given.
        """
        end = time.monotonic() + fresh_ms(sent_ms) / 1000
        while time.monotonic() >= end or not self._publish(topic, text, **kept):
            if time.monotonic() + PAUSE_S >= end:
                return False
            time.sleep(PAUSE_S)
        return True

    def _publish(self, topic: str, message: str, **kept: Any) -> bool:
        try:
            self._data.publish(topic=topic, qos=0, payload=message.encode(), **kept)
        except (BotoCoreError, ClientError) as error:
            emit("publish_failed", topic=topic, error=str(error))
            return False
        return True


def fresh_ms(sent_ms: int) -> float:
    """How much longer a price may be published. A clock that was set back makes none fresh for longer."""
    return FRESH_MS - max(0.0, time.time() * 1000 - sent_ms)
