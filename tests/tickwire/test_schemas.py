"""The published schemas hold the real thing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tickwire import discovery, market, wire
from tickwire.ledger import Entry, Head, chunks
from tickwire.topic import Topics

ROOT = Path(__file__).parents[2]


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def vectors(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / f"{name}.json").read_text())
    return found


def test_messages_as_they_are_published_fit_their_schema() -> None:
    """Packed and single."""
    ticks = market.trades("AAPL", 1_795_000_000_000, 1_795_000_060_000, rate=5)
    made = chunks(Head(series=7), [Entry(1, 0, tuple(ticks))])
    for message in wire.messages([tick for chunk in made for tick in chunk.ticks]):
        validator("price").validate(json.loads(message.text))
    validator("price").validate(json.loads(wire.encode(made[0].ticks[:1])))


@pytest.mark.parametrize("case", vectors("bars")["fold"], ids=lambda case: case["name"])
def test_bars_fit_their_schema(case: dict[str, Any]) -> None:
    """Closed, corrected and open ones, with and without volume."""
    names = ("open", "high", "low", "close", "volume", "vwap", "average5m")
    for bar in [*case["closed"], *case["corrections"], *([case["open"]] if case["open"] else [])]:
        numbers = {name: bar[name] and float(bar[name]) for name in names}
        validator("bar").validate({**bar, **numbers})


@pytest.mark.parametrize("case", vectors("inputs")["taken"], ids=lambda case: case["name"])
def test_input_that_is_taken_fits_its_schema(case: dict[str, Any]) -> None:
    """And so does what the simulated feed sends."""
    validator("input").validate(json.loads(case["body"]))
    ticks = market.trades("AAPL", 0, 5_000, rate=5)
    validator("input").validate(json.loads(wire.encode_input(ticks), parse_float=Decimal))


@pytest.mark.parametrize(
    "body",
    [
        {"symbol": "AAPL"},
        {"symbol": "AAPL", "price": 0},
        {"symbol": "aapl", "price": 1},
        {"symbol": "AAPL", "price": "1"},
        [],
        None,
    ],
)
def test_input_that_is_refused_does_not_fit(body: object) -> None:
    """The schema refuses what it can express of the decoder's rules."""
    assert not validator("input").is_valid(body)


def test_discovery_fits_its_schema() -> None:
    """As the program makes it."""
    validator("discovery").validate(
        discovery.document(
            stage="dev",
            region="eu-central-1",
            iot_url="wss://abc-ats.iot.eu-central-1.amazonaws.com/mqtt",
            signing_host="abc-ats.iot.eu-central-1.amazonaws.com",
            pool_id="eu-central-1:00000000-1111-2222-3333-444444444444",
            identity_url="https://cognito-identity.eu-central-1.amazonaws.com",
            api="https://d1.cloudfront.net/api",
            topics=Topics("dev"),
            symbols=("AAPL",),
            lanes={"AAPL": "live"},
        )
    )


def test_asyncapi_names_the_topics_that_the_program_makes() -> None:
    """One source for the names; the document repeats them and is held to it."""
    document = yaml.safe_load((ROOT / "schemas" / "asyncapi.yaml").read_text())
    templates = Topics().templates()
    for lane, channel in document["channels"].items():
        assert channel["address"] == templates[lane]
    for message in document["components"]["messages"].values():
        assert (ROOT / "schemas" / message["payload"]["schema"]["$ref"]).is_file()
