"""Between the ingest function and its AWS: forwards each call as it came, or does to it what a test says.

In: requests of DynamoDB and IoT, signed for this address. Out: the local AWS's own answers, or a fault's.
Always: without a plan nothing is changed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from tests.faults.fates import HUNG, KILLED_AFTER, KILLED_BEFORE, LOST, OK, REFUSED

HANG_S = 60
STORE, SHOW, MARK, READ, PUBLISH = "store", "show", "mark", "read", "publish"


@dataclass(frozen=True, slots=True)
class Call:
    """STORE writes ticks, SHOW the newest, MARK an hour's begin; READ is any read of the table."""

    kind: str
    symbol: str
    key: str


Plan = Callable[[Call], str]


class Proxy:
    """Its `plan` gives each call its fate, in the call's own thread; `met` counts them by kind and fate."""

    def __init__(self, *, port: int, server: int) -> None:
        """`port` is the local AWS's, `server` its process: what is killed is a child of that."""
        self.plan: Plan | None = None
        self.met: Counter[tuple[str, str]] = Counter()
        self.released = threading.Event()
        """Set when calls that hang should end."""
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            target, owner = port, proxy

        self._http = _Server(("127.0.0.1", 0), Handler)
        self._server = server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()

    @contextlib.contextmanager
    def under(self, plan: Plan) -> Any:
        """What happens inside, happens under this plan; `met` counts from nought."""
        self.met.clear()
        self.plan = plan
        try:
            yield
        finally:
            self.plan = None

    def fate(self, call: Call) -> str:
        fate = self.plan(call) if self.plan else OK
        with self._lock:
            self.met[call.kind, fate] += 1
        return fate

    def kill(self, port: int) -> None:
        """End the function's process that calls from this port, as a machine that fails would."""
        inode = _inode(port, self._http.server_port)
        for process in _children(self._server):
            if any(_is_socket(file, inode) for file in (process / "fd").iterdir()):
                os.kill(int(process.name), signal.SIGKILL)
                return
        raise AssertionError(f"no function calls from port {port}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # functions that start together open dozens of connections


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    target: int
    owner: Proxy

    def setup(self) -> None:
        super().setup()
        # One for each of the caller's, as if there were nothing between.
        self.upstream = http.client.HTTPConnection("127.0.0.1", self.target)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the caller was killed
            super().handle()

    def finish(self) -> None:
        self.upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the caller ended in the middle of its request")
        call = _call(self.path, self.headers.get("X-Amz-Target", ""), body)
        fate = self.owner.fate(call)
        if fate == KILLED_BEFORE:
            self._end()
        elif fate == HUNG:
            self.owner.released.wait(HANG_S)
            self.close_connection = True
        elif fate == REFUSED:
            self._say(*_refusal(call))
        else:
            status, kind, text = self._forward(body)
            if fate == KILLED_AFTER:
                self._end()
            elif fate == LOST:
                self.close_connection = True
            else:
                self._say(status, kind, text)

    def _forward(self, body: bytes) -> tuple[int, str, bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        self.upstream.request("POST", self.path, body, headers)
        answer = self.upstream.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()

    def _end(self) -> None:
        self.owner.kill(self.client_address[1])
        self.close_connection = True

    def _say(self, status: int, kind: str, text: bytes) -> None:
        with contextlib.suppress(OSError):  # the caller didn't wait
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


def _call(path: str, target: str, body: bytes) -> Call:
    if path.startswith("/topics/"):
        topic = unquote(path.partition("?")[0]).removeprefix("/topics/")
        return Call(PUBLISH, topic.rpartition("/")[2], topic)
    item = json.loads(body).get("Item") if target.endswith(".PutItem") else None
    if item is None:
        return Call(READ, "", "")
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    if pk == "newest":
        return Call(SHOW, sk, pk)
    kind, _, symbol = pk.partition("#")
    return Call(MARK, symbol, sk) if kind == "hours" else Call(STORE, kind, f"{pk}/{sk}")


def _refusal(call: Call) -> tuple[int, str, bytes]:
    if call.kind == PUBLISH:
        return 503, "application/json", b'{"message":"Service unavailable"}'
    error = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    return 400, "application/x-amz-json-1.0", json.dumps({"__type": error, "message": "throttled"}).encode()


def _children(process: int) -> list[Path]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int(_fields(entry)[1]) == process:
                found.append(entry)
    return found


def _fields(process: Path) -> list[str]:
    """Of /proc/…/stat, those behind the command's name: state, parent, …"""
    return (process / "stat").read_text().rpartition(")")[2].split()


def _inode(port: int, peer: int) -> str:
    """Of the socket that connects `port` to `peer`, seen from the caller's side."""
    near, far = f"0100007F:{port:04X}", f"0100007F:{peer:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        parts = line.split()
        if parts[1] == near and parts[2] == far:
            return parts[9]
    raise AssertionError(f"no connection from port {port}")


def _is_socket(file: Path, inode: str) -> bool:
    try:
        return os.readlink(file) == f"socket:[{inode}]"
    except OSError:
        return False
