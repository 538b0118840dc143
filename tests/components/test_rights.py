"""Every role's rights, decided on the generated documents by an independent evaluator."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache

import parliament  # type: ignore[import-untyped]
import pytest

from tests.components.iam import allows, listed, statements
from tests.components.world import ACCOUNT, World, evaluate


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"


QUEUE, DEAD = arn("sqs", "tickwire-dev-ingest.fifo"), arn("sqs", "tickwire-dev-dead.fifo")
TABLE = arn("dynamodb", "table/tickwire-dev-history")


def log(noun: str) -> str:
    return arn("logs", f"log-group:/aws/lambda/tickwire-dev-{noun}:log-stream:1")


PROBES = {
    "take from the queue": [
        (f"sqs:{action}", QUEUE) for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    ],
    "fill the queue": [("sqs:SendMessage", QUEUE)],
    "set aside": [("sqs:SendMessage", DEAD)],
    "read history": [(f"dynamodb:{action}", TABLE) for action in ("GetItem", "Query")],
    "write history": [("dynamodb:PutItem", TABLE)],
    "publish prices": [
        ("iot:Publish", arn("iot", f"topic/{topic}")) for topic in ("prices/AAPL", "prices/TSLA")
    ],
    "write the log of ingest": [("logs:PutLogEvents", log("ingest"))],
    "write the log of query": [("logs:PutLogEvents", log("query"))],
    "write the log of feed": [("logs:PutLogEvents", log("feed"))],
    "write the log of door": [("logs:PutLogEvents", log("door"))],
    "write the broker's log": [("logs:PutLogEvents", arn("logs", "log-group:AWSIotLogsV2:log-stream:1"))],
    "wake the feed": [("lambda:InvokeFunction", arn("lambda", "function:tickwire-dev-feed"))],
    "listen": [
        ("iot:Subscribe", arn("iot", "topicfilter/prices/AAPL")),
        ("iot:Receive", arn("iot", "topic/prices/AAPL")),
        ("iot:Subscribe", arn("iot", "topicfilter/board")),
    ],
}

ALLOWED = {
    "ingest": {
        "take from the queue",
        "set aside",
        "read history",
        "write history",
        "publish prices",
        "write the log of ingest",
    },
    "query": {"read history", "write the log of query"},
    "door": {"fill the queue", "write the log of door"},
    "feed": {"fill the queue", "write the log of feed"},
    "feed-clock": {"wake the feed"},
    "guest": {"listen"},
    "iot-log": {"write the broker's log"},
}

FOR_NOBODY = [
    ("sqs:PurgeQueue", QUEUE),
    ("sqs:DeleteMessage", DEAD),
    ("sqs:SendMessage", arn("sqs", "tickwire-prod-ingest.fifo")),
    ("sqs:ReceiveMessage", arn("sqs", "tickwire-dev-ingest.fifo2")),
    ("dynamodb:Scan", TABLE),
    ("dynamodb:DeleteItem", TABLE),
    ("dynamodb:DeleteTable", TABLE),
    ("dynamodb:Query", arn("dynamodb", "table/tickwire-prod-history")),
    ("dynamodb:Query", TABLE + "/index/other"),
    ("iot:Publish", arn("iot", "topic/board")),
    ("iot:Publish", arn("iot", "topic/dev/prices/AAPL")),
    ("iot:Publish", arn("iot", "topic/$aws/rules/x")),
    ("iot:DeleteThing", arn("iot", "thing/x")),
    ("lambda:InvokeFunction", arn("lambda", "function:tickwire-dev-ingest")),
    ("lambda:UpdateFunctionCode", arn("lambda", "function:tickwire-dev-feed")),
    ("logs:PutLogEvents", log("ingest-other")),
    ("logs:DeleteLogGroup", arn("logs", "log-group:/aws/lambda/tickwire-dev-ingest")),
    ("s3:GetObject", f"arn:aws:s3:::tickwire-dev-site-{ACCOUNT}-us-east-1/index.html"),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/tickwire-dev-ingest"),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/tickwire-dev-ingest"),
]

TRUSTED = {
    "ingest": {"Service": "lambda.amazonaws.com"},
    "query": {"Service": "lambda.amazonaws.com"},
    "door": {"Service": "lambda.amazonaws.com"},
    "feed": {"Service": "lambda.amazonaws.com"},
    "feed-clock": {"Service": "scheduler.amazonaws.com"},
    "guest": {"Federated": "cognito-identity.amazonaws.com"},
    "iot-log": {"Service": "iot.amazonaws.com"},
}


@cache
def world() -> World:
    """The stage with everything switched on, so that it has every role there is."""
    found = evaluate({"symbols": ["AAPL", "TSLA"], "iotLogging": True})
    assert found.error is None
    return found


@cache
def documents() -> dict[str, list[str]]:
    """Each role's policies, in it and attached to it."""
    found: dict[str, list[str]] = defaultdict(list)
    for role in world().of("aws:iam/role:Role"):
        found[role.inputs["name"].removeprefix("tickwire-dev-")] = []
    for policy in world().of("aws:iam/rolePolicy:RolePolicy"):
        found[policy.inputs["role"].removeprefix("tickwire-dev-")].append(policy.inputs["policy"])
    managed = {
        f"arn:aws:iam::{ACCOUNT}:policy/{policy.inputs['name']}": policy.inputs["policy"]
        for policy in world().of("aws:iam/policy:Policy")
    }
    for attachment in world().of("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        role = attachment.inputs["role"].removeprefix("tickwire-dev-")
        found[role].append(managed.pop(attachment.inputs["policyArn"]))
    assert not managed, "a policy that nobody has"
    return dict(found)


def test_every_role_is_in_the_table() -> None:
    """A new role comes with its line of rights, or this fails."""
    assert documents().keys() == ALLOWED.keys() == TRUSTED.keys()


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_a_role_can_do_what_it_is_for_and_nothing_that_others_are_for(role: str) -> None:
    """Each probe is allowed whole or not at all."""
    for name, probes in PROBES.items():
        verdicts = {allows(documents()[role], action, resource) for action, resource in probes}
        assert verdicts == {name in ALLOWED[role]}, name


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_no_role_can_do_what_nobody_needs(role: str) -> None:
    """Other stages' resources, destruction, and a role's own enlargement are out of reach."""
    for action, resource in FOR_NOBODY:
        assert not allows(documents()[role], action, resource), (action, resource)


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_actions_and_resources_are_named(role: str) -> None:
    """No wildcard in an action, none for a resource; those within an ARN follow a name of this stage's."""
    known = (
        f"log-group:/aws/lambda/tickwire-dev-{role}:",
        "log-group:AWSIotLogsV2:",
        "topic/prices/",
        "topic/bars/",
        "topicfilter/bars/",
        "client/${cognito-identity.amazonaws.com:sub}-",
    )
    for document in documents()[role]:
        for statement in statements(document):
            assert statement["Effect"] == "Allow"
            assert not any("*" in action or "?" in action for action in listed(statement["Action"]))
            for resource in listed(statement["Resource"]):
                head = resource.split(":", 5)[-1].partition("*")[0]
                assert resource.startswith("arn:aws:")
                assert "*" not in resource or head.startswith(known), resource


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_the_linter_finds_nothing(role: str) -> None:
    """parliament knows every action and which resources it takes; policy variables it doesn't."""
    for document in documents()[role]:
        findings = parliament.analyze_policy_string(
            document.replace("${cognito-identity.amazonaws.com:sub}", "identity")
        ).findings
        assert not findings, [(finding.issue, finding.detail) for finding in findings]


@pytest.mark.parametrize("role", sorted(TRUSTED))
def test_a_role_is_taken_on_by_one_service_only(role: str) -> None:
    """No account, no user, no wildcard among the trusted."""
    (found,) = [
        one for one in world().of("aws:iam/role:Role") if one.inputs["name"] == f"tickwire-dev-{role}"
    ]
    (statement,) = statements(found.inputs["assumeRolePolicy"])
    assert statement["Principal"] == TRUSTED[role]
    assert statement["Action"].startswith("sts:AssumeRole")


def test_only_guests_of_this_pool_take_on_the_guest_role() -> None:
    """Not those of another pool, and not the signed-in users of this one."""
    statement = json.loads(world().one("aws:iam/role:Role", "identity-guest").inputs["assumeRolePolicy"])[
        "Statement"
    ][0]
    assert statement["Condition"] == {
        "StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:pool"},
        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "unauthenticated"},
    }


def test_the_api_may_call_each_function_by_its_own_route_only() -> None:
    """The source is this API, the method and the path, at any stage name."""
    api = arn("execute-api", "api123")
    found = {
        (one.inputs["principal"], one.inputs["function"], one.inputs["sourceArn"])
        for one in world().of("aws:lambda/permission:Permission")
    }
    assert found == {
        ("apigateway.amazonaws.com", "tickwire-dev-query", f"{api}/*/GET/api/*"),
        ("apigateway.amazonaws.com", "tickwire-dev-door", f"{api}/*/POST/api/ticks"),
    }
