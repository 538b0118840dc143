"""Ctrl-C and its kin, each at a moment when nothing can be lost.

In: SIGINT, SIGTERM, SIGHUP. Out: one `Stop`, raised in the main thread; at once, or at the end of a `held`
section during which something is being started. Every later signal is ignored, so that what stops isn't
itself stopped.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """Somebody wants this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class Interrupts:
    """Made in the main thread, before anything is started."""

    def __init__(self) -> None:
        self._pending: Stop | None = None
        self._held = False
        for number in SIGNALS:
            # Ignored by a parent that wants us to outlive its terminal (nohup): it stays so.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._arrived)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """A signal waits for the end of this section."""
        self._held = True
        try:
            yield
        except Exception:
            if self._pending is None:  # else it failed because what it started heard the signal, too
                raise
        finally:
            self._held = False
        if self._pending is not None:
            raise self._pending

    def _arrived(self, number: int, _: object) -> None:
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        self._pending = Stop(number)
        if not self._held:
            raise self._pending
