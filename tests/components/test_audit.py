"""Device Defender's audit of guest roles, as AWS documents the check, held against ours.

UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK runs on AWS only. This is our reading of its rules: it
has to flag what AWS's page says is flagged, and nothing of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import parliament  # type: ignore[import-untyped]
import pytest

from tests.components.iam import listed, statements
from tests.components.roles import documents
from tests.components.world import evaluate

LISTENING = {"iot:Connect", "iot:Subscribe", "iot:Receive"}
SENDING = {"iot:Publish", "iot:RetainPublish"}
SHADOW = {
    "iot:GetThingShadow",
    "iot:UpdateThingShadow",
    "iot:DeleteThingShadow",
    "iot:ListNamedShadowsForThing",
}
ANYBODY = ("client/*", "client/?*", "*", "client/${iot:ClientId}")


@cache
def _known() -> frozenset[str]:
    """All of IoT's actions, as `iot:Name`."""
    return frozenset(
        f"iot:{right['privilege']}"
        for service in parliament.iam_definition
        if service["prefix"] == "iot"
        for right in service["privileges"]
    )


def findings(document: str) -> Iterator[str]:
    """What the audit would say of a guest's policy."""
    for statement in statements(document):
        if statement["Effect"] != "Allow":
            continue
        for action in listed(statement["Action"]):
            if "*" in action:
                yield f"{action}: takes in the registry's actions"
            elif action in _known() - LISTENING - SENDING - SHADOW:
                yield f"{action}: administration or registry, whatever it is allowed on"
            for resource in listed(statement["Resource"]):
                yield from _of_resource(action, resource, statement.get("Condition", {}))


def _of_resource(action: str, resource: str, condition: dict[str, Any]) -> Iterator[str]:
    part = resource.split(":", 5)[-1]
    name = part.partition("/")[2]
    if action == "iot:Connect":
        attached = condition.get("Bool", {}).get("iot:Connection.Thing.IsAttached") == ["true"]
        if part in ANYBODY and not (attached and part == "client/${iot:ClientId}"):
            yield f"{part}: connects as anybody"
    elif action in SHADOW and part in ("*", "thing/*"):
        yield f"{part}: every thing's shadow"
    elif action in SENDING | {"iot:Subscribe"} and (part == "*" or _broad(name)):
        yield f"{part}: topics of everybody, the reserved ones included"


def _broad(topic: str) -> bool:
    """Takes in reserved topics of more than one thing."""
    return topic.startswith(("*", "$*", "$aws/*", "$aws/things/*", "$aws/events/*", "#", "$aws/#", "+"))


def iot(resource: str) -> str:
    return f"arn:aws:iot:us-east-1:123456789012:{resource}"


def policy(action: str, resource: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


FLAGGED = [
    ("iot:*", "*"),
    ("*", "*"),
    ("iot:Connect", "*"),
    ("iot:Connect", iot("client/*")),
    ("iot:Connect", iot("client/${iot:ClientId}")),
    ("iot:CreatePolicy", iot("policy/one")),
    ("iot:AttachPolicy", "*"),
    ("iot:UpdateThing", iot("thing/one")),
    ("iot:DescribeThing", iot("thing/one")),
    ("iot:ListThings", "*"),
    ("iot:SearchIndex", iot("index/AWS_Things")),
    ("iot:CreateJob", iot("job/one")),
    ("iot:DescribeJobExecution", iot("thing/*")),
    ("iot:GetThingShadow", iot("thing/*")),
    ("iot:UpdateThingShadow", iot("thing/*")),
    ("iot:Publish", iot("topic/*")),
    ("iot:Publish", iot("topic/$aws/things/*")),
    ("iot:Subscribe", iot("topicfilter/*")),
    ("iot:Subscribe", iot("topicfilter/$aws/things/*")),
    ("iot:Subscribe", iot("topicfilter/$aws/*")),
]

PASSED = [
    ("iot:Connect", iot("client/${cognito-identity.amazonaws.com:sub}-*")),
    ("iot:Subscribe", iot("topicfilter/prices/AAPL")),
    ("iot:Receive", iot("topic/prices/AAPL")),
    ("iot:Receive", iot("topic/*")),
    ("iot:Publish", iot("topic/own/one")),
]


@pytest.mark.parametrize(("action", "resource"), FLAGGED)
def test_the_audit_flags_what_aws_says_that_it_flags(action: str, resource: str) -> None:
    """Administration on anything, things' reads on anything, connecting as anybody, topics of everybody."""
    assert list(findings(policy(action, resource)))


@pytest.mark.parametrize(("action", "resource"), PASSED)
def test_the_audit_passes_what_is_narrow(action: str, resource: str) -> None:
    """A broad Receive is accepted: it brings only what one could subscribe to."""
    assert not list(findings(policy(action, resource)))


def test_any_client_id_is_accepted_for_a_thing_that_is_attached() -> None:
    """The exception that AWS's page names; guests have no things, so it's none for us."""
    attached = {"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}
    assert not list(findings(policy("iot:Connect", iot("client/${iot:ClientId}"), Condition=attached)))
    assert list(findings(policy("iot:Connect", iot("client/*"), Condition=attached)))


def test_the_audit_finds_nothing_in_the_guest_role() -> None:
    """All of its policies, as the program makes them."""
    assert len(documents()["guest"]) > 1
    assert [found for document in documents()["guest"] for found in findings(document)] == []


@pytest.mark.parametrize("prefix", ["dev", "a/b/c/d"])
def test_the_audit_finds_nothing_in_a_large_stage(prefix: str) -> None:
    """100 symbols over several policies, behind any prefix."""
    symbols = [f"{number:05d}" for number in range(100)]
    found = evaluate({"symbols": symbols, "topicPrefix": prefix})
    held = [one.inputs["policy"] for one in found.of("aws:iam/policy:Policy")]
    assert len(held) > 1
    assert [finding for document in held for finding in findings(document)] == []


def test_a_guest_does_three_things_only() -> None:
    """Less than the audit asks for: guests don't even publish."""
    granted = {
        action
        for document in documents()["guest"]
        for statement in statements(document)
        for action in listed(statement["Action"])
    }
    assert granted == LISTENING
