"""Everything in the program that says who may do what, by what it is of. The whole stage is switched on."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import Any

from tests.components.world import ACCOUNT, World, evaluate


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"


QUEUE, DEAD = arn("sqs", "tickwire-dev-ingest.fifo"), arn("sqs", "tickwire-dev-dead.fifo")
TABLE = arn("dynamodb", "table/tickwire-dev-history")
STREAM = f"{TABLE}/stream/2026-11-21T00:00:00.000"
TOPIC = arn("sns", "tickwire-dev-alarms")
BUCKET = f"arn:aws:s3:::tickwire-dev-site-{ACCOUNT}-us-east-1"
API = arn("execute-api", "api123")
GUEST = f"arn:aws:iam::{ACCOUNT}:role/tickwire-dev-guest"
NOTE = arn("ssm", "parameter/tickwire/brakes/dev/guests")
CLOSED = f"arn:aws:iam::{ACCOUNT}:policy/tickwire-dev-guests-off"


def log(noun: str) -> str:
    return arn("logs", f"log-group:/aws/lambda/tickwire-dev-{noun}:log-stream:1")


def function(noun: str) -> str:
    return arn("lambda", f"function:tickwire-dev-{noun}")


@cache
def world() -> World:
    """The stage with everything switched on, so that it has every role there is."""
    found = evaluate({"symbols": ["AAPL", "TSLA"], "iotLogging": True, "tracing": True, "guestBrake": 500})
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
    assert managed.keys() == {CLOSED}, "a policy that nobody has, besides the one that shuts guests out"
    return found


@cache
def trusts() -> dict[str, str]:
    """Each role's trust policy."""
    return {
        role.inputs["name"].removeprefix("tickwire-dev-"): role.inputs["assumeRolePolicy"]
        for role in world().of("aws:iam/role:Role")
    }


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
