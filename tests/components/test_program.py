"""The program as a whole: what is true of every resource that it registers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import permutations
from typing import Any

import botocore.session
import pulumi_aws
import pytest

from tests.components.world import ROOT, Registered, World, evaluate
from tickwire.cost import bill
from tickwire.stage import Stage

LONGEST = "abcdefghijklmnop"
KEY = "a-key-of-24-characters-1"
EVERYTHING = {
    "symbols": ["AAPL", "TSLA"],
    "iotLogging": True,
    "tracing": True,
    "alarmEmail": "on-call@example.org",
    "apiKey": KEY,
    "monthlyBudget": 100_000,
}


@cache
def world(*, stack: str = "dev", preview: bool = False) -> World:
    found = evaluate(EVERYTHING, stack=stack, preview=preview)
    assert found.error is None
    return found


NAMED_BY = {
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
    "aws:cognito/identityPool:IdentityPool": "identityPoolName",
    "aws:s3/bucket:Bucket": "bucket",
}


def physical_name(resource: Registered) -> str | None:
    """The name that the provider keeps, for the types that have one of their own."""
    return resource.inputs.get(NAMED_BY.get(resource.type, "name"))


def names(found: World) -> dict[str, str]:
    """Physical names by the resource that has them."""
    named = ((resource, physical_name(resource)) for resource in found.custom)
    return {str(resource): name for resource, name in named if name is not None}


def test_the_program_fits_on_one_screen() -> None:
    """It's the picture of the architecture: who reads it sees the flow."""
    assert len((ROOT / "__main__.py").read_text().splitlines()) <= 60


def test_a_preview_registers_what_an_update_registers() -> None:
    """The same resources with the same properties, though what only AWS can tell is still unknown."""

    def shape(found: World) -> dict[str, list[str]]:
        return {resource.urn: sorted(resource.inputs) for resource in found.resources}

    assert shape(world(preview=True)) == shape(world())
    assert world(preview=True).exports.keys() == world().exports.keys()


def test_every_resource_is_a_child_of_a_component() -> None:
    """So the tree that Pulumi shows is the architecture."""
    components = {resource.urn for resource in world().resources if not resource.custom}
    assert all(resource.parent in components for resource in world().custom)
    kinds = {resource.type for resource in world().resources if not resource.custom}
    assert all(re.fullmatch(r"tickwire:index:[A-Z][a-z]+", kind) for kind in kinds)


def test_everything_that_takes_tags_has_the_stages() -> None:
    """A bill is read by them."""
    tags = Stage.parse({}, name="dev").tags
    for resource in world().custom:
        if hasattr(_resource_class(resource.type), "tags"):
            assert resource.inputs.get("tags") == tags, str(resource)
        else:
            assert "tags" not in resource.inputs, str(resource)


def _resource_class(token: str) -> Any:
    """pulumi_aws.sqs.Queue of `aws:sqs/queue:Queue`."""
    module = token.split(":")[1].partition("/")[0]
    return getattr(getattr(pulumi_aws, {"lambda": "lambda_"}.get(module, module)), token.rpartition(":")[2])


def test_every_name_carries_the_stage() -> None:
    """Except the claim, which carries the topic prefix, and the two names that AWS gives."""
    assert names(world())["aws:cloudwatch/dashboard:Dashboard alarms"] == "tickwire-dev"
    without = {"aws:ssm/parameter:Parameter broker-topics", "aws:cloudwatch/logGroup:LogGroup broker-log"}
    without |= {"aws:apigatewayv2/stage:Stage query", "aws:cloudwatch/dashboard:Dashboard alarms"}
    for resource, name in names(world()).items():
        assert ("tickwire-dev-" in name) == (resource not in without), (resource, name)


def test_two_stages_have_no_name_in_common() -> None:
    """They live side by side in one account and region, as long as they don't claim the same topics."""
    dev = evaluate({"topicPrefix": "dev"}, stack="dev")
    prod = evaluate({}, stack="prod")
    shared = set(names(dev).values()) & set(names(prod).values())
    assert shared == {"$default"}, "the name of an API's stage, which is within the API"


