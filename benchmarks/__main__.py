"""`python -m benchmarks [name …]`: run all, or those named; print each and write RESULTS.md."""

from __future__ import annotations

import importlib
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import load, markdown

NAMES = (
    "functions",
    "deploy",
    "ingest",
    "reads",
    "bars",
    "latency",
    "lanes",
    "limits",
    "fanout",
    "client",
    "dashboard",
    "start",
    "weight",
    "soak",
    "cost",
)
RESULTS = Path(__file__).parent / "RESULTS.md"


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"benchmark is {unknown[0]!r}; expected some of {', '.join(NAMES)}", file=sys.stderr)
        return 2
    parts = [
        "# Results",
        "",
        f"By `make bench` on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {load()}.",
        "Local figures say what the emulator on one machine can do; none of them was measured on AWS.",
        "",
    ]
    for name in names or NAMES:
        for section in importlib.import_module(f"benchmarks.{name}").run():
            text = markdown(section)
            print(text, flush=True)
            parts.append(text)
    if not names:
        RESULTS.write_text("\n".join(parts))
        print(f"written to {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
