"""A stage as its files describe it: Pulumi.yaml's defaults and Pulumi.<stage>.yaml, without a cloud.

In: a folder and a stage's name. Out: the `tickwire:` settings as the program would get them, less the secret
key. Nothing is written, and no command is run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from tickwire.stage import typed

_NAMESPACE = "tickwire:"
_BOOL = "tag:yaml.org,2002:bool"


def read_settings(folder: Path, name: str) -> dict[str, Any]:
    """The settings of a stage. UsageError for a stage that has no file, or a file that isn't YAML."""
    project = folder / "Pulumi.yaml"
    if not project.is_file():
        raise click.UsageError(f"{project} is missing; expected a checkout of Tickwire, here or by --folder")
    declared = _load(project).get("config") or {}
    file = folder / f"Pulumi.{name}.yaml"
    if not file.is_file():
        known = sorted(path.name.split(".")[1] for path in folder.glob("Pulumi.*.yaml"))
        expected = f"one of {', '.join(known)}" if known else "a stage's file, such as Pulumi.dev.yaml"
        raise click.UsageError(f"stage is {name!r}, which has no {file.name}; expected {expected}")
    said = _load(file).get("config") or {}
    settings = {key: spec["default"] for key, spec in declared.items() if "default" in spec}
    settings |= {
        key.removeprefix(_NAMESPACE): value for key, value in said.items() if key.startswith(_NAMESPACE)
    }
    settings.pop("apiKey", None)
    # `pulumi config set feedRate 10` writes a text.
    return {key: typed(key, value) if isinstance(value, str) else value for key, value in settings.items()}


def _load(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise click.UsageError(
            f"reading {file.name} needs PyYAML; expected it from: pip install pyyaml"
        ) from None

    class Loader(yaml.SafeLoader):
        """YAML 1.2, as Pulumi reads it: `off` is a word there."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(_BOOL, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader)
    except yaml.YAMLError as error:
        raise click.UsageError(f"{file} isn't YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise click.UsageError(f"{file} is empty or not a mapping; expected a Pulumi configuration")
    return content
