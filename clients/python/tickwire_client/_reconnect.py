"""When a connection is made anew, and when never again. Pure: events and their time in, decisions out.

What always holds: waits are spread by full jitter below a ceiling that doubles from 0.5 s to 60 s and is
never more than a third of what the outage has lasted, so that a short one ends soon; a refusal is tried once
more with everything fetched anew, and then it's final. See tests/vectors/reconnect.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

BASE_S, CEILING_S = 0.5, 60.0
STEADY_S = 10.0
"""A connection that held this long starts the count of failures anew."""
LIFE_S = (79_200.0, 84_600.0)
"""A connection is replaced at a random age between these: the broker ends it at 86,400 s."""

Kind: TypeAlias = Literal["network", "refused", "taken-over"]
State: TypeAlias = Literal["connecting", "connected", "reconnecting", "stale", "closed"]
Next: TypeAlias = Literal["dial", "wait", "renew", "spare", "none", "end"]
Why: TypeAlias = Literal["", "unauthorized", "taken-over", "closed"]


_ENDS: dict[Kind, Why] = {"network": "closed", "refused": "unauthorized", "taken-over": "taken-over"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do now: see the vectors for what each `next` means."""

    state: State
    next: Next
    ceiling_s: float = 0.0
    why: Why = ""


def ceiling_s(failures: int, down_s: float) -> float:
    """The longest wait after this many failures in a row (1 or more) in an outage of `down_s` so far."""
    return min(CEILING_S, BASE_S * 2.0 ** min(failures - 1, 20), max(BASE_S, down_s / 3))


class Reconnect:
    """Of one connection."""

    def __init__(self) -> None:
        self.state: State = "connecting"
        self._why: Why = ""
        self.failures = 0
        self._renewed = False  # since the last connection that was made
        self._up_s = self._down_s = 0.0

    def start(self, now_s: float) -> Step:
        self._down_s = now_s
        return self._step("dial")

    def up(self, now_s: float) -> Step:
        self.state, self._renewed, self._up_s = "connected", False, now_s
        return self._step("none")

    def failed(self, now_s: float, kind: Kind) -> Step:
        """An attempt came to nothing."""
        if self.state == "stale":
            self.state = "reconnecting"
        if kind == "refused" and not self._renewed:
            self._renewed = True
            return self._step("renew")
        return self._wait(now_s) if kind == "network" else self._end(kind)

    def lost(self, now_s: float, kind: Kind) -> Step:
        """A connection ended."""
        if kind != "network" or self.state == "closed":
            return self._end(kind)
        self.state = "reconnecting"
        return self._broken(now_s)

    def stale(self, now_s: float) -> Step:
        """The connection is open and dead."""
        self.state = "stale"
        return self._broken(now_s)

    def aged(self) -> Step:
        """Its planned life is over."""
        return self._step("spare")

    def replaced(self, now_s: float) -> Step:
        self._up_s = now_s
        return self._step("none")

    def spare_failed(self) -> Step:
        """The one that should replace it wasn't made; the old one lives for a while yet."""
        return Step(state=self.state, next="wait", ceiling_s=CEILING_S)

    def close(self) -> Step:
        return self._end("network")

    def _broken(self, now_s: float) -> Step:
        if now_s - self._up_s >= STEADY_S:
            self.failures, self._down_s = 0, now_s
        return self._wait(now_s)

    def _wait(self, now_s: float) -> Step:
        self.failures += 1
        return Step(state=self.state, next="wait", ceiling_s=ceiling_s(self.failures, now_s - self._down_s))

    def _end(self, kind: Kind) -> Step:
        if self.state != "closed":
            self.state = "closed"
            self._why = _ENDS[kind]
        return Step(state="closed", next="end", why=self._why)

    def _step(self, next_: Next) -> Step:
        return Step(state=self.state, next=next_)
