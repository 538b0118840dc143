"""The brakes of a stage: what they are called, and the notes that say which are in force.

`guests` is a policy that the guests' role gets from outside the program: a Deny on connect, subscribe and
receive. `pause` stops whatever runs by itself. A note is a parameter that is there while its brake is in
force, so that the next `pulumi up` keeps it; it says since when, and by whom.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from tickwire.tick import iso

GUESTS, PAUSE = "guests", "pause"
RELEASES = {GUESTS: "tickwire guests on", PAUSE: "tickwire resume"}

CLOSED = "guests-off"
"""The noun of the policy with the Deny."""
ALARM = "guest-brake"
"""The noun of the alarm that shuts guests out by itself."""
DENIED = ("iot:Connect", "iot:Subscribe", "iot:Receive")

SCHEDULED = ("feed", "bars", "status")
"""Functions that a schedule of their name wakes each minute."""
MAPPED = ("ingest", "board", "bars")
"""Functions that Lambda calls for what's in the queue or in the table's stream."""

BY_CHARS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    since: str
    by: str

    @classmethod
    def read(cls, text: str) -> Note:
        """Whatever stands there: also by hand, the brake is in force."""
        try:
            found = json.loads(text)
            return cls(since=str(found["since"]), by=str(found["by"]))
        except (ValueError, TypeError, KeyError):
            return cls(since="unknown", by=text[:BY_CHARS_MAX])


def note(*, at_ms: int, by: str) -> str:
    return json.dumps({"since": iso(at_ms), "by": by[:BY_CHARS_MAX]})


def folder(stage: str) -> str:
    """Holds the stage's notes."""
    return f"/tickwire/brakes/{stage}"


def parameter(stage: str, brake: str) -> str:
    return f"{folder(stage)}/{brake}"
