"""Which setting would save how much, and what the same audience costs on each lane.

In: a stage. Out: changes with what each saves, lanes side by side, and a refusal when the estimate exceeds
the stage's budget. All of it is `bill` tried with other settings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tickwire.calendar import ALWAYS
from tickwire.cost import bill
from tickwire.errors import ConfigError
from tickwire.profiles import PROFILES
from tickwire.stage import Stage

WINDOWS = ("1s", "5s", "10s")
PACKS_MS = (1_000, 5_000, 10_000)
CENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting's other value, and the stage with it."""

    setting: str
    value: Any
    stage: Stage
    note: str = ""

    def __str__(self) -> str:
        value = str(self.value).lower() if isinstance(self.value, bool) else self.value
        return f"{self.setting}: {value}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    change: Change
    total: float
    """The bill after the change."""
    saved: float


def savings(stage: Stage, *, free: bool = False) -> list[Saving]:
    """What each change that lowers the bill would save, the most first."""
    now = bill(stage, free=free).total
    tried = ((change, bill(change.stage, free=free).total) for change in changes(stage))
    found = [
        Saving(change=change, total=total, saved=now - total)
        for change, total in tried
        if total < now - 0.005
    ]
    return sorted(found, key=lambda saving: -saving.saved)


def changes(stage: Stage) -> Iterator[Change]:
    """Each setting that could be cheaper, alone. What protects history from loss isn't among them."""

    def change(setting: str, value: Any, **fields: Any) -> Change:
        return Change(setting=setting, value=value, stage=replace(stage, **fields))

    work = stage.workload
    if stage.log_retention_days > 3:
        yield change("logRetentionDays", 3, log_retention_days=3)
    if stage.tracing:
        yield change("tracing", False, tracing=False)
    if stage.monitoring == "full":
        yield change("monitoring", "essential", monitoring="essential")
    if stage.keep_s > 86_400:
        yield change("retention", "1d", retention="1d")
    if stage.bar_days > 30:
        yield change("barDays", 30, bar_days=30)
    for window in WINDOWS:
        if int(window[:-1]) > stage.window_s:
            note = "the price lanes too" if stage.conflated else ""
            yield Change(setting="boardWindow", value=window, stage=_windowed(stage, window), note=note)
        if stage.live or int(window[:-1]) > stage.window_s:
            slower = on_price_lane(stage, window)
            note = "" if slower.window_s == stage.window_s else "the board too"
            yield Change(setting="priceLane", value=window, stage=slower, note=note)
    if stage.price_lane != "off" and not any(one.lane == "price" for one in work.viewers):
        yield change("priceLane", "off", price_lane="off", price_lanes={})
    if any(one.lane == "price" and one.count for one in work.viewers):
        yield Change(setting="viewers' lane", value="board", stage=watching(stage, "board"))
    if stage.feed == "simulated" and not stage.feed_paused:
        if work.messages is None:
            for pack_ms in PACKS_MS:
                if pack_ms > stage.feed_pack_ms:
                    yield change("feedPackMs", pack_ms, feed_pack_ms=pack_ms)
        if work.trades is None and stage.feed_rate > 1:
            yield change("feedRate", 1, feed_rate=1)
    if stage.calendar == ALWAYS and work.hours is None:
        yield change("calendar", "XNYS", calendar="XNYS")
    if stage.profile != "economy":
        cheaper = with_profile(stage, "economy")
        with contextlib.suppress(ConfigError):  # windows of its own that don't go with the profile's
            cheaper.check_lanes()
            yield Change(setting="profile", value="economy", stage=cheaper)


def with_profile(stage: Stage, profile: str) -> Stage:
    """The stage with another profile. What isn't as its own profile has it, it says for itself, and keeps."""
    now, sets = PROFILES[stage.profile], PROFILES[profile]

    def of(key: str, value: Any) -> Any:
        return sets[key] if value == now[key] else value

    return replace(
        stage,
        profile=profile,
        price_lane=of("priceLane", stage.price_lane),
        board_window=of("boardWindow", stage.board_window),
        feed_pack_ms=of("feedPackMs", stage.feed_pack_ms),
        log_retention_days=of("logRetentionDays", stage.log_retention_days),
        monitoring=of("monitoring", stage.monitoring),
    )


def on_price_lane(stage: Stage, lane: str) -> Stage:
    """The stage with one price lane for all symbols; a window is the board's as well."""
    window = lane if stage.board_window and lane not in ("live", "off") else stage.board_window
    return replace(stage, price_lane=lane, price_lanes={}, board_window=window)


def _windowed(stage: Stage, window: str) -> Stage:
    """The stage with another window for the board and for each lane that has one."""
    lanes = {
        symbol: lane if lane in ("live", "off") else window for symbol, lane in stage.price_lanes.items()
    }
    lane = stage.price_lane if stage.price_lane in ("live", "off") else window
    return replace(stage, price_lane=lane, price_lanes=lanes, board_window=window)


def watching(stage: Stage, lane: str) -> Stage:
    """The stage with its whole audience on one lane."""
    viewers = tuple(replace(one, lane=lane) for one in stage.workload.viewers)
    return replace(stage, workload=replace(stage.workload, viewers=viewers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The stage's audience on one lane."""

    name: str
    total: float
    audience: float
    """The part of the total that wouldn't be there without viewers."""


def beside(stage: Stage, *, free: bool = False) -> list[Beside]:
    """The same audience on each lane."""
    moved = {
        "price, live": watching(on_price_lane(stage, "live"), "price"),
        **{f"price, {each}": watching(on_price_lane(stage, each), "price") for each in WINDOWS[:2]},
        f"board, {stage.window_s}s": watching(stage, "board"),
        "bar": watching(stage, "bar"),
    }
    found = []
    for name, one in moved.items():
        total = bill(one, free=free).total
        nobody = bill(replace(one, workload=replace(one.workload, viewers=())), free=free).total
        found.append(Beside(name=name, total=total, audience=total - nobody))
    return found


def refuse_beyond_budget(stage: Stage) -> None:
    """ConfigError when the estimate exceeds `monthlyBudget`, with the least change that would fit."""
    total = bill(stage).total
    if not stage.monthly_budget or total <= stage.monthly_budget:
        return
    found = savings(stage)
    fitting = [saving for saving in found if saving.total <= stage.monthly_budget]
    if fitting:
        least = max(fitting, key=lambda saving: saving.total)
        hint = f"{least.change} would fit (${least.total:,.2f})"
    else:
        most = found[0] if found else None
        hint = "no single setting would fit" + (
            f": {most.change} comes to ${most.total:,.2f}" if most else ""
        )
    hours = "" if stage.workload.hours is None else f" --hours {stage.workload.hours:g}"
    raise ConfigError(
        f"monthlyBudget is ${stage.monthly_budget:,} and the estimate ${total:,.2f}; {hint}, "
        f"or expected a higher budget or a smaller workload (tickwire cost{hours} shows the bill)"
    )
