"""What a save changes is seen once it has come to rest; what can't run is named by file, line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.sources import Sources


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout of one function."""
    for name in ("handlers", "tickwire", "components", "clients/browser/dist", "tests"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "handlers" / "query.py").write_text("import tickwire.tick\n")
    (tmp_path / "handlers" / "__init__.py").write_text("")
    (tmp_path / "tickwire" / "__init__.py").write_text("")
    (tmp_path / "tickwire" / "tick.py").write_text("ONE = 1\n")
    (tmp_path / "__main__.py").write_text("print(1)\n")
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    return tmp_path


def test_nothing_changed_is_nothing(root: Path) -> None:
    assert Sources(root, "local").changes() == ()


def test_changed_new_and_removed_sources_are_told_once(root: Path) -> None:
    """Paths are below the checkout, sorted; a second look has nothing more to tell."""
    sources = Sources(root, "local")
    (root / "handlers" / "query.py").write_text("changed = True\n")
    (root / "clients/browser/dist" / "index.html").write_text("<!doctype html>")
    (root / "tickwire" / "tick.py").unlink()
    (root / "Pulumi.local.yaml").write_text("config: {x: 1}\n")
    expected = (
        "Pulumi.local.yaml",
        "clients/browser/dist/index.html",
        "handlers/query.py",
        "tickwire/tick.py",
    )
    assert sources.changes(_no_wait) == expected
    assert sources.changes(_no_wait) == ()


def test_what_is_no_source_does_not_count(root: Path) -> None:
    """Compiled files, an editor's own, tests and other stages."""
    sources = Sources(root, "local")
    (root / "handlers" / "__pycache__").mkdir()
    (root / "handlers" / "__pycache__" / "query.cpython-311.pyc").write_text("x")
    (root / "handlers" / ".query.py.swp").write_text("x")
    (root / "handlers" / "query.py~").write_text("x")
    (root / "tests" / "test_query.py").write_text("x")
    (root / "Pulumi.dev.yaml").write_text("x")
    assert sources.changes(_no_wait) == ()


def test_a_save_in_steps_is_one_change(root: Path) -> None:
    """As long as each look finds something else than the one before, it waits."""
    sources = Sources(root, "local")
    file = root / "handlers" / "query.py"
    file.write_text("a")
    steps = iter(["ab", "abc", "abcd"])

    def write_on(_: float) -> None:
        file.write_text(next(steps, "abcd"))

    assert sources.changes(write_on) == ("handlers/query.py",)
    assert sources.changes(_no_wait) == ()


def test_sources_that_never_rest_are_taken_as_they_are(root: Path) -> None:
    """The wait is bounded; what came later is told by the next look."""
    sources = Sources(root, "local")
    file = root / "handlers" / "query.py"
    file.write_text("")

    def grow(_: float) -> None:
        file.write_text(file.read_text() + "#")

    assert sources.changes(grow) == ("handlers/query.py",)
    grow(0)
    assert sources.changes(_no_wait) == ("handlers/query.py",)


def test_sound_sources_have_no_fault(root: Path) -> None:
    assert Sources(root, "local").fault() is None


@pytest.mark.parametrize("file", ["handlers/query.py", "components/queue.py", "__main__.py"])
def test_a_syntax_error_is_named_by_file_and_line(root: Path, file: str) -> None:
    (root / file).write_text("x = 1\ndef broken(:\n")
    assert Sources(root, "local").fault() == f"{file}, line 2: invalid syntax"


def test_a_function_that_cannot_be_imported_is_named_by_the_line_at_fault(root: Path) -> None:
    """The line is where it went wrong, not where the import began."""
    (root / "tickwire" / "tick.py").write_text("ONE = 1\nTWO = NONE\n")
    assert Sources(root, "local").fault() == "tickwire/tick.py, line 2: NameError: name 'NONE' is not defined"


def _no_wait(_: float) -> None:
    pass
