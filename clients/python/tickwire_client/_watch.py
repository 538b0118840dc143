"""Whether silence on an open connection means that it's dead. Pure: what was heard in, a verdict out.

Silence is judged by the status lane, which says each minute whether prices should come, and by the pace at
which they came. What always holds: a closed market and a paused feed may be silent for as long as they like.
The cases of tests/vectors/reconnect.json, under `quiet`, say it all.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

STATUS_S = 130.0
"""Two status messages, a minute apart, and some patience."""
QUIET_S = (10.0, 120.0)
PAUSES = 10  # of the usual length make a silence
IN_VAIN_MAX = 3  # connections in vain double the patience, up to eightfold
SMOOTHING = 0.2

Look: TypeAlias = Literal["fine", "ask", "stale"]


class Watch:
    """Over one connection of a client. Times are of one clock, in seconds."""

    def __init__(self, now_s: float) -> None:
        self.told = True
        """Whether it carries the status lane, which may be refused or come by another one."""
        self._connected_s = self._status_s = self._heard_s = now_s
        self._market, self._paused = "", False
        self._change_s = math.inf
        self._pause_s = 0.0
        self._asks = 0
        self._in_vain = 0
        self._given_up = False

    def connected(self, now_s: float) -> None:
        """A connection was made: silence counts from now on."""
        self._connected_s, self._asks, self._given_up = now_s, 0, False

    def status(self, now_s: float, *, market: str, paused: bool, until_s: float | None) -> None:
        """A status message: the market changes in `until_s` seconds from it."""
        self._status_s, self._in_vain = now_s, 0
        self._market, self._paused = market, paused
        self._change_s = math.inf if until_s is None else now_s + until_s

    def look(self, now_s: float, heard: int) -> Look:
        """The verdict now, after `heard` price and board messages since the last look."""
        if heard:
            pause_s = (now_s - max(self._heard_s, self._connected_s)) / heard
            if self._pause_s:
                pause_s = self._pause_s + SMOOTHING * (pause_s - self._pause_s)
            self._pause_s, self._heard_s, self._asks = pause_s, now_s, 0
        open_s = self._open_since_s(now_s)
        if open_s is None or self._given_up:
            return "fine"
        silent_s = now_s - max(self._heard_s, open_s)
        untold_s = now_s - max(self._status_s, open_s) if self.told else 0.0
        patience_s = STATUS_S * 2 ** min(self._in_vain, IN_VAIN_MAX)
        if untold_s >= patience_s and silent_s >= self._quiet_s:  # else it's the status alone that is missing
            self._in_vain += 1
            self._given_up = True
            return "stale"
        if self._market in ("open", "closed") and silent_s >= self._quiet_s * 2**self._asks:
            self._asks += 1
            return "ask"
        return "fine"

    @property
    def _quiet_s(self) -> float:
        least, most = QUIET_S
        return min(most, max(least, PAUSES * self._pause_s))

    def _open_since_s(self, now_s: float) -> float | None:
        """Since when prices or a status should have come on this connection; None when none need to."""
        changed = now_s >= self._change_s
        if self._paused or (self._market == ("open" if changed else "closed")):
            return None
        return max(self._connected_s, self._change_s if changed else self._connected_s)
