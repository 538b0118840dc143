"""The one connection that a client's streams share: made, kept, made anew, given up.

In: streams that open and close; the session's events. Out: a session for their subscriptions, or the error
that ends them all. On the event loop, but `message`. What always holds: a network fault is waited out; a
refusal is tried once more with everything fetched anew, and then it is final.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine

from tickwire_client import _http
from tickwire_client._access import Access
from tickwire_client._buffer import Counters
from tickwire_client._mqtt import Failure, Session
from tickwire_client._stream import Stream
from tickwire_client._subscriptions import Subscriptions
from tickwire_client.errors import ClosedError, TakenOverError, UnauthorizedError, UnreachableError

RETRY_S = (0.3, 4.0)  # between attempts to reach what the session itself doesn't: discovery and identity


class Connection:
    """Over for good when stopped or after a terminal error, which `error` holds."""

    def __init__(
        self, access: Access, *, renew: Callable[[], Access], counters: Counters, timeout_s: float
    ) -> None:
        """`renew` reads discovery again and gives fresh access; it may block, and is called in a thread."""
        self.error: Exception | None = None
        self._access, self._renew, self._counters, self._timeout_s = access, renew, counters, timeout_s
        self._subscriptions = Subscriptions(counters)
        self._session: Session | None = None
        self._client_id = ""
        self._up = False
        self._renewed = False  # since the last connection that was made
        self._last_failure = "no connection was made in time"
        self._tasks: set[asyncio.Task[None]] = set()
        self._task(self._connect(lambda: access))
        self._task(self._subscriptions.keep())

    async def open(self, stream: Stream) -> None:
        """Subscribe and wait until each topic is confirmed; raises what refused it, or UnreachableError."""
        if self.error is not None:
            raise self.error
        self._subscriptions.add(stream)
        try:
            async with asyncio.timeout(self._timeout_s):
                await stream.confirmed()
        except TimeoutError:
            why = "the broker didn't confirm the subscription in time" if self._up else self._last_failure
            raise UnreachableError(self._access.platform.iot_url, why) from None

    def close(self, stream: Stream) -> None:
        self._subscriptions.remove(stream)

    async def stop(self) -> None:
        """End every stream and the connection."""
        session = self._session
        self._end(ClosedError())
        if session is not None:
            await session.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # The session's events.

    def connected(self) -> None:
        self._up, self._renewed = True, False
        self._counters.connects += 1
        if self._session is not None:
            self._subscriptions.up(self._session)

    def failed(self, failure: Failure) -> None:
        self._last_failure = failure.why
        match failure.kind:
            case "handshake":
                self._task(self._ask_why())
            case "credentials":
                self._refused(failure.error or self._unauthorized(failure.why))
            case "refused":
                self._refused(self._unauthorized(f"client id {self._client_id}: {failure.why}"))

    def disconnected(self, failure: Failure) -> None:
        self._up = False
        self._last_failure = failure.why
        asked = self._subscriptions.in_flight
        self._subscriptions.down()
        if failure.kind == "taken over":
            self._end(TakenOverError(self._client_id))
        elif failure.kind == "refused" and asked:
            self._subscriptions.refuse(
                asked, failure.why
            )  # which of them, a broker that hangs up doesn't say
        elif failure.kind == "refused":
            self._end(self._unauthorized(failure.why))

    def message(self, topic: str, payload: bytes) -> None:
        self._subscriptions.deliver(topic, payload)

    # Making the connection, and making it anew when it was refused.

    async def _connect(self, make: Callable[[], Access]) -> None:
        """Get access and start a session with it; waits out what may pass."""

        def prepare() -> tuple[Access, str]:
            access = make()
            return access, access.client_id()

        while True:
            try:
                self._access, self._client_id = await asyncio.to_thread(prepare)
                break
            except UnreachableError as fault:
                self._last_failure = fault.why
                await asyncio.sleep(secrets.SystemRandom().uniform(*RETRY_S))
            except UnauthorizedError as refusal:
                self._refused(refusal)
                return
        access = self._access
        self._session = Session(
            url=access.platform.iot_url,
            host=access.platform.signing_host,
            client_id=self._client_id,
            sign=access.signed_url,
            listener=self,
            connect_timeout_s=self._timeout_s,
        )
        self._session.start()

    async def _ask_why(self) -> None:
        """The handshake failed, and the CRT doesn't say how: ask again by plain HTTP, and read the status."""
        session, access = self._session, self._access

        def ask() -> _http.Answer:
            url = access.signed_url()
            return _http.upgrade(url, host=access.platform.signing_host, timeout_s=self._timeout_s)

        try:
            answer = await asyncio.to_thread(ask)
        except (UnreachableError, UnauthorizedError) as error:
            self._last_failure = error.why
            return  # the session tries again, and tells of it
        self._last_failure = f"the handshake got {answer.status} {answer.reason}".rstrip()
        if answer.status in (401, 403) and session is self._session:
            self._refused(self._unauthorized(self._last_failure, clock_offset_s=answer.clock_offset_s))

    def _refused(self, error: Exception) -> None:
        """Once, fetch everything anew: a platform that was deployed again has another pool."""
        if self._renewed:
            self._end(error)
            return
        self._renewed = True
        if self._session is not None:
            self._session.abandon()
            self._session = None
        self._access.refused()
        self._task(self._connect(self._renew))

    def _unauthorized(self, why: str, *, clock_offset_s: float | None = None) -> UnauthorizedError:
        return UnauthorizedError(self._access.platform.iot_url, why, clock_offset_s=clock_offset_s)

    def _end(self, error: Exception) -> None:
        """For good."""
        self.error = self.error or error
        self._up = False
        if self._session is not None:
            self._session.abandon()
        self._subscriptions.end(error)
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    def _task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Nothing that happens in a task is lost: what it didn't expect ends the streams."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(error if isinstance(error, Exception) else ClosedError())
