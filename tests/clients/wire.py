"""A TCP wire between client and broker that a test can listen to, cut, freeze and tamper with."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Self

PUBLISH = 3
Tamper = Callable[[bytes], list[bytes]]


class Wire:
    """Forwards a port of its own to `target`, until cut. `heard` is what came from there.

    `tamper`, when set, is given each WebSocket frame from the broker that holds a PUBLISH, and returns the
    frames that are sent on instead.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.heard = bytearray()
        self.accepted = 0
        self.tamper: Tamper | None = None
        self._dead = False
        self._flows = threading.Event()
        self._flows.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break each connection; new ones are let through."""
        pairs, self._pairs = self._pairs, []
        for end in (end for pair in pairs for end in pair):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def down(self) -> None:
        """Break each connection and let none through."""
        self._dead = True
        self.cut()

    def up(self) -> None:
        self._dead = False

    def freeze(self) -> None:
        """Each open connection, unless spared, stays open and carries nothing more; new ones work."""
        self._flows.clear()
        self.spare()

    def spare(self) -> None:
        """Leave the connections that are open now out of what `freeze` freezes."""
        self._flows = threading.Event()
        self._flows.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            self.accepted += 1
            if self._dead:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self._pairs.append((near, far))
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        flows = self._flows
        with contextlib.suppress(OSError):
            for data in _frames(source) if down else iter(lambda: source.recv(65536), b""):
                if down:
                    self.heard += data
                if not flows.is_set():
                    continue
                if down and self.tamper is not None and _is_publish(data):
                    for frame in self.tamper(data):
                        sink.sendall(frame)
                else:
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _frames(source: socket.socket) -> Iterator[bytes]:
    """The answer to the handshake, then WebSocket frames, each whole."""
    data = bytearray()

    def more() -> bool:
        data.extend(got := source.recv(65536))
        return bool(got)

    while b"\r\n\r\n" not in data:
        if not more():
            yield bytes(data)
            return
    end = data.index(b"\r\n\r\n") + 4
    while True:
        yield bytes(data[:end])
        del data[:end]
        while len(data) < 2 or len(data) < (end := _end(data)):
            if not more():
                return


def _end(data: bytearray) -> int:
    """How long the frame is that begins here; a server's frames aren't masked."""
    length = data[1] & 0x7F
    if length < 126:
        return 2 + length
    width = 2 if length == 126 else 8
    return 2 + width + int.from_bytes(data[2 : 2 + width]) if len(data) >= 2 + width else 1 << 62


def _is_publish(frame: bytes) -> bool:
    if len(frame) < 2 or frame.startswith(b"HTTP/"):
        return False
    length = frame[1] & 0x7F
    start = 2 if length < 126 else 4 if length == 126 else 10
    return len(frame) > start and frame[0] & 0x0F == 2 and frame[start] >> 4 == PUBLISH
