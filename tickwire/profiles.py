"""Profiles: named sets of settings, for whatever a stage doesn't say for itself.

`realtime` brings each trade to the screen within half a second. `economy` gives every lane what it promises,
each five seconds instead of each second; it keeps logs for three days, and only those alarms that tell of
prices that stopped or were lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "": {
        "priceLane": "live",
        "boardWindow": "",
        "feedPackMs": 1_000,
        "logRetentionDays": 14,
        "monitoring": "full",
    },
    "realtime": {
        "priceLane": "live",
        "boardWindow": "1s",
        "feedPackMs": 500,
        "logRetentionDays": 14,
        "monitoring": "full",
    },
    "economy": {
        "priceLane": "5s",
        "boardWindow": "5s",
        "feedPackMs": 5_000,
        "logRetentionDays": 3,
        "monitoring": "essential",
    },
}
"""Named sets of settings. A setting that a stage says for itself is stronger."""
UNSAID: Mapping[str, Any] = {
    "priceLane": "",
    "boardWindow": "",
    "feedPackMs": 0,
    "logRetentionDays": 0,
    "monitoring": "",
}
"""The defaults of what profiles set: they leave it to the profile."""
