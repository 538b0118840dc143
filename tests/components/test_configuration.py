"""A stage's settings: what the files declare, what the program accepts, and what it says of the rest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.stage import KEY_LENGTH_MIN
from tests.components.world import ROOT, evaluate
from tickwire.stage import DEFAULTS, Stage

PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
STAGES = ("dev", "prod", "local")
KEY = "a-key-of-24-characters-1"


def settings(stage: str) -> dict[str, Any]:
    """Everything that a stage's file sets, by fully qualified key."""
    content: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{stage}.yaml").read_text())["config"]
    return content


def ours(stage: str) -> dict[str, Any]:
    found = settings(stage)
    return {key.partition(":")[2]: value for key, value in found.items() if key.startswith("tickwire:")}


def test_the_project_declares_every_setting_with_type_default_and_description() -> None:
    """Pulumi.yaml and the parser agree on names, types and defaults; only the key is the program's own."""
    types = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    declared = PROJECT["config"]
    assert declared.keys() == DEFAULTS.keys() | {"apiKey"}
    for name, default in (DEFAULTS | {"apiKey": ""}).items():
        assert declared[name]["default"] == default, name
        assert declared[name]["type"] == types[type(default)], name
        assert len(declared[name]["description"]) > 20, name
        assert declared[name].get("items") == ({"type": "string"} if default.__class__ is list else None), (
            name
        )


def test_no_setting_is_a_must() -> None:
    """The CLI would refuse a stage that leaves out a setting without default, or a declared secret."""
    for name, declared in PROJECT["config"].items():
        assert "default" in declared, name
        assert not declared.get("secret"), name


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_file_makes_a_stage(stage: str) -> None:
    """Values as the files have them pass the check, and the whole program evaluates on them."""
    assert Stage.parse(ours(stage), name=stage).name == stage
    assert settings(stage)["aws:region"] == "us-east-1"
    assert evaluate(ours(stage), stack=stage).error is None


def test_dev_and_prod_share_an_account_and_region() -> None:
    """So their topics must differ."""
    assert ours("dev").get("topicPrefix") != ours("prod").get("topicPrefix")


def test_prod_is_protected_and_owns_the_brokers_log() -> None:
    """The two settings that only one stage of an account should have, on the stage that matters."""
    assert ours("prod")["protected"] is True
    assert ours("prod")["iotLogging"] is True
    assert not any(ours(stage).get("iotLogging") for stage in ("dev", "local"))


