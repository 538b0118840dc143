"""Every right in the program, decided on the generated documents by an independent evaluator."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import Any

import parliament  # type: ignore[import-untyped]
import pytest

from tests.components.iam import Context, allows, listed, statements
from tests.components.world import ACCOUNT, World, evaluate


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"


QUEUE, DEAD = arn("sqs", "tickwire-dev-ingest.fifo"), arn("sqs", "tickwire-dev-dead.fifo")
TABLE = arn("dynamodb", "table/tickwire-dev-history")
TOPIC = arn("sns", "tickwire-dev-alarms")
BUCKET = f"arn:aws:s3:::tickwire-dev-site-{ACCOUNT}-us-east-1"
API = arn("execute-api", "api123")


def log(noun: str) -> str:
    return arn("logs", f"log-group:/aws/lambda/tickwire-dev-{noun}:log-stream:1")


def function(noun: str) -> str:
    return arn("lambda", f"function:tickwire-dev-{noun}")


# ---- What roles may do --------------------------------------------------------------------------------------

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
    "wake the feed": [("lambda:InvokeFunction", function("feed"))],
    "listen": [
        ("iot:Subscribe", arn("iot", "topicfilter/prices/AAPL")),
        ("iot:Receive", arn("iot", "topic/prices/AAPL")),
        ("iot:Subscribe", arn("iot", "topicfilter/board")),
    ],
    "send traces": [("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")],
}

ALLOWED = {
    "ingest": {
        "take from the queue",
        "set aside",
        "read history",
        "write history",
        "publish prices",
        "write the log of ingest",
        "send traces",
    },
    "query": {"read history", "write the log of query", "send traces"},
    "door": {"fill the queue", "write the log of door", "send traces"},
    "feed": {"fill the queue", "write the log of feed", "send traces"},
    "feed-clock": {"wake the feed"},
    "guest": {"listen"},
    "iot-log": {"write the broker's log"},
}

FOR_NOBODY = [
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
    ("iot:Publish", arn("iot", "topic/board")),
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
    "xray:PutTraceSegments": "X-Ray keeps traces of the account, and has nothing to name",
    "xray:PutTelemetryRecords": "the same",
}
"""The actions that may stand on `*`, and why."""


@cache
def world() -> World:
    """The stage with everything switched on, so that it has every role there is."""
    found = evaluate({"symbols": ["AAPL", "TSLA"], "iotLogging": True, "tracing": True})
    assert found.error is None
    return found


@cache
def documents() -> dict[str, list[str]]:
    """Each role's policies, in it and attached to it."""
    found: dict[str, list[str]] = {role: [] for role in trusts()}
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
    return found


@cache
def trusts() -> dict[str, str]:
    """Each role's trust policy."""
    return {
        role.inputs["name"].removeprefix("tickwire-dev-"): role.inputs["assumeRolePolicy"]
        for role in world().of("aws:iam/role:Role")
    }


def test_every_role_is_in_the_table() -> None:
    """A new role comes with its line of rights and of who takes it on, or this fails."""
    assert trusts().keys() == ALLOWED.keys() == TRUSTED.keys()


def test_every_probe_is_somebodys() -> None:
    """A right that nobody is tried for proves nothing."""
    assert set().union(*ALLOWED.values()) == PROBES.keys()


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_a_role_can_do_what_it_is_for_and_nothing_that_others_are_for(role: str) -> None:
    """Each probe is allowed whole or not at all."""
    for name, probes in PROBES.items():
        verdicts = {allows(documents()[role], action, resource) for action, resource in probes}
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
        assert not allows(documents()[role], action, resource), (action, resource)


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_actions_and_resources_are_named(role: str) -> None:
    """No wildcard in an action; none for a resource where there is one to name; within an ARN, only after ours."""
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


# ---- Who takes on a role ------------------------------------------------------------------------------------

LAMBDA = {"Service": "lambda.amazonaws.com"}
SCHEDULER = {"Service": "scheduler.amazonaws.com"}
IOT = {"Service": "iot.amazonaws.com"}
COGNITO = {"Federated": "cognito-identity.amazonaws.com"}
US: Context = {"aws:SourceAccount": ACCOUNT}
GUEST: Context = {
    "cognito-identity.amazonaws.com:aud": "us-east-1:pool",
    "cognito-identity.amazonaws.com:amr": ["unauthenticated"],
}

