"""What changed between a resource's last inputs and those that the program gives now.

The old side is in stored form (files by their hash). Paths, as in `ignore_changes`, are Pulumi's:
`tags.owner`, `rules[0].name`, `environment["variables"]`, and `*` for everything.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

_STEP = re.compile(r"""\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.\[\]]+)""")
_ABSENT = object()


def changed_names(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """Top-level properties that differ. What a preview doesn't know differs from everything."""
    return frozenset(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def with_ignored(old: Mapping[str, Any], new: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The new inputs, with what the paths name put back to what it was."""
    result = dict(new)
    for path in paths:
        if path == "*":
            return dict(old)
        steps = _steps(path)
        if not steps:
            continue
        top = steps[0]
        if isinstance(top, str) and (len(steps) == 1 or top in result):
            value = _put(result.get(top, _ABSENT), steps[1:], _at(old, steps))
            if value is _ABSENT:
                result.pop(top, None)
            else:
                result[top] = value
    return result


def touched(changed: Set[str], paths: Iterable[str]) -> frozenset[str]:
    """Which of the changed properties the paths name or lie below."""
    tops = {_steps(path)[0] if path != "*" else "*" for path in paths if path}
    return frozenset(changed if "*" in tops else changed & tops)


def _steps(path: str) -> list[str | int]:
    return [int(index) if index else quoted or name for index, quoted, name in _STEP.findall(path)]


def _at(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        inside = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
        if step not in inside:
            return _ABSENT
        value = value[step]
    return value


def _put(value: Any, steps: list[str | int], put: Any) -> Any:
    """A copy of the value with `put` at the path; `_ABSENT` takes away. A path to nowhere changes nothing."""
    if not steps:
        return put
    step = steps[0]
    if isinstance(value, dict) and isinstance(step, str):
        below = _put(value.get(step, _ABSENT), steps[1:], put)
        rest = {name: one for name, one in value.items() if name != step}
        return rest if below is _ABSENT else {**rest, step: below}
    if isinstance(value, list) and isinstance(step, int) and step < len(value) and put is not _ABSENT:
        value = copy.copy(value)
        value[step] = _put(value[step], steps[1:], put)
    return value
