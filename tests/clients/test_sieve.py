"""What is held back for something missing is bounded, and nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tickwire.tick import Tick
from tickwire_client._buffer import Counters
from tickwire_client._sieve import ALERTS_KEPT, AlertSieve, TickSieve
from tickwire_client.values import Alert


def ticks(first: int, last: int) -> list[Tick]:
    return [Tick("AAPL", Decimal(seq), 0, series=1, seq=seq) for seq in range(first, last + 1)]


def test_what_waits_for_a_missing_tick_is_bounded() -> None:
    """Beyond the bound it counts as missing too, and is fetched block by block when its turn comes."""
    counters = Counters()
    sieve = TickSieve(["AAPL"], live=["AAPL"], fills=True, limit=100, counters=counters)
    out = [*sieve.snapshot("AAPL", ticks(1, 1)[0])]
    for seq in range(3, 1_000):
        out += sieve.sift(ticks(seq, seq))
    assert sieve.orders["AAPL"].waiting == 100
    while missing := sieve.missing().get("AAPL"):
        found = ticks(missing.after_seq + 1, min(missing.after_seq + 100, 999))
        out += sieve.fill("AAPL", missing.block, found)
    numbers = [item.seq for item in out if isinstance(item, Tick)]
    assert numbers == list(range(1, 1_000))
    assert (sieve.lacks, counters.gaps) == (False, 0)


def test_messages_that_wait_for_the_snapshot_are_bounded() -> None:
    """The oldest give way: the snapshot is newer than they are, or the hole is told."""
    counters = Counters()
    sieve = TickSieve(["AAPL"], live=["AAPL"], fills=False, limit=100, counters=counters)
    for seq in range(1, 5_001):
        assert sieve.sift(ticks(seq, seq)) == []
    out = sieve.snapshot("AAPL", ticks(4_500, 4_500)[0])
    assert [item.seq for item in out if isinstance(item, Tick)] == list(range(4_500, 5_001))


def test_an_alert_that_two_sessions_bring_passes_once() -> None:
    """By its symbol, time and kind, within a bound; the repetition is counted."""
    counters = Counters()
    sieve = AlertSieve(["AAPL"], counters=counters)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    alert = Alert(symbol="AAPL", timestamp=now, kind="rise", text="AAPL +2 %", price=None, fields={})
    others = [replace(alert, kind="fall"), replace(alert, timestamp=now + timedelta(seconds=1))]
    passed = [found for each in (alert, alert, *others, alert) for found in sieve.sift(each)]
    assert (passed, counters.duplicates) == ([alert, *others], 2)
    for second in range(2, 2 * ALERTS_KEPT):
        sieve.sift(replace(alert, timestamp=now + timedelta(seconds=second)))
    assert len(sieve._seen) == ALERTS_KEPT
    assert sieve.sift(replace(alert, symbol="MSFT")) == ()
