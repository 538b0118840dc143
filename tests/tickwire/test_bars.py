"""Folding ticks into bars, against the vectors that every language runs."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tickwire import bars, market
from tickwire.bars import MINUTE_MS, Bar, changes, derive, encode, spans
from tickwire.tick import Tick, parse_iso

VECTORS = Path(__file__).parents[1] / "vectors" / "bars.json"


def cases() -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in json.loads(VECTORS.read_text())["fold"]]


def tick(facts: dict[str, Any]) -> Tick:
    return Tick(
        facts["symbol"],
        Decimal(facts["price"]),
        parse_iso(facts["timestamp"]),
        volume=Decimal(facts["volume"]) if "volume" in facts else None,
        series=facts["series"],
        seq=facts["seq"],
    )


def folded(ticks: list[Tick]) -> tuple[list[Bar], list[Bar], Bar | None]:
    """Closed bars, corrections, and the open bar."""
    known: dict[int, Bar] = {}
    closed: list[Bar] = []
    corrections: list[Bar] = []
    last = None
    for span in spans(ticks):
        made = changes(span, known)
        last = made.pop() if span.ticks else None
        if span.over:
            known |= {bar.start_ms: bar for bar in [*made, *([last] if last else [])]}
            corrections += made
            closed += [last] if last else []
    return closed, corrections, last


def said(bar: Bar, *, closed: bool = True) -> dict[str, Any]:
    """A message as the vectors have it: numbers as text, without its version."""
    found: dict[str, Any] = json.loads(encode(bar, closed=closed), parse_float=Decimal)
    assert found.pop("v") == 1
    for name in ("open", "high", "low", "close", "volume", "vwap", "average5m"):
        found[name] = (
            None if found[name] is None else f"{found[name]:f}" if found[name] % 1 else str(found[name])
        )
    return found


@pytest.mark.parametrize("case", cases())
def test_ticks_make_the_bars_that_the_vectors_say(case: dict[str, Any]) -> None:
    """Closed, corrected and open."""
    closed, corrections, last = folded([tick(facts) for facts in case["ticks"]])
    assert [numbers(said(bar)) for bar in closed] == [numbers(bar) for bar in case["closed"]]
    assert [numbers(said(bar)) for bar in corrections] == [numbers(bar) for bar in case["corrections"]]
    found = None if last is None else numbers(said(last, closed=False))
    assert found == (None if case["open"] is None else numbers(case["open"]))


def numbers(message: dict[str, Any]) -> dict[str, Any]:
    """Numbers that stand as text, by value."""
    names = ("open", "high", "low", "close", "volume", "vwap", "average5m")
    return {**message, **{name: message[name] and Decimal(message[name]) for name in names}}


def test_late_ticks_beyond_a_spans_bound_come_in_parts_and_make_the_same_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory is bounded; the bars don't know."""
    start = parse_iso("2026-11-21T14:30:00Z")
    late = [Tick("AAPL", Decimal(n + 1), start + n, series=1, seq=n + 3) for n in range(25)]
    ticks = [
        Tick("AAPL", Decimal(5), start + 500, series=1, seq=1),
        Tick("AAPL", Decimal(6), start + MINUTE_MS, series=1, seq=2),
        *late,
        Tick("AAPL", Decimal(7), start + 2 * MINUTE_MS, series=1, seq=28),
    ]
    whole = {bar.start_ms: bar for part in folded(ticks)[:2] for bar in part}
    monkeypatch.setattr(bars, "LATE_MAX", 10)
    parts = {bar.start_ms: bar for part in folded(ticks)[:2] for bar in part}
    assert {at: replace(bar, through=0) for at, bar in whole.items()} == {
        at: replace(bar, through=0) for at, bar in parts.items()
    }
    assert len(folded(ticks)[1]) == 3


def test_a_fold_goes_on_wherever_it_was_left() -> None:
    """After any bar: with its `through` and minute, the rest of the ticks make the rest of the bars."""
    start = parse_iso("2026-11-21T14:30:00Z")
    trades = market.trades("AAPL", start, start + 10 * MINUTE_MS, rate=1)
    ticks = [replace(one, series=1, seq=seq) for seq, one in enumerate(trades, start=1)]
    closed, _, _ = folded(ticks)
    for place, bar in enumerate(closed):
        rest = spans(ticks[bar.through :], after=bar.through, over_ms=bar.start_ms)
        starts = [span.start_ms for span in rest if span.over]
        assert starts == [later.start_ms for later in closed[place + 1 :]]


@pytest.mark.parametrize("interval", ["5m", "15m", "1h", "1d"])
def test_a_wider_bar_is_what_all_its_ticks_make(interval: str) -> None:
    """Derived from minutes or folded at once: the same prices, sums and counts."""
    start = parse_iso("2026-11-21T22:58:00Z")
    trades = market.trades("AAPL", start, start + 70 * MINUTE_MS, rate=1)
    ticks = [replace(one, series=1, seq=seq) for seq, one in enumerate(trades, start=1)]
    closed, _, last = folded(ticks)
    assert last is not None
    width_ms = bars.WIDTHS_MS[interval]
    for bar in derive([*closed, last], interval):
        own = [one for one in ticks if bar.start_ms <= one.time_ms < bar.end_ms]
        assert (bar.open, bar.close) == (own[0].price, own[-1].price)
        assert (bar.high, bar.low) == (max(t.price for t in own), min(t.price for t in own))
        assert (bar.count, bar.first, bar.last) == (len(own), own[0].seq, own[-1].seq)
        assert bar.volume == sum(t.volume or 0 for t in own)
        assert bar.start_ms % width_ms == 0


def test_every_interval_has_a_width_and_a_topic() -> None:
    """One list, twice."""
    from tickwire.topic import INTERVALS

    assert tuple(bars.WIDTHS_MS) == INTERVALS
    assert all(wide % narrow == 0 for narrow, wide in itertools.pairwise(bars.WIDTHS_MS.values()))
