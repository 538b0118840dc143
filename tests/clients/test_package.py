"""What is published: whole, importable without the checkout, quick to import, and as its README says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from local.platform import Platform
from tests.clients.stage import DEADLINE_S, Stage
from tests.clients.test_cli import environment, saying

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "python"
PROGRAM = Path(__file__).parent / "public_api.py"
SPOILED = """
from tickwire_client import Tick


def cost(tick: Tick) -> float:
    return tick.price
"""
EXAMPLES: dict[str, str] = dict(
    re.findall(r"^## (.*?)\n\n```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL | re.M)
)
EXPECTED = {
    "Watch prices": r"((AAPL|MSFT) [\d.]+ 20\d\d-.*\n){2}",
    "Miss nothing, or be told": r"connected .*\n\d+ [\d.]+\n",
    "Without an event loop": r"AAPL [\d.]+ (None|-?[\d.]+)\n(AAPL|MSFT) [\d.]+.*\n",
    "What can go wrong": r"did you mean \('AAPL',\)\n",
    "Test your program": r"1 189\.45\n2 190\.45\n",
}


def python(*arguments: str, cwd: Path, by: str | Path = sys.executable) -> str:
    done = subprocess.run([by, *arguments], cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
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


@pytest.fixture(scope="module")
def clean(wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the wheel from the sdist is installed, as a user installs it."""
    home = tmp_path_factory.mktemp("clean")
    python("-m", "venv", str(home / "venv"), cwd=home)
    found = home / "venv" / "bin" / "python"
    pins = ("--constraint", str(ROOT / "requirements-run.txt"))
    quiet = ("--quiet", "--disable-pip-version-check", "--no-compile")
    python("-I", "-m", "pip", "install", *quiet, *pins, str(wheels[1]), cwd=home, by=found)
    return found


@pytest.mark.slow
def test_the_wheel_from_the_sdist_works_in_a_clean_environment(clean: Path, tmp_path: Path) -> None:
    """A tick from a platform to a stream, one back through the door, and the command: nothing is missing."""
    code = (Path(__file__).parent / "clean.py").read_text()
    said = python("-I", "-c", code, cwd=tmp_path, by=clean)
    assert (
        said == f"whole {clean.parents[1]}/lib/{_library(clean)}/site-packages/tickwire_client/__init__.py\n"
    )


@pytest.mark.slow
def test_mypy_passes_on_a_program_that_uses_only_the_public_api(clean: Path, tmp_path: Path) -> None:
    """Strictly, and against the installed wheel: it says itself that it is typed."""
    shutil.copy(PROGRAM, tmp_path)
    program = str(tmp_path / PROGRAM.name)
    python("-m", "mypy", "--strict", "--python-executable", str(clean), program, cwd=tmp_path)
    spoiled = tmp_path / "spoiled.py"
    spoiled.write_text(SPOILED)
    with pytest.raises(AssertionError, match="float"):
        python("-m", "mypy", "--strict", "--python-executable", str(clean), str(spoiled), cwd=tmp_path)


@pytest.mark.slow
def test_pyright_passes_on_a_program_that_uses_only_the_public_api(clean: Path, tmp_path: Path) -> None:
    """The same by another checker, in its strict mode."""
    settings = {"typeCheckingMode": "strict", "include": [PROGRAM.name]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    shutil.copy(PROGRAM, tmp_path)
    python("-m", "basedpyright", "--pythonpath", str(clean), cwd=tmp_path)
    (tmp_path / PROGRAM.name).write_text(SPOILED)
    with pytest.raises(AssertionError, match="float"):
        python("-m", "basedpyright", "--pythonpath", str(clean), cwd=tmp_path)


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
    assert {"tickwire_client/testing/fixture.py", "tickwire_client/cli/watch.py"} <= set(names)
    (licence,) = [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    assert (tmp_path / licence).read_text() == (ROOT / "LICENSE").read_text()
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


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_of_the_readme_runs_as_it_stands(stage: Stage, name: str) -> None:
    """What a newcomer copies prints something, against a stage at another address."""
    row = {"symbol": "AAPL", "price": 189.45, "timestamp": "2026-11-21T14:30:00.123Z", "seq": 7, "series": 9}
    stage.site.prices = [row]
    with saying(stage, "AAPL", "189.45"):
        printed = first_lines(EXAMPLES[name], stage.url, 2 if name != "What can go wrong" else 1)
    assert re.fullmatch(EXPECTED[name], printed), printed


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_of_the_readme_runs_against_the_whole_platform(platform: Platform, name: str) -> None:
    """Beside `make run`, with its own feed."""
    printed = first_lines(EXAMPLES[name], platform.url, 2 if name != "What can go wrong" else 1)
    assert re.fullmatch(EXPECTED[name], printed), printed


def first_lines(example: str, url: str, count: int) -> str:
    """The first lines that a process of its own prints; what it complains of, if it ends before."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", example.replace("http://127.0.0.1:8080", url)],
        env=environment(url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    patience = threading.Timer(DEADLINE_S, process.kill)
    patience.start()
    try:
        printed = "".join(process.stdout.readline() for _ in range(count))
    finally:
        patience.cancel()
        process.kill()
        complaints = process.communicate(timeout=DEADLINE_S)[1]
    return printed or complaints


def _library(python: Path) -> str:
    (found,) = (python.parents[1] / "lib").glob("python*")
    return found.name
