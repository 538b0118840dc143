"""An IAM linter over every policy that the program makes."""

from __future__ import annotations

import json
from typing import Any

import parliament  # type: ignore[import-untyped]
import pytest

from tests.components.roles import QUEUE, STREAM, TABLE, arn, documents, gates, trusts
from tests.components.world import ACCOUNT

STREAM_LIKE = f"{TABLE}/stream/2026"


def linted(document: str) -> list[tuple[str, Any]]:
    """What parliament says. It doesn't know policy variables, colons in a stream's name, nor that a trust
    policy is about its role.
    """
    known = document.replace("${cognito-identity.amazonaws.com:sub}", "identity")
    known = known.replace(STREAM, STREAM_LIKE)
    content = json.loads(known)
    for statement in content["Statement"]:
        statement.setdefault("Resource", f"arn:aws:iam::{ACCOUNT}:role/itself")
    return [
        (finding.issue, finding.detail)
        for finding in parliament.analyze_policy_string(json.dumps(content)).findings
    ]


def test_the_linter_finds_nothing() -> None:
    """parliament knows every action, and which resources and conditions it takes."""
    made = [*documents().values(), *gates().values(), list(trusts().values())]
    for document in [document for held in made for document in held]:
        assert not linted(document), document


@pytest.mark.parametrize(
    ("action", "resource", "issue"),
    [
        ("sqs:SendMessages", QUEUE, "UNKNOWN_ACTION"),
        ("sqs:SendMessage", "*", "RESOURCE_STAR"),
        ("iot:Publish", arn("iot", "thing/x"), "RESOURCE_MISMATCH"),
    ],
)
def test_the_linter_would_find_mistakes(action: str, resource: str, issue: str) -> None:
    """A misspelt action, a resource for all, one that the action doesn't take."""
    document = {"Effect": "Allow", "Action": [action], "Resource": resource}
    found = linted(json.dumps({"Version": "2012-10-17", "Statement": [document]}))
    assert issue in {kind for kind, _ in found}
