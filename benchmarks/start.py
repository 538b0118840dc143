"""A newcomer's `make run`: cold, from a fresh clone, and once set up, to the first price."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.report import Row, Section, load

ROOT = Path(__file__).resolve().parents[1]
WAIT_S = 300


def run() -> list[Section]:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "tickwire"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        cold_s = _first_price_s(clone, Path(folder) / "state")
        installed = _megabytes(clone / ".venv")
        node = _megabytes(clone / "clients" / "browser" / "node_modules")
        warm_s = _first_price_s(clone, Path(folder) / "state 2")
        again_s = _first_price_s(clone, Path(folder) / "state")
    return [
        Section(
            title="`make run` to the first price",
            rows=[
                Row(what="cold: a fresh clone, everything installed", value=cold_s, unit="s"),
                Row(what="set up, nothing deployed yet", value=warm_s, unit="s", at_most=10),
                Row(what="set up, with yesterday's state", value=again_s, unit="s", at_most=10),
                Row(what="installed Python packages", value=installed, unit="MB"),
                Row(what="installed Node packages", value=node, unit="MB"),
            ],
            notes=[
                f"To the first fresh tick in GET /api/prices; the package caches are as they are; {load()}."
            ],
        )
    ]


def _first_price_s(clone: Path, state: Path) -> float:
    port, aws_port = _free_port(), _free_port()
    ports = {"TICKWIRE_PORT": str(port), "TICKWIRE_AWS_PORT": str(aws_port), "TICKWIRE_STATE": str(state)}
    began, began_ms = time.monotonic(), time.time() * 1000
    process = subprocess.Popen(
        ["make", "run"],
        cwd=clone,
        env={**os.environ, **ports},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _has_price(port, began_ms):
            if process.poll() is not None or time.monotonic() - began > WAIT_S:
                raise RuntimeError("make run did not come to a first price")
            time.sleep(0.05)
        return time.monotonic() - began
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


def _has_price(port: int, since_ms: float) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
            newest = json.load(answer).get("newest")
    except (urllib.error.URLError, OSError, ValueError):
        return False
    from tickwire.tick import parse_iso

    return newest is not None and parse_iso(newest) >= since_ms - 1000


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6
