"""The process behind a `Warm`: imports the SDK once, then forks for each deploy that it is asked for.

In: a request as JSON on the socket whose number is the first argument. Out: lines, then the result, on the
same socket. Nothing that a fork can't carry is begun here: no thread, no event loop, no connection. When the
socket closes the deploy that is under way is interrupted, and this process ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from local.engine import run
from local.engine.aws import DEFAULT_REGION, Clients
from local.engine.deployment import DeployError, Request
from local.engine.services import KINDS

NO_ENDPOINT = "http://127.0.0.1:1"
INTERRUPTED_S = 15.0
"""How long an interrupted deploy gets to end the calls that it began."""


def main(descriptor: int, endpoint: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_ahead()
    clients = Clients(endpoint or NO_ENDPOINT)
    for service in sorted({kind.service for kind in KINDS.values()} | {"sts"}):
        clients.get(service, DEFAULT_REGION)
    gc.freeze()  # so that a fork's collector doesn't copy all of it
    connection = Connection(descriptor)
    with contextlib.suppress(EOFError, OSError):
        while True:
            asked = json.loads(connection.recv_bytes())
            ended, held_open = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(ended)
                _answer(connection, asked, clients.at(asked["endpoint"]))
            os.close(held_open)
            try:
                answered = _watch(connection, ended, child)
            finally:
                os.close(ended)
            if not answered:
                _tell(connection, error="the deploy was killed; what was made is kept, and the next goes on")


def import_ahead() -> None:
    """The parts of pulumi_aws that a program may use; it loads them one by one."""
    for token in KINDS:
        module = token.split(":")[1].split("/")[0]
        module = "lambda_" if module == "lambda" else module
        getattr(
            importlib.import_module(f"pulumi_aws.{module}"), token.rpartition(":")[2]
        )  # the look at it loads it


def _watch(connection: Connection, ended: int, child: int) -> bool:
    """Wait until the child has ended; whether it answered. Interrupt it when nobody is left to hear."""
    readable, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in readable and _is_closed(connection):
        os.kill(child, signal.SIGINT)
        if not select.select([ended], [], [], INTERRUPTED_S)[0]:
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return status == 0


def _is_closed(connection: Connection) -> bool:
    """Whether what can be read is the end, and not the next request."""
    with socket.socket(fileno=os.dup(connection.fileno())) as peeked:
        return not peeked.recv(1, socket.MSG_PEEK)


def _answer(connection: Connection, asked: Mapping[str, Any], clients: Clients) -> NoReturn:
    writing = threading.Lock()

    def tell(**message: Any) -> None:
        with writing:  # resources are made in threads, and each has something to say
            _tell(connection, **message)

    try:
        signal.signal(signal.SIGINT, _interrupt_once)
        sys.dont_write_bytecode = True  # two saves within a second would leave a stale file
        request = Request(
            program=Path(asked.get("program", ".")),
            stage=asked["stage"],
            state=Path(asked["state"]),
            endpoint=asked["endpoint"],
            config=asked.get("config", {}),
            secrets=frozenset(asked.get("secrets", ())),
            preview=asked.get("preview", False),
        )
        do = run.destroy if asked["verb"] == "destroy" else run.deploy
        deployment = asdict(do(request, lambda line: tell(line=line), clients))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        tell(deployment=deployment | {"secret_outputs": sorted(deployment["secret_outputs"])})
    except DeployError as error:
        tell(error=str(error))
    except KeyboardInterrupt:
        tell(error="interrupted; what was made is kept, and the next deploy goes on from there")
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{Path(last.filename).name}:{last.lineno}"
        tell(error=f"the local engine failed at {at}: {type(error).__name__}: {error}")
    finally:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)  # without the exit hooks of the process that this is a copy of


def _tell(connection: Connection, **message: Any) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more; what was begun still ends
        connection.send_bytes(json.dumps(message, default=str).encode())


def _interrupt_once(*_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
