"""The server's end of a WebSocket: as much as carries MQTT.

In: a stream after its upgrade. Out: the bytes of its binary frames; frames to send. Fragments are passed on
as they come, as MQTT has frames of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
FRAME_BYTES_MAX = 1_000_000
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(key: str) -> str:
    """What answers a client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()


def frame(payload: bytes, kind: int = BINARY) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | kind, size])
    elif size < 65_536:
        head = bytes([0x80 | kind, 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | kind, 127]) + size.to_bytes(8, "big")
    return head + payload


async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
    """The next piece of data; None at the end. Answers pings."""
    while True:
        try:
            kind, payload = await _frame(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if kind == CLOSE:
            writer.write(frame(payload[:2], CLOSE))
            return None
        if kind == PING:
            writer.write(frame(payload, PONG))
        elif kind != PONG:
            return payload


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    if size > FRAME_BYTES_MAX or not second & 0x80:
        raise ConnectionError("a frame that is too long, or not masked as a client's must be")
    mask = await reader.readexactly(4)
    data = await reader.readexactly(size)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return first & 0x0F, (int.from_bytes(data, "big") ^ key).to_bytes(size, "big")