TRUSTED: dict[str, tuple[dict[str, str], Context]] = {
    "ingest": (LAMBDA, {}),
    "query": (LAMBDA, {}),
    "door": (LAMBDA, {}),
    "feed": (LAMBDA, {}),
    "feed-clock": (SCHEDULER, US),
    "guest": (COGNITO, GUEST),
    "iot-log": (IOT, {}),
}

STRANGERS: list[tuple[str, dict[str, str], Context]] = [
    ("feed-clock", SCHEDULER, {}),
    ("feed-clock", SCHEDULER, {"aws:SourceAccount": "999999999999"}),
    ("guest", COGNITO, {}),
    ("guest", COGNITO, {**GUEST, "cognito-identity.amazonaws.com:aud": "us-east-1:another"}),
    ("guest", COGNITO, {**GUEST, "cognito-identity.amazonaws.com:amr": ["authenticated", "graph.facebook.com"]}),
    ("guest", COGNITO, {"cognito-identity.amazonaws.com:amr": ["unauthenticated"]}),
    ("guest", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, GUEST),
    ("ingest", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, {}),
]


def assumes(role: str, who: dict[str, str], context: Context) -> bool:
    action = "sts:AssumeRoleWithWebIdentity" if "Federated" in who else "sts:AssumeRole"
    return allows([trusts()[role]], action, "", context, principal=who)


@pytest.mark.parametrize("role", sorted(TRUSTED))
def test_a_role_is_taken_on_by_one_service_only(role: str) -> None:
    """By its own, as the table says, and by no other of the table."""
    who, context = TRUSTED[role]
    assert assumes(role, who, context)
    for other, more in TRUSTED.values():
        assert assumes(role, other, more) == (other == who)
    (statement,) = statements(trusts()[role])
    assert statement["Principal"] == who


@pytest.mark.parametrize(("role", "who", "context"), STRANGERS)
def test_a_stranger_does_not_take_on_a_role(role: str, who: dict[str, str], context: Context) -> None:
    """Other pools' guests, this pool's signed-in users, other accounts' schedules, the account's own users."""
    assert not assumes(role, who, context)


# ---- What lets others in ------------------------------------------------------------------------------------

CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}
CLOUDFRONT = {"Service": "cloudfront.amazonaws.com"}
GATEWAY = {"Service": "apigateway.amazonaws.com"}


def alarm(name: str, account: str = ACCOUNT) -> Context:
    source = f"arn:aws:cloudwatch:us-east-1:{account}:alarm:{name}"
    return {"aws:SourceAccount": account, "aws:SourceArn": source}


def at(source: str) -> Context:
    return {"aws:SourceArn": source, "AWS:SourceArn": source}


SITE = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E123"

