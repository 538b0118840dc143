"""Signals while something is being started: what waits, what wins."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from local.interrupt import SIGNALS, Interrupts, Stop

Starting = Callable[[list[signal.Signals], Callable[[], object]], None]


@pytest.fixture
def start() -> Iterator[Starting]:
    """Start something that hears signals, then goes on, in a section that holds them."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupts = Interrupts()

    def starting(heard: list[signal.Signals], then: Callable[[], object]) -> None:
        with interrupts.held():
            for number in heard:
                signal.raise_signal(number)
            then()

    yield starting
    for number, handler in before.items():
        signal.signal(number, handler)


def fail() -> None:
    raise OSError("it did not start")


def test_the_first_signal_waits_until_all_is_started(start: Starting) -> None:
    reached: list[str] = []
    with pytest.raises(Stop) as stop:
        start([signal.SIGTERM, signal.SIGINT], lambda: reached.append("the end"))
    assert (reached, stop.value.status) == (["the end"], 143)


def test_what_fails_after_a_signal_is_no_failure(start: Starting) -> None:
    """A process that was just being started hears a terminal's Ctrl-C as well."""
    with pytest.raises(Stop) as stop:
        start([signal.SIGINT], fail)
    assert stop.value.status == 130


def test_a_failure_without_a_signal_stays_one(start: Starting) -> None:
    with pytest.raises(OSError, match="it did not start"):
        start([], fail)
