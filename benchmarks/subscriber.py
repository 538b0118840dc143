"""One subscriber, as cheap as it can be: a WebSocket of which it parses what the two designs send.

In: where it connects and who listens to it. Out: the ticks of each message to the listener; `ready` when the
other side said that it's subscribed. Frames are masked with zeros and each payload is read once for all who
get it, or a thousand of these would take the processor from what they measure.
"""

from __future__ import annotations

import asyncio
import functools
import json
import struct
from typing import Protocol, cast
from urllib.parse import urlsplit

from tickwire import wire
from tickwire.tick import parse_iso

Tick = tuple[int, int]
"""Its number, and when it was sent in ms."""


class Listener(Protocol):
    """Who counts what subscribers hear, and those that lost their connection."""

    lost: int

    def heard(self, subscriber: Subscriber, ticks: list[Tick]) -> None: ...


class Subscriber(asyncio.Protocol):
    """One WebSocket. `ready` is done when the other side said that it's subscribed."""

    def __init__(self, crowd: Listener, address: Address) -> None:
        self._crowd, self._address = crowd, address
        self._buffer = b""
        self._upgraded = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no common class
        parts = urlsplit(self._address.url)
        self._transport.write(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"{self._address.headers}\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.lost += self.ready.done()
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before it was subscribed"))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            head, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self.refused(head)
                return
            self._upgraded = True
            for payload in self._address.greeting:
                self._send(payload)
        while (frame := self._frame()) is not None:
            self._address.take(self, frame)

    def heard(self, ticks: list[Tick]) -> None:
        self._crowd.heard(self, ticks)

    def refused(self, answer: bytes) -> None:
        self.ready.set_exception(ConnectionError(answer.decode(errors="replace")))
        self._transport.abort()

    def _send(self, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0xFE, size)
        self._transport.write(bytes([self._address.opcode]) + length + bytes(4) + payload)

    def _frame(self) -> bytes | None:
        """The next whole frame's payload. Servers mask nothing, and both send messages in one piece."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1], 2
        if size == 126:
            if len(buffer) < 4:
                return None
            size, start = struct.unpack_from("!H", buffer, 2)[0], 4
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[start : start + size]


class Address:
    """Where one subscriber connects, what it sends first, and what it makes of what it hears."""

    opcode: int
    headers = ""

    def __init__(self, url: str, greeting: list[bytes]) -> None:
        self.url, self.greeting = url, greeting

    def take(self, subscriber: Subscriber, frame: bytes) -> None:
        raise NotImplementedError


class Mqtt(Address):
    """MQTT 3.1.1: each packet comes in a frame of its own."""

    opcode = 0x82
    headers = "Sec-WebSocket-Protocol: mqtt\r\n"

    def __init__(self, url: str, client_id: str, topic: str) -> None:
        connect = _packet(0x10, _text("MQTT") + b"\x04\x02" + struct.pack("!H", 1_200) + _text(client_id))
        super().__init__(url, [connect, _packet(0x82, b"\x00\x01" + _text(topic) + b"\x00")])

    def take(self, subscriber: Subscriber, frame: bytes) -> None:
        kind = frame[0] >> 4
        if kind == 3:
            subscriber.heard(_published(frame))
        elif kind == 9 and frame[4] == 0:
            subscriber.ready.set_result(None)
        elif kind != 2 or frame[3] != 0:
            subscriber.refused(frame)


class Plain(Address):
    """The classic design's JSON."""

    opcode = 0x81

    def __init__(self, url: str, symbol: str) -> None:
        super().__init__(url, [json.dumps({"action": "subscribe", "symbol": symbol}).encode()])

    def take(self, subscriber: Subscriber, frame: bytes) -> None:
        if subscriber.ready.done():
            subscriber.heard(_posted(frame))
        elif b"subscribed" in frame:
            subscriber.ready.set_result(None)
        elif b"ticks" not in frame:  # subscribed a moment ago, but not told yet
            subscriber.refused(frame)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def _length(size: int) -> bytes:
    return bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()


@functools.lru_cache(4)
def _published(packet: bytes) -> list[Tick]:
    body = packet[2:] if packet[1] < 128 else packet[3:]
    ticks = wire.decode(body[2 + struct.unpack_from("!H", body)[0] :])
    return [(int(tick.price), tick.time_ms) for tick in ticks]


@functools.lru_cache(4)
def _posted(frame: bytes) -> list[Tick]:
    return [(int(tick["price"]), parse_iso(tick["timestamp"])) for tick in json.loads(frame)["ticks"]]
