"""What a stage is used for: trades, audience and requests, by which its bill and its limits are judged.

In: the setting `workload`, or a command's options. Out: a frozen `Workload`, or a `ConfigError`. A rate is a
second's, hours and requests are a month's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tickwire.errors import ConfigError

ALWAYS_H, MARKET_H, OFFICE_H = 730.0, 136.5, 168.0
HOURS = {"always": ALWAYS_H, "market": MARKET_H, "office": OFFICE_H}
"""A month around the clock; 21 days of 6.5 hours; 21 days of 8 hours."""
LANES = ("price", "board", "bar")
VIEWERS_MAX = 100_000_000
RATE_MAX = 100_000.0
MESSAGES_MIN = 0.01
_KEYS = ("trades", "messages", "hours", "viewers", "requests")
_VIEWER_KEYS = ("count", "lane", "symbols", "hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewers:
    """Pages or programs that are open at the same time and watch the same."""

    count: int
    lane: str = "board"
    symbols: int = 0
    """How many symbols each watches on a price or bar lane; 0: all of the stage's."""
    hours: float = OFFICE_H
    """How long each is open, and sees prices, a month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One stage's use."""

    trades: float | None = None
    """Of each symbol, a second; None: what the simulated feed makes, or one."""
    messages: float | None = None
    """That these trades come in, of each symbol, a second; None: as the simulated feed packs them, and each
    trade of another feed by itself.
    """
    hours: float | None = None
    """In which trades come, a month; None: those of the stage's calendar."""
    viewers: tuple[Viewers, ...] = (Viewers(count=5),)
    requests: int = 0
    """REST requests, a month."""

    @classmethod
    def parse(cls, settings: Any, *, name: str = "workload") -> Workload:
        """Check every part; raise ConfigError for the first that can't be."""
        _known(name, settings, _KEYS)
        values: dict[str, Any] = {}
        for rate in ("trades", "messages"):
            if settings.get(rate) is not None:
                values[rate] = _number(f"{name}.{rate}", settings[rate], RATE_MAX, "a second and symbol")
        if values.get("trades") != 0 and values.get("messages", 1.0) < MESSAGES_MIN:
            raise ConfigError(
                f"{name}.messages is {settings['messages']!r}; expected at least {MESSAGES_MIN:g}"
                " a second and symbol, or trades: 0"
            )
        if settings.get("hours") is not None:
            values["hours"] = _hours(f"{name}.hours", settings["hours"])
        if "requests" in settings:
            values["requests"] = _whole(f"{name}.requests", settings["requests"], "requests a month")
        if "viewers" in settings:
            groups = settings["viewers"]
            if not isinstance(groups, list):
                raise ConfigError(
                    f"{name}.viewers is {groups!r}; expected a list such as [{{count: 5, lane: board}}]"
                )
            values["viewers"] = tuple(
                _viewers(f"{name}.viewers[{place}]", group) for place, group in enumerate(groups)
            )
        return cls(**values)


def _viewers(name: str, group: Any) -> Viewers:
    _known(name, group, _VIEWER_KEYS)
    if "count" not in group:
        raise ConfigError(f"{name} has no count; expected how many are open at once, such as count: 5")
    lane = group.get("lane", "board")
    if lane not in LANES:
        raise ConfigError(f"{name}.lane is {lane!r}; expected one of {', '.join(LANES)}")
    return Viewers(
        count=_whole(f"{name}.count", group["count"], "viewers at once"),
        lane=lane,
        symbols=_whole(f"{name}.symbols", group.get("symbols", 0), "symbols, 0 for all"),
        hours=_hours(f"{name}.hours", group.get("hours", "office")),
    )


def _known(name: str, settings: Any, keys: tuple[str, ...]) -> None:
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{name} is {settings!r}; expected some of {', '.join(keys)}, each with its value")
    for key in settings:
        if key not in keys:
            raise ConfigError(f"{name} has {key!r}; expected one of {', '.join(keys)}")


def _hours(name: str, value: Any) -> float:
    if isinstance(value, str) and value in HOURS:
        return HOURS[value]
    if isinstance(value, str):
        raise ConfigError(f"{name} is {value!r}; expected {', '.join(HOURS)} or hours a month, 0 to 744")
    return _number(name, value, 744.0, "hours a month")


def _number(name: str, value: Any, high: float, unit: str) -> float:
    # Written so that "not a number" fails as well.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
        raise ConfigError(f"{name} is {value!r}; expected a number from 0 to {high:,.0f} {unit}")
    return float(value)


def _whole(name: str, value: Any, unit: str) -> int:
    high = 10**12 if "requests" in unit else VIEWERS_MAX
    if type(value) is not int or not 0 <= value <= high:
        raise ConfigError(f"{name} is {value!r}; expected a whole number from 0 to {high:,} {unit}")
    return value
