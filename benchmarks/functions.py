"""The functions' zip: small, and the same bytes from the same sources."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from benchmarks.report import Row, Section
from components.code import PACKAGES, ROOT, zipped


def run() -> list[Section]:
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(
                ROOT / package, Path(folder) / package, copy_function=shutil.copyfile, ignore=ignored
            )
        again = zipped(Path(folder))
    ours = zipped()
    rows = [
        Row(what="zip of all functions", value=len(ours) / 1024, unit="KB", at_most=100),
        Row(
            what="bytes that differ in a second build, from a copy",
            value=_differing(ours, again),
            unit="",
            at_most=0,
        ),
    ]
    return [Section(title="The functions' code", rows=rows)]


def _differing(one: bytes, two: bytes) -> int:
    return abs(len(one) - len(two)) + sum(a != b for a, b in zip(one, two, strict=False))
