"""A guest with a stock MQTT client, who keeps all that he hears as it came."""

from __future__ import annotations

import itertools
import json
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from botocore import UNSIGNED
from botocore.config import Config
from paho.mqtt.enums import CallbackAPIVersion

from local.platform import Platform
from tests.local.cloud.conftest import signed_path
from tickwire import wire

FILTERS_MAX = 8  # in one SUBSCRIBE, on AWS
ANSWER_S = 10


@dataclass(frozen=True, slots=True)
class Heard:
    """One price message and when it came. `first` to `seq` are the ticks that it carries."""

    at_ms: float
    first: int
    seq: int
    prices: tuple[int, ...]
    time_ms: int


class Ear:
    """Subscribed to the prices of `symbols` while it is entered."""

    _numbers = itertools.count(1)

    def __init__(self, platform: Platform, symbols: Sequence[str]) -> None:
        self._platform, self._symbols = platform, symbols
        self._messages: list[tuple[float, str, bytes]] = []
        self._answers: queue.Queue[Any] = queue.Queue()
        self._marks: set[bytes] = set()
        self._marked = threading.Condition()
        address = urlsplit(platform.discovery["iot"]["url"])
        identity, keys = self._guest()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            f"{identity}-{next(self._numbers)}",
            protocol=mqtt.MQTTv5,
            transport="websockets",
            reconnect_on_failure=False,
        )
        self._client.ws_set_options(path=signed_path(address.netloc, keys), headers={"Host": address.netloc})
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._answers.put(reason.value)
        self._client.on_subscribe = lambda _c, _u, _i, codes, _p: self._answers.put([c.value for c in codes])
        self._client.on_message = self._on_message
        self._address = address

    def __enter__(self) -> Self:
        assert self._address.hostname
        self._client.connect(self._address.hostname, self._address.port or 443)
        self._client.loop_start()
        assert self._answers.get(timeout=ANSWER_S) == 0
        for start in range(0, len(self._symbols), FILTERS_MAX):
            some = self._symbols[start : start + FILTERS_MAX]
            self._client.subscribe([(f"prices/{symbol}", 0) for symbol in some])
            assert self._answers.get(timeout=ANSWER_S) == [0] * len(some)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def heard(self, symbol: str) -> list[Heard]:
        """All messages of a symbol that were published up to now, in the order in which they came."""
        self._catch_up(symbol)
        return [
            _heard(at_ms, payload)
            for at_ms, topic, payload in list(self._messages)
            if topic == f"prices/{symbol}" and payload not in self._marks
        ]

    def _catch_up(self, symbol: str) -> None:
        """What was published before this mark has come when the mark has."""
        mark = json.dumps({"mark": next(self._numbers)}).encode()
        self._platform.client("iot-data").publish(topic=f"prices/{symbol}", qos=0, payload=mark)
        with self._marked:
            assert self._marked.wait_for(lambda: mark in self._marks, ANSWER_S), "the mark didn't come"

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self._messages.append((time.time() * 1000, message.topic, payload))
        if payload.startswith(b'{"mark"'):
            with self._marked:
                self._marks.add(payload)
                self._marked.notify_all()

    def _guest(self) -> tuple[str, tuple[str, str, str]]:
        pools = self._platform.client("cognito-identity", config=Config(signature_version=UNSIGNED))
        identity = pools.get_id(IdentityPoolId=self._platform.discovery["identity"]["poolId"])["IdentityId"]
        made = pools.get_credentials_for_identity(IdentityId=identity)["Credentials"]
        return identity, (made["AccessKeyId"], made["SecretKey"], made["SessionToken"])


def _heard(at_ms: float, payload: bytes) -> Heard:
    ticks = wire.decode(payload)
    prices = tuple(int(tick.price) for tick in ticks)
    return Heard(at_ms, ticks[0].seq, ticks[-1].seq, prices, ticks[-1].time_ms)
