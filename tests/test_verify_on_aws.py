"""The script of docs/verify-on-aws.md tells a guest who is refused from one who isn't."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from local.platform import Platform

ROOT = Path(__file__).resolve().parents[1]


def script() -> str:
    page = (ROOT / "docs" / "verify-on-aws.md").read_text()
    (found,) = re.findall(r"^ *```python\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(found)


def run(code: str, platform: Platform) -> list[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "PATH": path,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "TICKWIRE_URL": platform.url,
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_guests_script_finds_five_refusals(quiet: Platform) -> None:
    """The local broker refuses by the same policies; whether AWS's does is for AWS to show."""
    lines = run(script(), quiet)
    assert len(lines) == 5
    assert [line for line in lines if not line.startswith("refused")] == []


def test_the_guests_script_says_when_something_is_allowed(quiet: Platform) -> None:
    """What a guest may do is no refusal, so the script can fail."""
    head = script().partition('attempt("everything"')[0]
    more = 'attempt("own", lambda client: client.subscribe(price.format(symbol="AAPL")))\n'
    (line,) = run(head + more, quiet)
    assert line.startswith("ALLOWED own")
