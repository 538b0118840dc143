"""What happens to a stream besides its items. Asked for with `events=True`, they come in the same iterator.

Each stands where it belongs in the order: a gap before what follows it, a drop before what was kept. They can
be matched by position: `case Gap(symbol, first, last, filled=False)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["connected", "reconnecting", "stale", "crowded", "closed"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Ticks `first` to `last` of a symbol didn't come on the lane.

    With `filled` they were fetched over HTTP, and follow this event. Without, this reader won't get them.
    """

    symbol: str
    first: int
    last: int
    filled: bool
    series: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Dropped:
    """The reader was too slow: `n` items or events were left out since its last one."""

    n: int


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a connection that the stream stands on.

    `connected`: subscribed, and anything missed is told or filled. `reconnecting`: it broke, or couldn't be
    made. `stale`: it is open, should carry prices and doesn't; a reconnect follows. `crowded`: near the
    broker's 100 messages a second on one connection, and nothing left to move to another. `closed`: for good.
    """

    state: State
    why: str


Event: TypeAlias = Gap | Dropped | Status
