"""`python -m local` as a person meets it: started, interrupted, killed, started again, and edited while it
runs.

Each test runs it in a copy of the checkout whose path holds a space, in a session of its own, as a terminal
would. Whatever the test does to it, at the end no process of that copy is left.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("handlers", "tickwire", "components", "local", "clients/browser/dist", "clients/python")
FILES = (
    "__main__.py",
    "Pulumi.yaml",
    "Pulumi.local.yaml",
    "Makefile",
    "requirements.txt",
    "requirements-run.txt",
)
WAIT_S = 60.0


class Run:
    """One `python -m local`, with all that it says."""

    def __init__(self, checkout: Path, *, port: int, aws_port: int) -> None:
        self.checkout, self.port, self.aws_port = checkout, port, aws_port
        self.lines: list[str] = []
        environment = {
            "TICKWIRE_PORT": str(port),
            "TICKWIRE_AWS_PORT": str(aws_port),
            "TICKWIRE_VERBOSE": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=checkout,
            env={**_without_settings(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def says(self, text: str, *, times: int = 1) -> None:
        """Wait until it has said that."""
        wait(lambda: self.said.count(text) >= times or self.process.poll() is not None, lambda: self.said)
        assert self.said.count(text) >= times, self.said

    def is_up(self) -> Run:
        self.says("Three things to try")
        return self

    def get(self, path: str) -> Any:
        """What the edge answers, None while it answers with an error or not at all."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.load(answer)
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def has_prices(self) -> None:
        wait(lambda: (self.get("/api/prices") or {}).get("prices"), lambda: self.said)

    def oldest(self) -> tuple[int, object]:
        """The series of AAPL and its first tick, once history has it."""

        def found() -> Any:
            page = self.get("/api/prices/AAPL?after_seq=0&limit=1")
            return page and page["ticks"] and (page["series"], page["ticks"])

        series, ticks = wait(found, lambda: self.said)
        return series, ticks

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """What a terminal does on Ctrl-C: the whole foreground group is told."""
        os.killpg(self.process.pid, number)

    def ends(self) -> int:
        """Its exit status, once it has ended without a traceback and nothing of it is left."""
        status = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        assert "Traceback" not in self.said, self.said
        wait(lambda: not self.left(), lambda: str(self.left()))
        for port in (self.port, self.aws_port):
            socket.create_server(("127.0.0.1", port)).close()
        return status

    def left(self) -> list[str]:
        """Processes that work in the copy, or on its state."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit():
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    place = os.readlink(entry / "cwd")
                    if str(self.checkout) in command or place.startswith(str(self.checkout)):
                        found.append(command)
        return found

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))


Start = Callable[[], Run]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    copy = tmp_path / "a checkout"
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def start(checkout: Path) -> Iterator[Start]:
    """Start it, each time on the same two ports; what is still running at the end is killed."""
    port, aws_port = _free(2)
    runs: list[Run] = []

    def begin() -> Run:
        runs.append(Run(checkout, port=port, aws_port=aws_port))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            wait(lambda run=run: not run.left(), lambda: "killed")  # type: ignore[misc]


def test_ctrl_c_ends_it_all_and_a_second_run_has_the_history(start: Start) -> None:
    """The second run finds everything as it was, and the first tick of the first run."""
    run = start().is_up()
    oldest = run.oldest()
    run.interrupt()
    assert run.ends() == 130, run.said
    run = start().is_up()
    assert re.search(r"tickwire: deployed: \d+ as before", run.said), run.said
    assert run.oldest() == oldest
    run.interrupt(signal.SIGTERM)
    assert run.ends() == 143


@pytest.mark.parametrize(
    "moment", ["at its first process", "when the local AWS is there", "in the midst of the deploy"]
)
def test_ctrl_c_during_the_start_leaves_nothing_and_harms_nothing(start: Start, moment: str) -> None:
    """The next start goes on from what was made."""
    run = start()
    match moment:
        case "at its first process":
            wait(lambda: len(run.left()) > 1, lambda: run.said)
        case "when the local AWS is there":
            wait(lambda: _answers(run.aws_port), lambda: run.said)
        case "in the midst of the deploy":
            run.says("created ", times=20)
    run.interrupt()
    assert run.ends() == 130, run.said
    run = start().is_up()
    run.has_prices()
    run.interrupt()
    assert run.ends() == 130, run.said


def test_a_killed_local_aws_is_said_and_ends_the_rest(start: Start, checkout: Path) -> None:
    """And the next start has the history again."""
    run = start().is_up()
    oldest = run.oldest()
    os.kill(_listener(run.aws_port), signal.SIGKILL)
    assert run.ends() == 1
    assert "tickwire: the local AWS has ended; " in run.said
    run = start().is_up()
    assert run.oldest() == oldest
    run.interrupt()
    assert run.ends() == 130, run.said


def test_a_killed_run_takes_its_processes_along_and_the_next_has_the_history(start: Start) -> None:
    """The next run may begin at once, while those of the one before still save."""
    run = start().is_up()
    oldest = run.oldest()
    run.process.kill()
    again = start().is_up()
    assert again.oldest() == oldest
    again.interrupt()
    assert again.ends() == 130, again.said


def test_a_changed_function_is_live_and_a_broken_one_is_not(start: Start, checkout: Path) -> None:
    """A save that can't run gets one line, and the version before goes on answering."""
    run = start().is_up()
    file = checkout / "handlers" / "query.py"
    source = file.read_text()

    def status() -> object:
        return (run.get("/api/health") or {}).get("status")

    assert status() == "ok"
    file.write_text(source.replace('"status": "ok"', '"status": "changed"'))
    wait(lambda: status() == "changed", lambda: run.said)
    run.says("handlers/query.py changed: ")
    file.write_text("def broken(:\n")
    run.says("handlers/query.py, line 1: invalid syntax; the version before goes on")
    assert status() == "changed"
    file.write_text(source + "\nimport nothing_of_that_name\n")
    run.says("nothing_of_that_name")
    assert status() == "changed"
    file.write_text(source)
    wait(lambda: status() == "ok", lambda: run.said)
    run.interrupt(signal.SIGHUP)
    assert run.ends() == 129


