"""The machines that both client libraries have in common, by the cases that both run."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tickwire.tick import Tick
from tickwire_client._order import Item, Missing, Order
from tickwire_client._reconnect import LIFE_S, STEADY_S, Reconnect, Step, ceiling_s
from tickwire_client._watch import Watch
from tickwire_client.events import Gap

VECTORS = Path(__file__).parents[1] / "vectors"
SEQUENCE = json.loads((VECTORS / "sequence.json").read_text())
RECONNECT = json.loads((VECTORS / "reconnect.json").read_text())


def named(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case["name"].replace(" ", "-") for case in cases])


def ticks(series: int, first: int, last: int) -> list[Tick]:
    return [Tick("AAPL", Decimal(seq), 0, series=series, seq=seq) for seq in range(first, last + 1)]


def plain(item: Item) -> Any:
    if isinstance(item, Gap):
        return {"gap": [item.series, item.first, item.last], "filled": item.filled}
    return [item.series, item.seq]


def missing(found: Missing | None) -> Any:
    return None if found is None else [found.series, found.first, found.last]


@named(SEQUENCE["cases"])
def test_what_a_reader_gets_of_what_arrives(case: dict[str, Any]) -> None:
    """Snapshot, live, double, late, lost, fetched, a new series: the same items in both languages."""
    order = Order("AAPL", gaps=case["lane"] == "live", fills=case["lossless"])
    for step in case["steps"]:
        out: list[Item]
        if "live" in step:
            out = list(order.live(ticks(*step["live"])))
        elif "fill" in step:
            series = step["fill"][0]
            got = [tick for first, last in step["got"] for tick in ticks(series, first, last)]
            out = order.fill(Missing(*step["fill"]), got)
        else:
            series, seq = step["snapshot"] or (0, 0)
            out = order.snapshot(ticks(series, seq, seq)[0] if seq else None)
        assert [plain(item) for item in out] == step["out"], step
        found = order.missing()
        if case["lossless"]:
            assert missing(found) == step["missing"], step
        if "ask" in step:
            assert found is not None
            assert step["ask"] == {"series": found.series, "after_seq": found.after_seq, "limit": 100}
    assert order.duplicates == case["duplicates"]


@named(RECONNECT["cases"])
def test_what_is_done_about_what_happens_to_a_connection(case: dict[str, Any]) -> None:
    """Each event, the state that a reader is told, and what comes next."""
    machine = Reconnect()
    for step in case["steps"]:
        found = _fed(machine, step)
        assert (found.state, found.next) == (step["state"], step["next"]), step
        assert found.ceiling_s == pytest.approx(step.get("ceiling_s", 0)), step
        assert found.why == step.get("why", "")


def _fed(machine: Reconnect, step: dict[str, Any]) -> Step:
    at_s = step["at_s"]
    match step["event"]:
        case "start":
            return machine.start(at_s)
        case "up":
            return machine.up(at_s)
        case "failed":
            return machine.failed(at_s, step["kind"])
        case "lost":
            return machine.lost(at_s, step["kind"])
        case "stale":
            return machine.stale(at_s)
        case "aged":
            return machine.aged()
        case "replaced":
            return machine.replaced(at_s)
        case "spare-failed":
            return machine.spare_failed()
        case "close":
            return machine.close()
    raise AssertionError(step)


def test_the_back_off_stays_below_its_ceiling() -> None:
    """Doubling from half a second to a minute, and never more than half of the outage so far."""
    for case in RECONNECT["back_off"]["cases"]:
        assert ceiling_s(case["failures"], case["down_s"]) == case["ceiling_s"], case
    assert RECONNECT["back_off"]["steady_s"] == STEADY_S
    assert (RECONNECT["planned_life_s"]["least"], RECONNECT["planned_life_s"]["most"]) == LIFE_S


@named(RECONNECT["quiet"]["cases"])
def test_whether_silence_means_a_dead_connection(case: dict[str, Any]) -> None:
    """By the status lane and the usual pace; a closed market and a paused feed may be silent."""
    watch = Watch(0)
    for step in case["steps"]:
        if "connected" in step:
            watch.connected(step["at_s"])
        if "status" in step:
            told = step["status"]
            watch.status(step["at_s"], market=told["market"], paused=told["paused"], until_s=told["until_s"])
        if "look" in step:
            assert watch.look(step["at_s"], step.get("heard", 0)) == step["look"], step
