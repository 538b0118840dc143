"""Setting up: a tool that fails is heard and named, one that is interrupted ends with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.interrupt import Interrupts
from local.setup import Failed, Setup

ROOT = Path(__file__).resolve().parents[2]

# A step whose tool has a child of its own; both are named by the file in which they say that they run.
INTERRUPTED = """
import sys
from local import setup
setup.Setup.run = lambda self: self.step("", "sh", "-c", 'sleep 600 & echo $! $$ > "$0"; wait', sys.argv[2])
sys.exit(setup.main(sys.argv[1:2]))
"""


class Uninterrupted(Interrupts):
    """Leaves the signals to pytest."""

    def __init__(self) -> None:
        self._pending, self._held = None, False


def test_a_tool_that_fails_is_heard_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failed, match=r"^building the page failed; what it said stands above$"):
        Setup(Uninterrupted()).step("building the page", "sh", "-c", "echo out; echo why >&2; exit 3")
    said = capsys.readouterr()
    assert said.out == "tickwire: building the page\n"
    assert said.err == "out\nwhy\n"


def test_a_tool_that_works_is_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    Setup(Uninterrupted()).step("", "sh", "-c", "echo chatter")
    assert capsys.readouterr() == ("", "")


def test_the_environments_own_tools_come_first() -> None:
    """So that npm is the pinned one, whatever the machine has."""
    Setup(Uninterrupted()).step("", "sh", "-c", 'case "$PATH" in */.venv/bin:*) ;; *) exit 1 ;; esac')


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_step_ends_its_tool_and_the_tools_children(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Without a traceback, with the status that says which signal it was."""
    named = tmp_path / "processes"
    command = [sys.executable, "-c", INTERRUPTED, "run", str(named)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 20
    while not (named.exists() and len(named.read_text().split()) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (128 + number, "")
    for one in map(int, named.read_text().split()):
        while _lives(one):
            assert time.monotonic() < deadline, "it still runs"
            time.sleep(0.01)


def _lives(process: int) -> bool:
    """Whether it runs; one that has ended and that nobody has asked about doesn't."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
