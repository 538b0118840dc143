"""A stage's configuration: parsed once, checked whole, frozen.

In: the stage's name and its `tickwire:` settings. Out: a `Stage`, or a `ConfigError` whose one sentence gives
the value, what was expected and so the remedy. Nothing is created before this has passed.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

from tickwire import brakes, topic
from tickwire import symbol as symbols_
from tickwire.errors import ConfigError
from tickwire.profiles import PROFILES, UNSAID
from tickwire.workload import Workload

SYMBOLS_MAX = 100
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
_WINDOW = re.compile(r"([1-9]|[1-5][0-9]|60) ?s")
_RETENTION = re.compile(r"([1-9][0-9]{0,3})([dh])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The settings of one stage. Field names are the camelCase keys of Pulumi.yaml in snake case."""

    name: str
    symbols: tuple[str, ...] = ("AAPL", "MSFT", "NVDA", "TSLA")
    topic_prefix: str = ""
    retention: str = "7d"
    bar_days: int = 90
    price_lane: str = "live"
    price_lanes: Mapping[str, str] = field(default_factory=dict)
    board_window: str = ""
    calendar: str = "24/7"
    workload: Workload = field(default_factory=Workload)
    profile: str = ""
    monthly_budget: int = 0
    """Dollars; 0 for none."""
    monitoring: str = "full"
    protected: bool = False
    feed: Literal["simulated", "off"] = "simulated"
    feed_paused: bool = False
    feed_rate: int = 5
    feed_pack_ms: int = 1000
    ingest_concurrency: int = 10
    iot_logging: bool = False
    log_retention_days: int = 14
    alarm_email: str = ""
    tracing: bool = False
    guest_brake: int = 0
    write_origins: tuple[str, ...] = ()
    site_url: str = ""
    aws_url: str = ""
    brakes: frozenset[str] = frozenset()
    """Those in force, as `tickwire.brakes` calls them: no setting, but found at the stage."""

    @classmethod
    def parse(cls, settings: Mapping[str, Any], *, name: str) -> Stage:
        """Check every setting; raise ConfigError for the first that can't be."""
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"stage is {name!r}; expected a letter, then up to 15 of a-z, 0-9 and '-', such as dev"
            )
        unknown = [key for key in settings if key not in _CHECKS]
        if unknown:
            known = difflib.get_close_matches(unknown[0], _CHECKS, n=1)
            hint = f"did you mean {known[0]}?" if known else "expected one of " + ", ".join(sorted(_CHECKS))
            raise ConfigError(f"setting {unknown[0]!r} is unknown; {hint}")
        given = {key: value for key, value in settings.items() if value is not None}
        profile = _CHECKS["profile"]("profile", given.get("profile", ""))
        for key, value in PROFILES[profile].items():
            # Pulumi hands over every default as if it were set: so these have one that says nothing.
            if repr(given.get(key, UNSAID[key])) == repr(UNSAID[key]):  # False isn't 0 here
                given[key] = value
        values = {_snake(key): _CHECKS[key](key, value) for key, value in given.items()}
        stage = cls(name=name, **values)
        stage.check_lanes()
        return stage

    @property
    def topics(self) -> topic.Topics:
        return topic.Topics(self.topic_prefix)

    @property
    def keep_s(self) -> int:
        """Seconds that a tick stays in history; 0 when history is off."""
        found = _RETENTION.fullmatch(self.retention)
        return int(found[1]) * {"h": 3600, "d": 86400}[found[2]] if found else 0

    @property
    def paused(self) -> bool:
        """Whether nothing that runs by itself should run."""
        return brakes.PAUSE in self.brakes

    def lane(self, symbol: str) -> str:
        """`live`, `off`, or the window of a conflated price lane, such as `1s`."""
        return self.price_lanes.get(symbol, self.price_lane)

    @property
    def live(self) -> tuple[str, ...]:
        """Symbols whose every batch is published at once."""
        return tuple(symbol for symbol in self.symbols if self.lane(symbol) == "live")

    @property
    def conflated(self) -> tuple[str, ...]:
        """Symbols of which only the newest is published, once a window."""
        return tuple(symbol for symbol in self.symbols if self.lane(symbol) not in ("live", "off"))

    @property
    def window_s(self) -> int:
        """The window of the board and of all conflated lanes: one reader of history's stream makes them."""
        windows = {self.lane(symbol) for symbol in self.conflated} | {self.board_window} - {""}
        return int(windows.pop()[:-1]) if windows else 1

    def check_lanes(self) -> None:
        """Raise ConfigError for lanes that don't go together, or with the audience."""
        strangers = [symbol for symbol in self.price_lanes if symbol not in self.symbols]
        if strangers:
            raise ConfigError(f"priceLanes names {strangers[0]!r}; expected one of this stage's symbols")
        windows = {"boardWindow": self.board_window} if self.board_window else {}
        windows |= {f"the price lane of {symbol}": self.lane(symbol) for symbol in self.conflated}
        for one, window in windows.items():
            first = next(iter(windows))
            if window != windows[first]:
                raise ConfigError(
                    f"{one} is {window!r} and {first} {windows[first]!r}; expected one window a stage"
                )
        if not (self.live or self.conflated) and any(
            viewers.count and viewers.lane == "price" for viewers in self.workload.viewers
        ):
            raise ConfigError("workload.viewers watch the price lane, which is off; expected board or bar")

    def named(self, noun: str) -> str:
        """The physical name of a resource of this stage."""
        return f"tickwire-{self.name}-{noun}"

    @property
    def tags(self) -> dict[str, str]:
        return {"project": "tickwire", "stage": self.name}


