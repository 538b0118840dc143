"""Who takes on each role, and whom the resources let in: decided by an independent evaluator."""

from __future__ import annotations

import pytest

from tests.components.iam import Context, allows, statements
from tests.components.roles import API, BUCKET, TOPIC, function, gates, trusts
from tests.components.world import ACCOUNT

LAMBDA = {"Service": "lambda.amazonaws.com"}
SCHEDULER = {"Service": "scheduler.amazonaws.com"}
IOT = {"Service": "iot.amazonaws.com"}
COGNITO = {"Federated": "cognito-identity.amazonaws.com"}
US: Context = {"aws:SourceAccount": ACCOUNT}
AUD, AMR = "cognito-identity.amazonaws.com:aud", "cognito-identity.amazonaws.com:amr"
GUEST: Context = {AUD: "us-east-1:pool", AMR: ["unauthenticated"]}

TRUSTED: dict[str, tuple[dict[str, str], Context]] = {
    "ingest": (LAMBDA, {}),
    "board": (LAMBDA, {}),
    "bars": (LAMBDA, {}),
    "bars-clock": (SCHEDULER, US),
    "query": (LAMBDA, {}),
    "door": (LAMBDA, {}),
    "feed": (LAMBDA, {}),
    "feed-clock": (SCHEDULER, US),
    "status": (LAMBDA, {}),
    "status-clock": (SCHEDULER, US),
    "brake": (LAMBDA, {}),
    "guest": (COGNITO, GUEST),
    "iot-log": (IOT, {}),
}

STRANGERS: list[tuple[str, dict[str, str], Context]] = [
    ("feed-clock", SCHEDULER, {}),
    ("feed-clock", SCHEDULER, {"aws:SourceAccount": "999999999999"}),
    ("guest", COGNITO, {}),
    ("guest", COGNITO, {**GUEST, AUD: "us-east-1:another"}),
    (
        "guest",
        COGNITO,
        {**GUEST, AMR: ["authenticated", "graph.facebook.com"]},
    ),
    ("guest", COGNITO, {AMR: ["unauthenticated"]}),
    ("guest", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, GUEST),
    ("ingest", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, {}),
]


def test_every_role_is_taken_on_by_somebody_named_here() -> None:
    """A new role comes with its line, or this fails."""
    assert trusts().keys() == TRUSTED.keys()


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
    """Other pools' guests, this pool's signed-in users, other accounts' schedules, the account's users."""
    assert not assumes(role, who, context)


CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}
ALARMS = {"Service": "lambda.alarms.cloudwatch.amazonaws.com"}
CLOUDFRONT = {"Service": "cloudfront.amazonaws.com"}
GATEWAY = {"Service": "apigateway.amazonaws.com"}


def alarm(name: str, account: str = ACCOUNT) -> Context:
    source = f"arn:aws:cloudwatch:us-east-1:{account}:alarm:{name}"
    return {"aws:SourceAccount": account, "aws:SourceArn": source}


def at(source: str) -> Context:
    return {"aws:SourceArn": source}


SITE = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E123"

RING, SHOW, RUN = "sns:Publish", "s3:GetObject", "lambda:InvokeFunction"
PAGE = f"{BUCKET}/index.html"
READ, WRITE = at(f"{API}/$default/GET/api/prices"), at(f"{API}/$default/POST/api/ticks")
OURS = alarm("tickwire-dev-silence")

ADMITTED: list[tuple[str, dict[str, str], str, str, Context, bool]] = [
    ("topic", CLOUDWATCH, RING, TOPIC, OURS, True),
    ("topic", CLOUDWATCH, RING, TOPIC, {}, False),
    ("topic", CLOUDWATCH, RING, TOPIC, alarm("other"), False),
    ("topic", CLOUDWATCH, RING, TOPIC, alarm("tickwire-dev-silence", "999999999999"), False),
    ("topic", CLOUDWATCH, "sns:Subscribe", TOPIC, OURS, False),
    ("topic", {"Service": "events.amazonaws.com"}, RING, TOPIC, OURS, False),
    ("topic", {"AWS": "999999999999"}, RING, TOPIC, OURS, False),
    ("bucket", CLOUDFRONT, SHOW, PAGE, at(SITE), True),
    ("bucket", CLOUDFRONT, SHOW, PAGE, at(SITE + "4"), False),
    ("bucket", CLOUDFRONT, SHOW, PAGE, {}, False),
    ("bucket", CLOUDFRONT, "s3:PutObject", PAGE, at(SITE), False),
    ("bucket", CLOUDFRONT, "s3:ListBucket", BUCKET, at(SITE), False),
    ("bucket", {"AWS": "*"}, SHOW, PAGE, at(SITE), False),
    ("query", GATEWAY, RUN, function("query"), READ, True),
    ("query", GATEWAY, RUN, function("query"), WRITE, False),
    ("query", GATEWAY, RUN, function("query"), at(f"{API}x/$default/GET/api/prices"), False),
    ("query", GATEWAY, RUN, function("query"), {}, False),
    ("door", GATEWAY, RUN, function("door"), WRITE, True),
    ("door", GATEWAY, RUN, function("door"), READ, False),
    ("door", GATEWAY, "lambda:UpdateFunctionCode", function("door"), WRITE, False),
    ("brake", ALARMS, RUN, function("brake"), alarm("tickwire-dev-guest-brake"), True),
    ("brake", ALARMS, RUN, function("brake"), alarm("tickwire-dev-stale"), False),
    ("brake", ALARMS, RUN, function("brake"), alarm("tickwire-dev-guest-brake", "999999999999"), False),
    ("brake", ALARMS, RUN, function("brake"), {}, False),
    ("brake", CLOUDWATCH, RUN, function("brake"), alarm("tickwire-dev-guest-brake"), False),
]


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
