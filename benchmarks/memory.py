"""How much memory this process has, and had at its largest, in MB."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def now_mb() -> float:
    """0 where the system doesn't say."""
    return _status_mb("VmRSS") if sys.platform == "linux" else 0.0


def peak_mb() -> float:
    """Its own: Linux counts to `ru_maxrss` what the process had that started this one."""
    if sys.platform == "linux":
        return _status_mb("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def _status_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024
