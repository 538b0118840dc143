"""The library in a real browser, on a real broker, through faults of the way between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.site import Site, site

pytestmark = pytest.mark.slow

MOVES = "count => window.told?.ticks.length >= count"
LIVE = "() => window.prices?.state.name === 'live'"
TICKS = "window.told.ticks.filter(({ symbol }) => symbol === 'AAPL').map(({ seq }) => seq)"
WITNESS = """async (url) => {
    const { connect } = await import(url + "/tickwire.js");
    const prices = await connect(url);
    prices.subscribe(["AAPL"], ({ seq }) => (window.witnessed = seq));
}"""
MISSED = f"count => window.witnessed >= {TICKS}.at(-1) + count"
STATES = "window.told.states"
Open = Callable[..., Page]


@pytest.fixture
def served(platform: Any) -> Iterator[Site]:
    with site(platform) as running:
        yield running


@pytest.fixture
def show(served: Site, context: BrowserContext) -> Open:
    """Open the library's page in a tab, and wait until prices come."""

    def open_one(query: str = "") -> Page:
        page = context.new_page()
        page.goto(f"{served.url}/?{query}")
        page.wait_for_function(LIVE)
        page.wait_for_function(MOVES, arg=2)
        return page

    return open_one


def test_ticks_come_whole_from_the_first(show: Open) -> None:
    """The snapshot, then what follows on it: none comes twice, and none is missing that no gap tells."""
    page = show()
    page.wait_for_function(MOVES, arg=10)
    ticks, gaps = page.evaluate(f"[{TICKS}, window.told.gaps]")
    told = {seq for gap in gaps for seq in range(gap["first"], gap["last"] + 1)}
    assert ticks == sorted(ticks)
    assert sorted({*ticks, *told}) == list(range(ticks[0], ticks[-1] + 1))
    assert len(ticks) + len(told) == ticks[-1] + 1 - ticks[0]


def test_a_lossless_reader_misses_nothing_while_the_broker_is_down(
    platform: Any, show: Open, served: Site
) -> None:
    """It says when it tries again and why; what was published meanwhile is fetched and comes in its place."""
    page = show("lossless=yes")
    page.evaluate(WITNESS, platform.url)  # by a way that isn't cut
    page.wait_for_function("() => window.witnessed > 0")
    served.wire.down()
    page.wait_for_function("() => window.prices.state.name === 'reconnecting'")
    state = next(state for state in page.evaluate(STATES) if state["name"] == "reconnecting")
    assert state["why"] == "the connection was cut (1006)"
    assert state["retryAtMs"] > 0
    page.wait_for_function("() => window.prices.state.attempt >= 3")
    page.wait_for_function(MISSED, arg=3)  # three attempts may be made before anything is published
    served.wire.up()
    page.wait_for_function(LIVE)
    page.wait_for_function("() => window.told.gaps.length > 0")
    page.wait_for_function(MOVES, arg=page.evaluate("window.told.ticks.length") + 10)
    ticks = page.evaluate(TICKS)
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    assert {gap["filled"] for gap in page.evaluate("window.told.gaps")} == {True}


def test_an_open_connection_that_brings_nothing_is_found_dead(show: Open, served: Site) -> None:
    """Silence where prices came, while history goes on: it is left for a new one, and says why."""
    page = show()
    page.wait_for_function(MOVES, arg=20)
    served.wire.freeze()
    page.wait_for_function("() => window.told.states.some(({ name }) => name === 'stale')", timeout=60_000)
    page.wait_for_function(LIVE)
    page.wait_for_function(MOVES, arg=page.evaluate("window.told.ticks.length") + 5)
    (stale,) = [state for state in page.evaluate(STATES) if state["name"] == "stale"]
    assert "which didn't come" in stale["why"]


def test_a_guest_that_the_broker_refuses_is_told_for_good(platform: Any, context: BrowserContext) -> None:
    """A client id that no guest may have: tried once more with everything fetched anew, then closed."""
    with site(platform, clientId="nobody-{random}") as served:
        page = context.new_page()
        page.goto(f"{served.url}/")
        page.wait_for_function("() => window.prices?.state.name === 'closed'")
        assert page.evaluate("window.prices.state.error.name") == "Unauthorized"
        assert "not authorized (0x87)" in page.evaluate("window.prices.state.why")
        assert served.wire.accepted == 2


def test_a_topic_that_the_broker_refuses_is_told_and_the_others_come(
    platform: Any, context: BrowserContext
) -> None:
    """A symbol that discovery has and the guest's role hasn't."""
    symbols = [*platform.discovery["symbols"], "NOPE"]
    with site(platform, symbols=symbols) as served:
        page = context.new_page()
        page.goto(f"{served.url}/?symbols=AAPL,NOPE")
        page.wait_for_function(MOVES, arg=3)
        assert page.evaluate("window.told.refused") == ["prices/NOPE: not authorized (0x87)"]
        assert page.evaluate("window.prices.state.name") == "live"


def test_two_tabs_never_throw_each_other_off(show: Open) -> None:
    """One guest, two client ids: both stay on their first connection."""
    tabs = [show() for _ in range(2)]
    for tab in tabs:
        tab.wait_for_function(MOVES, arg=10)
        assert tab.evaluate("window.prices.stats().reconnects") == 0
    assert len({tab.evaluate("Object.entries(localStorage).join()") for tab in tabs}) == 1


def test_the_networks_return_ends_a_wait(show: Open, served: Site, context: BrowserContext) -> None:
    """Offline, then online again: the next attempt is made at once, however long the wait would have been."""
    page = show()
    page.evaluate("Math.random = () => 1000")
    served.wire.down()
    page.wait_for_function("() => window.prices.state.name === 'reconnecting'")
    context.set_offline(True)
    served.wire.up()
    page.wait_for_timeout(1_100)  # attempts that a return sets off are a second apart
    context.set_offline(False)
    page.wait_for_function(LIVE)
    page.wait_for_function(MOVES, arg=page.evaluate("window.told.ticks.length") + 2)
