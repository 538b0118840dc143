"""Every role's rights, decided on the generated documents by an independent evaluator."""

from __future__ import annotations

import parliament  # type: ignore[import-untyped]
import pytest

from tests.components.iam import allows, listed, statements
from tests.components.roles import (
    BUCKET,
    CLOSED,
    DEAD,
    GUEST,
    NOTE,
    QUEUE,
    STREAM,
    TABLE,
    TOPIC,
    arn,
    documents,
    function,
    log,
    trusts,
    world,
)
from tests.components.world import ACCOUNT, evaluate

PROBES = {
    "take from the queue": [(f"sqs:{action}", QUEUE) for action in ("ReceiveMessage", "DeleteMessage")],
    "count the queue": [("sqs:GetQueueAttributes", QUEUE)],
    "count the dead letters": [("sqs:GetQueueAttributes", DEAD)],
    "fill the queue": [("sqs:SendMessage", QUEUE)],
    "set aside": [("sqs:SendMessage", DEAD)],
    "read history": [("dynamodb:GetItem", TABLE)],
    "query history": [("dynamodb:Query", TABLE)],
    "read many symbols' newest": [("dynamodb:BatchGetItem", TABLE)],
    "write history": [("dynamodb:PutItem", TABLE)],
    "follow history": [
        (f"dynamodb:{action}", STREAM) for action in ("DescribeStream", "GetRecords", "GetShardIterator")
    ]
    + [("dynamodb:ListStreams", "*")],
    "publish the board": [("iot:Publish", arn("iot", "topic/board"))],
    "publish the status": [("iot:Publish", arn("iot", "topic/status"))],
    "have the status kept": [("iot:RetainPublish", arn("iot", "topic/status"))],
    "note that guests are out": [("ssm:PutParameter", NOTE)],
    "write the log of brake": [("logs:PutLogEvents", log("brake"))],
    "publish bars": [("iot:Publish", arn("iot", f"topic/bars/{each}/AAPL")) for each in ("1m", "1d")],
    "write the log of bars": [("logs:PutLogEvents", log("bars"))],
    "wake the bars": [("lambda:InvokeFunction", function("bars"))],
    "write the log of status": [("logs:PutLogEvents", log("status"))],
    "write the log of board": [("logs:PutLogEvents", log("board"))],
    "publish prices": [
        ("iot:Publish", arn("iot", f"topic/{topic}")) for topic in ("prices/AAPL", "prices/TSLA")
    ],
    "write the log of ingest": [("logs:PutLogEvents", log("ingest"))],
    "write the log of query": [("logs:PutLogEvents", log("query"))],
    "write the log of feed": [("logs:PutLogEvents", log("feed"))],
    "write the log of door": [("logs:PutLogEvents", log("door"))],
    "write the broker's log": [("logs:PutLogEvents", arn("logs", "log-group:AWSIotLogsV2:log-stream:1"))],
    "wake the feed": [("lambda:InvokeFunction", function("feed"))],
    "wake the status": [("lambda:InvokeFunction", function("status"))],
    "listen": [
        ("iot:Subscribe", arn("iot", "topicfilter/prices/AAPL")),
        ("iot:Receive", arn("iot", "topic/prices/AAPL")),
        ("iot:Subscribe", arn("iot", "topicfilter/board")),
    ],
    "shut guests out": [("iam:AttachRolePolicy", GUEST)],
    "send traces": [("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")],
}

ALLOWED = {
    "ingest": {
        "take from the queue",
        "count the queue",
        "set aside",
        "read history",
        "query history",
        "read many symbols' newest",
        "write history",
        "publish prices",
        "write the log of ingest",
        "send traces",
    },
    "board": {"follow history", "publish the board", "write the log of board", "send traces"},
    "query": {"read history", "query history", "write the log of query", "send traces"},
    "door": {"fill the queue", "write the log of door", "send traces"},
    "feed": {"fill the queue", "write the log of feed", "send traces"},
    "feed-clock": {"wake the feed"},
    "bars": {
        "follow history",
        "read history",
        "query history",
        "write history",
        "publish bars",
        "write the log of bars",
        "send traces",
    },
    "bars-clock": {"wake the bars"},
    "status": {
        "query history",
        "count the queue",
        "count the dead letters",
        "publish the status",
        "have the status kept",
        "publish the board",
        "write the log of status",
        "send traces",
    },
    "status-clock": {"wake the status"},
    "brake": {
        "shut guests out",
        "note that guests are out",
        "write the log of brake",
        "send traces",
    },
    "guest": {"listen"},
    "iot-log": {"write the broker's log"},
}

