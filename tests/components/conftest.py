"""Built pages for the program to serve, without a bundler."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import pages


@pytest.fixture(autouse=True)
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site of three files, which the program finds in place of the browser client's build."""
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (root / "assets" / "app-3f9c.js").write_text("export {}\n")
    (root / "index.html").write_text("<!doctype html>\n")
    (root / "tickwire.js").write_text("export {}\n")
    monkeypatch.setattr(pages, "DIST", root)
    return root
