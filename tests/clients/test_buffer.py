"""What a slow reader gets: everything up to a bound, then the newest of each symbol, always in order."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal

import pytest

from tickwire.tick import Tick
from tickwire_client._buffer import Buffer, Counters


def tick(symbol: str, seq: int, series: int = 1) -> Tick:
    return Tick(symbol, Decimal(seq), 0, series=series, seq=seq)


def buffer(size: int, counters: Counters | None = None) -> Buffer:
    return Buffer(size=size, counters=counters or Counters(), wake=lambda: None)


def drain(buffer: Buffer) -> list[tuple[str, int]]:
    out = []
    while (found := buffer.take()) is not None:
        out.append((found.symbol, found.seq))
    return out


def test_everything_is_kept_up_to_the_bound_and_the_newest_beyond_it() -> None:
    """Two symbols, three places: the fourth tick and later ones compete, one for each symbol survives."""
    counters = Counters()
    kept = buffer(3, counters)
    kept.offer(
        [tick("A", 1), tick("A", 2), tick("B", 1), tick("A", 3), tick("B", 2), tick("A", 4), tick("A", 5)]
    )
    assert drain(kept) == [("A", 1), ("A", 2), ("B", 1), ("A", 5), ("B", 2)]
    assert counters.conflated == 2


def test_exactly_the_bound_loses_nothing() -> None:
    """The bound itself still fits."""
    counters = Counters()
    kept = buffer(3, counters)
    kept.offer([tick("A", 1), tick("A", 2), tick("A", 3)])
    assert (drain(kept), counters.conflated) == ([("A", 1), ("A", 2), ("A", 3)], 0)


def test_a_reader_that_caught_up_gets_everything_again() -> None:
    """Conflation ends with the backlog."""
    kept = buffer(1)
    kept.offer([tick("A", 1), tick("A", 2), tick("A", 3)])
    assert drain(kept) == [("A", 1), ("A", 3)]
    kept.offer([tick("A", 4)])
    assert drain(kept) == [("A", 4)]


def test_order_within_a_symbol_strictly_rises_while_conflating() -> None:
    """A tick that came during the backlog never overtakes it, nor is overtaken."""
    kept, seen = buffer(2), []
    for seq in range(1, 100):
        kept.offer([tick("A", seq)])
        if seq % 3 == 0:
            seen.append(kept.take())
    seqs = [found.seq for found in seen if found]
    assert seqs == sorted(set(seqs))
    assert len(seqs) == 33


def test_older_and_equal_places_are_duplicates() -> None:
    """A later series wins whatever its seq; an earlier one loses."""
    counters = Counters()
    kept = buffer(10, counters)
    kept.offer([tick("A", 5), tick("A", 5), tick("A", 4), tick("A", 1, series=2), tick("A", 6, series=1)])
    assert drain(kept) == [("A", 5), ("A", 1)]
    assert counters.duplicates == 3


def test_the_end_comes_after_what_is_there_and_nothing_is_taken_after_it() -> None:
    """An error doesn't cost the ticks that came before it."""
    kept = buffer(10)
    kept.offer([tick("A", 1)])
    kept.end(RuntimeError("over"))
    kept.offer([tick("A", 2)])
    assert kept.take() == tick("A", 1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"over"):
            kept.take()


def test_a_reader_that_waits_is_woken_once() -> None:
    """A wake-up costs a system call: one for each wait, however many ticks come."""
    wakes: list[int] = []
    kept = Buffer(size=10, counters=Counters(), wake=lambda: wakes.append(1))
    kept.offer([tick("A", 1)])
    assert not wakes
    drain(kept)
    kept.offer([tick("A", 1)])  # a duplicate is no reason to wake
    assert not wakes
    kept.offer([tick("A", 2)])
    kept.offer([tick("A", 3)])
    assert len(wakes) == 1


def test_memory_stays_flat_when_nobody_reads() -> None:
    """A hundred thousand ticks into a buffer of a hundred cost no more than the first thousand."""
    kept = buffer(100)
    for seq in range(1, 1_001):
        kept.offer([tick("A", seq)])
    tracemalloc.start()
    try:
        for seq in range(1_001, 100_001):
            kept.offer([tick("A", seq)])
        assert tracemalloc.get_traced_memory()[0] < 10_000
    finally:
        tracemalloc.stop()


def test_a_bound_below_one_is_refused() -> None:
    """It would keep nothing."""
    with pytest.raises(ValueError, match=r"maxsize is 0; expected 1 or more"):
        buffer(0)
