"""The dashboard in a real browser: what moves and how, what is chosen, the keyboard, and what is said."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, WebSocketRoute, expect

from local.platform import Platform
from tests.browser.tab import Tab
from tickwire.tick import iso

pytestmark = pytest.mark.slow

AXE = Path(__file__).resolve().parents[2] / "clients/browser/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")
LATER = 4_000_000_000_000_000  # a series after any of the platform's own
OpenTab = Callable[[str], Tab]

SEE_FLASHES = """() => {
    window.flashes = [];
    const play = Animation.prototype.play;
    Animation.prototype.play = function () {
        const tile = this.effect.target.closest(".tile");
        if (tile && this.effect.target.className === "flash") {
            window.flashes.push([tile.dataset.move, tile.querySelector(".arrow").textContent]);
        }
        return play.call(this);
    };
}"""
EVEN_FRAMES = """(() => {
    let atMs = 0;
    const ask = window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => ask(() => draw((atMs += 16)));
})()"""
SEE_VALUES = """() => {
    window.values = [];
    const text = document.querySelector("[data-symbol='AAPL'] .value").firstChild;
    new MutationObserver(() => window.values.push(text.data)).observe(text, { characterData: true });
}"""
FRAMES_IN_A_WHILE = """() => new Promise((resolve) => {
    const before = window.frames_;
    setTimeout(() => resolve(window.frames_ - before), 300);
})"""
PRETEND_TIME = """(() => {
    let isHidden = false, aheadMs = 0;
    const now = Date.now;
    Date.now = () => now() + aheadMs;
    Object.defineProperty(Document.prototype, "hidden", { get: () => isHidden });
    const tell = () => document.dispatchEvent(new Event("visibilitychange"));
    window.hide = (ms) => { isHidden = true; tell(); aheadMs = ms; };
    window.show = () => { isHidden = false; aheadMs = 0; tell(); };
})()"""


def publish(platform: Platform, **tick: object) -> None:
    request = urllib.request.Request(
        f"{platform.url}/api/ticks",
        data=json.dumps(tick).encode(),
        headers={"x-api-key": platform.key, "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 202


def send(platform: Platform, symbol: str, price: float, seq: int) -> None:
    """A price straight to the broker: one that is late on its way through the queue isn't live any more."""
    tick = {"symbol": symbol, "price": price, "timestamp": iso(time.time_ns() // 1_000_000)}
    payload = json.dumps(tick | {"seq": seq, "series": LATER}).encode()
    platform.client("iot-data").publish(topic=f"prices/{symbol}", qos=0, payload=payload)


def test_a_price_runs_to_its_value_and_flashes_with_an_arrow(quiet: Platform, open_tab: OpenTab) -> None:
    """Up is green with ▲, down is red with ▼; between two prices are others, and the last is exact."""
    tab = open_tab("about:blank")
    tab.page.add_init_script(EVEN_FRAMES)
    tab.page.goto(quiet.url)
    tab.is_connected()
    send(quiet, "AAPL", 100, seq=1)
    expect(tab.tile("AAPL").locator(".value")).to_have_text("100.00")
    tab.page.evaluate(SEE_FLASHES)
    tab.page.evaluate(SEE_VALUES)
    send(quiet, "AAPL", 200, seq=2)
    expect(tab.tile("AAPL").locator(".value")).to_have_text("200.00")
    send(quiet, "AAPL", 150, seq=3)
    expect(tab.tile("AAPL").locator(".value")).to_have_text("150.00")
    assert tab.page.evaluate("window.flashes") == [["up", "▲"], ["down", "▼"]]
    values = [float(value) for value in tab.page.evaluate("window.values")]
    rise = values[: values.index(200.0) + 1]
    assert len(rise) > 1, "it ran"
    assert rise == sorted(rise)
    assert rise[0] > 100


def test_with_reduced_motion_nothing_flashes_or_runs(quiet: Platform, open_tab: OpenTab) -> None:
    """The new value stands there at once, with its arrow."""
    tab = open_tab("about:blank")
    tab.page.emulate_media(reduced_motion="reduce")
    tab.page.goto(quiet.url)
    tab.is_connected()
    send(quiet, "AAPL", 100, seq=1)
    expect(tab.tile("AAPL").locator(".value")).to_have_text("100.00")
    tab.page.evaluate(SEE_FLASHES)
    tab.page.evaluate(SEE_VALUES)
    send(quiet, "AAPL", 200, seq=2)
    expect(tab.tile("AAPL").locator(".arrow")).to_have_text("▲")
    assert tab.page.evaluate("window.values") == ["200.00"]
    assert tab.page.evaluate("window.flashes") == []
    assert tab.page.evaluate("document.getAnimations().length") == 0


def test_when_nothing_moves_no_frame_is_drawn(quiet: Platform, open_tab: OpenTab) -> None:
    """The loop of frames rests between prices."""
    tab = open_tab("about:blank")
    tab.page.add_init_script(
        """window.frames_ = 0; const ask = window.requestAnimationFrame;
        window.requestAnimationFrame = (draw) => { window.frames_ += 1; return ask(draw); };"""
    )
    tab.page.goto(quiet.url)
    tab.is_connected()
    send(quiet, "AAPL", 100, seq=1)
    expect(tab.tile("AAPL").locator(".value")).to_have_text("100.00")
    assert tab.page.evaluate("window.frames_") > 0
    for _ in range(20):  # the last price may still be running
        if tab.page.evaluate(FRAMES_IN_A_WHILE) == 0:
            return
    pytest.fail("frames are drawn although nothing moves")


def test_a_tiny_price_and_a_million_of_volume_fit_their_tile(quiet: Platform, open_tab: OpenTab) -> None:
    """All decimals of $0.0001, and 1M; nothing is wider than its tile."""
    publish(quiet, symbol="TSLA", price=0.0001, bid=0.0001, ask=0.0002, volume=1_000_000)
    tab = open_tab(quiet.url)
    tile = tab.tile("TSLA")
    expect(tile.locator(".value")).to_have_text("0.0001")
    expect(tile.locator(".facts")).to_contain_text("0.0002")
    expect(tile.locator(".volume dd")).to_have_text("1M")
    assert tile.evaluate("(tile) => tile.scrollWidth <= tile.clientWidth")
    tile.locator("a").click()
    expect(tab.page.locator("#legend")).to_contain_text(re.compile(r"close 0\.0001, volume \d+M"))


def test_without_the_broker_history_is_shown_and_said_so(
    platform: Platform, context: BrowserContext, open_tab: OpenTab
) -> None:
    """It says that it reconnects, when and why, and that prices are from history; then it's live again."""
    sockets: list[WebSocketRoute] = []
    is_up = False

    def answer(page_side: WebSocketRoute) -> None:
        if is_up:
            page_side.connect_to_server()
        else:
            page_side.close(code=4000)
        sockets.append(page_side)

    context.route_web_socket(re.compile("/mqtt"), answer)
    tab = open_tab(platform.url)
    tab.says("Reconnecting")
    expect(tab.page.locator("#status-detail")).to_have_text(re.compile(r"(in \d+ s|now): .+"))
    tab.seq("AAPL")
    expect(tab.page.locator("#notice")).to_have_text(
        re.compile(r"History only: the newest price is from \d\d:\d\d")
    )
    is_up = True
    tab.is_live()
    expect(tab.page.locator("#notice")).to_be_hidden()
    tab.moves("AAPL")


def test_a_hidden_tab_says_that_it_is_delayed_and_is_live_when_shown(
    platform: Platform, open_tab: OpenTab
) -> None:
    """Half a minute of being hidden brings it to the board's prices; shown again, the live ones go on."""
    tab = open_tab("about:blank")
    tab.page.add_init_script(PRETEND_TIME)
    tab.page.goto(platform.url)
    tab.moves("AAPL")
    tab.is_live()
    tab.page.evaluate("window.hide(31_000)")
    tab.says("Delayed")
    tab.page.evaluate("window.show()")
    tab.is_live()
    tab.moves("AAPL")


def test_the_symbol_page_has_candles_that_the_ticks_move(platform: Platform, open_tab: OpenTab) -> None:
    """Opened from its tile: price, facts, the open candle in words as it grows; another interval's."""
    tab = open_tab(platform.url)
    tab.moves("AAPL")
    tab.tile("AAPL").locator("a").click()
    page = tab.page
    expect(page.locator("#symbol-name")).to_have_text("AAPL")
    expect(page.locator("#grid-page")).to_be_hidden()
    expect(page.locator("#chart canvas").first).to_be_visible()
    legend = page.locator("#legend")
    expect(legend).to_have_text(
        re.compile(r"\d\d:\d\d: open [\d.]+, high [\d.]+, low [\d.]+, close [\d.]+, volume [\d,.]+")
    )
    before = legend.inner_text()
    expect(legend).not_to_have_text(before)
    page.get_by_role("link", name="1d").click()
    expect(page.get_by_role("link", name="1d")).to_have_attribute("aria-current", "true")
    expect(legend).to_have_text(re.compile(r"\d{4}: open"))
    assert page.url.endswith("#/AAPL/1d")
    expect(page.get_by_role("link", name="TradingView")).to_be_visible()
    assert re.match(r"[\d.]+ [▲▼]? ?AAPL", page.title())


def test_candles_are_read_again_when_the_tab_is_shown_after_a_while(
    platform: Platform, open_tab: OpenTab
) -> None:
    """Nothing came while nobody looked, so what the page has isn't whole."""
    tab = open_tab("about:blank")
    page = tab.page
    page.add_init_script(PRETEND_TIME)
    page.goto(f"{platform.url}/#/AAPL")
    expect(page.locator("#legend")).to_contain_text("close")
    tab.is_live()
    page.evaluate("window.hide(301_000)")
    tab.says("Paused")
    with page.expect_request("**/api/bars/AAPL?*"):
        page.evaluate("window.show()")
    tab.is_live()


def test_without_its_chart_the_symbol_page_says_so_and_goes_on(
    platform: Platform, context: BrowserContext
) -> None:
    """As after a new version of the site: the part that this page would load is gone."""
    context.route("**/assets/chart-*.js", lambda route: route.fulfill(status=404, body=""))
    tab = Tab(page=context.new_page())
    tab.page.goto(f"{platform.url}/#/AAPL")
    legend = tab.page.locator("#legend")
    expect(legend).to_contain_text("The chart can't be loaded. Reload the page to see it.")
    expect(legend).to_contain_text("close")
    expect(tab.page.locator("#symbol-price .value")).to_have_text(re.compile(r"\d"))


def test_the_keyboard_goes_all_the_way(platform: Platform, open_tab: OpenTab) -> None:
    """From the search to a tile, along the grid, into a symbol's page and its chart, back, and pinned."""
    tab = open_tab(platform.url)
    tab.moves("AAPL")
    page, press = tab.page, tab.page.keyboard.press

    def focused() -> Any:
        return page.evaluate("document.activeElement.textContent")

    page.locator("#search").focus()
    for _ in range(3):
        press("Tab")
    assert focused() == "AAPL"
    press("ArrowRight")
    assert focused() == "MSFT"
    press("End")
    assert focused() == tab.symbols[-1]
    press("Home")
    press("ArrowDown")
    below = page.evaluate(
        """() => {
            const [one, other] = [document.querySelector(".tile"), document.activeElement.closest(".tile")];
            return other.offsetTop > one.offsetTop && other.offsetLeft === one.offsetLeft;
        }"""
    )
    assert below
    press("ArrowUp")
    press("ArrowRight")
    press("Enter")
    expect(page.locator("#symbol-name")).to_have_text("MSFT")
    expect(page.locator("#symbol-name")).to_be_focused()
    expect(page.locator("#chart canvas").first).to_be_visible()
    page.locator("#chart").focus()
    press("ArrowLeft")
    expect(page.locator("#spoken")).to_contain_text("close")
    press("Escape")
    expect(tab.tile("MSFT").locator("a")).to_be_focused()
    page.locator("#search").fill("tsl")
    press("Enter")
    expect(page.locator("#symbol-name")).to_have_text("TSLA")
    page.go_back()
    page.locator("#search").fill("")
    tab.tile("MSFT").locator("a").focus()
    press("p")
    assert tab.symbols[0] == "MSFT"
    assert focused() == "MSFT"
    assert "pinned=MSFT" in page.url
    page.goto(platform.url)
    tab.moves("MSFT")
    assert tab.symbols[0] == "MSFT", "kept without the address"
    assert "pinned=MSFT" in page.url
    tab.tile("MSFT").locator("a").click()
    page.go_back()
    assert tab.symbols[0] == "MSFT", "kept by going to and fro"


def test_symbols_are_chosen_searched_and_ordered(platform: Platform, open_tab: OpenTab) -> None:
    """The dialog's choice is in the address; a search finds what isn't chosen, too; none chosen is said."""
    tab = open_tab(f"{platform.url}/?symbols=TSLA,AAPL")
    tab.moves("TSLA")
    page = tab.page
    assert tab.symbols == ["TSLA", "AAPL"]
    page.locator("#order").select_option("name")
    assert tab.symbols == ["AAPL", "TSLA"]
    page.locator("#search").fill("nv")
    page.get_by_role("button", name="Add NVDA").click()
    tab.moves("NVDA")
    assert tab.symbols == ["AAPL", "NVDA", "TSLA"]
    page.locator("#choose").click()
    page.get_by_role("checkbox", name="AAPL").uncheck()
    page.get_by_role("checkbox", name="MSFT").check()
    page.keyboard.press("Escape")
    assert tab.symbols == ["AAPL", "NVDA", "TSLA"], "Escape leaves all as it was"
    page.locator("#choose").click()
    page.get_by_role("button", name="None").click()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#empty")).to_have_text("No symbols are chosen.")
    page.locator("#search").fill("zzz")
    expect(page.locator("#empty")).to_contain_text("zzz")
    assert page.url.endswith("?symbols=&order=name")
    page.goto(f"{platform.url}/#/NOPE")
    expect(page.locator("#empty")).to_have_text("This stage doesn't carry NOPE.")


def test_a_symbol_taken_off_and_chosen_again_has_its_price(quiet: Platform, open_tab: OpenTab) -> None:
    """The page knows it still, so its new tile shows it although nothing new comes."""
    tab = open_tab(quiet.url)
    tab.is_connected()
    send(quiet, "AAPL", 100, seq=1)
    value = tab.tile("AAPL").locator(".value")
    expect(value).to_have_text("100.00")
    for is_chosen in (False, True):
        tab.page.locator("#choose").click()
        tab.page.get_by_role("checkbox", name="AAPL").set_checked(is_chosen)
        tab.page.get_by_role("button", name="Show").click()
        expect(tab.tile("AAPL")).to_have_count(int(is_chosen))
    expect(value).to_have_text("100.00")


def test_a_platform_that_was_set_up_anew_shows_what_it_carries_now(
    platform: Platform, context: BrowserContext, open_tab: OpenTab
) -> None:
    """A symbol that it has dropped goes with the next connection, and comes back with the one after."""
    dropped: set[str] = set()
    sockets: list[WebSocketRoute] = []

    def describe(route: Route) -> None:
        found = route.fetch()
        document = found.json()
        document["symbols"] = [symbol for symbol in document["symbols"] if symbol not in dropped]
        route.fulfill(response=found, json=document)

    def pass_on(page_side: WebSocketRoute) -> None:
        page_side.connect_to_server()
        sockets.append(page_side)

    context.route("**/tickwire.json", describe)
    context.route_web_socket(re.compile("/mqtt"), pass_on)
    tab = open_tab(f"{platform.url}/?symbols=MSFT,AAPL")
    for gone, shown in (({"AAPL"}, ["MSFT"]), (set[str](), ["MSFT", "AAPL"])):
        tab.is_live()
        tab.moves("MSFT")
        dropped.clear()
        dropped.update(gone)
        sockets.pop().close(code=4000)
        expect(tab.page.locator(".tile .symbol")).to_have_text(shown)
    tab.moves("AAPL")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(platform: Platform, open_tab: OpenTab, scheme: Any) -> None:
    """On the grid, in the dialog and on a symbol's page, in both palettes."""
    tab = open_tab("about:blank")
    tab.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    tab.page.goto(platform.url)
    tab.moves("AAPL")
    tab.is_live()
    assert _findings(tab.page) == []
    tab.page.locator("#choose").click()
    assert _findings(tab.page) == []
    tab.page.goto(f"{platform.url}/#/AAPL")
    expect(tab.page.locator("#chart canvas").first).to_be_visible()
    assert _findings(tab.page) == []


def _findings(page: Page) -> list[Any]:
    """What axe finds serious: rule, and the elements."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in SERIOUS]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A stage with 21 symbols, one more than a grid shows."""
    settings = {"symbols": [f"S{number:02}" for number in range(21)], "feedPackMs": 1_000}
    with Platform(
        state=tmp_path_factory.mktemp("crowd"), keep=False, settings=settings, say=lambda _: None
    ) as running:
        yield running


def test_twenty_symbols_are_all_live(crowd: Platform, open_tab: OpenTab) -> None:
    """Three packets of filters; each tile has a price and moves, and the 21st waits in the dialog."""
    tab = open_tab(crowd.url)
    tab.is_live()
    assert len(tab.symbols) == 20
    for symbol in tab.symbols:
        tab.moves(symbol)
    tab.page.locator("#choose").click()
    expect(tab.page.get_by_role("checkbox", name="S20")).to_be_disabled()
    tab.page.get_by_role("checkbox", name="S19").uncheck()
    tab.page.get_by_role("checkbox", name="S20").check()
    tab.page.get_by_role("button", name="Show").click()
    tab.moves("S20")
    expect(tab.page.locator("#status-text")).to_have_text("Live")
