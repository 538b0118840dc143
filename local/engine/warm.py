"""Ask for deploys: each runs in a fork of a process that has imported the Pulumi SDK already.

In: what to deploy. Out: lines of progress through `say`, then a `Deployment` or a `DeployError`. The
importing takes two to three seconds and is done once for each `Warm`; each deploy then starts fresh, as a
program's modules must be read anew. The caller's process imports none of it. Closing a `Warm` ends a deploy
that is under way: calls that were begun end and are remembered, and nothing is left running, also when the
caller was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.engine.deployment import DeployError, Deployment, Say

ROOT = Path(__file__).resolve().parents[2]
CLOSE_S = 20.0
"""How long a deploy that is under way gets to end what it began."""


class Warm:
    """A process that is ready to deploy. `endpoint`, if known by then, lets it prepare its clients as well.

    One deploy at a time; a second caller waits for the first.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        ours, theirs = socket.socketpair()
        # OpenTelemetry, which this would turn on in the SDK, has no place in a deploy to one's own machine.
        environment = {name: value for name, value in os.environ.items() if name != "TRACEPARENT"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.engine.worker", str(theirs.fileno()), endpoint or ""],
            cwd=ROOT,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the caller, who closes this: one way to end
        )
        theirs.close()
        self._socket = ours
        self._connection = Connection(os.dup(ours.fileno()))
        self._lock = threading.Lock()

    def deploy(
        self,
        program: Path,
        *,
        stage: str,
        state: Path,
        endpoint: str,
        config: Mapping[str, object],
        secrets: frozenset[str] = frozenset(),
        preview: bool = False,
        say: Say = print,
    ) -> Deployment:
        """Bring the cloud at `endpoint` to what the program in that directory says.

        `state` is the directory that holds the state, one file a stage; `config` has fully qualified keys. A
        preview tells what a deploy would do and changes nothing.
        """
        asked = {
            "verb": "deploy",
            "program": str(program.resolve()),
            "stage": stage,
            "state": str(state.resolve()),
            "endpoint": endpoint,
            "config": dict(config),
            "secrets": sorted(secrets),
            "preview": preview,
        }
        return self._ask(asked, say)

    def destroy(self, *, stage: str, state: Path, endpoint: str, say: Say = print) -> Deployment:
        """Delete all that the stage has, dependants first. A protected one refuses before any goes."""
        asked = {"verb": "destroy", "stage": stage, "state": str(state.resolve()), "endpoint": endpoint}
        return self._ask(asked, say)

    def close(self) -> None:
        """End the process, and a deploy that is under way, of whatever thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._lock:
            self._connection.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, asked: Mapping[str, Any], say: Say) -> Deployment:
        with self._lock:
            try:
                self._connection.send_bytes(json.dumps(asked).encode())
                while True:
                    told = json.loads(self._connection.recv_bytes())
                    if "line" in told:
                        say(told["line"])
                    elif "error" in told:
                        raise DeployError(told["error"])
                    else:
                        return _deployment(told["deployment"])
            except (EOFError, OSError):
                raise DeployError(
                    "the deploying process ended before it was done; the next deploy goes on"
                ) from None


def deploy(
    program: Path,
    *,
    stage: str,
    state: Path,
    endpoint: str,
    config: Mapping[str, object],
    secrets: frozenset[str] = frozenset(),
    preview: bool = False,
    say: Say = print,
) -> Deployment:
    """`Warm.deploy` for one time only."""
    with Warm() as warm:
        return warm.deploy(
            program,
            stage=stage,
            state=state,
            endpoint=endpoint,
            config=config,
            secrets=secrets,
            preview=preview,
            say=say,
        )


def destroy(*, stage: str, state: Path, endpoint: str, say: Say = print) -> Deployment:
    """`Warm.destroy` for one time only."""
    with Warm() as warm:
        return warm.destroy(stage=stage, state=state, endpoint=endpoint, say=say)


def _deployment(told: dict[str, Any]) -> Deployment:
    lists = {name: tuple(told[name]) for name in ("created", "updated", "replaced", "deleted")}
    return Deployment(**{**told, **lists, "secret_outputs": frozenset(told["secret_outputs"])})
