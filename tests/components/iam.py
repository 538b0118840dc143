"""Evaluates IAM policy documents, as AWS documents the rules. Knows nothing of how ours are made.

Default deny; a matching Deny wins over any Allow. `*` and `?` are the wildcards of actions and resources,
every other character stands for itself, and the value of a policy variable is never a wildcard. What this
doesn't understand, it refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_KEYS = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}


def allows(
    documents: Iterable[str], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Whether a principal that has these documents may do `action` to `resource`."""
    effects = [
        statement["Effect"]
        for document in documents
        for statement in statements(document)
        if _covers(statement, action, resource, context or {})
    ]
    return "Allow" in effects and "Deny" not in effects


def statements(document: str) -> list[dict[str, Any]]:
    content = json.loads(document)
    assert content["Version"] == "2012-10-17", "policy variables work in this version only"
    found = listed(content["Statement"])
    assert all(statement.keys() <= _KEYS for statement in found), found
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _covers(statement: dict[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    assert "Condition" not in statement, "conditions aren't evaluated here"
    return any(
        _matches(pattern.lower(), action.lower(), {}) for pattern in listed(statement["Action"])
    ) and any(_matches(pattern, resource, context) for pattern in listed(statement["Resource"]))


def _matches(pattern: str, text: str, context: Mapping[str, str]) -> bool:
    parts = re.split(r"(\$\{[^}]+\}|\*|\?)", pattern)
    return re.fullmatch("".join(_expression(part, context) for part in parts), text, re.DOTALL) is not None


def _expression(part: str, context: Mapping[str, str]) -> str:
    if part.startswith("${"):
        # A variable without a value matches nothing.
        return re.escape(context[part[2:-1]]) if part[2:-1] in context else r"(?!)"
    return {"*": ".*", "?": "."}.get(part, re.escape(part))
