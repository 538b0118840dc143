"""The status message: what it says, and when it calls the platform degraded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tickwire import status
from tickwire.calendar import Market
from tickwire.status import Seen

ROOT = Path(__file__).parents[2]
NOW = 1_795_000_000_000
OPEN = Market(state="open", since_ms=NOW - 7_200_000, until_ms=NOW + 60_000, opens_ms=NOW + 86_400_000)
WELL = Seen(at_ms=NOW, calendar="XNYS", market=OPEN, paused=False, newest_ms=NOW - 900, waiting=3, dead=0)


def said(seen: Seen) -> dict[str, Any]:
    """The message, held against its schema."""
    schema = json.loads((ROOT / "schemas" / "status.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    message: dict[str, Any] = json.loads(status.message(seen))
    Draft202012Validator(schema).validate(message)
    return message


def why(seen: Seen) -> list[str]:
    return [reason["what"] for reason in said(seen)["reasons"]]


def test_a_platform_that_is_well_says_how_the_market_is() -> None:
    """And nothing else."""
    assert said(WELL) == {
        "time": "2026-11-18T11:06:40.000Z",
        "calendar": "XNYS",
        "market": "open",
        "until": "2026-11-18T11:07:40.000Z",
        "opens": "2026-11-19T11:06:40.000Z",
        "paused": False,
        "degraded": False,
        "reasons": [],
        "v": 1,
    }


def test_a_market_without_end_has_no_times() -> None:
    """Around the clock."""
    message = said(replace(WELL, market=Market(state="open")))
    assert (message["until"], message["opens"]) == (None, None)


def test_a_minute_of_silence_is_no_fault_and_more_is_one() -> None:
    """Both sides of the boundary, in whole seconds."""
    quiet = replace(WELL, waiting=0)
    assert why(replace(quiet, newest_ms=NOW - 60_999)) == []
    assert why(replace(quiet, newest_ms=NOW - 61_000)) == ["silence"]
    (reason,) = said(replace(quiet, newest_ms=NOW - 61_000))["reasons"]
    assert reason["says"] == "The market is open, and the newest tick that is stored was sent 61 s ago"


@pytest.mark.parametrize(
    "seen",
    [
        replace(WELL, waiting=0, newest_ms=0, paused=True),
        replace(WELL, waiting=0, newest_ms=0, market=Market(state="closed")),
        replace(WELL, waiting=0, newest_ms=0, market=replace(OPEN, since_ms=NOW - 60_000)),
    ],
    ids=["paused", "closed", "just opened"],
)
def test_silence_that_is_meant_is_no_fault(seen: Seen) -> None:
    """Nobody expects ticks then."""
    assert (why(seen), seen.silent_s > 60) == ([], False)


def test_a_stage_that_never_had_a_tick_is_silent_for_a_day() -> None:
    """As long as is measured."""
    never = replace(WELL, market=Market(state="open"), newest_ms=0, waiting=0)
    assert never.silent_s == 86_400
    assert said(never)["reasons"][0]["says"] == "The market is open, and no tick has come yet"


def test_messages_that_wait_while_nothing_is_stored_are_the_queues_fault() -> None:
    """Whatever the market does: then it isn't silence. One that has just come is no fault."""
    stuck = replace(WELL, newest_ms=NOW - 700_000, waiting=12)
    assert why(stuck) == why(replace(stuck, market=Market(state="closed"))) == ["queue"]
    assert "12 messages wait" in said(stuck)["reasons"][0]["says"]
    assert "11 min ago" in said(stuck)["reasons"][0]["says"]
    assert why(replace(stuck, newest_ms=NOW - 60_000)) == []


def test_dead_letters_are_a_reason() -> None:
    """Somebody has to look at them."""
    assert why(replace(WELL, dead=1)) == ["dead-letters"]


def test_what_could_not_be_seen_is_said_and_nothing_is_made_of_it() -> None:
    """A table that doesn't answer isn't a silent market."""
    blind = replace(WELL, newest_ms=None, waiting=None, dead=None)
    assert why(blind) == ["blind"]
    assert "the history table and the queues" in said(blind)["reasons"][0]["says"]
    assert "the queues" not in said(replace(WELL, newest_ms=None))["reasons"][0]["says"]


def test_a_calendar_that_ended_is_a_reason() -> None:
    """It doesn't pass for a closed market."""
    message = said(replace(WELL, market=Market(state="unknown"), newest_ms=0))
    assert (message["market"], message["until"]) == ("unknown", None)
    assert [reason["what"] for reason in message["reasons"]] == ["calendar", "queue"]


def test_all_reasons_at_once_fit_a_message() -> None:
    """And each names a heading that there is."""
    everything = [
        replace(WELL, market=Market(state="unknown"), newest_ms=1, dead=10**6),
        replace(WELL, newest_ms=None, dead=1),
        replace(WELL, newest_ms=1, waiting=0),
    ]
    assert all(len(status.message(seen)) < 5_000 for seen in everything)
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    pointed = [reason["see"] for seen in everything for reason in said(seen)["reasons"]]
    assert len(set(pointed)) == 5
    for see in pointed:
        page, _, anchor = see.partition("#")
        assert page == "docs/operations.md"
        assert anchor in anchors
