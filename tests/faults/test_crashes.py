"""The function's process is killed in the middle of its work."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from tests.faults.ear import Ear
from tests.faults.fates import KILLED_AFTER, KILLED_BEFORE, OK
from tests.faults.lab import Lab
from tests.faults.proxy import PUBLISH, SHOW, STORE, Call

pytestmark = pytest.mark.slow

KILLS = 10
APART_S = 1.5  # so that each meets functions at work


class Kills:
    """Ends the function at the next call of a kind, before or after it took effect, then of the next kind."""

    def __init__(self) -> None:
        points = itertools.product((STORE, SHOW, PUBLISH), (KILLED_BEFORE, KILLED_AFTER))
        self._left = list(itertools.islice(itertools.cycle(points), KILLS))
        self._armed_s = 0.0
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> str:
        with self._lock:
            if not self._left or self._left[0][0] != call.kind or time.monotonic() < self._armed_s:
                return OK
            self._armed_s = time.monotonic() + APART_S
            return self._left.pop(0)[1]

    def done(self) -> bool:
        return not self._left


def test_ten_kills_in_the_middle_of_batches_lose_double_and_reorder_nothing(lab: Lab) -> None:
    """200 ticks a second, five a message; killed before and after storing, showing and publishing."""
    symbols, kills = lab.symbols(32), Kills()
    with Ear(lab.platform, symbols) as ear, lab.proxy.under(kills):
        lab.feed(symbols, ticks=5, every_s=0.8, until=kills.done)
        lab.check(symbols, ear)
        assert sum(n for (_, fate), n in lab.proxy.met.items() if fate != OK) == KILLS
    assert lab.dead() == []
