"""The status message: whether the market is open, and why there may be no prices though it is.

In: what the platform sees of itself at a moment. Out: UTF-8 JSON, so that silence can be told from a fault. A
reason says in words what is wrong, and `see` where it stands what to do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tickwire.calendar import Market
from tickwire.tick import iso
from tickwire.wire import VERSION

SILENCE_S_MAX = 60
SILENCE_S_SHOWN_MAX = 86_400
OPERATIONS = "docs/operations.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    what: str
    says: str
    see: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the platform sees of itself. None is what it couldn't see."""

    at_ms: int
    calendar: str
    market: Market
    paused: bool
    newest_ms: int | None
    """When the newest tick that is stored was sent to the queue; 0 when there is none yet."""
    waiting: int | None
    """Messages on the queue."""
    dead: int | None
    """Messages that were set aside."""

    @property
    def silent_s(self) -> int:
        """Seconds without a tick while some should come, up to a day."""
        if self.paused or self.market.state != "open" or self.newest_ms is None:
            return 0
        last_ms = max(self.newest_ms, self.market.since_ms or 0)
        return min(max(0, self.at_ms - last_ms) // 1000, SILENCE_S_SHOWN_MAX)


def message(seen: Seen) -> str:
    why = reasons(seen)
    return json.dumps(
        {
            "time": iso(seen.at_ms),
            "calendar": seen.calendar,
            "market": seen.market.state,
            "until": _iso(seen.market.until_ms),
            "opens": _iso(seen.market.opens_ms),
            "paused": seen.paused,
            "degraded": bool(why),
            "reasons": [asdict(reason) for reason in why],
            "v": VERSION,
        },
        separators=(",", ":"),
    )


def reasons(seen: Seen) -> list[Reason]:
    """Why the platform is degraded; none when it's well."""
    found = []
    if seen.market.state == "unknown":
        says = f"The sessions of {seen.calendar} are only known for other years; a deploy brings this year's"
        found.append(_reason("calendar", says, "the-markets-calendar"))
    blind = [name for name, part in _parts(seen) if part is None]
    if blind:
        says = f"No answer from {' and '.join(blind)}, so nobody knows how prices fare"
        found.append(_reason("blind", says, "a-status-that-is-degraded"))
    if _waits(seen):
        found.append(_reason("queue", f"{seen.waiting} messages wait, and {_newest(seen)}", "queue-age"))
    elif seen.silent_s > SILENCE_S_MAX:
        found.append(_reason("silence", f"The market is open, and {_newest(seen)}", "silence"))
    if seen.dead:
        says = f"{seen.dead} messages were set aside: unreadable, or ingest failed on them"
        found.append(_reason("dead-letters", says, "dead-letters"))
    return found


def _waits(seen: Seen) -> bool:
    """Messages of a symbol are stored in order: some wait, and nothing that was sent of late is stored."""
    if not seen.waiting or seen.newest_ms is None:
        return False
    return seen.at_ms - seen.newest_ms > SILENCE_S_MAX * 1000


def _parts(seen: Seen) -> Sequence[tuple[str, int | None]]:
    queues = None if seen.waiting is None or seen.dead is None else 0
    return ("the history table", seen.newest_ms), ("the queues", queues)


def _newest(seen: Seen) -> str:
    if not seen.newest_ms:
        return "no tick has come yet"
    seconds = (seen.at_ms - seen.newest_ms) // 1000
    ago = f"{seconds} s" if seconds < 600 else f"{seconds // 60} min"
    return f"the newest tick that is stored was sent {ago} ago"


def _reason(what: str, says: str, section: str) -> Reason:
    return Reason(what=what, says=says, see=f"{OPERATIONS}#{section}")


def _iso(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)
