"""Evaluates IAM policy documents, as AWS documents the rules. Knows nothing of how ours are made.

Default deny; a matching Deny wins over any Allow. `*` and `?` are the wildcards of actions and resources,
every other character stands for itself, and the value of a policy variable is never a wildcard. A condition
on a key that the request doesn't have isn't met. What this doesn't understand, it refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

Context = Mapping[str, str | list[str]]
"""What a request carries, by condition key; a key's case means nothing."""

_KEYS = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
_EXACT, _PATTERN = ("StringEquals", "ArnEquals"), ("StringLike", "ArnLike")


def allows(
    documents: Iterable[str],
    action: str,
    resource: str,
    context: Context | None = None,
    *,
    principal: Mapping[str, str] | None = None,
) -> bool:
    """Whether `action` may be done to `resource`.

    By a principal that has these documents; or, with `principal`, by that one, where they are the resource's.
    """
    known = {key.lower(): value for key, value in (context or {}).items()}
    effects = [
        statement["Effect"]
        for document in documents
        for statement in statements(document)
        if _covers(statement, action, resource, known, principal)
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


def _covers(
    statement: dict[str, Any],
    action: str,
    resource: str,
    context: Context,
    principal: Mapping[str, str] | None,
) -> bool:
    assert ("Principal" in statement) == (principal is not None), (
        "a resource's policy, and no other, names who"
    )
    return (
        _names(statement.get("Principal"), principal)
        and any(_matches(pattern.lower(), action.lower(), {}) for pattern in listed(statement["Action"]))
        # A trust policy names no resource: it's the role's own.
        and any(
            _matches(pattern, resource, context) for pattern in listed(statement.get("Resource", resource))
        )
        and all(
            _meets(operator, key, listed(values), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(given: Any, principal: Mapping[str, str] | None) -> bool:
    if principal is None:
        return True
    ((kind, who),) = principal.items()
    return given == "*" or any(one in ("*", who) for one in listed(given.get(kind, [])))


def _meets(operator: str, key: str, wanted: list[str], context: Context) -> bool:
    any_of, _, name = operator.rpartition(":")
    assert any_of in ("", "ForAnyValue"), operator
    assert name in _EXACT + _PATTERN, operator
    given = listed(context.get(key.lower(), []))
    assert any_of or len(given) <= 1, f"{key} has several values, and {operator} is for one"
    return any(
        value == want if name in _EXACT else _matches(want, value, {}) for value in given for want in wanted
    )


def _matches(pattern: str, text: str, context: Context) -> bool:
    parts = re.split(r"(\$\{[^}]+\}|\*|\?)", pattern)
    return re.fullmatch("".join(_expression(part, context) for part in parts), text, re.DOTALL) is not None


def _expression(part: str, context: Context) -> str:
    if part.startswith("${"):
        value = context.get(part[2:-1].lower())
        # A variable without a value matches nothing.
        return re.escape(value) if isinstance(value, str) else r"(?!)"
    return {"*": ".*", "?": "."}.get(part, re.escape(part))