def test_two_stages_can_not_claim_the_same_topics() -> None:
    """The claim is named after the prefix alone, so the second stage's creation fails; nothing overwrites."""
    for prefix in ("", "live", "none"):
        claims = [
            evaluate({"topicPrefix": prefix}, stack=stack).one("aws:ssm/parameter:Parameter", "broker-topics")
            for stack in ("dev", "prod")
        ]
        assert claims[0].inputs["name"] == claims[1].inputs["name"]
        assert [claim.inputs["value"] for claim in claims] == ["dev", "prod"]
        assert "overwrite" not in claims[0].inputs


def test_nobody_publishes_or_listens_before_the_topics_are_claimed() -> None:
    """A stage whose claim fails leaves the other's topics alone, even if it had another prefix before."""
    claim = world().one("aws:ssm/parameter:Parameter", "broker-topics").urn
    waiting = {str(resource) for resource in world().custom if claim in resource.dependencies}
    assert {
        "aws:lambda/function:Function ingest",
        "aws:iam/rolePolicy:RolePolicy identity-guest",
        "aws:iam/policy:Policy identity-guest-0",
    } <= waiting


def test_different_prefixes_are_different_claims() -> None:
    """The empty prefix is none of the others, whatever they're called."""
    claims = {
        evaluate({"topicPrefix": prefix}).one("aws:ssm/parameter:Parameter", "broker-topics").inputs["name"]
        for prefix in ("", "a", "a/b", "topics", "none", "_")
    }
    assert len(claims) == 6


def test_no_stage_can_be_named_so_that_it_meets_another() -> None:
    """`tickwire-{stage}-{noun}` is one stage's only, since no noun ends like another one after a hyphen."""
    nouns = {name.partition("tickwire-dev-")[2] for name in names(world()).values()} - {""}
    assert len(nouns) > 10
    assert not [(one, other) for one, other in permutations(nouns, 2) if one.endswith(f"-{other}")]


