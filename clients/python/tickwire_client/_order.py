"""The order of one symbol's ticks in one stream: what a reader gets of what arrives. State is a value.

In: a snapshot, live messages, answers to what was missing. Out: ticks and gaps, in order. What always holds:
(series, seq) of what comes out strictly rises; on a live lane each hole is told, or, where ticks may be
fetched, waited for; a new series is a reset, never a gap. See tests/vectors/sequence.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tickwire.ledger import BLOCK
from tickwire.tick import Tick
from tickwire_client.events import Gap

HELD_MAX = 1_000  # messages that wait for the snapshot
Item: TypeAlias = Tick | Gap


@dataclass(frozen=True, slots=True)
class Missing:
    """Ticks `first` to `last` of a series, which have to be fetched."""

    series: int
    first: int
    last: int

    @property
    def after_seq(self) -> int:
        """Where the API's aligned block begins that holds `first`."""
        return (self.first - 1) // BLOCK * BLOCK

    @property
    def block(self) -> Missing:
        """What that block holds of it."""
        return Missing(self.series, self.first, min(self.last, self.after_seq + BLOCK))


class Order:
    """Of one symbol. `gaps`: its lane carries every tick, a jump is a loss. `fills`: a loss is waited for."""

    __slots__ = (
        "_fills",
        "_gaps",
        "_held",
        "_known",
        "_pending",
        "_started",
        "_symbol",
        "_until",
        "duplicates",
        "plain",
        "seq",
        "series",
    )

    def __init__(self, symbol: str, *, gaps: bool, fills: bool) -> None:
        self._symbol, self._gaps, self._fills = symbol, gaps, fills
        self.duplicates = 0
        self.series = self.seq = self._known = -1  # the last that went out, and the newest that is known of
        self._until = -1  # fill up to here, also without `fills`
        self._started = False
        self.plain = False
        """Started, and nothing waits: the next tick in order may simply pass, when `seq` is set to it."""
        self._held: list[Sequence[Tick]] = []
        self._pending: dict[int, Tick] = {}  # later ticks, which wait for missing ones

    @property
    def place(self) -> tuple[int, int]:
        """The newest that arrived, whether the reader may have it yet or not."""
        return self.series, max(self.seq, self._known)

    @property
    def waiting(self) -> int:
        """How many ticks wait for missing ones."""
        return len(self._pending)

    def live(self, ticks: Sequence[Tick], *, keep: bool = True) -> Sequence[Item]:
        """A message's ticks, one after the other in seq. Without `keep` they count as missing."""
        if not self._started:
            self._held.append(ticks)
            del self._held[:-HELD_MAX]
            return []
        return self._take(ticks, keep=keep)

    def begin(self, series: int, seq: int, *, until: int) -> None:
        """Go on after this tick: what is missing up to `until` is to be fetched. Before the snapshot."""
        self.series, self.seq, self._until, self._known = series, seq, until, max(seq, until)

    def snapshot(self, tick: Tick | None) -> list[Item]:
        """The newest tick over HTTP, None when there is none or it can't be had. What was held follows it."""
        out: list[Item] = []
        started, self._started = self._started, True
        if tick is not None:
            if not started and tick.series > self.series:
                self.series, self.seq, self._known, self._until = tick.series, tick.seq - 1, -1, -1
            out += self._take([tick])
        held, self._held = self._held, []
        for ticks in held:
            out += self._take(ticks)
        return out

    @property
    def lacks(self) -> bool:
        """Whether something has to be fetched."""
        return self._known > self.seq and self._filling

    def missing(self) -> Missing | None:
        """What has to be fetched next."""
        if not self._filling:
            return None
        last = min(self._pending) - 1 if self._pending else self._known
        return Missing(self.series, self.seq + 1, last) if last > self.seq else None

    def fill(self, asked: Missing, ticks: Sequence[Tick]) -> list[Item]:
        """The answer to what was missing: final, so what it doesn't hold is lost."""
        if asked.series != self.series:
            self.duplicates += len(ticks)
            return []
        new = {tick.seq for tick in ticks if tick.seq > self.seq and tick.seq not in self._pending}
        self.duplicates += len(ticks) - len(new)
        self._pending.update((tick.seq, tick) for tick in ticks if tick.seq in new)
        return self._walk(asked.last, new) + self._rest()

    def _take(self, ticks: Sequence[Tick], *, keep: bool = True) -> list[Item]:
        out: list[Item] = []
        if ticks[0].series > self.series:
            if self._pending or self._filling:  # the old series' losses can't be had any more
                out += self._walk(self._known, set())
            self._pending.clear()
            self.series, self.seq, self._until = ticks[0].series, ticks[0].seq - 1, -1
            self._known = self.seq
        elif ticks[0].series < self.series:
            self.duplicates += len(ticks)
            return out
        for tick in ticks:
            if tick.seq <= self.seq or tick.seq in self._pending:
                self.duplicates += 1
            elif self._filling:
                self._known = max(self._known, tick.seq)
                if keep:
                    self._pending[tick.seq] = tick
            else:
                if self._gaps and tick.seq > self.seq + 1:
                    out.append(self._gap(self.seq + 1, tick.seq - 1, filled=False))
                out.append(tick)
                self.seq = tick.seq
        if self._filling:
            out += self._walk(self.seq, set())
        return out + self._rest()

    @property
    def _filling(self) -> bool:
        return self._fills or self.seq < self._until

    def _walk(self, last: int, new: set[int]) -> list[Item]:
        """What can go out: up to the first one missing, or past those up to `last`, which are lost."""
        out: list[Item] = []
        at = self.seq + 1
        announced = -1
        while True:
            tick = self._pending.pop(at, None)
            if tick is not None:
                if at in new and at > max(announced, self._until):
                    announced = at
                    while announced + 1 in new:
                        announced += 1
                    out.append(self._gap(at, announced, filled=True))
                out.append(tick)
                at += 1
            elif at <= last:
                lost = min([seq for seq in self._pending if seq > at] + [last + 1]) - 1
                out.append(self._gap(at, lost, filled=False))
                at = lost + 1
            else:
                self.seq = at - 1
                self._known = max(self._known, self.seq)
                return out

    def _rest(self) -> list[Item]:
        """Once nothing has to be fetched any more, what waited goes out."""
        out: list[Item] = []
        if self._pending and not self._filling:
            waiting = [self._pending[seq] for seq in sorted(self._pending)]
            self._pending.clear()
            out = self._take(waiting)
        self.plain = self._started and not self._pending and self._known <= self.seq
        return out

    def _gap(self, first: int, last: int, *, filled: bool) -> Gap:
        return Gap(self._symbol, first, last, filled, self.series)
