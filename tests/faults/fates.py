"""What may become of a call that a function makes."""

from __future__ import annotations

OK = "ok"
REFUSED = "refused"
LOST = "lost"  # it took effect; the caller never hears of it
HUNG = "hung"  # nothing happens, and nobody says so
KILLED_BEFORE = "killed before"  # the function ends; the call never took effect
KILLED_AFTER = "killed after"  # the call took effect, and then the function ended
