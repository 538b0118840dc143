"""Ticks on their way from the connection's thread to whoever iterates.

In: ticks of several symbols, from one thread. Out: the same in order, to one reader in another. What always
holds: what comes out strictly rises by (series, seq) for each symbol, and memory is bounded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tickwire.tick import Tick


@dataclass(slots=True)
class Counters:
    """What happened so far. Each field is written by one thread only, so none needs a lock."""

    received: int = 0
    duplicates: int = 0
    conflated: int = 0
    undecodable: int = 0
    connects: int = 0


class Buffer:
    """Keeps every tick up to `size`, then the newest of each symbol until the reader has caught up.

    A tick that a newer one replaces is counted as conflated. `wake` is called, in the writer's thread, when
    there is something for a reader that found nothing.
    """

    def __init__(self, *, size: int, counters: Counters, wake: Callable[[], None]) -> None:
        if size < 1:
            raise ValueError(f"maxsize is {size}; expected 1 or more ticks")
        self._size, self._counters, self._wake = size, counters, wake
        self._queue: deque[Tick] = deque()
        self._newest: OrderedDict[str, Tick] = OrderedDict()  # only filled while the queue has been full
        self._last: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._waiting = False
        self._ended: BaseException | None = None

    def offer(self, ticks: Iterable[Tick]) -> None:
        """Take what is newer than the last of its symbol; count the rest as duplicates."""
        with self._lock:
            if self._ended is not None:
                return
            for tick in ticks:
                place = (tick.series, tick.seq)
                if place <= self._last.get(tick.symbol, (-1, -1)):
                    self._counters.duplicates += 1
                    continue
                self._last[tick.symbol] = place
                if not self._newest and len(self._queue) < self._size:
                    self._queue.append(tick)
                else:
                    self._counters.conflated += tick.symbol in self._newest
                    self._newest[tick.symbol] = tick
            wake = self._waiting and bool(self._queue or self._newest)
            self._waiting = self._waiting and not wake
        if wake:
            self._wake()

    def take(self) -> Tick | None:
        """The next tick; None asks the reader to wait for `wake`. After the last, raises what ended it."""
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            if self._newest:
                return self._newest.popitem(last=False)[1]
            if self._ended is not None:
                raise self._ended
            self._waiting = True
            return None

    def end(self, error: BaseException) -> None:
        """Take nothing more; the reader gets what is here, then `error`. The first end counts."""
        with self._lock:
            if self._ended is None:
                self._ended = error
            wake, self._waiting = self._waiting, False
        if wake:
            self._wake()
