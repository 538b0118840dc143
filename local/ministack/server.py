"""The local AWS as a process of its own: ministack with the shim, under uvicorn, on a socket that it is
handed.

In: a listening socket, a folder for state, the process to end with; ministack's own settings in the
environment (`local/cloud.py` sets them all). Out: the AWS API, MQTT at /mqtt and `/_tickwire/health`.
Always: it ends when its parent does, however that ended, and so do the functions' workers.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tickwire.limits import LIFETIME

HEALTH = "/_tickwire/health"
# Ministack's own pages are served without any credentials: resetting everything, reading queues, and the
# like.
UNSERVED = ("/_ministack/", "/_localstack/", "/_aws/ses", "/_aws/sqs", "/_aws/sns")
UNSERVED_SERVICES = ("imds", "ecs-metadata")
LOG_BYTES_MAX = 8 * 1024 * 1024
END_S = 8.0

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--unlimited", action="store_true")
    parser.add_argument("--lifetime-s", type=float, default=float(LIFETIME.value))
    given = parser.parse_args(arguments)

    threading.Thread(target=_end_with_parent, args=(given.parent,), daemon=True, name="parent").start()
    # Many threads, one loop: a thread that computes gives way after a millisecond instead of five.
    sys.setswitchinterval(0.001)
    lifetime_s = None if given.unlimited else given.lifetime_s
    app, keeper = mended(given.state if given.keep else None, lifetime_s=lifetime_s)
    served = _front(app, {"instance": _instance(given.state, given.keep), "parent": given.parent})
    listening = socket.socket(fileno=given.socket)
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(_serve(served, listening, keeper))
    if not given.keep and os.getppid() != given.parent:
        shutil.rmtree(given.state, ignore_errors=True)  # nobody else is left to do it


def mended(state: Path | None, *, lifetime_s: float | None = None) -> tuple[App, Any]:
    """Ministack's application with every cure applied, and what saves its state.

    Without a connection's `lifetime_s` there are no limits.
    """
    from local.ministack import functions, limits, memory, patch, queries, queues, rights, streams, workers

    patch.check_version()
    for cure in (rights, workers, functions, streams, queues, queries, memory):
        cure.apply()
    if lifetime_s is not None:
        limits.apply(lifetime_s=lifetime_s)
    application = patch.module("app")
    for service in UNSERVED_SERVICES:
        del application.SERVICE_HANDLERS[service]
    keeper = None
    if state is not None:
        from local.ministack.persistence import Keeper

        keeper = Keeper(state)
        keeper.install()
    return application.app, keeper


async def _serve(app: App, listening: socket.socket, keeper: Any) -> None:
    import uvicorn

    from local.ministack.sockets import Unwaiting

    logging.getLogger("uvicorn.error").addFilter(_without_refusals)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws=Unwaiting,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            date_header=False,
            server_header=False,
            access_log=False,
            log_level="warning",
            log_config=None,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            lifespan="on",
        )
    )
    tasks = [asyncio.create_task(_housekeep()), asyncio.create_task(_tell())]
    if keeper is not None:
        tasks.append(asyncio.create_task(keeper.run()))
    gc.collect()
    gc.freeze()  # what was imported stays: no need to look through it again
    # uvicorn raises the signal that ended it once more; what is to be done after it would not be.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        await server.serve(sockets=[listening])  # saves everything when it ends
    finally:
        for task in tasks:
            task.cancel()
        from local.ministack.patch import module

        module("core.lambda_runtime").reset()


def _loop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _front(app: App, health: dict[str, Any]) -> App:
    """Answer for health; hide ministack's own pages."""
    body = json.dumps(health).encode()

    async def front(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == HEALTH or path.startswith(UNSERVED)):
            known = path == HEALTH
            await send(
                {
                    "type": "http.response.start",
                    "status": 200 if known else 404,
                    "headers": [(b"content-type", b"application/json")],
                }
            )
            await send({"type": "http.response.body", "body": body if known else b"{}"})
            return
        await app(scope, receive, send)

    return front


def _instance(state: Path, keep: bool) -> str:
    """An id that lives as long as the state: whoever remembers what it made here asks for it first."""
    path = state / "instance"
    if keep and path.exists():
        return path.read_text().strip()
    made = uuid.uuid4().hex
    fresh = path.with_suffix(".new")
    fresh.write_text(made)
    fresh.replace(path)
    return made


async def _housekeep() -> None:
    """The log is a file that this process was given; it is emptied before it fills the disk."""
    while True:
        await asyncio.sleep(10)
        if os.fstat(2).st_size > LOG_BYTES_MAX:
            os.ftruncate(2, 0)


async def _tell() -> None:
    """What the limits' guard dropped reaches CloudWatch within a second."""
    from local.ministack import limits

    while True:
        await asyncio.sleep(1)
        limits.tell()


def _end_with_parent(parent: int) -> None:
    """End when the pipe from the parent hangs up, or when the parent is another process than before."""
    pipe = select.poll()
    pipe.register(0, 0)
    while os.getppid() == parent and not pipe.poll(500):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_S)
    os._exit(1)


def _without_refusals(record: logging.LogRecord) -> bool:
    """uvicorn calls each refused upgrade an error; refusing is the job."""
    return "without completing handshake" not in record.getMessage()


if __name__ == "__main__":
    main()
