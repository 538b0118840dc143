"""The program's alarms, as tests look at them."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.components.world import World, evaluate


@cache
def world() -> World:
    """The stage that owns the broker's log, with its feed running, and a brake."""
    return evaluate({"iotLogging": True, "guestBrake": 500})


def alarms(found: World | None = None) -> dict[str, dict[str, Any]]:
    """Alarms by noun."""
    made = (found or world()).of("aws:cloudwatch/metricAlarm:MetricAlarm")
    return {one.inputs["name"].removeprefix("tickwire-dev-"): one.inputs for one in made}


def metrics(alarm: dict[str, Any]) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """What an alarm looks at: namespace, name and dimensions."""
    measured = [one["metric"] for one in alarm.get("metricQueries", []) if "metric" in one] or [alarm]
    return [(one["namespace"], one["metricName"], tuple(one["dimensions"].items())) for one in measured]
