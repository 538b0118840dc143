"""What a slow reader gets, by each overflow policy: counted, in order, and within bounds."""

from __future__ import annotations

import threading
import tracemalloc
from collections import deque
from collections.abc import Callable
from decimal import Decimal

import pytest

from tickwire.tick import Tick
from tickwire_client import Dropped, Gap, SlowReaderError, Status
from tickwire_client import _buffer as buffer_
from tickwire_client._buffer import Buffer, Counters, Overflow


def tick(symbol: str, seq: int) -> Tick:
    return Tick(symbol, Decimal(seq), 0, series=1, seq=seq)


def buffer(
    size: int,
    overflow: Overflow | None = None,
    *,
    events: bool = False,
    counters: Counters | None = None,
    wake: Callable[[], None] = lambda: None,
) -> Buffer[Tick]:
    return Buffer(
        size=size,
        overflow=overflow,
        events=events,
        counters=counters or Counters(),
        key=lambda item: item.symbol,
        merge=lambda _, new: new,
        wake=wake,
    )


def put(kept: Buffer[Tick], *items: Tick | Gap | Status) -> None:
    with kept.lock:
        kept.put(items)


def drain(kept: Buffer[Tick]) -> list[object]:
    out: list[object] = []
    while (found := kept.take()) is not None:
        out.append((found.symbol, found.seq) if isinstance(found, Tick) else found)
    return out


def test_everything_is_kept_up_to_the_bound_and_the_newest_beyond_it() -> None:
    """Two symbols, three places: the fourth tick and later ones compete, one for each symbol survives."""
    counters = Counters()
    kept = buffer(3, counters=counters, events=True)
    put(kept, *[tick("A", 1), tick("A", 2), tick("B", 1), tick("A", 3), tick("B", 2), tick("A", 4)])
    put(kept, tick("A", 5))
    assert drain(kept) == [("A", 1), ("A", 2), ("B", 1), Dropped(2), ("A", 5), ("B", 2)]
    assert counters.conflated == 2


def test_exactly_the_bound_loses_nothing() -> None:
    """The bound itself still fits."""
    counters = Counters()
    kept = buffer(3, counters=counters)
    put(kept, tick("A", 1), tick("A", 2), tick("A", 3))
    assert (drain(kept), counters.conflated) == ([("A", 1), ("A", 2), ("A", 3)], 0)


def test_a_reader_that_caught_up_gets_everything_again() -> None:
    """Conflation ends with the backlog."""
    kept = buffer(1)
    put(kept, tick("A", 1), tick("A", 2), tick("A", 3))
    assert drain(kept) == [("A", 1), ("A", 3)]
    put(kept, tick("A", 4))
    assert drain(kept) == [("A", 4)]


@pytest.mark.parametrize("overflow", [None, "conflate", "drop_oldest"])
def test_order_within_a_symbol_strictly_rises_whatever_is_left_out(overflow: Overflow | None) -> None:
    """A tick that came during the backlog never overtakes it, nor is overtaken."""
    kept, seen = buffer(2, overflow), []
    for seq in range(1, 100):
        put(kept, tick("A", seq))
        if seq % 3 == 0:
            seen.append(kept.take())
    seqs = [found.seq for found in seen if isinstance(found, Tick)]
    assert seqs == sorted(set(seqs))
    assert len(seqs) == 33


def test_conflate_keeps_the_newest_of_each_symbol_only() -> None:
    """However little the reader is behind: what it gets next is as new as can be."""
    counters = Counters()
    kept = buffer(1_000, "conflate", counters=counters)
    put(kept, tick("A", 1), tick("B", 1), tick("A", 2), tick("A", 3))
    assert (drain(kept), counters.conflated) == ([("A", 3), ("B", 1)], 2)


def test_drop_oldest_keeps_the_last_ones_and_says_how_many_are_gone() -> None:
    """The event comes before what was kept, and once."""
    counters = Counters()
    kept = buffer(2, "drop_oldest", counters=counters, events=True)
    put(kept, *[tick("A", seq) for seq in range(1, 6)])
    assert drain(kept) == [Dropped(3), ("A", 4), ("A", 5)]
    assert (drain(kept), counters.dropped) == ([], 3)


def test_a_reader_that_takes_the_oldest_at_that_moment_has_it_and_nothing_is_dropped() -> None:
    """It takes without the lock: between a writer's look and its hand."""

    class Raced(deque[Tick]):
        def popleft(self) -> Tick:
            self.clear()
            return super().popleft()

    counters = Counters()
    kept = buffer(1, "drop_oldest", counters=counters, events=True)
    put(kept, tick("A", 1))
    kept._queue = Raced(kept._queue)  # type: ignore[assignment,arg-type]
    put(kept, tick("A", 2))
    kept._queue = deque(kept._queue)
    assert (drain(kept), counters.dropped) == ([("A", 2)], 0)


def test_error_ends_the_stream_with_its_counts() -> None:
    """What was kept is still yielded; what was not is counted."""
    kept = buffer(2, "error")
    put(kept, tick("A", 1), tick("A", 2))
    put(kept, tick("A", 3))
    put(kept, tick("A", 4))
    assert [kept.take(), kept.take()] == [tick("A", 1), tick("A", 2)]
    with pytest.raises(SlowReaderError, match=r"more than 2 items behind, and 2 were left out") as caught:
        kept.take()
    assert (caught.value.kept, caught.value.missed) == (2, 2)


