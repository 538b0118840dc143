"""The stage's sources: which of them changed since the last look, and whether they can run at all.

In: the checkout. Out: paths that were changed, added or removed, once they have come to rest (an editor saves
in several steps, a build writes many files); and the first fault, in one line. Looking at times and sizes a
few times a second needs nothing installed, works on every file system, and costs about a millisecond a look.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CODE = ("handlers", "tickwire", "components")
PAGES = "clients/browser/dist"
LOOK_S = 0.2
LOOKS_MAX = 25  # for sources to come to rest; what still moves after 5 s is taken as it is
IMPORT_S_MAX = 20.0

# Runs in a process of its own: a module that can't be imported is named with the line that is at fault.
_IMPORT = """
import importlib, os, sys, traceback
root = sys.argv[1]
sys.path.insert(0, root)
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        inside = [one for one in frames if one.filename.startswith(root + os.sep)]
        place = f"{os.path.relpath(inside[-1].filename, root)}, line {inside[-1].lineno}" if inside else name
        sys.exit(f"{place}: {type(error).__name__}: {error}")
"""

Marks = dict[str, tuple[int, int]]


class Sources:
    """The sources of one stage."""

    def __init__(self, root: Path, stage: str) -> None:
        self._root = root
        self._files = ("__main__.py", "Pulumi.yaml", f"Pulumi.{stage}.yaml")
        self._seen = self._marks()

    def changes(self, wait: Callable[[float], object] = time.sleep) -> tuple[str, ...]:
        """What changed since the last call, sorted; nothing when all is as it was."""
        now = self._marks()
        if now == self._seen:
            return ()
        for _ in range(LOOKS_MAX):
            wait(LOOK_S)
            before, now = now, self._marks()
            if now == before:
                break
        paths = [path for path in self._seen.keys() | now.keys() if self._seen.get(path) != now.get(path)]
        self._seen = now
        return tuple(sorted(paths))

    def fault(self) -> str | None:
        """Why the code can't run: a syntax error, or a function's module that can't be imported."""
        files = [path for path in self._paths() if path.endswith(".py")]
        for path in files:
            try:
                compile((self._root / path).read_bytes(), path, "exec", dont_inherit=True)
            except SyntaxError as error:
                return f"{path}, line {error.lineno}: {error.msg}"
            except (OSError, ValueError) as error:
                return f"{path}: {error}"
        return self._import_fault([path for path in files if path.startswith("handlers/")])

    def _import_fault(self, files: list[str]) -> str | None:
        modules = sorted(path.removesuffix(".py").replace("/", ".") for path in files)
        command = [sys.executable, "-B", "-c", _IMPORT, str(self._root), *modules]
        try:
            found = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=IMPORT_S_MAX,
                check=False,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return f"importing {', '.join(modules)} took more than {IMPORT_S_MAX:.0f} s"
        return " ".join(found.stderr.split()) if found.returncode else None

    def _marks(self) -> Marks:
        marks = {}
        for path in (*self._paths(), *self._below(PAGES, "")):
            try:
                found = os.stat(self._root / path)
            except OSError:
                continue  # removed between the listing and the look
            marks[path] = (found.st_mtime_ns, found.st_size)
        return marks

    def _paths(self) -> Iterator[str]:
        yield from self._files
        for folder in CODE:
            yield from self._below(folder, ".py")

    def _below(self, folder: str, ending: str) -> Iterator[str]:
        for place, _, names in os.walk(self._root / folder):
            for name in sorted(names):
                if name.endswith(ending) and not name.startswith("."):
                    yield os.path.relpath(os.path.join(place, name), self._root)
