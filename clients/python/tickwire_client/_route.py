"""One topic of a client: how its messages are read, who wants them, which link carries it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tickwire_client._link import Link
from tickwire_client._stream import Stream


class Route:
    """`former` carries it as well while it moves from there to `link`."""

    __slots__ = ("count", "former", "link", "paced", "read", "streams", "ticks")

    def __init__(self, read: Callable[[bytes], Any], *, link: Link, ticks: bool, paced: bool) -> None:
        self.read, self.link, self.ticks, self.paced = read, link, ticks, paced
        self.streams: tuple[Stream[Any], ...] = ()  # replaced, never changed: two threads read
        self.former: Link | None = None
        self.count = 0

    @property
    def bearer(self) -> Link:
        """The link whose confirmation counts."""
        return self.former or self.link

    @property
    def sole(self) -> Link | None:
        """The link that carries it, unless it's moving."""
        return self.link if self.former is None else None
