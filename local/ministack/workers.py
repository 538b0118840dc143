"""Function workers: what they inherit, how one call goes through their pipe, and how they end.

In: a function's configuration and events. Out: its answers. Always: a worker sees its own zip, its own
variables and the credentials of its own role, and nothing of the developer's; a function has `WORKERS_MAX`
workers at most; a worker ends when the server does, however that ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import threading
import time
from typing import Any

from local.ministack.patch import around, module, present, put

WORKERS_MAX = min(4, max(2, os.cpu_count() or 2))  # more than cores only get into each other's way
WORKER_WAIT_S = 10.0
RETIRE_GRACE_S = 2.0
LOG_WAIT_S = 10.0  # for lines that are on their way
LINE_BYTES_MAX = 32 * 1024 * 1024

# What a worker keeps of the server's own environment; the rest is the function's configuration and its
# role's keys.
INHERITED = frozenset(
    {
        "PATH",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
)

# Runs first in each worker. The worker reads its orders from a pipe, so an idle one notices that the server
# is gone; this is for one in the middle of a call: a pipe whose writer is gone hangs up.
_END_WITH_SERVER = """
def _end_with_server():
    import os, select, threading
    pipe = select.poll()
    pipe.register(0, 0)
    threading.Thread(target=lambda: (pipe.poll(), os._exit(0)), daemon=True).start()
_end_with_server()
del _end_with_server
"""

# Runs in each worker too: before it reads an order it says in its log that the one before is over, so that
# whoever waits for a call's lines knows when he has them all.
_CALL_IS_OVER = "\x1e"
_SAY_WHEN_OVER = f"""
def _say_when_over():
    import sys
    readline = sys.stdin.readline
    def next_order():
        sys.stderr.write({_CALL_IS_OVER!r} + chr(10))
        sys.stderr.flush()
        return readline()
    sys.stdin.readline = next_order
_say_when_over()
del _say_when_over
"""


def apply() -> None:
    runtime, functions = module("core.lambda_runtime"), module("services.lambda_svc")
    put(runtime, "_PYTHON_WORKER_SCRIPT", _END_WITH_SERVER + _SAY_WHEN_OVER + runtime._PYTHON_WORKER_SCRIPT)
    put(runtime, "subprocess", _Subprocess)
    _call_through_pipe(runtime)
    _bound(runtime, functions)
    _retire(runtime, functions)


class _Subprocess:
    """`subprocess` as the runtime uses it, with a clean environment and an isolated interpreter."""

    PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT

    @staticmethod
    def Popen(command: list[str], *, env: dict[str, str], **named: Any) -> subprocess.Popen[str]:  # noqa: N802
        # A variable that merely equals the server's own is the server's. (The function's configuration
        # reaches the worker a second time, in its first line of orders, so nothing of it can be lost here.)
        own = {key: value for key, value in env.items() if key in INHERITED or os.environ.get(key) != value}
        if command[1].endswith(".py"):
            command = [command[0], "-I", *command[1:]]  # no PYTHON* variables, no user site, no script folder
        return subprocess.Popen(command, env=own, **named)


def _call_through_pipe(runtime: Any) -> None:
    """One call: write a line, poll the pipe for a line; no thread, and no killing of a worker whose handler
    raised.

    Ministack starts a thread for each call, waits 50 ms for log lines of a silent handler, leaves late ones
    to the next call, and ends the worker of one that raised (AWS keeps it, and the next call is warm).
    """
    worker = runtime.Worker
    present(worker, "_spawn", "_read_stderr")
    present(runtime, "_signal", "_collect", "_REAP_GRACE", "_account_region_from_function_config")

    @around(worker, "invoke")
    def invoke(
        _original: Any,
        self: Any,
        event: Any,
        request_id: str,
        *,
        trace_id: str | None = None,
        depth: Any = None,
        durable: dict[str, Any] | None = None,
        invoked_function_arn: str | None = None,
    ) -> dict[str, Any]:
        with self._lock:
            cold = self._proc is None or self._proc.poll() is not None
            if cold:
                self._spawn()
                self._cold = False
            timeout_s = float(self.config.get("Timeout", 30))
            order = {
                "event": event,
                "ctx": {
                    "request_id": request_id,
                    "invoked_function_arn": invoked_function_arn or self.config.get("FunctionArn", ""),
                    "timeout_ms": int(timeout_s * 1000),
                    "trace_id": trace_id,
                    "depth": depth,
                    "durable": durable or {},
                },
            }
            answer = _exchange(self._proc, order, time.monotonic() + timeout_s)
            ended = answer is None or answer.pop("broken", False)
            if ended:
                process, self._proc = self._proc, None
                runtime._signal(process)
                runtime._collect(process, time.monotonic() + runtime._REAP_GRACE)
                answer = answer or {
                    "status": "error",
                    "error": f"Task timed out after {timeout_s:g}.00 seconds",
                }
            assert answer is not None
            return {**answer, "cold_start": cold, "log": _log(self, cold=cold, ended=ended)}


def _log(worker: Any, *, cold: bool, ended: bool) -> str:
    """What the worker wrote up to the end of its last call, or until it ended."""
    if ended:
        worker._stderr_thread.join(LOG_WAIT_S)
    lines: list[str] = []
    overs = 3 if cold else 1  # before its configuration, before its first order, before the next
    with contextlib.suppress(queue.Empty):
        while overs:
            line = worker._stderr_queue.get(timeout=0 if ended else LOG_WAIT_S)
            overs -= line.endswith(_CALL_IS_OVER)
            if line != _CALL_IS_OVER:
                lines.append(line.removesuffix(_CALL_IS_OVER))
    return "\n".join(lines)


def _exchange(process: Any, order: dict[str, Any], deadline: float) -> dict[str, Any] | None:
    """The worker's answer, None at the deadline, or an error marked `broken` when the worker is of no more
    use.
    """
    lines = process.stdout.fileno()
    ready = select.poll()
    ready.register(lines, select.POLLIN)
    pending = b""
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        while (left_s := deadline - time.monotonic()) > 0:
            if not ready.poll(left_s * 1000):
                continue
            chunk = os.read(lines, 1 << 20)
            if not chunk:
                return {"status": "error", "error": "Worker process died", "broken": True}
            *complete, pending = (pending + chunk).split(b"\n")
            for line in complete:
                answer = _answer(line)
                if answer is not None:
                    return answer
            if len(pending) > LINE_BYTES_MAX:
                return {"status": "error", "error": "the answer is longer than 32 MiB", "broken": True}
    except (OSError, ValueError, AttributeError) as error:  # its pipes were closed: it was retired meanwhile
        return {"status": "error", "error": f"Worker process died ({error})", "broken": True}
    return None


def _answer(line: bytes) -> dict[str, Any] | None:
    """A line of the protocol, or None for what a library printed past Python's own output."""
    if not line.startswith(b"{"):
        return None
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and answer.get("status") in ("ok", "error") else None


