"""A real browser for the pages: Chromium as the system has it, driven by Playwright.

In: `platform`, a running stage with its address in `.url`. Out: `Tab`s that keep what the page complained of.
A tab opened by `open_tab` must end without a console error, an exception or a breach of its security policy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.executable import FLAGS, MISSING, found
from tests.browser.tab import Tab

TIMEOUT_MS = 15_000


@pytest.fixture(scope="session")
def executable() -> str:
    """The system's Chromium."""
    path = found()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return path


@pytest.fixture(scope="module")
def browser(executable: str) -> Iterator[Browser]:
    """One Chromium for the tests of a module."""
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A person's browser: its tabs share local storage."""
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@pytest.fixture
def open_tab(context: BrowserContext) -> Iterator[Callable[..., Tab]]:
    """Open an address in a tab of its own; at the end no tab may have complained."""
    tabs: list[Tab] = []

    def open_one(url: str) -> Tab:
        tab = Tab(page=context.new_page())
        tabs.append(tab)
        tab.page.goto(url)
        return tab

    yield open_one
    assert [tab.complaints for tab in tabs] == [[] for _ in tabs]
