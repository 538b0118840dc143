"""The order of a symbol's ticks, whatever comes twice, late or in parts."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tickwire.ledger import BLOCK, DAY_MS, Chunk, Entry, Head, advance, chunks
from tickwire.tick import Tick


def entry(number: int, count: int, *, sent_ms: int = 0, source: str | None = None) -> Entry:
    """A message whose ticks say by their price which message and place they came from."""
    ticks = (
        Tick("A", Decimal(f"{number}.{place:04d}"), sent_ms, source=source) for place in range(1, count + 1)
    )
    return Entry(number, sent_ms, tuple(ticks))


def settle(head: Head, made: list[Chunk]) -> Head:
    for chunk in made:
        head = advance(head, chunk)
    return head


def test_the_first_tick_of_a_series_has_seq_1() -> None:
    """And the rest follow by one, whatever message they came in."""
    made = chunks(Head(series=9), [entry(4, 2), entry(7, 1)])
    assert [(t.series, t.seq) for chunk in made for t in chunk.ticks] == [(9, 1), (9, 2), (9, 3)]


def test_a_message_that_comes_again_yields_nothing() -> None:
    """Its number is not above the head's."""
    head = settle(Head(series=1), chunks(Head(series=1), [entry(1, 3)]))
    assert chunks(head, [entry(1, 3)]) == []
    assert [c.first for c in chunks(head, [entry(1, 3), entry(2, 1)])] == [4]


def test_a_message_stored_in_part_is_stored_to_its_end() -> None:
    """A block's edge cuts a message; after a crash between the parts, only the rest is new."""
    start = Head(series=1, seq=BLOCK - 2)
    whole = chunks(start, [entry(1, 5)])
    assert [(c.first, c.last) for c in whole] == [(BLOCK - 1, BLOCK), (BLOCK + 1, BLOCK + 3)]
    assert chunks(advance(start, whole[0]), [entry(1, 5)]) == whole[1:]


def test_a_chunk_never_crosses_a_block_and_has_one_source() -> None:
    """So a block is read by its own keys alone."""
    made = chunks(Head(series=1), [entry(1, 150, source="a"), entry(2, 60, source="b")])
    assert [(c.first, c.last, c.ticks[0].source) for c in made] == [
        (1, 100, "a"),
        (101, 150, "a"),
        (151, 200, "b"),
        (201, 210, "b"),
    ]


def test_an_older_tick_never_becomes_the_newest() -> None:
    """It has its seq; the newest stays the latest by time."""
    head = settle(Head(series=1), chunks(Head(series=1), [entry(1, 1, sent_ms=5_000)]))
    head = settle(head, chunks(head, [entry(2, 1, sent_ms=4_000)]))
    assert head.seq == 2
    assert head.newest is not None
    assert head.newest.seq == 1


def test_the_close_is_the_last_price_of_the_day_before() -> None:
    """Days are UTC; a day begins at its first millisecond."""
    head = settle(Head(series=1), chunks(Head(series=1), [entry(1, 1, sent_ms=DAY_MS - 1)]))
    assert head.close is None
    head = settle(head, chunks(head, [entry(2, 1, sent_ms=DAY_MS)]))
    assert head.close == Decimal("1.0001")


def test_a_source_that_began_anew_is_numbered_on() -> None:
    """A queue that was deleted and made again starts at low numbers; sent a minute later, they are new."""
    head = settle(Head(series=1), chunks(Head(series=1), [entry(1_000, 1, sent_ms=1_000)]))
    assert chunks(head, [entry(1, 1, sent_ms=61_000)]) == []
    assert [c.first for c in chunks(head, [entry(1, 1, sent_ms=61_001)])] == [2]


@given(
    st.lists(st.integers(1, 130), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(0, 5)), max_size=12),
)
def test_whatever_comes_twice_or_breaks_off_each_tick_has_one_seq(
    sizes: list[int], batches: list[tuple[int, int, int]]
) -> None:
    """Batches overlap, repeat and break off after any chunk; at the end all ticks are there once."""
    messages = [entry(number + 1, size) for number, size in enumerate(sizes)]
    head, stored, done = Head(series=1), list[Chunk](), 0
    for again, ahead, survive in [*batches, (len(messages), len(messages), 1_000)]:
        end = done + ahead
        made = chunks(head, messages[max(0, done - again) : end])
        head = settle(head, made[:survive])
        stored += made[:survive]
        if survive >= len(made):
            done = end
    ticks = [tick for chunk in stored for tick in chunk.ticks]
    assert [t.seq for t in ticks] == list(range(1, sum(sizes) + 1))
    assert [t.price for t in ticks] == [t.price for m in messages for t in m.ticks]
    assert all(a.last + 1 == b.first for a, b in pairwise(stored))
    assert all((c.first - 1) // BLOCK == (c.last - 1) // BLOCK for c in stored)