def test_a_symbol_added_to_the_stage_is_there_at_once(start: Start, checkout: Path) -> None:
    """In discovery and in the feed; a setting that can't be leaves everything as it is."""
    run = start().is_up()
    file = checkout / "Pulumi.local.yaml"
    settings = file.read_text()
    file.write_text(settings.replace("[AAPL,", "[aapl,"))
    run.says("the version before goes on")
    assert "symbols holds 'aapl'; expected 1 to 12 upper-case letters" in run.said
    file.write_text(settings.replace("[AAPL,", "[AAPL, ZZZ.T,"))
    wait(lambda: "ZZZ.T" in (run.get("/tickwire.json") or {}).get("symbols", ()), lambda: run.said)
    wait(lambda: (run.get("/api/prices?symbols=ZZZ.T") or {}).get("prices"), lambda: run.said)
    run.interrupt()
    assert run.ends() == 130, run.said


def test_a_setting_that_cannot_be_ends_the_start_with_one_sentence(start: Start, checkout: Path) -> None:
    file = checkout / "Pulumi.local.yaml"
    file.write_text(file.read_text().replace("tickwire:retention: 1h", "tickwire:retention: -1"))
    run = start()
    assert run.ends() == 1
    assert run.said.startswith("tickwire: ")
    assert "retention is '-1'; expected off, or whole hours or days" in run.said
    assert run.said.count("\n") == 1


def test_a_broken_source_ends_the_start_with_one_sentence(start: Start, checkout: Path) -> None:
    (checkout / "handlers" / "query.py").write_text("def broken(:\n")
    run = start()
    assert run.ends() == 1
    assert run.said == "tickwire: handlers/query.py, line 1: invalid syntax.\n"


def test_a_second_run_beside_the_first_is_refused(start: Start, checkout: Path) -> None:
    """By its ports; on other ports by the history, which has one owner."""
    run = start().is_up()
    beside = start()
    assert beside.process.wait(WAIT_S) == 1
    wait(lambda: "can't be had (Address already in use)" in beside.said, lambda: beside.said)
    port, aws_port = _free(2)
    beside = Run(checkout, port=port, aws_port=aws_port)
    assert beside.process.wait(WAIT_S) == 1
    wait(lambda: "is in use by another local AWS" in beside.said, lambda: beside.said)
    run.has_prices()
    run.interrupt()
    assert run.ends() == 130, run.said


def test_make_run_refuses_before_it_installs_anything(checkout: Path) -> None:
    """From any directory, with a path that holds a space."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = subprocess.run(
            ["make", "-C", checkout, "run", f"PYTHON={sys.executable}"],
            env={**_without_settings(), "TICKWIRE_PORT": str(taken.getsockname()[1])},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    assert found.returncode != 0
    assert "meant for the site and its API, can't be had" in found.stderr
    assert not (checkout / ".venv").exists()


def wait(done: Callable[[], Any], told: Callable[[], str]) -> Any:
    """The first true answer; when there is none in time, fail with what was told meanwhile."""
    deadline = time.monotonic() + WAIT_S
    while not (answer := done()):
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)
    return answer


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _listener(aws_port: int) -> int:
    """The process that listens there."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f":{aws_port:04X} " in _listening(entry):
                return int(entry.name)
    raise AssertionError(f"nobody listens on {aws_port}")


def _listening(entry: Path) -> str:
    """Local addresses of the sockets on which this process listens."""
    inodes = set()
    for one in (entry / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed by now
            inodes.add(os.readlink(one))
    rows = [row.split() for row in (entry / "net" / "tcp").read_text().splitlines()[1:]]
    return " ".join(f"{row[1]} " for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes)


def _free(count: int) -> list[int]:
    """Below those that the system gives to outgoing connections: free again whenever a run has ended."""
    with contextlib.ExitStack() as held:
        found: list[int] = []
        for port in random.sample(range(20_000, 30_000), 100):
            with contextlib.suppress(OSError):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
            if len(found) == count:
                return found
    raise AssertionError("no port is free")


def _without_settings() -> dict[str, str]:
    names = ("TICKWIRE_", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)}
