"""Structured logs: an event and its facts, one JSON object a line. Never a tick's body."""

from __future__ import annotations

import json
from typing import Any


def emit(event: str, **facts: Any) -> None:
    """Write one line to the function's log."""
    print(json.dumps({"event": event, **facts}, default=str, separators=(",", ":")), flush=True)
