"""Puts the `tickwire` package, which lives at the repository's root, into the sdist and the wheel.

A wheel is built from a checkout, where it is two folders up, or from an sdist, where it is beside this file.
An editable install needs no copy: it puts both folders on the path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Vocabulary(BuildHookInterface):  # type: ignore[misc]  # hatchling is only there while building
    """Adds each module of the package, and nothing that a run left behind."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        package = next(
            (path for path in (root / "tickwire", root.parents[1] / "tickwire") if path.is_dir()), None
        )
        if package is None:
            raise FileNotFoundError(f"no tickwire package in {root} or two folders above it")
        for file in sorted([*package.rglob("*.py"), package / "py.typed"]):
            build_data["force_include"][str(file)] = f"tickwire/{file.relative_to(package)}"
