"""The README's example for a browser, served from another address than the platform's."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.tab import Tab

pytestmark = pytest.mark.slow

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_example_for_a_browser_shows_aapl(platform: Any, open_tab: Callable[[str], Tab]) -> None:
    """Five lines on a page of one's own."""
    (example,) = re.findall(r"```html\n(.*?)```", README.read_text(), re.DOTALL)
    page = f"<!doctype html><title>x</title><body>{example.replace('http://127.0.0.1:8080', platform.url)}"

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 204)
            self.send_header("content-type", "text/html")
            self.end_headers()
            if found:
                self.wfile.write(page.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            tab = open_tab(f"http://127.0.0.1:{server.server_port}/")
            expect(tab.page.locator("body")).to_contain_text(re.compile(r"AAPL \d+"))
        finally:
            server.shutdown()
