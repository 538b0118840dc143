"""What functions ask of AWS, call by call: operations and units, as DynamoDB, SQS and AWS IoT Core bill them.

In: functions of a running local platform and a file. Out: a line in it for each run, with its calls. A
tallied function runs as it is; the workers share the machine, so the file is the quickest way out of them.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_TALLIED = """
import importlib, json, math, os, time
from botocore.client import BaseClient

_calls = []
_call = BaseClient._make_api_call

def _size(item):
    total = 0
    for name, value in item.items():
        ((kind, text),) = value.items()
        total += len(name) + (len(text.encode()) if kind == "S" else math.ceil(len(text.lstrip("-")) / 2) + 1)
    return total

def _read(items, consistent):
    return max(1, math.ceil(sum(map(_size, items)) / 4096)) * (1.0 if consistent else 0.5)

def _units(operation, request, answer):
    if operation == "PutItem":
        return "write", math.ceil(_size(request["Item"]) / 1024)
    if operation == "GetItem":
        return "read", _read([answer["Item"]] if "Item" in answer else [], request.get("ConsistentRead"))
    if operation == "Query":
        return "read", _read(answer["Items"], request.get("ConsistentRead"))
    if operation == "BatchGetItem":
        found = [item for items in answer["Responses"].values() for item in items]
        return "read", sum(_read([item], True) for item in found)
    if operation == "Publish":
        lane = request["topic"].split("/")[0]
        return "publish " + lane, math.ceil(max(1, len(request["payload"])) / 5000)
    if operation.startswith("Send"):
        size = len(json.dumps(request.get("Entries", request)))
        return "send", math.ceil(size / 65536)
    return operation, 1

def _tallied(self, operation, request):
    answer = _call(self, operation, request)
    _calls.append([time.time(), *_units(operation, request, answer)])
    return answer

BaseClient._make_api_call = _tallied
_module, _, _name = os.environ["TALLIED"].rpartition(".")
_handler = getattr(importlib.import_module(_module), _name)

def handler(event, context):
    began = time.time()
    try:
        return _handler(event, context)
    finally:
        line = json.dumps({"of": _module.rpartition(".")[2], "at": began, "calls": _calls}) + "\\n"
        _calls.clear()
        with open(os.environ["TALLY"], "ab", buffering=0) as out:
            out.write(line.encode())
"""


def tally(client: Any, function: str, code: bytes, into: Path) -> None:
    """Have `function`, whose zip is `code`, write its calls into a file from its next run on."""
    found = client("lambda").get_function_configuration(FunctionName=function)
    buffer = io.BytesIO(code)
    with zipfile.ZipFile(buffer, "a") as out:
        out.writestr("tallied.py", _TALLIED)
    known = found.get("Environment", {}).get("Variables", {})
    client("lambda").update_function_configuration(
        FunctionName=function,
        Handler="tallied.handler",
        Environment={"Variables": {**known, "TALLIED": found["Handler"], "TALLY": str(into)}},
    )
    client("lambda").update_function_code(FunctionName=function, ZipFile=buffer.getvalue())


def read(lines: Iterable[str], *, from_s: float, to_s: float) -> Counter[str]:
    """Runs and units of that time, by `function runs` and `function what`."""
    found: Counter[str] = Counter()
    for line in lines:
        run = json.loads(line)
        if from_s <= run["at"] < to_s:
            found[f"{run['of']} runs"] += 1
        for at_s, what, units in run["calls"]:
            if from_s <= at_s < to_s:
                found[f"{run['of']} {what}"] += units
    return found
