"""The README's examples, run as they stand but for the platform's address."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.platform import Platform

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "http://127.0.0.1:8080"


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", examples("python"), ids=["ours", "paho"])
def test_a_python_example_prints_prices(example: str, platform: Platform) -> None:
    """Three lines with AAPL, from a process of its own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", example.replace(ADDRESS, platform.url)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    try:
        printed = [process.stdout.readline() for _ in range(3)]
        assert all(re.search(r"AAPL|MSFT", line) for line in printed), (printed, process.poll())
    finally:
        process.kill()
        process.communicate()


def test_what_the_readme_points_at_is_there() -> None:
    """Every relative link leads to a file or folder."""
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_commands_of_the_readme_are_in_the_makefile() -> None:
    """`make help` lists each of them."""
    wanted = set(re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert wanted <= set(re.findall(r"^make ([a-z]+)", helped, re.MULTILINE))
