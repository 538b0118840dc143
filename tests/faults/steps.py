"""A function whose calls are let through one by one, so that a test may end it at any of them.

In: ports to put before the function's real clients, and for each call its fate. Out: what the function
answered, or that it ended. Always: between two steps the function stands still, in front of its next call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError, ConnectionClosedError

from tests.faults.fates import KILLED_AFTER, KILLED_BEFORE, LOST, OK, REFUSED

STEP_S = 10

T = TypeVar("T")


class Killed(BaseException):
    """The function ends here. No handler of its own sees this."""


class Stepped(Generic[T]):
    """One invocation, standing before its first call or ended."""

    def __init__(self, invoke: Callable[[Stepped[T]], T]) -> None:
        self.call = ""
        """The call that it stands before; empty once it has ended."""
        self.answer: T | None = None
        """What it answered; None while it runs, and when it was killed."""
        self._fate = ""
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._error: BaseException | None = None
        threading.Thread(target=self._run, args=(invoke,), daemon=True).start()
        self._wait()

    def step(self, fate: str) -> None:
        """Let its call have this fate, and the function run up to the next one."""
        assert self.call, "it has ended"
        self._fate = fate
        self._go.release()
        self._wait()

    def meet(self, call: str) -> str:
        """In the function: stand before a call; its fate."""
        self.call = call
        self._stands.release()
        self._go.acquire()
        return self._fate

    def _run(self, invoke: Callable[[Stepped[T]], T]) -> None:
        try:
            self.answer = invoke(self)
        except Killed:
            pass
        except BaseException as error:  # the test's to raise, not this thread's
            self._error = error
        self.call = ""
        self._stands.release()

    def _wait(self) -> None:
        assert self._stands.acquire(timeout=STEP_S), f"no step within {STEP_S} s"
        if self._error is not None:
            raise self._error


class Port:
    """Stands before a client: each call of it is a step of the invocation that is running."""

    def __init__(self, client: object) -> None:
        self.running: Stepped[Any] | None = None
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            fate = self.running.meet(name) if self.running else OK
            if fate == KILLED_BEFORE:
                raise Killed
            if fate == REFUSED:
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, name)
            answer = getattr(self._client, name)(*args, **named)
            if fate == KILLED_AFTER:
                raise Killed
            if fate == LOST:
                raise ConnectionClosedError(endpoint_url="memory")
            return answer

        return call
