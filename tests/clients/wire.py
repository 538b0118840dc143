"""A TCP wire between client and broker that a test can listen to and cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class Wire:
    """Forwards a port of its own to `target`, until cut. `heard` is what came from there."""

    def __init__(self, port: int) -> None:
        self.target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.heard = bytearray()
        self.accepted = 0
        self._dead = False
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
            far = socket.create_connection(("127.0.0.1", self.target))
            self._pairs.append((near, far))
            threading.Thread(target=self._pump, args=(near, far, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, self.heard), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, ear: bytearray | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if ear is not None:
                    ear += data
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
