"""One connection to the broker, kept: made, subscribed, made anew, replaced in time, given up.

In: the topics that are wanted of it, which may change at any time. Out: to its host, what it carries, what
the broker confirmed or refused, and what became of it. What always holds: what is subscribed follows what is
wanted, through any number of sessions; no answer of the broker goes unread; `Reconnect` decides what is next.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from tickwire_client import _reconnect
from tickwire_client._access import Access
from tickwire_client._dial import dial
from tickwire_client._mqtt import FILTERS_MAX, Broken, Session, describe
from tickwire_client._reconnect import Kind, Reconnect
from tickwire_client.errors import (
    ClosedError,
    TakenOverError,
    TickwireError,
    UnauthorizedError,
)

TRIES_MAX = 3  # a broker that hangs up on a SUBSCRIBE, or never answers it, refuses it in this way
RETRY_S = 0.3
DRAIN_S = 2.0  # a session that doesn't answer is dead
REDISCOVER = 3  # failures in a row: perhaps the platform has moved


Deliver: TypeAlias = Callable[[str, bytes], None]


class Gate:
    """Messages that come before it's opened wait there, and go first."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._held: list[tuple[str, bytes]] | None = []
        self._lock = threading.Lock()

    def deliver(self, topic: str, payload: bytes) -> None:
        """In the session's thread."""
        if self._held is not None:
            with self._lock:
                if self._held is not None:
                    self._held.append((topic, payload))
                    return
        self._deliver(topic, payload)

    def open(self) -> None:
        with self._lock:
            for message in self._held or ():
                self._deliver(*message)
            self._held = None


class Host(Protocol):
    """Whom a link tells, on the event loop; `deliver` in the session's thread."""

    access: Access

    def renewed(self) -> Access:
        """Discovery and identity, fetched anew. Blocking."""

    def deliver(self, topic: str, payload: bytes) -> None: ...

    def connected(self, link: Link, *, again: bool) -> None: ...

    def confirmed(self, link: Link) -> None: ...

    def fallen(self, link: Link, state: _reconnect.State, why: str) -> None: ...

    def refused(self, topics: Collection[str], why: str) -> None: ...

    def over(self, error: Exception) -> None: ...