def test_block_holds_the_writer_until_the_reader_has_taken_something() -> None:
    """Nothing is lost and no more is kept than the bound: the writer's thread waits."""
    kept = buffer(4, "block")
    blocked = threading.Event()

    def write() -> None:
        for seq in range(1, 101):
            with kept.lock:
                if kept.blocks:
                    blocked.set()
                    kept.wait_for_room()
                kept.put([tick("A", seq)])

    writer = threading.Thread(target=write)
    writer.start()
    assert blocked.wait(10)
    seen: list[int] = []
    while len(seen) < 100:
        found = kept.take()
        if isinstance(found, Tick):
            seen.append(found.seq)
    writer.join()
    assert seen == list(range(1, 101))


def test_a_blocked_writer_is_released_when_the_stream_ends() -> None:
    """A reader that went away holds up nobody."""
    kept = buffer(1, "block")
    put(kept, tick("A", 1))

    def write() -> None:
        with kept.lock:
            kept.wait_for_room()

    writer = threading.Thread(target=write)
    writer.start()
    kept.end(RuntimeError("over"))
    writer.join(10)
    assert not writer.is_alive()


def test_events_are_left_out_unless_asked_for() -> None:
    """A reader of ticks gets ticks."""
    gap = Gap("A", 2, 3, False, 1)
    for events, expected in ((False, [("A", 1), ("A", 4)]), (True, [("A", 1), gap, ("A", 4)])):
        kept = buffer(10, events=events)
        put(kept, tick("A", 1), gap, tick("A", 4))
        assert drain(kept) == expected


def test_any_number_of_events_takes_a_bounded_place() -> None:
    """A reader that sleeps through a thousand reconnects is told the last."""
    for overflow in (None, "conflate", "drop_oldest", "block"):
        kept = buffer(10, overflow, events=True)
        for n in range(1_000):
            put(kept, Status("reconnecting", str(n)))
        found = drain(kept)
        assert len(found) <= 12
        assert found[-1] == Status("reconnecting", "999")


def test_the_end_comes_after_what_is_there_and_nothing_is_taken_after_it() -> None:
    """An error doesn't cost the ticks that came before it."""
    kept = buffer(10)
    put(kept, tick("A", 1))
    kept.end(RuntimeError("over"))
    put(kept, tick("A", 2))
    assert kept.take() == tick("A", 1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"over"):
            kept.take()


def test_a_reader_that_waits_is_woken_once() -> None:
    """A wake-up costs a system call: one for each wait, however many ticks come."""
    wakes: list[int] = []
    kept = buffer(10, wake=lambda: wakes.append(1))
    put(kept, tick("A", 1))
    assert not wakes
    drain(kept)
    put(kept)  # a duplicate is no reason to wake
    assert not wakes
    put(kept, tick("A", 2))
    put(kept, tick("A", 3))
    assert len(wakes) == 1


def test_whoever_waits_for_room_is_called_when_half_of_it_is_free() -> None:
    """What is fetched for a slow reader comes in blocks, not one for each it takes."""
    calls: list[int] = []
    kept = buffer(4)
    put(kept, *[tick("A", seq) for seq in range(1, 5)])
    with kept.lock:
        kept.when_room(lambda: calls.append(1))
    kept.take()
    assert not calls
    kept.take()
    assert calls == [1]


@pytest.mark.parametrize("first", ["writer", "caller"])
def test_a_writer_that_waits_and_whoever_wants_to_be_called_both_get_their_room(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """In whichever order they came: what is caught up for a blocking stream comes while live ticks wait."""
    monkeypatch.setattr(buffer_, "BLOCKED_S", 60.0)
    kept, calls, begun = buffer(4, "block"), list[int](), threading.Event()
    put(kept, *[tick("A", seq) for seq in range(1, 5)])

    def write() -> None:
        with kept.lock:
            begun.set()
            kept.wait_for_room()

    writer = threading.Thread(target=write, daemon=True)
    steps: list[Callable[[], object]] = [
        writer.start,
        begun.wait,
        lambda: kept.when_room(lambda: calls.append(1)),
    ]
    for step in steps if first == "writer" else [steps[2], *steps[:2]]:
        step()
        with kept.lock:  # the writer has let go of it: it waits
            pass
    kept.take()
    kept.take()
    writer.join(10)
    assert (calls, writer.is_alive()) == ([1], False)


@pytest.mark.parametrize("overflow", [None, "conflate", "drop_oldest", "error"])
def test_memory_stays_flat_when_nobody_reads(overflow: Overflow | None) -> None:
    """A hundred thousand ticks into a buffer of a hundred cost no more than the first thousand."""
    kept = buffer(100, overflow)
    for seq in range(1, 1_001):
        put(kept, tick("A", seq))
    tracemalloc.start()
    try:
        for seq in range(1_001, 100_001):
            put(kept, tick("A", seq))
        assert tracemalloc.get_traced_memory()[0] < 50_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [0, -1, True, 1.5])
def test_a_bound_below_one_is_refused(size: int) -> None:
    """It would keep nothing."""
    with pytest.raises(ValueError, match=r"maxsize is .*; expected 1 or more"):
        buffer(size)


def test_a_policy_that_is_none_is_refused_with_those_that_are() -> None:
    """A typing mistake isn't the default."""
    with pytest.raises(ValueError, match=r"overflow is 'drop'; expected None or one of 'conflate', "):
        buffer(1, "drop")  # type: ignore[arg-type]
