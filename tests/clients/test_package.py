"""What is published: whole, importable without the checkout, quick to import, and as its README says."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.clients.stage import DEADLINE_S, Stage
from tests.clients.test_cli import environment, saying

PACKAGE = Path(__file__).parents[2] / "clients" / "python"
EXAMPLES = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)


def python(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel built from the checkout, and the one built from the sdist."""
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("built")
    python("-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(out / "first"), cwd=PACKAGE)
    with tarfile.open(next((out / "first").glob("*.tar.gz"))) as sdist:
        sdist.extractall(out / "unpacked", filter="data")
    unpacked = next((out / "unpacked").iterdir())
    python("-m", "hatchling", "build", "-t", "wheel", "-d", str(out / "second"), cwd=unpacked)
    first, second = (next((out / name).glob("*.whl")) for name in ("first", "second"))
    return first, second


def test_a_wheel_from_the_sdist_is_the_wheel_from_the_checkout(wheels: tuple[Path, Path]) -> None:
    """The sdist is whole: it needs nothing of the repository around it."""
    first, second = wheels
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_holds_everything_but_its_dependencies(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    """Unpacked alone, without any installed package, it imports; the CRT is only loaded to connect."""
    with zipfile.ZipFile(wheels[1]) as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path)
    assert {"tickwire_client/py.typed", "tickwire/py.typed", "tickwire/wire.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or "hatch_build" in name]
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tickwire_client as it; print(it)"
    assert python("-I", "-S", "-c", code, cwd=tmp_path).count(str(tmp_path)) == 1


def test_importing_it_loads_nothing_heavy() -> None:
    """A program that only might connect doesn't pay for the CRT, HTTP or the command."""
    code = "import tickwire_client, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=environment(None), capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {
        "awscrt",
        "boto3",
        "botocore",
        "click",
        "urllib.request",
        "http.client",
        "pandas",
        "rich",
    } & set(loaded)


@pytest.mark.parametrize("example", EXAMPLES, ids=["ticks", "latest", "errors"])
def test_each_example_of_the_readme_runs_as_it_stands(stage: Stage, example: str) -> None:
    """What a newcomer copies prints something, against a stage at another address."""
    row = {"symbol": "AAPL", "price": 189.45, "timestamp": "2026-11-21T14:30:00.123Z", "seq": 7, "series": 9}
    stage.site.prices = [row]
    example = example.replace("http://127.0.0.1:8080", stage.url)
    with (
        saying(stage, "AAPL", "189.45"),
        subprocess.Popen(
            [sys.executable, "-u", "-c", example],
            env=environment(stage.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()
        complaints = process.communicate(timeout=DEADLINE_S)[1]
    assert line.startswith(("AAPL 189.45 ", "did you mean ('AAPL',)")), complaints