ADMITTED: list[tuple[str, dict[str, str], str, str, Context, bool]] = [
    ("topic", CLOUDWATCH, "sns:Publish", TOPIC, alarm("tickwire-dev-silence"), True),
    ("topic", CLOUDWATCH, "sns:Publish", TOPIC, {}, False),
    ("topic", CLOUDWATCH, "sns:Publish", TOPIC, alarm("other"), False),
    ("topic", CLOUDWATCH, "sns:Publish", TOPIC, alarm("tickwire-dev-silence", "999999999999"), False),
    ("topic", CLOUDWATCH, "sns:Subscribe", TOPIC, alarm("tickwire-dev-silence"), False),
    ("topic", {"Service": "events.amazonaws.com"}, "sns:Publish", TOPIC, alarm("tickwire-dev-silence"), False),
    ("topic", {"AWS": "999999999999"}, "sns:Publish", TOPIC, alarm("tickwire-dev-silence"), False),
    ("bucket", CLOUDFRONT, "s3:GetObject", f"{BUCKET}/index.html", at(SITE), True),
    ("bucket", CLOUDFRONT, "s3:GetObject", f"{BUCKET}/index.html", at(SITE + "4"), False),
    ("bucket", CLOUDFRONT, "s3:GetObject", f"{BUCKET}/index.html", {}, False),
    ("bucket", CLOUDFRONT, "s3:PutObject", f"{BUCKET}/index.html", at(SITE), False),
    ("bucket", CLOUDFRONT, "s3:ListBucket", BUCKET, at(SITE), False),
    ("bucket", {"AWS": "*"}, "s3:GetObject", f"{BUCKET}/index.html", at(SITE), False),
    ("query", GATEWAY, "lambda:InvokeFunction", function("query"), at(f"{API}/$default/GET/api/prices"), True),
    ("query", GATEWAY, "lambda:InvokeFunction", function("query"), at(f"{API}/$default/POST/api/ticks"), False),
    ("query", GATEWAY, "lambda:InvokeFunction", function("query"), at(f"{API}x/$default/GET/api/prices"), False),
    ("query", GATEWAY, "lambda:InvokeFunction", function("query"), {}, False),
    ("door", GATEWAY, "lambda:InvokeFunction", function("door"), at(f"{API}/$default/POST/api/ticks"), True),
    ("door", GATEWAY, "lambda:InvokeFunction", function("door"), at(f"{API}/$default/GET/api/prices"), False),
    ("door", GATEWAY, "lambda:UpdateFunctionCode", function("door"), at(f"{API}/$default/POST/api/ticks"), False),
]


@cache
def gates() -> dict[str, list[str]]:
    """Policies of resources, by what they open: a topic, a bucket, a function."""
    found: dict[str, list[str]] = defaultdict(list)
    for topic in world().of("aws:sns/topic:Topic"):
        found["topic"].append(topic.inputs["policy"])
    for bucket in world().of("aws:s3/bucketPolicy:BucketPolicy"):
        found["bucket"].append(bucket.inputs["policy"])
    for permission in world().of("aws:lambda/permission:Permission"):
        noun = permission.inputs["function"].removeprefix("tickwire-dev-")
        found[noun].append(_as_policy(permission.inputs))
    return dict(found)


def _as_policy(permission: dict[str, Any]) -> str:
    """What AWS makes of a permission."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": permission["principal"]},
        "Action": permission["action"],
        "Resource": arn("lambda", f"function:{permission['function']}"),
        "Condition": {"ArnLike": {"AWS:SourceArn": permission["sourceArn"]}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_every_gate_is_in_the_table() -> None:
    """Whatever has a policy of its own is tried, both ways."""
    assert {(gate, verdict) for gate, *_, verdict in ADMITTED} == {
        (gate, verdict) for gate in gates() for verdict in (True, False)
    }


@pytest.mark.parametrize(("gate", "who", "action", "resource", "context", "verdict"), ADMITTED)
def test_a_gate_opens_for_whom_it_is_made_and_for_nobody_else(
    gate: str, who: dict[str, str], action: str, resource: str, context: Context, verdict: bool
) -> None:
    """Alarms of this stage reach the topic, the site's distribution the bucket, each route its function."""
    assert allows(gates()[gate], action, resource, context, principal=who) is verdict


# ---- The linter ---------------------------------------------------------------------------------------------


def linted(document: str) -> list[tuple[str, Any]]:
    """What parliament says. It doesn't know policy variables, nor that a trust policy is about its own role."""
    content = json.loads(document.replace("${cognito-identity.amazonaws.com:sub}", "identity"))
    for statement in content["Statement"]:
        statement.setdefault("Resource", f"arn:aws:iam::{ACCOUNT}:role/itself")
    return [
        (finding.issue, finding.detail)
        for finding in parliament.analyze_policy_string(json.dumps(content)).findings
    ]


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_the_linter_finds_nothing_in_a_role(role: str) -> None:
    """parliament knows every action, and which resources and conditions it takes."""
    for document in [*documents()[role], trusts()[role]]:
        assert not linted(document)


@pytest.mark.parametrize("gate", sorted({gate for gate, *_ in ADMITTED}))
def test_the_linter_finds_nothing_in_a_gate(gate: str) -> None:
    """Resources' policies as well."""
    for document in gates()[gate]:
        assert not linted(document)


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
