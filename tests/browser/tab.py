"""One tab of a real browser: what its page shows, and what it complained of. Every wait has a deadline."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.effectiveDirective} forbids ${event.blockedURI}`));"""


@dataclass(kw_only=True)
class Tab:
    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(TELL_VIOLATIONS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def is_live(self) -> None:
        """Wait until the page says that prices come."""
        self.says("Live")

    def is_connected(self) -> None:
        """Wait until it is, whether prices come or rightly don't."""
        expect(self.page.locator("#status-text")).to_have_text(re.compile("Connected|Live|Feed paused"))

    def says(self, headline: str) -> None:
        """Wait until the page says this of its connection."""
        expect(self.page.locator("#status-text")).to_have_text(headline)

    def tile(self, symbol: str) -> Locator:
        return self.page.locator(f".tile[data-symbol='{symbol}']")

    @property
    def symbols(self) -> list[str]:
        """Those on the grid, in order."""
        return self.page.locator(".tile .symbol").all_inner_texts()

    def seq(self, symbol: str) -> int:
        """The number of the tick that the page shows now; waits for the first."""
        found = self.page.locator(f".tile[data-symbol='{symbol}'][data-seq]").get_attribute("data-seq")
        assert found is not None
        return int(found)

    def moves(self, symbol: str) -> None:
        """Wait until the page shows another tick than now."""
        expect(self.tile(symbol)).not_to_have_attribute("data-seq", str(self.seq(symbol)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
