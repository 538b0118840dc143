"""The broker under subscribers of every kind."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from botocore.config import Config

from tests.local.cloud.conftest import Kit, Viewer, signed_path
from tickwire.limits import PAYLOAD

pytestmark = pytest.mark.slow


def frame(payload: bytes) -> bytes:
    """A client's binary WebSocket frame, masked with zeros."""
    return bytes([0x82, 0x80 | len(payload)]) + bytes(4) + payload


def ends(connection: socket.socket) -> bool:
    """Whether it's at its end, reset or closed, when what waits is read."""
    try:
        while connection.recv(1 << 20):
            pass
    except ConnectionResetError:
        pass
    return True


def test_a_subscriber_who_doesnt_read_holds_up_nobody(kit: Kit, viewer: Callable[..., Viewer]) -> None:
    """A frozen tab is cut once a megabyte waits for it; meanwhile everyone else hears messages at once."""
    pool = kit.pool("prices/AAPL")
    (one, keys), (two, others) = kit.guest(pool), kit.guest(pool)
    host = f"127.0.0.1:{kit.cloud.port}"
    frozen = socket.create_connection(("127.0.0.1", kit.cloud.port), timeout=5)
    frozen.sendall(
        (
            f"GET {signed_path(host, keys)} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
    )
    assert b" 101 " in frozen.recv(4096)
    name = f"{one}-1".encode()
    connect = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
    frozen.sendall(frame(b"\x10" + bytes([len(connect)]) + connect))
    frozen.sendall(frame(b"\x82\x10\x00\x01\x00\x0bprices/AAPL\x00"))
    answers = b""
    while b"\x90" not in answers:  # SUBACK; from here on it reads nothing
        answers += frozen.recv(4096)

    listener = viewer(kit, f"{two}-1", others)
    listener.connect()
    listener.subscribe("prices/AAPL")
    impatient = Config(read_timeout=5, retries={"total_max_attempts": 1})
    broker = kit.cloud.client("iot-data", config=impatient)
    for number in range(90):  # fewer than a connection may have in a second, and each as long as one may be
        broker.publish(topic="prices/AAPL", payload=bytes([number]) * PAYLOAD.value)
        assert listener.messages.get(timeout=5)[1][0] == number
    frozen.settimeout(5)
    assert ends(frozen)
    frozen.close()
