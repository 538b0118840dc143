"""A page of its own origin with nothing on it but the library, and a wire to the broker that a test can cut.

In: a running platform. Out: an address whose page puts what the library tells into `window.told`. Its
discovery document is the platform's, but for the broker, which is reached through the wire.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.clients.wire import Wire

PAGE = """<!doctype html>
<meta charset="utf-8" />
<link rel="icon" href="data:," />
<title>The library</title>
<script type="module">
  import { connect } from "PLATFORM/tickwire.js";

  // A test may put the clock forward: what goes by time spans then doesn't take as long.
  const now = Date.now;
  window.shiftMs = 0;
  Date.now = () => now() + window.shiftMs;

  // And how long a timer takes instead, by its milliseconds: what a busy machine may be late for.
  const later = window.setTimeout;
  window.insteadMs = {};
  window.setTimeout = (what, ms, ...given) => later(what, window.insteadMs[ms] ?? ms, ...given);

  const told = (window.told = { states: [], ticks: [], gaps: [], refused: [], shownMs: 0 });
  document.addEventListener("visibilitychange", () => (told.shownMs = performance.now()));
  const options = Object.fromEntries(new URLSearchParams(location.search));
  const prices = (window.prices = await connect());
  prices.on("state", (state) => told.states.push({ ...state, atMs: performance.now() }));
  prices.on("gap", (gap) => told.gaps.push(gap));
  prices.on("refused", ({ topic, reason }) => told.refused.push(`${topic}: ${reason}`));
  const symbols = (options.symbols ?? "AAPL").split(",");
  prices.subscribe(
    symbols,
    (tick) => told.ticks.push({ symbol: tick.symbol, seq: tick.seq, atMs: performance.now() }),
    { lossless: options.lossless === "yes" },
  );
</script>
"""


class Freezer(Wire):
    """A wire on which a test can also stop all that is under way, with every connection left open."""

    def __init__(self, port: int) -> None:
        self._flows = threading.Event()
        self._flows.set()
        self._frozen: set[socket.socket] = set()
        super().__init__(port)

    @property
    def open(self) -> int:
        """Connections that neither side has closed."""
        return sum(near.fileno() >= 0 and far.fileno() >= 0 for near, far in self._pairs)

    def freeze(self) -> None:
        """Let nothing more through on the connections there are; new ones work."""
        self._frozen |= {end for pair in self._pairs for end in pair}

    def _pump(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source in self._frozen:
                    continue  # swallowed, as by a router that has forgotten the connection
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    url: str
    wire: Freezer


@contextlib.contextmanager
def site(platform: Any, **changes: object) -> Iterator[Site]:
    """Chromium wants it on this machine too, where the platform is. `changes` are made to discovery."""
    with Freezer(platform.cloud.port) as wire:
        discovery = platform.discovery | changes
        host = f"127.0.0.1:{wire.port}"
        discovery["iot"] |= {"url": f"ws://{host}/mqtt", "signingHost": host}
        answers = {
            "/": ("text/html", PAGE.replace("PLATFORM", platform.url)),
            "/tickwire.json": ("application/json", json.dumps(discovery)),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, text = answers.get(self.path.partition("?")[0], ("text/plain", ""))
                self.send_response(200 if text else 404)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield Site(url=f"http://127.0.0.1:{server.server_port}", wire=wire)
            finally:
                server.shutdown()
