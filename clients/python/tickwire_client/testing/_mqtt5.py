"""The part of MQTT 5 that a broker of prices needs, as bytes: QoS 0 out, nothing in.

In: bytes as they come, in pieces of any size. Out: packets; and the bytes of answers. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ = 1, 8, 10, 12
PINGRESP = b"\xd0\x00"
SUCCESS, NOT_AUTHORIZED, TAKEN_OVER, CLIENT_ID = 0x00, 0x87, 0x8E, 0x85
LEVEL = 5
PACKET_BYTES_MAX = 146_000  # AWS IoT Core's


class Malformed(ValueError):
    """Bytes that aren't MQTT 5."""


@dataclass(frozen=True, slots=True)
class Packet:
    """`kind` is one of the names above; the other fields are those that this kind has."""

    kind: int
    id: int = 0
    client_id: str = ""
    filters: tuple[str, ...] = ()


@dataclass(slots=True)
class Parser:
    """Of one connection."""

    _bytes: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that are whole now."""
        self._bytes += data
        while len(self._bytes) >= 2:
            length, start = _varint(self._bytes, 1)
            if length is None or len(self._bytes) < start + length:
                return
            if length > PACKET_BYTES_MAX:
                raise Malformed(f"a packet of {length} bytes")
            kind, body = self._bytes[0] >> 4, bytes(self._bytes[start : start + length])
            del self._bytes[: start + length]
            try:
                yield _packet(kind, body)
            except (IndexError, UnicodeDecodeError) as error:
                raise Malformed(f"packet {kind}: {error}") from None


def connack(reason: int) -> bytes:
    return bytes([0x20, 3, 0, reason, 0])


def suback(id_: int, reasons: Sequence[int]) -> bytes:
    return _framed(0x90, id_.to_bytes(2, "big") + b"\0" + bytes(reasons))


def unsuback(id_: int, reasons: Sequence[int]) -> bytes:
    return _framed(0xB0, id_.to_bytes(2, "big") + b"\0" + bytes(reasons))


def disconnect(reason: int) -> bytes:
    return bytes([0xE0, 2, reason, 0])


def publish(topic: str, payload: bytes) -> bytes:
    name = topic.encode()
    return _framed(0x30, len(name).to_bytes(2, "big") + name + b"\0" + payload)


def _packet(kind: int, body: bytes) -> Packet:
    if kind == CONNECT:
        name, at = _text(body, 0)
        if (name, body[at]) != ("MQTT", LEVEL):
            raise Malformed(f"protocol {name} level {body[at]}; expected MQTT 5")
        client_id, _ = _text(body, _past_properties(body, at + 4))
        return Packet(kind, client_id=client_id)
    if kind in (SUBSCRIBE, UNSUBSCRIBE):
        at, filters = _past_properties(body, 2), []
        while at < len(body):
            name, at = _text(body, at)
            filters.append(name)
            at += kind == SUBSCRIBE  # its options
        if at > len(body):
            raise IndexError("it is cut")
        return Packet(kind, id=int.from_bytes(body[:2], "big"), filters=tuple(filters))
    return Packet(kind)


def _past_properties(body: bytes, at: int) -> int:
    length, start = _varint(body, at)
    if length is None:
        raise IndexError("its properties are cut")
    return start + length


def _text(body: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    if end > len(body) or at + 2 > len(body):
        raise IndexError("its text is cut")
    return body[at + 2 : end].decode(), end


def _varint(data: bytes | bytearray, at: int) -> tuple[int | None, int]:
    """The number and where it ends, None while it isn't whole."""
    value = 0
    for place in range(4):
        if at + place >= len(data):
            return None, at
        value |= (data[at + place] & 0x7F) << 7 * place
        if not data[at + place] & 0x80:
            return value, at + place + 1
    raise Malformed("a length of more than 4 bytes")


def _framed(head: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        size, digit = size >> 7, size & 0x7F
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([head]) + bytes(length) + body
