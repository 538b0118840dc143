"""For those who feed the platform: ticks in, `POST /ticks` out.

What always holds: a symbol's ticks are sent in the order given, one request at a time; what waits is bounded;
a fault that may pass is waited out, and what the platform refuses is raised, never dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Self

from tickwire.tick import Tick, to_ms
from tickwire_client import _api
from tickwire_client._platform import Platform
from tickwire_client._reconnect import ceiling_s
from tickwire_client.errors import ClosedError, RejectedError, TickError, UnreachableError

TICKS_MAX = 250  # in one request: the longest ones still fit into the API's 64 KB
TRIES_MAX = 10  # of one request: some minutes


class Publisher:
    """Packs what is sent within `linger_s` into one request, keeps its order and tries again.

    `async with client.publisher(key=…) as publisher: await publisher.send("AAPL", "189.45")`. Leaving it
    sends what is left. At least once: a request whose answer got lost is sent again, which the platform can't
    know, so its ticks may be there twice. After RejectedError or UnreachableError, which `send`, `flush` and
    leaving raise, nothing more is sent; `pending` is what wasn't accepted.
    """

    def __init__(
        self, platform: Platform, *, key: str, linger_s: float, maxsize: int, timeout_s: float
    ) -> None:
        if maxsize < 1:
            raise ValueError(f"maxsize is {maxsize}; expected 1 or more ticks")
        self.accepted = 0
        """Ticks that the platform took."""
        self.resent = 0
        """Requests that were sent again."""
        self._platform, self._key, self._timeout_s = platform, _api.checked_key(key), timeout_s
        self._linger_s, self._maxsize = linger_s, maxsize
        self._waiting: deque[Tick] = deque()
        self._changed = asyncio.Condition()
        self._hurry = False  # somebody waits for all of it
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    @property
    def pending(self) -> tuple[Tick, ...]:
        """What waits to be sent, or accepted, oldest first."""
        return tuple(self._waiting)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        try:
            if error is None:
                await self._drained()
        finally:
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def send(
        self,
        symbol: str | Tick,
        price: Decimal | str | int | None = None,
        *,
        timestamp: datetime | None = None,
        bid: Decimal | None = None,
        ask: Decimal | None = None,
        volume: Decimal | None = None,
        source: str | None = None,
    ) -> None:
        """Put a tick, or a symbol and its price, in line; waits while `maxsize` are in it.

        Without a time it is the platform's time of arrival. A binary float is refused, as its digits aren't
        the ones that were meant: give text or a Decimal.
        """
        tick = symbol if isinstance(symbol, Tick) else None
        if tick is None:
            if timestamp is not None and timestamp.tzinfo is None:
                raise TickError(f"timestamp is {timestamp}; expected a time with a zone")
            tick = Tick(
                str(symbol),
                _decimal(price),
                0 if timestamp is None else to_ms(timestamp.astimezone(UTC)),
                bid=bid,
                ask=ask,
                volume=volume,
                source=source,
            )
        self._platform.check([tick.symbol])
        _api.check(tick)
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._waiting) < self._maxsize or self._over)
            self._raise()
            self._waiting.append(tick)
            self._changed.notify_all()

    async def flush(self) -> None:
        """Wait until all that was sent is accepted."""
        self._raise()
        await self._drained()

    @property
    def _over(self) -> bool:
        return self._error is not None or self._task is None

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
        if self._task is None:
            raise ClosedError()

    async def _drained(self) -> None:
        async with self._changed:
            self._hurry = True
            self._changed.notify_all()
            await self._changed.wait_for(lambda: not self._waiting or self._error is not None)
            self._hurry = False
        if self._error is not None:
            raise self._error

    async def _linger(self) -> None:
        """Until a request is full, somebody waits for what is in line, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._linger_s), self._changed:
                await self._changed.wait_for(lambda: self._hurry or len(self._waiting) >= TICKS_MAX)

    async def _run(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
            await self._linger()
            batch = [self._waiting[place] for place in range(min(TICKS_MAX, len(self._waiting)))]
            try:
                await self._post(batch)
            except Exception as error:
                self._error = error
                async with self._changed:
                    self._changed.notify_all()
                return

    async def _took(self, batch: list[Tick], left: list[Tick]) -> None:
        """Take out of the line what was accepted of its first ones: all but what is left."""
        for _ in batch:
            self._waiting.popleft()
        self._waiting.extendleft(reversed(left))
        async with self._changed:
            self._changed.notify_all()

    async def _post(self, batch: list[Tick]) -> None:
        """Until all of it is accepted. What a queue didn't take is named, and sent again by itself."""
        for failures in range(1, TRIES_MAX + 1):
            try:
                self.accepted += await asyncio.to_thread(
                    _api.publish, self._platform.api, batch, key=self._key, timeout_s=self._timeout_s
                )
                await self._took(batch, [])
                return
            except UnreachableError:
                if failures == TRIES_MAX:
                    raise
            except RejectedError as error:
                if error.symbols:
                    left = [tick for tick in batch if tick.symbol in error.symbols]
                    self.accepted += len(batch) - len(left)
                    await self._took(batch, left)
                    batch = left
                if failures == TRIES_MAX or (error.status < 500 and error.status != 429):
                    raise
            self.resent += 1
            await asyncio.sleep(random.uniform(0, ceiling_s(failures, 3_600)))


def _decimal(price: Decimal | str | int | None) -> Decimal:
    if isinstance(price, Decimal | int) and not isinstance(price, bool):
        return Decimal(price)
    try:
        if isinstance(price, str):
            return Decimal(price)
    except ArithmeticError:
        pass
    raise TickError(f"price is {price!r}; expected a positive number as text or a Decimal, such as '189.45'")
