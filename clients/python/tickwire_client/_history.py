"""History over HTTP, page by page.

In: a symbol, a range of time. Out: its ticks in the order of seq; a page is fetched when the loop is there.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from tickwire.tick import Tick, iso, to_ms
from tickwire_client._catch_up import Door, tried

PAGE_TICKS = 1_000  # the API's most


class History:
    """Ticks as `async for tick in history`; each loop reads it anew.

    A page that can't be had for a while is asked for again, some 15 s in all; then UnreachableError or
    RejectedError ends the loop, after the ticks before it. RejectedError with status 410: history was wiped
    meanwhile. Without history on the stage it is a RejectedError with status 404.
    """

    def __init__(self, door: Door, symbol: str, start: datetime | None, end: datetime | None) -> None:
        self._door, self._symbol = door, symbol
        self._query: dict[str, str | int] = {"limit": PAGE_TICKS}
        for name, moment in (("from", start), ("to", end)):
            if moment is not None:
                self._query[name] = iso(to_ms(moment.astimezone(UTC)))
        if start is None and end is None:
            self._query["after_seq"] = 0  # else the API gives the newest

    async def __aiter__(self) -> AsyncIterator[Tick]:
        async for page in self.pages():
            for tick in page:
                yield tick

    async def pages(self) -> AsyncIterator[list[Tick]]:
        """Up to 1,000 ticks at a time."""
        query = self._query
        while True:
            page = await tried(functools.partial(self._door.ticks, self._symbol, query))
            if page.ticks:
                yield page.ticks
            if page.cursor is None:
                return
            query = {"cursor": page.cursor, "limit": PAGE_TICKS}
