"""docs/limits.md says what the table of limits says, and the local broker keeps what it claims to keep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tickwire import headroom, limits
from tickwire.limits import Quota
from tickwire.stage import Stage

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "limits.md").read_text()
GUARD = (ROOT / "local" / "ministack" / "limits.py").read_text()


def kept() -> set[Quota]:
    """What the local broker's guard reads of the table."""
    names = {*re.findall(r"limits\.([A-Z_]+)\.value", GUARD), "LIFETIME"}
    return {getattr(limits, name) for name in names}


def row(quota: Quota) -> str:
    unit = f" {quota.unit}" if quota.unit else ""
    small = "" if quota.small is None else f"{quota.small:,}"
    cells = (
        f"{quota.name} ({quota.of})",
        f"{quota.value:,}{unit}",
        small,
        "on request" if quota.adjustable else "no",
        quota.beyond,
        "yes" if quota in kept() else "no",
    )
    return f"| {' | '.join(cells)} |"


def test_the_page_has_every_limit_as_the_table_has_it() -> None:
    """Value, unit, small regions, what happens beyond, and whether the local broker keeps it."""
    expected = "\n".join(row(quota) for quota in limits.QUOTAS)
    assert expected in PAGE, f"docs/limits.md is to say\n{expected}"
    assert ", ".join(sorted(limits.SMALL_REGIONS)) in " ".join(PAGE.split())


def stage(count: int, messages: float, watched: int = 0, lane: str = "price", **settings: Any) -> Stage:
    workload = {
        "trades": messages,
        "messages": messages,
        "viewers": [{"count": 1, "lane": lane, "symbols": watched}],
    }
    symbols = [f"SYM{place}" for place in range(count)]
    return Stage.parse({"symbols": symbols, "workload": workload, **settings}, name="dev")


def received(found: Stage) -> float:
    (group,) = headroom.groups(found)
    return group.busiest


def connections(found: Stage) -> int:
    (group,) = headroom.groups(found)
    return group.connections


@pytest.mark.parametrize(
    ("said", "messages", "symbols", "settings"),
    [
        ("`live`, a message each second (`feedPackMs: 1000`) or slower", 1, 49, {}),
        ("`live`, 5 messages a second", 5, 20, {}),
        ("`live`, 20 messages a second", 20, 5, {}),
        ("`1s` or slower, whatever comes in", 100, 49, {"priceLane": "1s"}),
    ],
)
def test_so_many_symbols_fit_on_one_connection(
    said: str, messages: float, symbols: int, settings: dict[str, Any]
) -> None:
    """What the page's first table says; one more doesn't fit, or is one more than fifty with the status."""
    assert f"| {said} | {symbols} |" in PAGE
    limit = limits.CONNECTION_MESSAGES.value
    assert received(stage(100, messages, symbols, **settings)) <= limit
    assert connections(stage(100, messages, symbols, **settings)) == 1
    one_more = stage(100, messages, symbols + 1, **settings)
    assert connections(one_more) > 1 or received(one_more) > limit


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("board, once a second", stage(4, 1, lane="board")),
        ("5 symbols, a message each second", stage(20, 1, 5)),
        ("5 symbols, 5 messages a second", stage(20, 5, 5)),
        ("20 symbols, 5 messages a second", stage(20, 5, 20)),
    ],
)
def test_so_many_viewers_fit_in_an_account(said: str, found: Stage) -> None:
    """What the page's second table says, of the lane's own messages."""
    each = received(found)
    most, small = limits.OUTBOUND.value / each, limits.OUTBOUND.here("eu-north-1") / each
    assert f"| {said} | {int(most + 1e-6):,} | {int(small + 1e-6):,} |" in PAGE


def test_the_largest_board_is_as_the_page_says() -> None:
    """A hundred symbols that all change, and a full one each minute."""
    assert "all, in 1 to 5 messages a second" in PAGE
    assert 1 < received(stage(1, 1, lane="board")) < 2
    assert 3 < received(stage(100, 1, lane="board")) <= 5
