"""A stage's configuration, read from Pulumi.yaml and Pulumi.<stage>.yaml as the CLI would read it.

In: the program's directory and a stage's name. Out: values by fully qualified key ("tickwire:symbols",
"aws:region") and the keys that are secret. Values have the type that Pulumi.yaml declares for them; a key
that it doesn't declare passes as it is, for the program to refuse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from local.engine.deployment import DeployError

_BOOL, _TIME = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """YAML as the CLI reads it, by version 1.2: `off` and `no` are words there, and a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOL, _TIME)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))

_TYPES = ("string", "boolean", "integer", "array", "object")


def read_config(program: Path, stage: str) -> tuple[dict[str, object], frozenset[str]]:
    """The defaults of Pulumi.yaml with the stage's values over them, and the names of the secret ones."""
    project = _load(program / "Pulumi.yaml")
    namespace = project_name(program)
    declared = {_qualified(key, namespace): spec for key, spec in (project.get("config") or {}).items()}
    values: dict[str, object] = {}
    for key, spec in declared.items():
        default = _default(key, spec)
        if default is not None:
            values[key] = _typed(key, default, spec, "Pulumi.yaml", strict=True)
    file = program / f"Pulumi.{stage}.yaml"
    if not file.is_file():
        known = sorted(path.name.split(".")[1] for path in program.glob("Pulumi.*.yaml"))
        raise DeployError(
            f"stage {stage!r} has no {file.name}; expected one of {', '.join(known) or 'no stage yet'}"
        )
    for key, value in (_load(file).get("config") or {}).items():
        if _is_encrypted(value):
            raise DeployError(
                f"{file.name}: {key} is encrypted (secure:), which only the Pulumi CLI can read; "
                "give a local stage a plain value"
            )
        key = _qualified(key, namespace)
        values[key] = _typed(key, value, declared.get(key), file.name, strict=False)
    for key, spec in declared.items():
        if key not in values and isinstance(spec, dict) and "type" in spec:
            raise DeployError(f"{file.name}: {key} is missing; Pulumi.yaml declares it without a default")
    secret = (key for key, spec in declared.items() if isinstance(spec, dict) and spec.get("secret"))
    return values, frozenset(secret)


def project_name(program: Path) -> str:
    """The project's name, which is also the namespace of its own settings."""
    name = _load(program / "Pulumi.yaml").get("name")
    if not isinstance(name, str) or not name:
        raise DeployError(f"{program / 'Pulumi.yaml'} has no name")
    return name


def as_runtime_text(config: Mapping[str, object]) -> dict[str, str]:
    """The values as Pulumi's runtime takes them: text, where lists and maps are JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def _load(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise DeployError(f"{file} is missing; expected the directory of a Pulumi program") from None
    except yaml.YAMLError as error:
        raise DeployError(f"{file} isn't YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise DeployError(f"{file} is empty or not a mapping")
    return content


def _qualified(key: str, namespace: str) -> str:
    return key if ":" in key else f"{namespace}:{key}"


def _default(key: str, spec: object) -> object:
    """Both forms: `key: value`, and `key: {type, default}` (`value` for a key of another namespace)."""
    if isinstance(spec, dict) and spec.keys() <= {
        "type",
        "default",
        "description",
        "items",
        "secret",
        "value",
    }:
        return spec.get("default", spec.get("value"))
    return spec


def _typed(key: str, value: object, spec: object, where: str, *, strict: bool) -> object:
    kind = spec.get("type") if isinstance(spec, dict) else None
    if kind is None:
        return value
    if kind not in _TYPES:
        raise DeployError(f"Pulumi.yaml: {key} has the type {kind!r}; expected one of {', '.join(_TYPES)}")
    # In a stage's file a number may also be quoted: `pulumi config set` writes every value as text.
    if not strict and isinstance(value, str):
        if kind == "integer" and value.lstrip("-").isdigit():
            return int(value)
        if kind == "boolean" and value in ("true", "false"):
            return value == "true"
        if kind in ("array", "object"):
            value = _from_json(value)
    if not strict and kind == "string" and isinstance(value, int | float):
        return json.dumps(value)
    python = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}[kind]
    if not isinstance(value, python) or (kind == "integer" and isinstance(value, bool)):
        shown = "of another type" if isinstance(spec, dict) and spec.get("secret") else repr(value)
        raise DeployError(f"{where}: {key} is {shown}; expected {'an' if kind[0] in 'aio' else 'a'} {kind}")
    if isinstance(value, list) and isinstance(spec, dict) and isinstance(spec.get("items"), dict):
        return [
            _typed(f"{key}[{at}]", one, spec["items"], where, strict=strict) for at, one in enumerate(value)
        ]
    return value


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_encrypted(value: object) -> bool:
    def inner(value: object) -> Iterator[bool]:
        if isinstance(value, dict):
            yield value.keys() == {"secure"}
            for one in value.values():
                yield from inner(one)
        if isinstance(value, list):
            for one in value:
                yield from inner(one)

    return any(inner(value))
