"""What a symbol may look like. One grammar for configuration, topics, input and clients."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_GRAMMAR = re.compile(r"[A-Z0-9.-]{1,12}")
EXPECTED = "1 to 12 upper-case letters, digits, '.' or '-', such as AAPL, BRK.B or BTC-USD"


def is_symbol(text: object) -> bool:
    """Whether `text` is a well-formed symbol (not whether a stage carries it)."""
    return isinstance(text, str) and _GRAMMAR.fullmatch(text) is not None


def near(symbol: str, universe: Iterable[str]) -> list[str]:
    """Up to three symbols of the universe that a person may have meant."""
    return difflib.get_close_matches(symbol.upper(), list(universe), n=3, cutoff=0.5)