def _bound(runtime: Any, functions: Any) -> None:
    """At most `WORKERS_MAX` workers a function; one call more waits for a free one, 10 s at most, then is
    throttled.
    """
    freed = threading.Condition()

    @around(runtime, "release_worker", functions)
    def release(original: Any, worker: Any) -> None:
        original(worker)
        with freed:
            freed.notify_all()

    @around(runtime, "acquire_worker", functions)
    def acquire(
        original: Any,
        name: str,
        config: dict[str, Any],
        code: bytes,
        qualifier: str = "$LATEST",
        max_concurrency: int | None = None,
    ) -> Any:
        deadline = time.monotonic() + WORKER_WAIT_S
        while True:
            worker, how = original(name, config, code, qualifier=qualifier, max_concurrency=WORKERS_MAX)
            left_s = deadline - time.monotonic()
            if worker is not None or left_s <= 0:
                return worker, how
            with freed:
                freed.wait(min(left_s, 0.05))


def _retire(runtime: Any, functions: Any) -> None:
    """New code takes over at once: idle workers end now, busy ones get half a second to finish.

    Ministack ends the busy ones in the middle of a call, and the messages of a queue's batch then stay away
    until their visibility timeout. A long call, such as a feed's minute, is still cut short, and is tried
    again by its caller with the new code.
    """

    @around(runtime, "kill_workers")
    def end(original: Any, workers: Any) -> None:
        workers = [worker for worker in workers if worker is not None]
        original([worker for worker in workers if not worker.in_use])
        busy = [worker for worker in workers if worker.in_use]
        if busy:
            threading.Thread(
                target=_end_later, args=(original, busy), daemon=True, name="retire-workers"
            ).start()

    present(functions, "_functions")

    @around(runtime, "acquire_worker", functions)
    def current(
        original: Any,
        name: str,
        config: dict[str, Any],
        code: bytes,
        qualifier: str = "$LATEST",
        **named: Any,
    ) -> Any:
        # A call that was accepted, or failed, before the update holds the old record; it gets the new code
        # too.
        scope = runtime._account_region_from_function_config(config)
        live = functions._functions.get_scoped(*scope, name) if qualifier == "$LATEST" else None
        if live and live.get("code_zip"):
            config, code = live["config"], live["code_zip"]
        worker, how = original(name, config, code, qualifier=qualifier, **named)
        if worker is not None and how == "reused" and worker.code_zip is not code and worker.code_zip != code:
            process, worker._proc = worker._proc, None
            worker.config, worker.code_zip = config, code
            runtime._signal(process)
            runtime._collect(process, time.monotonic() + runtime._REAP_GRACE)
        return worker, how


def _end_later(end: Any, busy: list[Any]) -> None:
    deadline = time.monotonic() + RETIRE_GRACE_S
    while time.monotonic() < deadline and any(worker.in_use for worker in busy):
        time.sleep(0.01)
    end(busy)
