"""Logs and metrics: one JSON object a line, with the request's id. Never a tick's body.

Metrics are in CloudWatch's embedded metric format: a line that names its numbers, so counting costs no call.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

NAMESPACE = "Tickwire"
_request = {"id": ""}


def begin(context: Any) -> None:
    """Remember the request that the lines to come belong to; a function serves one at a time."""
    _request["id"] = getattr(context, "aws_request_id", "")


def emit(event: str, **facts: Any) -> None:
    """Write one line to the function's log."""
    _write({"event": event, "request": _request["id"], **facts})


def measure(units: Mapping[str, str], values: Mapping[str, float | list[float]], **dimensions: str) -> None:
    """Write one line of metrics, by stage, and by the dimensions given. A list holds several observations."""
    metrics = [{"Name": name, "Unit": units[name]} for name in values]
    about = {"stage": os.environ["STAGE"], **dimensions}
    # By stage alone as well: an alarm can't add up over a dimension's values.
    sets = [["stage"], list(about)] if dimensions else [["stage"]]
    directive = {"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": metrics}
    aws = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
    _write({"_aws": aws, "request": _request["id"], **about, **values})


def _write(line: dict[str, Any]) -> None:
    # In one piece: `print` writes the end of a line by itself, and other threads write lines too.
    sys.stdout.write(json.dumps(line, default=str, separators=(",", ":")) + "\n")
    sys.stdout.flush()
