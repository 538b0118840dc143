"""A broker that floods: MQTT 3.1.1 and 5, over TCP or a WebSocket, without any limit.

In: a client that subscribes. Out: the same PUBLISH packets to whoever it is, as fast as they are taken. It
has no rights, no sessions and no other clients, so that what is measured is the subscriber alone.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CHUNK_BYTES = 1 << 16
READY_S = 1.0  # between the SUBACK and the flood: nobody's beginning is measured


@contextmanager
def flooding(topic: str, payloads: Sequence[bytes]) -> Iterator[int]:
    """Its port. Each connection that subscribes gets all payloads once, and stays open."""
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_serve, args=(peer, topic, payloads), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def _serve(peer: socket.socket, topic: str, payloads: Sequence[bytes]) -> None:
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if peer.recv(1, socket.MSG_PEEK) == b"G":
            _upgrade(peer)
            read, frame = _unmasked(peer), _framed
        else:
            read, frame = _plain(peer), _bare
        five = False
        for packet in _packets(read):
            kind = packet[0] >> 4
            if kind == 1:
                start = 2 if packet[1] < 128 else 3
                five = packet[start + 6] == 5
                peer.sendall(frame(b"\x20\x03\0\0\0" if five else b"\x20\x02\0\0"))
            elif kind == 8:
                start = 2 if packet[1] < 128 else 3
                ident = packet[start : start + 2]
                count = _filters(packet[start + 2 :], five=five)
                body = ident + (b"\0" if five else b"") + bytes(count)
                peer.sendall(frame(bytes([0x90, len(body)]) + body))
                if topic.encode() in packet:
                    threading.Thread(
                        target=_flood, args=(peer, topic, payloads, frame, five), daemon=True
                    ).start()
            elif kind == 12:
                peer.sendall(frame(b"\xd0\0"))
            elif kind == 14:
                return
    except OSError:
        pass
    finally:
        peer.close()


def _flood(
    peer: socket.socket, topic: str, payloads: Sequence[bytes], frame: Callable[[bytes], bytes], five: bool
) -> None:
    head = struct.pack("!H", len(topic)) + topic.encode() + (b"\0" if five else b"")
    chunk = bytearray()
    time.sleep(READY_S)
    try:
        for payload in payloads:
            packet = b"\x30" + _length(len(head) + len(payload)) + head + payload
            chunk += frame(packet)
            if len(chunk) > CHUNK_BYTES:
                peer.sendall(chunk)
                chunk.clear()
        peer.sendall(chunk)
    except OSError:
        pass


def _upgrade(peer: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += peer.recv(4096)
    key = next(
        line.split(b":")[1].strip()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _framed(packet: bytes) -> bytes:
    size = len(packet)
    return (bytes([0x82, size]) if size < 126 else struct.pack("!BBH", 0x82, 126, size)) + packet


def _bare(packet: bytes) -> bytes:
    return packet


def _exactly(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = peer.recv(count - len(data))
        if not part:
            raise OSError
        data += part
    return data


def _unmasked(peer: socket.socket) -> Iterator[bytes]:
    while True:
        opcode, size = _exactly(peer, 2)
        size &= 0x7F
        if size == 126:
            size = struct.unpack("!H", _exactly(peer, 2))[0]
        mask, data = _exactly(peer, 4), _exactly(peer, size)
        if opcode & 0x0F == 8:
            return
        yield bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


def _plain(peer: socket.socket) -> Iterator[bytes]:
    while data := peer.recv(4096):
        yield data


def _packets(read: Iterator[bytes]) -> Iterator[bytes]:
    """Whole packets of up to 16 KB."""
    data = b""
    for part in read:
        data += part
        while len(data) >= 2:
            if data[1] < 128:
                end = 2 + data[1]
            elif len(data) >= 3:
                end = 3 + (data[1] & 0x7F) + (data[2] << 7)
            else:
                break
            if len(data) < end:
                break
            yield data[:end]
            data = data[end:]


def _filters(body: bytes, *, five: bool) -> int:
    """How many a SUBSCRIBE asks for."""
    at, count = (1 + body[0]) if five else 0, 0
    while at < len(body):
        at += 3 + struct.unpack_from("!H", body, at)[0]
        count += 1
    return count


def _length(size: int) -> bytes:
    return bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
