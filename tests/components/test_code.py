"""The functions' zip: small, the same bytes for the same sources, nothing in it that Lambda lacks."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from pulumi import RunError

from components import code

# What the sources may import: the standard library, themselves, and boto3 with what it brings along.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
IMPORT_ALL = """
import importlib, importlib.abc, pathlib, sys
allowed = {*sys.stdlib_module_names, "handlers", "tickwire", *sys.argv[2:]}
class Gate(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and not top.startswith("_"):
            raise ModuleNotFoundError(f"{name} isn't in the Lambda runtime", name=name)
sys.meta_path.insert(0, Gate())
root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root))
for file in sorted(root.rglob("*.py")):
    name = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    assert module.__file__.startswith(str(root)), module.__file__
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources, to change."""
    root = tmp_path / "tree"
    for package in code.PACKAGES:
        shutil.copytree(code.ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def test_the_zip_stays_below_100_kilobytes() -> None:
    """Functions start cold in the time that it takes to fetch and unpack this."""
    assert len(code.zipped()) < 100_000


def test_the_same_sources_give_the_same_bytes(tree: Path) -> None:
    """Whatever the clock, the file times, the modes and Python's own files say."""
    before = code.zipped(tree)
    for path in tree.rglob("*.py"):
        os.utime(path, (time.time() + 86_400,) * 2)
        path.chmod(0o700)
    cache = tree / "tickwire" / "__pycache__"
    cache.mkdir()
    (cache / "tick.cpython-314.pyc").write_bytes(b"compiled")
    (tree / "tickwire" / ".tick.py.swp").write_bytes(b"an editor's")
    assert code.zipped(tree) == before == code.zipped()


def test_a_changed_source_gives_other_bytes(tree: Path) -> None:
    """So the functions are updated when, and only when, their code changed."""
    before = code.zipped(tree)
    with (tree / "tickwire" / "tick.py").open("a") as file:
        file.write("# changed\n")
    assert code.zipped(tree) != before


def test_the_zip_holds_sources_only() -> None:
    """Two packages under their own names, and nothing compiled."""
    with zipfile.ZipFile(io.BytesIO(code.zipped())) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert names == sorted(names)
    assert all(name.endswith(".py") and name.split("/")[0] in code.PACKAGES for name in names)
    assert "tickwire/tick.py" in names


def test_the_zip_is_written_once_for_the_same_sources(tree: Path) -> None:
    """A second deployment leaves the file alone; a changed source replaces it whole."""
    archive = Path(code.archive(tree).path)
    written = archive.stat().st_mtime_ns
    assert Path(code.archive(tree).path) == archive
    assert archive.stat().st_mtime_ns == written
    (tree / "tickwire" / "more.py").write_text("MORE = 1\n")
    code.archive(tree)
    assert archive.read_bytes() == code.zipped(tree)
    assert [path.name for path in archive.parent.iterdir()] == ["functions.zip"]


def test_a_folder_that_can_not_be_written_gets_one_sentence(tree: Path) -> None:
    """The sentence names the file and what was expected."""
    (tree / ".local").write_text("a file where a folder is needed\n")
    with pytest.raises(
        RunError, match=r"can't write .*functions\.zip: .*expected a folder that you may write to"
    ):
        code.archive(tree)


def test_every_module_of_the_zip_imports_with_nothing_but_boto3(tmp_path: Path) -> None:
    """Lambda's runtime has the standard library and boto3; a further import would fail at the first event."""
    with zipfile.ZipFile(io.BytesIO(code.zipped())) as archive:
        archive.extractall(tmp_path / "unpacked")
    command = [sys.executable, "-I", "-B", "-c", IMPORT_ALL, str(tmp_path / "unpacked"), *RUNTIME]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