SHUT_OUT = {"iam:PolicyARN": CLOSED}
"""What a request says that gives somebody the policy which shuts guests out."""

FOR_NOBODY = [
    ("iam:DetachRolePolicy", GUEST),
    ("iam:PutRolePolicy", GUEST),
    ("iam:DeleteRolePolicy", GUEST),
    ("iam:CreatePolicyVersion", CLOSED),
    ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/tickwire-dev-brake"),
    ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/tickwire-prod-guest"),
    ("ssm:PutParameter", arn("ssm", "parameter/tickwire/brakes/dev/pause")),
    ("ssm:PutParameter", arn("ssm", "parameter/tickwire/topics")),
    ("ssm:DeleteParameter", NOTE),
    ("iot:RetainPublish", arn("iot", "topic/board")),
    ("sqs:PurgeQueue", QUEUE),
    ("sqs:DeleteMessage", DEAD),
    ("sqs:ReceiveMessage", DEAD),
    ("sqs:SendMessage", arn("sqs", "tickwire-prod-ingest.fifo")),
    ("sqs:ReceiveMessage", arn("sqs", "tickwire-dev-ingest.fifo2")),
    ("dynamodb:Scan", TABLE),
    ("dynamodb:DeleteItem", TABLE),
    ("dynamodb:DeleteTable", TABLE),
    ("dynamodb:Query", arn("dynamodb", "table/tickwire-prod-history")),
    ("dynamodb:Query", TABLE + "/index/other"),
    ("iot:Publish", arn("iot", "topic/dev/prices/AAPL")),
    ("iot:Publish", arn("iot", "topic/$aws/rules/x")),
    ("iot:DeleteThing", arn("iot", "thing/x")),
    ("lambda:InvokeFunction", function("ingest")),
    ("lambda:UpdateFunctionCode", function("feed")),
    ("logs:PutLogEvents", log("ingest-other")),
    ("logs:DeleteLogGroup", arn("logs", "log-group:/aws/lambda/tickwire-dev-ingest")),
    ("s3:GetObject", f"{BUCKET}/index.html"),
    ("s3:PutObject", f"{BUCKET}/index.html"),
    ("sns:Publish", TOPIC),
    ("sns:Subscribe", TOPIC),
    ("cloudwatch:DisableAlarmActions", arn("cloudwatch", "alarm:tickwire-dev-silence")),
    ("xray:GetTraceSummaries", "*"),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/tickwire-dev-ingest"),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/tickwire-dev-ingest"),
]

RESOURCELESS = {
    "dynamodb:ListStreams": "it lists those of the account; Lambda's mapping of a stream asks for it",
    "xray:PutTraceSegments": "X-Ray keeps traces of the account, and has nothing to name",
    "xray:PutTelemetryRecords": "the same",
}
"""The actions that may stand on `*`, and why."""


def test_every_role_is_in_the_table() -> None:
    """A new role comes with its line of rights, or this fails."""
    assert trusts().keys() == ALLOWED.keys()


def test_every_probe_is_somebodys() -> None:
    """A right that nobody is tried for proves nothing."""
    assert set().union(*ALLOWED.values()) == PROBES.keys()


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_a_role_can_do_what_it_is_for_and_nothing_that_others_are_for(role: str) -> None:
    """Each probe is allowed whole or not at all."""
    for name, probes in PROBES.items():
        verdicts = {allows(documents()[role], action, resource, SHUT_OUT) for action, resource in probes}
        assert verdicts == {name in ALLOWED[role]}, name


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_every_action_that_a_role_has_is_probed(role: str) -> None:
    """So a right that's added by mistake fails here, whatever it is."""
    probed = {action for name in ALLOWED[role] for action, _ in PROBES[name]}
    # Besides those of the table: opening a stream in the own log, and what test_guest.py is about.
    probed |= {"logs:CreateLogStream", "iot:Connect"}
    granted = {
        action
        for document in documents()[role]
        for statement in statements(document)
        for action in listed(statement["Action"])
    }
    assert granted <= probed


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_no_role_can_do_what_nobody_needs(role: str) -> None:
    """Other stages' resources, destruction, and a role's own enlargement are out of reach."""
    for action, resource in FOR_NOBODY:
        assert not allows(documents()[role], action, resource, SHUT_OUT), (action, resource)


