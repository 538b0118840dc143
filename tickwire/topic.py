"""Topic names of the lanes, built and taken apart.

In: a stage's prefix, a symbol, an interval. Out: MQTT topics, or what a topic means. A topic made here never
holds a wildcard and stays below AWS IoT Core's 7 slashes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tickwire.symbol import is_symbol

Lane = Literal["price", "board", "status", "bar", "alert"]
INTERVALS = ("1m", "5m", "15m", "1h", "1d")
PREFIX_LENGTH_MAX = 24
_PREFIX = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,3}")
# A stage whose prefix is a lane's name would stand among another stage's topics.
RESERVED = frozenset({"prices", "board", "status", "bars", "alerts"})
PREFIX_EXPECTED = (
    f"nothing, or up to 4 words of letters, digits, '-' and '_' joined by '/', at most {PREFIX_LENGTH_MAX}"
    " characters, none of them a lane's name, such as 'dev'"
)


def is_prefix(text: object) -> bool:
    """Whether `text` may stand before a stage's topics; the empty prefix may."""
    if not isinstance(text, str):
        return False
    if text == "":
        return True
    well_formed = len(text) <= PREFIX_LENGTH_MAX and _PREFIX.fullmatch(text) is not None
    return well_formed and RESERVED.isdisjoint(text.split("/"))


@dataclass(frozen=True, slots=True)
class Address:
    """What a topic means: its lane, and the symbol and interval where the lane has them."""

    lane: Lane
    symbol: str | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True)
class Topics:
    """A stage's topic names."""

    prefix: str = ""

    def __post_init__(self) -> None:
        if not is_prefix(self.prefix):
            raise ValueError(f"topic prefix is {self.prefix!r}; expected {PREFIX_EXPECTED}")

    def price(self, symbol: str) -> str:
        return self._under(f"prices/{symbol}")

    def bar(self, interval: str, symbol: str) -> str:
        return self._under(f"bars/{interval}/{symbol}")

    def alert(self, symbol: str) -> str:
        return self._under(f"alerts/{symbol}")

    @property
    def board(self) -> str:
        return self._under("board")

    @property
    def status(self) -> str:
        return self._under("status")

    def templates(self) -> dict[Lane, str]:
        """The names as discovery gives them, with {symbol} and {interval} to fill in."""
        return {
            "price": self.price("{symbol}"),
            "board": self.board,
            "status": self.status,
            "bar": self.bar("{interval}", "{symbol}"),
            "alert": self.alert("{symbol}"),
        }

    def parse(self, topic: str) -> Address | None:
        """What `topic` means, or None when it isn't one of this stage's."""
        head = self.prefix + "/" if self.prefix else ""
        if not topic.startswith(head):
            return None
        match topic[len(head) :].split("/"):
            case ["board"]:
                return Address("board")
            case ["status"]:
                return Address("status")
            case ["prices", symbol] if is_symbol(symbol):
                return Address("price", symbol)
            case ["alerts", symbol] if is_symbol(symbol):
                return Address("alert", symbol)
            case ["bars", interval, symbol] if interval in INTERVALS and is_symbol(symbol):
                return Address("bar", symbol, interval)
        return None

    def _under(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name