def _symbols(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= SYMBOLS_MAX:
        count = f"has {len(value)} entries" if isinstance(value, list) else f"is {value!r}"
        raise ConfigError(f"{key} {count}; expected a list of 1 to {SYMBOLS_MAX} symbols")
    seen = set()
    for entry in value:
        if not symbols_.is_symbol(entry):
            raise ConfigError(f"{key} holds {entry!r}; expected {symbols_.EXPECTED}")
        if entry in seen:
            raise ConfigError(f"{key} holds {entry!r} twice; expected each symbol once")
        seen.add(entry)
    return tuple(value)


def _prefix(key: str, value: Any) -> str:
    if not topic.is_prefix(value):
        raise ConfigError(f"{key} is {value!r}; expected {topic.PREFIX_EXPECTED}")
    return str(value)


def _retention(key: str, value: Any) -> str:
    found = _RETENTION.fullmatch(value) if isinstance(value, str) else None
    if value != "off" and (found is None or int(found[1]) * {"h": 1, "d": 24}[found[2]] > 366 * 24):
        raise ConfigError(
            f"{key} is {value!r}; expected off, or whole hours or days up to 366d, such as 1h, 1d or 7d"
        )
    return str(value)


def _lane(key: str, value: Any) -> str:
    if value not in ("live", "off") and not (isinstance(value, str) and _WINDOW.fullmatch(value)):
        raise ConfigError(f"{key} is {value!r}; expected live, off or whole seconds from 1s to 60s")
    return str(value).replace(" ", "")


def _lanes(key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ConfigError(f"{key} is {value!r}; expected symbols with a lane each, such as AAPL: 1s")
    return {symbol: _lane(f"{key} of {symbol}", lane) for symbol, lane in value.items()}


def _window(key: str, value: Any) -> str:
    if value != "" and not (isinstance(value, str) and _WINDOW.fullmatch(value)):
        raise ConfigError(f"{key} is {value!r}; expected nothing, or whole seconds from 1s to 60s")
    return str(value).replace(" ", "")


def _calendar(key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"24/7|[A-Z0-9]{3,5}", value):
        raise ConfigError(f"{key} is {value!r}; expected 24/7, or an exchange's code such as XNYS")
    return value


def _workload(key: str, value: Any) -> Workload:
    return Workload.parse(value, name=key)


def _profile(key: str, value: Any) -> str:
    if not isinstance(value, str) or value not in PROFILES:
        raise ConfigError(f"{key} is {value!r}; expected nothing, {' or '.join(filter(None, PROFILES))}")
    return value


def _one_of(*choices: Any) -> Callable[[str, Any], Any]:
    def check(key: str, value: Any) -> Any:
        if value not in choices or isinstance(value, bool):
            raise ConfigError(f"{key} is {value!r}; expected one of {', '.join(map(str, choices))}")
        return value

    return check


def _within(low: int, high: int, unit: str) -> Callable[[str, Any], int]:
    def check(key: str, value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ConfigError(f"{key} is {value!r}; expected {low} to {high} {unit}")
        return value

    return check


def _truth(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key} is {value!r}; expected true or false")
    return value


def _email(key: str, value: Any) -> str:
    if not isinstance(value, str) or (value and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", value)):
        raise ConfigError(f"{key} is {value!r}; expected nothing, or one e-mail address")
    return value


def _url(key: str, value: Any) -> str:
    if not isinstance(value, str) or (value and not re.fullmatch(r"https?://[^/\s?#]+", value)):
        raise ConfigError(
            f"{key} is {value!r}; expected nothing, or an address without a path, such as https://x.org"
        )
    return value


def _origins(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"{key} is {value!r}; expected a list of origins such as https://example.org")
    return tuple(_url(key, entry) for entry in value)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "symbols": _symbols,
    "topicPrefix": _prefix,
    "retention": _retention,
    "barDays": _within(1, 3650, "days"),
    "priceLane": _lane,
    "priceLanes": _lanes,
    "boardWindow": _window,
    "calendar": _calendar,
    "workload": _workload,
    "profile": _profile,
    "monthlyBudget": _within(0, 1_000_000, "whole dollars, 0 for none"),
    "monitoring": _one_of("full", "essential"),
    "protected": _truth,
    "feed": _one_of("simulated", "off"),
    "feedPaused": _truth,
    "feedRate": _within(1, 100, "trades a second for each symbol"),
    "feedPackMs": _within(100, 10_000, "milliseconds"),
    "ingestConcurrency": _within(2, 1000, "functions at once"),
    "iotLogging": _truth,
    "logRetentionDays": _one_of(*LOG_DAYS),
    "alarmEmail": _email,
    "tracing": _truth,
    "guestBrake": _within(0, 1_000_000, "messages to viewers a second, 0 for never"),
    "writeOrigins": _origins,
    "siteUrl": _url,
    "awsUrl": _url,
}


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), key)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


DEFAULTS: dict[str, Any] = {
    _camel(one.name): {}
    if one.default is MISSING
    else list(one.default)
    if isinstance(one.default, tuple)
    else one.default
    for one in fields(Stage)
    if one.name not in ("name", "brakes")
} | dict(UNSAID)
"""Every setting's default by its key; Pulumi.yaml declares the same."""


def typed(name: str, value: str) -> Any:
    """The value as its default's type, or the text itself, whose fault `Stage.parse` then names."""
    default = DEFAULTS.get(name, "")
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(value, value)
    if isinstance(default, int | list | dict):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
