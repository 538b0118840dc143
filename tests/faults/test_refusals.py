"""Table and broker that refuse, or answer too late, while prices go on coming."""

from __future__ import annotations

import random
import threading
import time

import pytest

from handlers.broker import FRESH_MS
from tests.faults.ear import Ear, Heard
from tests.faults.fates import LOST, OK, REFUSED
from tests.faults.lab import Lab, until
from tests.faults.proxy import MARK, PUBLISH, SHOW, STORE, Call

pytestmark = pytest.mark.slow

WRITES = (STORE, SHOW, MARK)
ENOUGH = 300  # writes that meet the fault
OUTAGE_S = 20
SLACK_MS = 2_000  # a try that begins while the price is fresh ends within the broker's time-out


class Sometimes:
    """A share of the calls of some kinds meets a fate, by a seed; the rest succeeds."""

    def __init__(self, kinds: tuple[str, ...], share: float, fate: str) -> None:
        self.kinds, self.share, self.fate = kinds, share, fate
        self.calls = 0
        self._random, self._lock = random.Random(7), threading.Lock()

    def __call__(self, call: Call) -> str:
        if call.kind not in self.kinds:
            return OK
        with self._lock:
            self.calls += 1
            return self.fate if self._random.random() < self.share else OK

    def done(self) -> bool:
        return self.calls >= ENOUGH


@pytest.mark.parametrize(("share", "fate"), [(0.3, REFUSED), (0.1, LOST)])
def test_a_table_that_fails_loses_doubles_and_reorders_nothing(lab: Lab, share: float, fate: str) -> None:
    """30% of the writes throttled; 10% of them done with the answer lost."""
    symbols, plan = lab.symbols(10), Sometimes(WRITES, share, fate)
    with Ear(lab.platform, symbols) as ear:
        with lab.proxy.under(plan):
            lab.feed(symbols, ticks=5, every_s=0.5, until=plan.done)
            assert sum(n for (_, met), n in lab.proxy.met.items() if met == fate) > ENOUGH * share / 2
        lab.check(symbols, ear)
    assert lab.dead() == []


class Outage:
    """The broker refuses everything for a while."""

    def __init__(self) -> None:
        self._until_s = time.monotonic() + OUTAGE_S

    def over(self) -> bool:
        return time.monotonic() > self._until_s

    def __call__(self, call: Call) -> str:
        return REFUSED if call.kind == PUBLISH and not self.over() else OK


def test_a_broker_that_refuses_for_twenty_seconds_ends_in_no_flood_of_old_prices(lab: Lab) -> None:
    """All is stored; what is heard was fresh; the rest was counted."""
    symbols, began_ms = lab.symbols(4), lab.now_ms()
    with Ear(lab.platform, symbols) as ear:
        outage = Outage()
        with lab.proxy.under(outage):
            lab.feed(symbols, ticks=5, every_s=1.0, until=outage.over)
        lab.feed(symbols, ticks=5, every_s=1.0, until=lambda: _current(lab, ear, symbols))
        lab.check(symbols, ear)
        sent = sum(lab.sent[symbol] for symbol in symbols)

        def heard() -> list[Heard]:
            return [message for symbol in symbols for message in ear.heard(symbol)]

        def said() -> int:
            return sum(len(message.prices) for message in heard())

        until(
            lambda: said() + lab.counted("TicksStale", began_ms) >= sent,
            "what was heard and what was counted as stale are not all that was sent",
        )
        assert max(message.at_ms - message.time_ms for message in heard()) < FRESH_MS + SLACK_MS
        assert said() < sent


def _current(lab: Lab, ear: Ear, symbols: list[str]) -> bool:
    """Whether the newest that was sent of each symbol was heard."""
    return all((heard := ear.heard(symbol)) and heard[-1].seq >= lab.sent[symbol] - 5 for symbol in symbols)
