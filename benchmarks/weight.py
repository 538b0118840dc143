"""Bytes before the first price: the same page on this library, on AWS's device SDK, and on Amplify.

In: three pages in `benchmarks/page`, each built for production by the same Vite. Out: the scripts that a
browser loads, gzipped. The SDK and Amplify speak to `wss` alone, so here they are built and not run.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Row, Section

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "benchmarks" / "page"
INSTALL_S = 600


def run() -> Sequence[Section]:
    _tool(
        "npm", "--prefix", str(PAGE), "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts", "ci"
    )
    weights: dict[str, int] = json.loads(_tool("node", str(PAGE / "build.js")))
    ours, sdk, amplify = (weights[name] for name in ("ours", "sdk", "amplify"))
    return [
        Section(
            title="A page's scripts before its first price",
            rows=[
                Row(what="this library with its MQTT client, gzipped", value=ours / 1000, unit="KB"),
                Row(what="aws-iot-device-sdk-v2", value=sdk / 1000, unit="KB"),
                Row(what="@aws-amplify/pubsub", value=amplify / 1000, unit="KB"),
                Row(what="the device SDK against this library", value=sdk / ours, unit="x", at_least=3),
                Row(what="Amplify against this library", value=amplify / ours, unit="x"),
            ],
            notes=[
                "One page each: a guest connects and shows the price of AAPL. Same bundler, same settings.",
                "Neither of the other two begins with a snapshot, sees a loss or says that prices are stale.",
            ],
        )
    ]


def _tool(*command: str) -> str:
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    found = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=INSTALL_S, check=True
    )
    return found.stdout
