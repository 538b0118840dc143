"""The library in a tab that nobody looks at, and on a machine that slept: real ones, not Playwright's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import WAIT_S, Chromium, Tab, chromium
from tests.browser.executable import FLAGS
from tests.browser.site import Site, site

pytestmark = pytest.mark.slow

PROBE_MS = 800  # the library's, for a sign of life
SLEEP_S = 12  # a visible page whose clock jumps by 10 s has slept


@pytest.fixture
def served(platform: Any) -> Iterator[Site]:
    with site(platform) as running:
        yield running


@pytest.fixture
def browser_alone(executable: str, tmp_path: Path) -> Iterator[Chromium]:
    with chromium(executable, FLAGS, tmp_path) as running:
        yield running


@pytest.fixture
def tab(served: Site, browser_alone: Chromium) -> Tab:
    """The library's page in front, with prices coming."""
    tab = browser_alone.open(f"{served.url}/")
    tab.wait("window.prices?.state.name === 'live' && told.ticks.length > 2")
    return tab


def test_a_hidden_tab_takes_the_board_then_nothing_and_is_whole_when_shown(
    tab: Tab, browser_alone: Chromium, served: Site
) -> None:
    """Half a minute hidden: the board. Five: no connection. Shown: live, with the newest at once."""
    browser_alone.open("about:blank").show()
    tab.wait("document.hidden")
    assert tab.evaluate("prices.state.name") == "live"

    tab.evaluate("shiftMs = 31_000")
    tab.wait("prices.state.name === 'delayed'")
    assert "board" in tab.evaluate("prices.state.why")
    count = tab.evaluate("told.ticks.length")
    # The board has the newest only; until it takes over, each tick comes.
    tab.wait(f"told.ticks.slice({count}).some(({{ seq }}, at, all) => seq > all[at - 1]?.seq + 1)")

    tab.evaluate("shiftMs = 301_000")
    tab.wait("prices.state.name === 'hidden'")
    until = time.monotonic() + WAIT_S
    while served.wire.open:
        assert time.monotonic() < until
        time.sleep(0.05)

    count, gaps = tab.evaluate("[told.ticks.length, told.gaps.length]")
    tab.show()
    tab.wait(f"prices.state.name === 'live' && told.ticks.length >= {count + 2}")
    assert tab.evaluate("told.gaps.length") == gaps, "what nobody asked for isn't missing"
    print(f"whole {tab.evaluate(f'told.ticks[{count}].atMs - told.shownMs'):.0f} ms after it was shown")


def test_a_tab_that_is_shown_soon_keeps_its_connection(
    tab: Tab, browser_alone: Chromium, served: Site
) -> None:
    """Less than half a minute away: nothing changes; a sign of life is all that the broker is asked for."""
    tab.evaluate(f"insteadMs[{PROBE_MS}] = 10_000")
    browser_alone.open("about:blank").show()
    tab.wait("document.hidden")
    tab.show()
    tab.wait("!document.hidden")
    count = tab.evaluate("told.ticks.length")
    tab.wait(f"told.ticks.length >= {count + 2}")
    assert served.wire.accepted == 1
    assert [state["name"] for state in tab.evaluate("told.states")] == ["live"]


def test_a_machine_that_wakes_up_connects_anew_at_once(
    tab: Tab, browser_alone: Chromium, served: Site
) -> None:
    """The old connection looks open and brings nothing: prices come by another, before a ping would tell."""
    tab.show()
    with browser_alone.asleep():
        served.wire.freeze()
        time.sleep(SLEEP_S)
    count = tab.evaluate("told.ticks.length")
    tab.wait(f"told.ticks.length >= {count + 3}")
    assert served.wire.accepted == 2
    names = [state["name"] for state in tab.evaluate("told.states")]
    assert "reconnecting" not in names, "no ping had to tell"