LIMITS: dict[str, tuple[str, str] | str] = {
    "aws:apigatewayv2/api:Api": r".{1,128}",
    "aws:apigatewayv2/stage:Stage": r"\$default",
    "aws:budgets/budget:Budget": r"[^:\\]{1,100}",
    "aws:cloudfront/cachePolicy:CachePolicy": r"[A-Za-z0-9_-]{1,128}",
    "aws:cloudfront/originAccessControl:OriginAccessControl": r"[A-Za-z0-9_-]{1,64}",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": r"[A-Za-z0-9_-]{1,128}",
    "aws:cloudwatch/dashboard:Dashboard": r"[A-Za-z0-9_-]{1,255}",
    "aws:cloudwatch/logGroup:LogGroup": ("logs", "LogGroupName"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("cloudwatch", "AlarmName"),
    "aws:cognito/identityPool:IdentityPool": ("cognito-identity", "IdentityPoolName"),
    "aws:dynamodb/table:Table": ("dynamodb", "TableName"),
    "aws:iam/policy:Policy": ("iam", "policyNameType"),
    "aws:iam/role:Role": ("iam", "roleNameType"),
    "aws:iam/rolePolicy:RolePolicy": ("iam", "policyNameType"),
    "aws:lambda/function:Function": r"[a-zA-Z0-9-_]{1,64}",
    "aws:s3/bucket:Bucket": r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "aws:scheduler/schedule:Schedule": ("scheduler", "Name"),
    "aws:sns/topic:Topic": r"[A-Za-z0-9_-]{1,256}",
    "aws:sqs/queue:Queue": r"[A-Za-z0-9_-]{1,75}\.fifo",
    "aws:ssm/parameter:Parameter": r"(/[A-Za-z0-9_.-]+){1,15}",
}
"""What AWS takes as a name: botocore's shape where its model says it, else the service's documented rule."""


def test_every_name_is_one_that_aws_takes() -> None:
    """At the longest stage, region and prefix."""
    found = evaluate(
        EVERYTHING | {"topicPrefix": "abcde/abcdef/abcdef/abcd"}, stack=LONGEST, region="ap-southeast-1"
    )
    assert found.error is None
    session = botocore.session.get_session()
    checked = set()
    for resource in found.custom:
        name = physical_name(resource)
        if name is None:
            continue
        checked.add(resource.type)
        rule = LIMITS[resource.type]
        if isinstance(rule, str):
            assert re.fullmatch(rule, name), (str(resource), name)
            continue
        shape = session.get_service_model(rule[0]).shape_for(rule[1]).metadata
        assert shape.get("min", 0) <= len(name) <= shape["max"], (str(resource), name)
        assert re.fullmatch(shape.get("pattern", ".*"), name), (str(resource), name)
    assert checked == LIMITS.keys()


def changes(before: World, after: World) -> Iterator[tuple[str, str]]:
    """What differs between two evaluations: resource and property, or resource and that it's new or gone."""
    old, new = ({resource.urn: resource for resource in one.resources} for one in (before, after))
    for urn in old | new:
        if urn not in old or urn not in new:
            yield str(old.get(urn) or new[urn]), "new" if urn in new else "gone"
            continue
        for key in old[urn].inputs | new[urn].inputs:
            if not _same(old[urn].inputs.get(key), new[urn].inputs.get(key)):
                yield str(new[urn]), key


def _same(one: Any, other: Any) -> bool:
    """Assets are equal when they're of the same file."""
    return bool(one == other) or (hasattr(one, "path") and getattr(other, "path", None) == one.path)


def test_adding_a_symbol_changes_rights_environments_and_discovery_only() -> None:
    """No resource comes or goes, and nothing is replaced."""
    before = evaluate({"symbols": ["AAPL", "TSLA"]})
    after = evaluate({"symbols": ["AAPL", "TSLA", "NVDA"]})
    assert set(changes(before, after)) == {
        ("aws:iam/policy:Policy identity-guest-0", "policy"),
        ("aws:lambda/function:Function ingest", "environment"),
        ("aws:lambda/function:Function query", "environment"),
        ("aws:lambda/function:Function door", "environment"),
        ("aws:lambda/function:Function feed", "environment"),
        ("aws:lambda/function:Function bars", "environment"),
        ("aws:lambda/function:Function status", "environment"),
        ("aws:s3/bucketObjectv2:BucketObjectv2 tickwire.json", "content"),
    }


def test_evaluating_twice_changes_nothing() -> None:
    """No clock, no random value, no order of a set gets into a resource."""
    assert list(changes(evaluate(EVERYTHING), evaluate(EVERYTHING))) == []


def test_the_key_reaches_one_function_as_a_secret_digest() -> None:
    """The key is in no property, and its digest in the door's environment only, encrypted in the state."""
    everything = [str(resource.inputs) for resource in world().resources]
    assert not [text for text in everything if KEY in text]
    assert sum("API_KEY_SHA256" in text for text in everything) == 1
    assert "door.environment" in world().secrets


def test_the_exports_are_what_other_programs_need() -> None:
    """Addresses and names, and what it costs; no secret."""
    settings = {key: value for key, value in EVERYTHING.items() if key != "apiKey"}
    assert world().exports == {
        "url": "https://d123.cloudfront.net",
        "api": "https://d123.cloudfront.net/api",
        "apiOrigin": "https://api123.execute-api.us-east-1.amazonaws.com",
        "iotUrl": "wss://a1b2c3-ats.iot.us-east-1.amazonaws.com/mqtt",
        "identityPoolId": "us-east-1:pool",
        "symbols": ["AAPL", "TSLA"],
        "queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/tickwire-dev-ingest.fifo",
        "deadQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/tickwire-dev-dead.fifo",
        "table": "tickwire-dev-history",
        "feed": "tickwire-dev-feed",
        "bucket": "tickwire-dev-site-123456789012-us-east-1",
        "alarmTopic": "arn:aws:sns:us-east-1:123456789012:tickwire-dev-alarms",
        "dashboard": "tickwire-dev",
        "brakes": [],
        "estimate": round(bill(Stage.parse(settings, name="dev")).total, 2),
    }


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_the_stand_in_knows_only_what_the_program_uses(preview: bool) -> None:
    """A type that is listed and never made would let a lost resource pass unseen."""
    from tests.components.world import COMPUTED

    assert {resource.type for resource in world(preview=preview).custom} == COMPUTED.keys()
