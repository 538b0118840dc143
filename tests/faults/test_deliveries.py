"""Messages that come more than once, to several functions at once, or from a clock that jumps."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.ministack.workers import WORKERS_MAX
from tests.faults.ear import Ear
from tests.faults.fates import OK
from tests.faults.lab import WAIT_S, Lab, Record
from tests.faults.proxy import STORE, Call
from tickwire.tick import iso

pytestmark = pytest.mark.slow

MINUTE_MS = 60_000


def test_each_message_delivered_five_times_is_stored_once(lab: Lab) -> None:
    """By itself, with those before it, and with those behind it."""
    symbols = lab.symbols(4)
    with Ear(lab.platform, symbols) as ear, lab.by_hand():
        for _ in range(3):
            lab.send([(symbol, lab.ticks(symbol, 5)) for symbol in symbols * 2])
        while records := lab.receive():
            for _ in range(4):
                assert lab.call(records) == []
            for record in records:
                assert lab.call([record]) == []
            lab.delete(records)
        lab.check(symbols, ear)


class Race:
    """Functions meet in front of their first write of a chunk, each once."""

    def __init__(self, functions: int) -> None:
        self._barrier = threading.Barrier(functions)
        self._places = itertools.count()
        self._functions = functions

    def __call__(self, call: Call) -> str:
        if call.kind == STORE and next(self._places) < self._functions:
            self._barrier.wait(WAIT_S)
        return OK


@pytest.mark.parametrize("functions", sorted({2, WORKERS_MAX}))
def test_functions_that_race_on_one_symbol_number_each_tick_once(lab: Lab, functions: int) -> None:
    """All hold the symbol's next messages, not as many each, and stand before the same write: one wins."""
    (symbol,) = lab.symbols(1)
    with Ear(lab.platform, [symbol]) as ear, lab.by_hand(), ThreadPoolExecutor(functions) as pool:
        for _ in range(5):
            lab.send([(symbol, lab.ticks(symbol, 30)) for _ in range(4)])
            records = lab.receive()
            with lab.proxy.under(Race(functions)):
                answers = list(
                    pool.map(lab.call, [records[: len(records) - place] for place in range(functions)])
                )
            assert answers == [[]] * functions
            lab.delete(records)
        lab.check([symbol], ear)


def test_a_source_whose_clock_jumps_back_a_minute_keeps_its_order(lab: Lab) -> None:
    """`seq` goes on; the newest that is shown stays the latest by time until the clock has caught up."""
    (symbol,) = lab.symbols(1)
    arrived = lab.now_ms()
    times = [arrived + 100 * n for n in range(5)] + [arrived - MINUTE_MS + 100 * n for n in range(5)]
    with Ear(lab.platform, [symbol]) as ear:
        for at in times:
            lab.send([(symbol, lab.ticks(symbol, 1, timestamp=iso(at)))])
        lab.check([symbol], ear)
    assert lab.newest(symbol)["price"] == 5


def test_a_queue_whose_clock_jumps_back_a_minute_loses_nothing(lab: Lab) -> None:
    """Messages that were sent later, by its marks, than those behind them; all come again."""
    (symbol,) = lab.symbols(1)
    came: list[list[Record]] = []
    with Ear(lab.platform, [symbol]) as ear, lab.by_hand():
        for ahead_ms in (MINUTE_MS, 0):
            lab.send([(symbol, lab.ticks(symbol, 3)) for _ in range(3)])
            received = lab.receive()
            came.append([sent_later(record, ahead_ms) for record in received])
            assert lab.call(came[-1]) == []
            lab.delete(received)
        for records in came:
            assert lab.call(records) == []
        lab.check([symbol], ear)


def sent_later(record: Record, ms: int) -> Record:
    about = record["attributes"]
    return {**record, "attributes": {**about, "SentTimestamp": str(int(about["SentTimestamp"]) + ms)}}


@pytest.mark.parametrize("place", range(10))
def test_a_bad_message_at_any_place_of_a_batch_stops_none(lab: Lab, place: int) -> None:
    """It goes aside with its reason; those before and behind it are stored in order."""
    (symbol,) = lab.symbols(1)
    with Ear(lab.platform, [symbol]) as ear, lab.by_hand():
        bodies = [lab.ticks(symbol, 2) for _ in range(9)]
        bodies.insert(place, "{")
        lab.send([(symbol, body) for body in bodies])
        records = lab.receive()
        assert [record["body"] for record in records] == bodies
        assert lab.call(records) == []
        lab.delete(records)
        lab.check([symbol], ear)
    assert lab.dead() == [(symbol, "json")]