def test_the_local_stage_reaches_every_service_that_the_program_uses_at_its_local_address() -> None:
    """Else the real CLI would take a forgotten service's calls to AWS."""
    (endpoints,) = settings("local")["aws:endpoints"]
    names = {"cognito": "cognitoidentity", "cloudwatch/logGroup": "cloudwatchlogs"}
    used = {resource.type.split(":")[1] for resource in evaluate(ours("local")).custom}
    services = {names.get(kind, names.get(kind.partition("/")[0], kind.partition("/")[0])) for kind in used}
    assert services | {"sts", "iot"} == endpoints.keys()
    assert set(endpoints.values()) == {settings("local")["tickwire:awsUrl"]}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"symbols": []}, r"symbols has 0 entries; expected a list of 1 to 100 symbols"),
    (
        {"symbols": [f"S{n}" for n in range(101)]},
        r"symbols has 101 entries; expected a list of 1 to 100 symbols",
    ),
    ({"symbols": ["AAPL", "MSFT", "AAPL"]}, r"symbols holds 'AAPL' twice; expected each symbol once"),
    ({"symbols": ["aapl"]}, r"symbols holds 'aapl'; expected .*upper-case"),
    ({"symbols": ["A/B"]}, r"symbols holds 'A/B'; expected"),
    ({"symbols": ["A+"]}, r"symbols holds 'A\+'; expected"),
    ({"symbols": ["#"]}, r"symbols holds '#'; expected"),
    ({"symbols": ["ABCDEFGHIJKLM"]}, r"symbols holds 'ABCDEFGHIJKLM'; expected 1 to 12"),
    ({"symbols": [""]}, r"symbols holds ''; expected"),
    ({"symbols": [5]}, r"symbols holds 5; expected"),
    ({"symbols": "AAPL,MSFT"}, r"symbols is 'AAPL,MSFT'; expected a list"),
    ({"symbols": {"AAPL": 1}}, r"symbols is .*expected a list"),
    ({"topicPrefix": "a/#"}, r"topicPrefix is 'a/#'; expected nothing, or up to 4 words"),
    ({"topicPrefix": "+"}, r"topicPrefix is '\+'; expected"),
    ({"topicPrefix": "*"}, r"topicPrefix is '\*'; expected"),
    ({"topicPrefix": "/a"}, r"topicPrefix is '/a'; expected"),
    ({"topicPrefix": "$aws"}, r"topicPrefix is '\$aws'; expected"),
    ({"topicPrefix": "a/b/c/d/e"}, r"topicPrefix is 'a/b/c/d/e'; expected"),
    ({"topicPrefix": "a" * 25}, r"topicPrefix is 'a+'; expected .*at most 24"),
    ({"retention": -1}, r"retention is '-1'; expected off, or whole hours or days"),
    ({"retention": "7"}, r"retention is '7'; expected"),
    ({"retention": "0d"}, r"retention is '0d'; expected"),
    ({"retention": "367d"}, r"retention is '367d'; expected .*366d"),
    (
        {"guestBrake": -1},
        r"guestBrake is -1; expected 0 to 1000000 messages to viewers a second, 0 for never",
    ),
    ({"guestBrake": "much"}, r"guestBrake is 'much'; expected 0 to 1000000 messages"),
    ({"guestBrake": 0.5}, r"guestBrake is '?0.5'?; expected 0 to 1000000 messages"),
    ({"guestBrake": 1_000_001}, r"guestBrake is 1000001; expected 0 to 1000000 messages"),
    ({"barDays": 0}, r"barDays is 0; expected 1 to 3650 days"),
    ({"priceLane": "fast"}, r"priceLane is 'fast'; expected live, off or whole seconds from 1s to 60s"),
    ({"priceLane": "0.5 s"}, r"priceLane is '0.5 s'; expected"),
    ({"priceLanes": {"AAPL": "61s"}}, r"priceLanes of AAPL is '61s'; expected"),
    ({"priceLanes": {"NOPE": "1s"}}, r"priceLanes names 'NOPE'; expected one of this stage's symbols"),
    ({"priceLanes": "1s"}, r"priceLanes is '1s'; expected symbols with a lane each"),
    ({"priceLanes": {"AAPL": "1s", "MSFT": "2 s"}}, r"the price lane of MSFT is '2s' and .*expected one"),
    ({"priceLane": "5s", "boardWindow": "1s"}, r"the price lane of AAPL is '5s' and boardWindow '1s'; exp"),
    ({"boardWindow": "0s"}, r"boardWindow is '0s'; expected nothing, or whole seconds"),
    ({"calendar": "New York"}, r"calendar is 'New York'; expected 24/7, or an exchange's code"),
    ({"protected": "yes"}, r"protected is 'yes'; expected true or false"),
    ({"feed": "real"}, r"feed is 'real'; expected one of simulated, off"),
    ({"feedRate": 0}, r"feedRate is 0; expected 1 to 100"),
    ({"feedRate": 2.5}, r"feedRate is 2.5; expected 1 to 100"),
    ({"feedRate": True}, r"feedRate is True; expected 1 to 100"),
    ({"feedRate": "many"}, r"feedRate is 'many'; expected 1 to 100"),
    ({"feedPackMs": 99}, r"feedPackMs is 99; expected 100 to 10000"),
    ({"ingestConcurrency": 1}, r"ingestConcurrency is 1; expected 2 to 1000"),
    ({"logRetentionDays": 8}, r"logRetentionDays is 8; expected one of 1, 3, 5, 7"),
    ({"alarmEmail": "me"}, r"alarmEmail is 'me'; expected nothing, or one e-mail address"),
    ({"alarmEmail": "a@x.org, b@x.org"}, r"alarmEmail is 'a@x.org, b@x.org'; expected"),
    ({"tracing": "on"}, r"tracing is 'on'; expected true or false"),
    ({"siteUrl": "example.org"}, r"siteUrl is 'example.org'; expected"),
    ({"writeOrigins": ["https://x.org/path"]}, r"writeOrigins is 'https://x.org/path'; expected"),
    ({"calendar": "XNYSE"}, r"calendar is 'XNYSE', which .* doesn't know; did you mean XNYS\?"),
    (
        {"workload": {"trades": 50, "messages": 50, "viewers": [{"count": 1, "lane": "price"}]}},
        r"workload.viewers\[0\] watches the price lane of 4 symbols, 200 messages a second .*: set a price",
    ),
    ({"symbol": ["AAPL"]}, r"setting 'symbol' is unknown; did you mean symbols\?"),
    ({"colour": "red"}, r"setting 'colour' is unknown; expected one of .*symbols"),
    ({"apiKey": "x" * (KEY_LENGTH_MIN - 1)}, r"apiKey has 23 characters; expected at least 24"),
]


@pytest.mark.parametrize(("values", "sentence"), BAD, ids=[str(values)[:40] for values, _ in BAD])
@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_a_setting_that_can_not_be_ends_the_program_before_any_resource(
    values: dict[str, Any], sentence: str, preview: bool
) -> None:
    """One sentence: file, value, what was expected. Pulumi prints a RunError without a traceback."""
    world = evaluate(values, preview=preview)
    assert isinstance(world.error, pulumi.RunError)
    assert re.match(rf"Pulumi\.dev\.yaml: {sentence}", str(world.error)), world.error
    assert "\n" not in str(world.error)
    assert world.resources == []


@pytest.mark.parametrize("stack", ["Dev", "1dev", "dev_1", "a" * 17, "-"])
def test_a_stage_name_that_no_resource_could_carry_is_refused(stack: str) -> None:
    """The name is part of every physical name, the bucket's included."""
    world = evaluate(stack=stack)
    assert isinstance(world.error, pulumi.RunError)
    assert f"stage is {stack!r}; expected" in str(world.error)
    assert world.resources == []


@pytest.mark.parametrize("stack", ["d", "a" * 16, "pr-1"])
def test_a_stage_name_on_the_edge_is_accepted(stack: str) -> None:
    """1 to 16 characters."""
    assert evaluate(stack=stack).error is None


def test_a_key_in_plain_text_is_refused() -> None:
    """It would stand readable in the stage's file; the sentence has the command that encrypts it."""
    world = evaluate({"apiKey": KEY}, secrets=())
    assert isinstance(world.error, pulumi.RunError)
    assert "pulumi config set --secret apiKey" in str(world.error)
    assert KEY not in str(world.error)
    assert world.resources == []


def test_a_key_that_is_too_short_is_not_repeated() -> None:
    """The sentence says how long it is; a terminal's history is no place for a secret."""
    assert "short-secret" not in str(evaluate({"apiKey": "short-secret"}).error)


def test_pages_that_were_not_built_end_the_program_before_any_resource(dist: Path) -> None:
    """The sentence has the command that builds them."""
    (dist / "index.html").unlink()
    world = evaluate()
    assert isinstance(world.error, pulumi.RunError)
    assert "index.html is missing; build the site first: make site" in str(world.error)
    assert world.resources == []
