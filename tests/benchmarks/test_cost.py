"""The benchmark that holds the planner against the platform counts what really happens."""

from __future__ import annotations

import json

import pytest

from benchmarks import cost, tally

SECONDS = 20


def test_a_tally_counts_what_lies_in_its_time() -> None:
    """Runs by when they began, calls by when they were made; from the first moment on, not the last."""
    runs = [
        {"of": "feed", "at": 5.0, "calls": [[9.9, "send", 1], [10.0, "send", 1], [19.9, "send", 2]]},
        {"of": "ingest", "at": 10.0, "calls": [[10.1, "write", 2], [20.0, "write", 4]]},
        {"of": "ingest", "at": 20.0, "calls": []},
    ]
    found = tally.read(map(json.dumps, runs), from_s=10, to_s=20)
    assert found == {"feed send": 3, "ingest runs": 1, "ingest write": 2}


def test_the_figures_meet_their_goals() -> None:
    """(a), (b) and (c), each with its working."""
    sections = list(cost._figures())
    assert [section.title[:8] for section in sections] == ["Cost (a)", "Cost (b)", "Cost (c)"]
    assert not [row for section in sections for row in section.rows if row.met is False]
    assert all("$" in section.notes[0] for section in sections)


@pytest.mark.slow
def test_a_short_run_finds_what_the_planner_expects() -> None:
    """Twenty seconds are too short for what happens once a minute; the steady parts are there already."""
    section = cost.measured(SECONDS)
    off = {row.what.partition(":")[0]: row.value for row in section.rows}
    for steady in ("queue, sends", "table, written by ingest", "broker, prices", "functions, query runs"):
        assert off[steady] < 30, section
    assert off["broker, deliveries of prices"] < 30, section
