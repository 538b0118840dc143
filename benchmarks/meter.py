"""What functions ask of AWS, and the processor time of the local AWS and its functions' workers.

In: functions and processes of a running platform. Out: counts that only rise, to be read before and after.
A metered function runs as it is; around it, each HTTP request to AWS is counted, repeats too. Processor time
comes from /proc; where there is none (`HAS_CPU`), it stays nought.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HAS_CPU = Path("/proc/self/stat").exists()

_METERED = """
import importlib, itertools, json, os
from botocore.httpsession import URLLib3Session

_count = itertools.count(1)
_send = URLLib3Session.send

def _counted(self, request):
    next(_count)
    return _send(self, request)

URLLib3Session.send = _counted
_module, _, _name = os.environ["METERED"].rpartition(".")
_handler = getattr(importlib.import_module(_module), _name)

def handler(event, context):
    before = next(_count)
    answer = _handler(event, context)
    print(json.dumps({"metered": len(event["Records"]), "awsCalls": next(_count) - before - 1}), flush=True)
    return answer
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """So far: batches and messages taken and calls made, by the function's log; seconds of processor time."""

    batches: int
    messages: int
    calls: int
    workers_s: float
    server_s: float

    def __sub__(self, other: Reading) -> Reading:
        return Reading(
            batches=self.batches - other.batches,
            messages=self.messages - other.messages,
            calls=self.calls - other.calls,
            workers_s=self.workers_s - other.workers_s,
            server_s=self.server_s - other.server_s,
        )


def meter(client: Any, function: str, code: bytes) -> None:
    """Have `function`, whose zip is `code`, count from its next call on."""
    found = client("lambda").get_function_configuration(FunctionName=function)
    buffer = io.BytesIO(code)
    with zipfile.ZipFile(buffer, "a") as out:
        out.writestr("metered.py", _METERED)
    environment = {**found.get("Environment", {}).get("Variables", {}), "METERED": found["Handler"]}
    client("lambda").update_function_configuration(
        FunctionName=function, Handler="metered.handler", Environment={"Variables": environment}
    )
    client("lambda").update_function_code(FunctionName=function, ZipFile=buffer.getvalue())


def read(client: Any, function: str, server: int) -> Reading:
    """What stands on the meter of a function, and of the server with that process id."""
    pages = (
        client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=f"/aws/lambda/{function}", filterPattern="awsCalls")
    )
    lines = [line for page in pages for event in page["events"] for line in event["message"].splitlines()]
    found = [json.loads(line) for line in lines if line.startswith('{"metered"')]
    return Reading(
        batches=len(found),
        messages=sum(line["metered"] for line in found),
        calls=sum(line["awsCalls"] for line in found),
        workers_s=sum(_cpu_s(pid) for pid in _children(server) if _runs(pid, function)),
        server_s=_cpu_s(server),
    )


def spent_s(server: int) -> tuple[float, float]:
    """Processor time of the server with that process id, and of all its workers."""
    return _cpu_s(server), sum(map(_cpu_s, _children(server)))


def _children(parent: int) -> list[int]:
    return [
        pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _stat(pid)[1:2] == [str(parent)]
    ]


def _runs(pid: int, function: str) -> bool:
    with contextlib.suppress(OSError):
        name = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
        return name in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _cpu_s(pid: int) -> float:
    return float(sum(map(int, _stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK"))


def _stat(pid: int) -> list[str]:
    """The fields after the name, from the state on; none when it's gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
