"""Chromium without Playwright's hand on it: a tab behind another one is hidden, and the machine can sleep.

In: an executable and a folder for its profile. Out: tabs that can be asked and put in front, by Chrome's
DevTools protocol. Every wait has a deadline.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

START_S = 20.0
WAIT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One page. Playwright says of each of its own that it is visible."""

    chromium: Chromium
    id: str
    socket: ClientConnection
    numbers: Iterator[int]

    def evaluate(self, expression: str) -> Any:
        number = next(self.numbers)
        call = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        self.socket.send(json.dumps({"id": number, "method": "Runtime.evaluate", "params": call}))
        while True:
            answer = json.loads(self.socket.recv(timeout=WAIT_S))
            if answer.get("id") == number:
                assert "exceptionDetails" not in answer["result"], answer["result"]["exceptionDetails"]
                return answer["result"]["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Wait until `expression` is true."""
        deadline = time.monotonic() + WAIT_S
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"not within {WAIT_S} s: {expression}"
            time.sleep(0.05)
        return value

    def show(self) -> None:
        """Put it before the others, which are hidden by that."""
        self.chromium.ask(f"activate/{self.id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chromium:
    process: subprocess.Popen[bytes]
    port: int
    sockets: contextlib.ExitStack

    def ask(self, what: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/{what}", method=method)
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            found: bytes = answer.read()
        return found

    def open(self, url: str) -> Tab:
        target = json.loads(self.ask(f"new?{url}", "PUT"))
        socket = self.sockets.enter_context(connect(target["webSocketDebuggerUrl"], max_size=None))
        return Tab(chromium=self, id=target["id"], socket=socket, numbers=itertools.count(1))

    @contextlib.contextmanager
    def asleep(self) -> Iterator[None]:
        """Stop the whole browser, as a lid that is closed does."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def chromium(executable: str, flags: Sequence[str], profile: Path) -> Iterator[Chromium]:
    command = [
        executable,
        "--headless=new",
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        *flags,
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        with contextlib.ExitStack() as sockets:
            yield Chromium(process=process, port=_port(profile / "DevToolsActivePort"), sockets=sockets)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(file: Path) -> int:
    deadline = time.monotonic() + START_S
    while not (file.exists() and (lines := file.read_text().splitlines())):
        assert time.monotonic() < deadline, "Chromium didn't open its port"
        time.sleep(0.05)
    return int(lines[0])
