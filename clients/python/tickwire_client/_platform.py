"""What a client knows of a platform: its discovery document, read and checked.

In: an address. Out: a `Platform`, or an error that says what was found there instead. Nothing else is
configured by hand, so the same program runs against a machine's own platform and against one on AWS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tickwire import symbol as symbols_
from tickwire_client import _http
from tickwire_client.errors import (
    AddressError,
    LaneOffError,
    NotTickwireError,
    UnknownSymbolError,
    UnreachableError,
)

DOCUMENT = "/tickwire.json"
_SPACE = re.compile(r"\s").search


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The discovery document. Fields that this version doesn't know are ignored."""

    url: str
    stage: str
    region: str
    iot_url: str
    signing_host: str
    signing_service: str
    pool_id: str
    identity_url: str
    client_id: str
    api: str
    topics: Mapping[str, str]
    symbols: tuple[str, ...]
    off: frozenset[str]
    """Symbols that have no price lane."""
    lanes: Mapping[str, str] = field(default_factory=dict)
    """What a symbol's price lane is: live, off, or a window such as 1s. One that isn't there is live."""

    def price_topic(self, symbol: str) -> str:
        return self.topics["price"].replace("{symbol}", symbol)

    def topic(self, lane: str, symbol: str = "", interval: str = "") -> str:
        """The topic of a lane; NotTickwireError when the discovery document names none."""
        template = self.topics.get(lane)
        if template is None:
            raise NotTickwireError(self.url, f"JSON without topics.{lane}")
        return template.replace("{symbol}", symbol).replace("{interval}", interval)

    @property
    def window_s(self) -> float:
        """How long a conflated lane may keep a price back: its window, and the one that just began."""
        windows = (lane.removesuffix("s") for lane in self.lanes.values())
        return 2.0 * max((int(window) for window in windows if window.isdecimal()), default=0)

    def live(self, symbol: str) -> bool:
        """Whether the symbol's price lane carries every tick."""
        return self.lanes.get(symbol, "live") == "live"

    def check(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """The symbols, each once, or UnknownSymbolError for the first that the stage doesn't carry."""
        wanted = tuple(dict.fromkeys(symbols))
        for symbol in wanted:
            if symbol not in self.symbols:
                raise UnknownSymbolError(
                    symbol, near=symbols_.near(str(symbol), self.symbols), known=self.symbols
                )
        return wanted

    def audible(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """The symbols, all with a price lane when none is named, or LaneOffError for one that has none."""
        wanted = self.check(symbols)
        for symbol in wanted or self.symbols:
            if symbol in self.off and (wanted or self.off.issuperset(self.symbols)):
                raise LaneOffError(symbol)
        return wanted or tuple(symbol for symbol in self.symbols if symbol not in self.off)


def address(url: str | None) -> str:
    """The platform's base address: the one given, else TICKWIRE_URL's, without a trailing slash."""
    found = url if url is not None else os.environ.get("TICKWIRE_URL")
    if not found or not _is_address(found):
        raise AddressError(found or None)
    return found.removesuffix(DOCUMENT).rstrip("/")


def _is_address(text: str) -> bool:
    """Whether it is one of a web server, with a host and a port that can be."""
    if not text.isascii():
        return False  # a pasted "…"; a name in another script has its xn-- form
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")  # UnicodeError is a ValueError
        return parts.scheme in ("http", "https") and host != b"" and parts.port != 0 and not _SPACE(text)
    except ValueError:
        return False


def discover(url: str, *, timeout_s: float) -> Platform:
    """Read and check the discovery document. Blocking."""
    answer = _http.call("GET", url + DOCUMENT, timeout_s=timeout_s, headers={"Accept": "application/json"})
    kind = answer.content_type or "no content type"
    if answer.status in (502, 503, 504):
        raise UnreachableError(url, f"{answer.status} {answer.reason}{_detail(answer)}")
    if answer.status != 200:
        raise NotTickwireError(url, f"{answer.status} {answer.reason} ({kind})".replace("  ", " "))
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        raise NotTickwireError(url, f"{kind}, not JSON") from None
    return parse(url, document)


def _detail(answer: _http.Answer) -> str:
    """What a problem document says besides."""
    try:
        return f" ({answer.json()['detail']})"
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""


def parse(url: str, document: Any) -> Platform:
    """Check a discovery document; NotTickwireError names the first field that isn't as expected."""

    def text(*path: str, starts: tuple[str, ...] = ("",)) -> str:
        value = document
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, str) or not value or not value.startswith(starts):
            wanted = " or ".join(f"{start}…" for start in starts if start) or "text"
            raise NotTickwireError(url, f"JSON whose {'.'.join(path)} is {value!r} (expected {wanted})")
        return value

    topics = document.get("topics") if isinstance(document, dict) else None
    symbols = document.get("symbols") if isinstance(document, dict) else None
    lanes = document.get("lanes", {}) if isinstance(document, dict) else None
    if not isinstance(lanes, dict):
        raise NotTickwireError(url, "JSON whose lanes are not by symbol")
    if (
        not isinstance(symbols, list)
        or not symbols
        or not all(symbols_.is_symbol(entry) for entry in symbols)
    ):
        raise NotTickwireError(url, "JSON without a list of symbols")
    if "{symbol}" not in text("topics", "price"):
        raise NotTickwireError(url, "JSON whose topics.price has no {symbol}")
    return Platform(
        url=url,
        stage=text("stage"),
        region=text("region"),
        iot_url=text("iot", "url", starts=("ws://", "wss://")),
        signing_host=text("iot", "signingHost"),
        signing_service=text("iot", "signingService"),
        pool_id=text("identity", "poolId"),
        identity_url=text("identity", "url", starts=("http://", "https://")),
        client_id=text("clientId"),
        api=text("api", starts=("http://", "https://")).rstrip("/"),
        topics={lane: topic for lane, topic in (topics or {}).items() if isinstance(topic, str)},
        symbols=tuple(symbols),
        off=frozenset(symbol for symbol, lane in lanes.items() if lane == "off"),
        lanes={symbol: str(lane) for symbol, lane in lanes.items()},
    )