@pytest.mark.parametrize(
    "policy",
    [
        f"arn:aws:iam::{ACCOUNT}:policy/tickwire-dev-guest-0",
        f"arn:aws:iam::{ACCOUNT}:policy/tickwire-prod-guests-off",
        "arn:aws:iam::aws:policy/AdministratorAccess",
        None,
    ],
)
def test_the_brake_gives_guests_no_policy_but_the_one_that_shuts_them_out(policy: str | None) -> None:
    """Else a function that an alarm calls could make guests of a public pool anything."""
    said = {"iam:PolicyARN": policy} if policy else {}
    assert not allows(documents()["brake"], "iam:AttachRolePolicy", GUEST, said)
    assert allows(documents()["brake"], "iam:AttachRolePolicy", GUEST, SHUT_OUT)


def test_a_guest_who_has_that_policy_can_do_nothing() -> None:
    """Neither connect, nor subscribe, nor receive on a connection that is open; without it, all three."""
    (closed,) = [
        one.inputs["policy"]
        for one in world().of("aws:iam/policy:Policy")
        if one.inputs["name"] == "tickwire-dev-guests-off"
    ]
    own = "us-east-1:11111111-2222-3333-4444-555555555555"
    said = {"cognito-identity.amazonaws.com:sub": own}
    for action, resource in [*PROBES["listen"], ("iot:Connect", arn("iot", f"client/{own}-1"))]:
        assert allows(documents()["guest"], action, resource, said), action
        assert not allows([*documents()["guest"], closed], action, resource, said), action


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_actions_and_resources_are_named(role: str) -> None:
    """No wildcard in an action, none for a resource that has a name; in an ARN, only after a name of ours."""
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
            actions = set(listed(statement["Action"]))
            assert statement["Effect"] == "Allow"
            assert not any("*" in action or "?" in action for action in actions)
            if listed(statement["Resource"]) == ["*"]:
                assert actions <= RESOURCELESS.keys()
                continue
            for resource in listed(statement["Resource"]):
                head = resource.split(":", 5)[-1].partition("*")[0]
                assert resource.startswith("arn:aws:")
                assert "*" not in resource or head.startswith(known), resource


@pytest.mark.parametrize("action", sorted(RESOURCELESS))
def test_aws_has_no_resource_for_what_stands_on_a_star(action: str) -> None:
    """As its own authorization reference says, which the linter brings along."""
    prefix, _, name = action.partition(":")
    (known,) = [
        right
        for service in parliament.iam_definition
        if service["prefix"] == prefix
        for right in service["privileges"]
        if right["privilege"] == name
    ]
    assert not any(kind["resource_type"] for kind in known["resource_types"])


def test_without_tracing_nobody_sends_traces() -> None:
    """The right comes with the setting; either way the function says what it does."""
    off = evaluate()
    assert not [one for one in off.of("aws:iam/rolePolicy:RolePolicy") if "xray" in one.inputs["policy"]]
    for found, mode in ((off, "PassThrough"), (world(), "Active")):
        modes = {one.inputs["tracingConfig"]["mode"] for one in found.of("aws:lambda/function:Function")}
        assert modes == {mode}


def test_a_named_resource_limits_a_right_to_one_stage() -> None:
    """No role of dev holds an ARN of another stage's, nor one that another stage's name begins with."""
    prod = evaluate({"symbols": ["AAPL", "TSLA"], "topicPrefix": "prod"}, stack="prod")
    for other in prod.of("aws:sqs/queue:Queue"):
        for role, held in documents().items():
            assert not allows(held, "sqs:SendMessage", arn("sqs", other.inputs["name"])), role
