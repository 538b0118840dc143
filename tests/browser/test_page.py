"""The page and the library in a real browser, against a running platform."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, WebSocketRoute, expect

from tests.browser.tab import Tab

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).resolve().parents[2] / "clients" / "browser" / "examples" / "aapl.html"
OpenTab = Callable[[str], Tab]


def test_the_page_shows_a_first_price_and_keeps_moving(platform: Any, open_tab: OpenTab) -> None:
    """A price with its change, bid, ask, volume and age, then the next one; no console error, no breach of
    the policy, and nothing of the charts is loaded.
    """
    tab = open_tab(platform.url)
    tab.moves("AAPL")
    tab.is_live()
    tab.moves("AAPL")
    expected = {
        ".price .value": r"[\d,]+\.\d{2,}",
        ".change": r"[+-]?[\d.]+% [+-]?[\d,.]+",
        ".age span:last-child": r"\d.*s",
        ".facts div:nth-child(1)": r"Bid [\d,.]+",
        ".facts div:nth-child(2)": r"Ask [\d,.]+",
        ".facts div:nth-child(3)": r"Vol [\d,.]+M?",
    }
    for part, pattern in expected.items():
        found = " ".join(tab.tile("AAPL").locator(part).inner_text().split())
        assert re.fullmatch(pattern, found), (part, found)
    assert tab.tile("AAPL").locator(".line").get_attribute("d")
    loaded = tab.page.evaluate("performance.getEntriesByType('resource').map(({name}) => name)")
    assert not [name for name in loaded if "/assets/chart" in name]


def test_two_tabs_are_live_at_once(platform: Any, open_tab: OpenTab) -> None:
    """They share one guest identity and don't throw each other off the broker."""
    tabs = [open_tab(platform.url) for _ in range(2)]
    for tab in tabs:
        tab.is_live()
    for tab in tabs * 2:
        tab.page.bring_to_front()
        tab.moves("AAPL")
        tab.says("Live")


def test_the_page_comes_back_when_its_connection_is_cut(
    platform: Any, context: BrowserContext, open_tab: OpenTab
) -> None:
    """The page says that it reconnects, is live again on a new connection, and prices go on."""
    sockets: list[WebSocketRoute] = []

    def pass_on(page_side: WebSocketRoute) -> None:
        page_side.connect_to_server()
        sockets.append(page_side)

    context.route_web_socket(re.compile("/mqtt"), pass_on)
    tab = open_tab(platform.url)
    tab.is_live()
    tab.page.evaluate(
        """() => {
            window.told = [];
            const text = document.getElementById("status-text");
            const keep = () => window.told.push(text.textContent);
            new MutationObserver(keep).observe(text, { characterData: true, subtree: true });
        }"""
    )
    sockets.pop().close(code=4000)
    tab.page.wait_for_function("window.told.includes('Reconnecting')")
    tab.moves("AAPL")
    tab.moves("AAPL")
    tab.is_live()
    assert len(sockets) == 1, "one new connection"


def test_prices_come_live_while_the_api_is_down(platform: Any, context: BrowserContext) -> None:
    """The page says that it's live only, shows what the broker sends, and its candles begin with the page."""
    context.route("**/api/*", lambda route: route.fulfill(status=503, body=""))
    context.route("**/api/bars/*", lambda route: route.fulfill(status=503, body=""))
    tab = Tab(page=context.new_page())
    tab.page.goto(platform.url)
    tab.is_live()
    tab.moves("AAPL")
    expect(tab.page.locator("#notice")).to_contain_text("Live only")
    tab.page.goto(f"{platform.url}/#/AAPL")
    expect(tab.page.locator("#legend")).to_contain_text("History can't be reached")
    expect(tab.page.locator("#legend")).to_contain_text("close")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(platform: Any, open_tab: OpenTab, scheme: Any) -> None:
    """At 360 pixels the page is as wide as the screen, in both palettes."""
    tab = open_tab("about:blank")
    tab.page.emulate_media(color_scheme=scheme)
    tab.page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/", "/#/BTC-USD/5m"):
        tab.page.goto(f"{platform.url}{path}")
        expect(tab.page.locator("[data-seq]:visible").first).to_be_visible()
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_example_shows_aapl_with_nothing_but_the_library(
    platform: Any, open_tab: OpenTab, tmp_path: Path
) -> None:
    """A page of another origin imports the library from the platform and has prices."""
    page = EXAMPLE.read_text().replace("http://127.0.0.1:8080", platform.url)
    assert len(page.splitlines()) <= 20
    (tmp_path / "aapl.html").write_text(page)
    with _served(tmp_path) as address:
        tab = open_tab(f"{address}/aapl.html")
        expect(tab.page.locator("#state")).to_have_text("live")
        expect(tab.page.locator("#price")).to_have_text(re.compile(r"^\d+(\.\d+)?$"))


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Any web server that isn't ours. Chromium wants it on this machine too, where the platform is."""

    class Quiet(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/favicon.ico":
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
