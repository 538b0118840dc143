"""The workload: what may be said of it, and the sentence for what may not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tickwire.errors import ConfigError
from tickwire.stage import Stage
from tickwire.workload import ALWAYS_H, Viewers, Workload


def test_a_workload_is_read_with_its_defaults() -> None:
    """Nothing said is a handful of people who watch the board in office hours."""
    assert Workload.parse({}).viewers == (Viewers(count=5, lane="board", hours=168.0),)
    said = {
        "trades": 5,
        "hours": "always",
        "viewers": [{"count": 0}, {"count": 3, "lane": "price", "symbols": 2, "hours": 10}],
        "requests": 1_000_000,
    }
    assert Workload.parse(said) == Workload(
        trades=5.0,
        hours=ALWAYS_H,
        viewers=(Viewers(count=0), Viewers(count=3, lane="price", symbols=2, hours=10.0)),
        requests=1_000_000,
    )


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ({"trades": -1}, ["workload.trades", "-1", "0 to"]),
        ({"trades": math.nan}, ["workload.trades", "nan"]),
        ({"trades": True}, ["workload.trades", "True"]),
        ({"messages": "many"}, ["workload.messages", "'many'"]),
        ({"trades": 5, "messages": 0}, ["workload.messages", "at least 0.01"]),
        ({"messages": 1e-320}, ["workload.messages", "at least 0.01"]),
        ({"viewers": [{"count": -1}]}, ["workload.viewers[0].count", "-1", "whole number from 0"]),
        ({"viewers": [{"count": 1.5}]}, ["workload.viewers[0].count", "1.5"]),
        ({"viewers": [{"lane": "board"}]}, ["workload.viewers[0]", "no count"]),
        ({"viewers": [{"count": 1, "lane": "candles"}]}, ["'candles'", "price, board, bar"]),
        ({"viewers": {"count": 1}}, ["workload.viewers", "a list"]),
        ({"hours": "weekends"}, ["workload.hours", "'weekends'", "always, market, office"]),
        ({"hours": 800}, ["workload.hours", "800", "744"]),
        ({"requests": -3}, ["workload.requests", "-3"]),
        ({"request": 3}, ["'request'", "requests"]),
        ("busy", ["'busy'"]),
    ],
)
def test_what_cannot_be_is_refused_with_the_value_and_what_was_expected(said: Any, parts: list[str]) -> None:
    """One sentence, for the person who wrote it, from the configuration as well."""
    with pytest.raises(ConfigError) as refused:
        Stage.parse({"workload": said}, name="dev")
    assert all(part in str(refused.value) for part in parts)
    assert "\n" not in str(refused.value)


def test_viewers_of_a_lane_that_is_off_are_refused() -> None:
    """They'd cost nothing and see nothing."""
    viewers = {"viewers": [{"count": 1, "lane": "price"}]}
    with pytest.raises(ConfigError, match="price lane, which is off; expected board or bar"):
        Stage.parse({"priceLane": "off", "workload": viewers}, name="dev")
    assert Stage.parse({"priceLane": "off", "priceLanes": {"AAPL": "live"}, "workload": viewers}, name="dev")