class Link:
    """Starts when made. `alone` is subscribed to by itself: its refusal mustn't be taken for others'."""

    def __init__(self, host: Host, *, alone: str | None, timeout_s: float) -> None:
        self.wanted: set[str] = set()
        self.confirmed: set[str] = set()
        self.last_failure = "no connection was made in time"
        self.up = False
        self._host, self._timeout_s = host, timeout_s
        self._machine = Reconnect()
        self._session: Session | None = None
        self._client_id = ""
        self._ever = False  # connected
        self._in_flight: tuple[str, ...] = ()
        self._tries: Counter[str] = Counter()
        self._suspects = {alone} if alone else set[str]()
        self._changed = asyncio.Event()
        self._stale: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks = {owned(self._run(), host.over), owned(self._keep(), host.over)}

    def want(self, topics: Iterable[str]) -> None:
        self.wanted.update(topics)
        self._changed.set()

    def unwant(self, topics: Iterable[str]) -> None:
        self.wanted.difference_update(topics)
        self._changed.set()

    def stale(self, why: str) -> None:
        """The connection is open and dead: make another."""
        if self.up and not self._stale.done():
            self._stale.set_result(why)

    async def stop(self) -> None:
        """Disconnect for good, and wait for it."""
        session = self.abandon()
        if session is not None:
            await session.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def abandon(self) -> Session | None:
        """The same without waiting."""
        session, self._session, self.up = self._session, None, False
        if session is not None:
            session.abandon()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        return session

    async def _run(self) -> None:
        step = self._machine.start(time.monotonic())
        renew = False
        while True:
            if step.next == "wait":
                await asyncio.sleep(random.uniform(0, step.ceiling_s))
            renew = renew or step.next == "renew"
            try:
                session = await self._dial(self._host.deliver, renew=renew)
            except Broken as failure:
                broken = failure
                renew = renew and broken.kind == "network"
                step = self._machine.failed(time.monotonic(), _kind(broken))
            else:
                renew = False
                self._machine.up(time.monotonic())
                self._take(session, set())
                broken, stale = await self._live()
                asked = self._drop()
                if asked and broken.kind == "refused":
                    if len(asked) == 1:
                        self._refuse(asked, broken.why)
                    self._suspects.update(asked)
                    broken = Broken("network", broken.why)
                now_s = time.monotonic()
                step = self._machine.stale(now_s) if stale else self._machine.lost(now_s, _kind(broken))
            self.last_failure = broken.why
            if step.next == "end":
                self._host.over(self._error(broken))
                return
            if step.state != "connecting":
                self._host.fallen(self, step.state, broken.why)

    async def _dial(self, deliver: Deliver, *, renew: bool) -> Session:
        """A session that is up, with everything fetched anew if need be; `Broken` says why there is none."""
        host = self._host
        if renew or (self._machine.failures and self._machine.failures % REDISCOVER == 0):
            try:
                host.access = await asyncio.to_thread(host.renewed)
            except UnauthorizedError as error:
                raise Broken("refused", error.why, error) from None
            except TickwireError as error:
                if renew:
                    raise Broken("network", str(error), error) from None
        session = await dial(host.access, message=deliver, timeout_s=self._timeout_s)
        self._client_id = session.client_id
        return session

    async def _live(self) -> tuple[Broken, bool]:
        """Until the session ends or is found dead; meanwhile it's replaced in time by another one."""
        aged = asyncio.create_task(asyncio.sleep(random.uniform(*_reconnect.LIFE_S)))
        try:
            while (session := self._session) is not None:
                ends: set[asyncio.Future[Any]] = {session.ended, self._stale, aged}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if session.ended.done():
                    return session.ended.result(), False
                if self._stale.done():
                    return Broken("network", self._stale.result()), True
                self._machine.aged()
                if await self._replace():
                    self._machine.replaced(time.monotonic())
                    least_s, most_s = _reconnect.LIFE_S
                else:
                    least_s, most_s = 0.0, self._machine.spare_failed().ceiling_s
                aged = asyncio.create_task(asyncio.sleep(random.uniform(least_s, most_s)))
            return Broken("network", "it was given up"), False
        finally:
            aged.cancel()

    async def _replace(self) -> bool:
        """Another session beside this one, subscribed to all; this one goes when all that was sent on it is
        here. What the other one brings waits for that: nothing is missed or overtaken.
        """
        topics, gate = set(self.wanted), Gate(self._host.deliver)
        try:
            spare = await self._dial(gate.deliver, renew=False)
        except Broken as broken:
            self.last_failure = broken.why
            return False
        try:
            for some in self._groups(topics):
                if any(code >= 0x80 for code in await spare.subscribe(some)):
                    raise ConnectionError
            await self._drain()
        except BaseException as error:
            spare.abandon()
            if isinstance(error, ConnectionError):
                return False
            raise
        old = self._session
        self._take(spare, topics)
        if old is not None:
            old.abandon()
        # Not here: a reader that blocks what comes would block the event loop.
        threading.Thread(target=gate.open, name="tickwire-gate", daemon=True).start()
        return True

    async def _drain(self) -> None:
        """Until nothing more comes on this session: an UNSUBACK follows on all that was sent before it."""
        if self._session is not None:
            ends = [self._session.unsubscribe(some) for some in self._groups(self.confirmed)]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await asyncio.gather(*ends, return_exceptions=True)

    def _take(self, session: Session, confirmed: set[str]) -> None:
        self._session, self.confirmed, self.up = session, confirmed, True
        self._stale = asyncio.get_running_loop().create_future()
        self._host.connected(self, again=self._ever)
        self._ever = True
        self._changed.set()

    def _drop(self) -> tuple[str, ...]:
        """The session is over, and its subscriptions with it. Returns what was being asked for."""
        session, asked, self._in_flight = self._session, self._in_flight, ()
        self._session, self.confirmed, self.up = None, set(), False
        if session is not None:
            session.abandon()
        return asked

    async def _keep(self) -> None:
        """Keep what is subscribed equal to what is wanted, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            session, confirmed = self._session, self.confirmed
            if session is None:
                continue  # `_take` sets `_changed` again
            for topics in self._groups(self.wanted - confirmed):
                await self._subscribe(session, topics)
            for topics in self._groups(confirmed - self.wanted):
                confirmed.difference_update(topics)
                with contextlib.suppress(ConnectionError):  # it went, and the subscription with it
                    await session.unsubscribe(topics)
            self._host.confirmed(self)

    async def _subscribe(self, session: Session, topics: tuple[str, ...]) -> None:
        confirmed, self._in_flight = self.confirmed, topics
        try:
            codes = await session.subscribe(topics)
        except ConnectionError:
            if len(topics) == 1:
                self._tries.update(topics)
            if self._tries[topics[0]] >= TRIES_MAX:
                self._refuse(topics, f"it hung up or stayed silent {TRIES_MAX} times when asked")
            self._suspects.update(topics)
            asyncio.get_running_loop().call_later(RETRY_S, self._changed.set)
            return
        self._in_flight = ()  # not before: the broker's word on a SUBSCRIBE may be its DISCONNECT
        self._suspects.difference_update(topics)
        for topic, code in zip(topics, codes, strict=True):
            del self._tries[topic]
            if code >= 0x80:
                self._refuse([topic], f"SUBACK {describe(code)}")
            else:
                confirmed.add(topic)  # of the session that was asked: another one has another set

    def _refuse(self, topics: Sequence[str], why: str) -> None:
        for topic in topics:
            del self._tries[topic]
        self._host.refused(topics, why)

    def _groups(self, topics: Collection[str]) -> list[tuple[str, ...]]:
        """Eight at a time; by themselves, and last, those at which the broker may have hung up."""
        some = sorted(set(topics) - self._suspects)
        groups = [tuple(some[at : at + FILTERS_MAX]) for at in range(0, len(some), FILTERS_MAX)]
        return [*groups, *((topic,) for topic in sorted(self._suspects.intersection(topics)))]

    def _error(self, broken: Broken) -> Exception:
        if broken.kind == "taken-over":
            return TakenOverError(self._client_id)
        return broken.error or UnauthorizedError(self._host.access.platform.iot_url, broken.why)


def _kind(broken: Broken) -> Kind:
    return "network" if broken.kind == "handshake" else broken.kind


def owned(work: Coroutine[None, None, None], over: Callable[[Exception], None]) -> asyncio.Task[None]:
    """Nothing that happens in a task is lost: what it didn't expect ends the streams."""

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            over(error if isinstance(error, Exception) else ClosedError())

    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(done)
    return task
