"""A platform in memory, with faults on demand: discovery, identity, broker and API at one address.

In: what a test says, and which faults. Out: what a real platform would answer on the wire, to any client or
command. It checks signatures, credentials and client ids; it numbers ticks and keeps them. It makes no bars
and no alerts, conflates nothing and knows no limits: those are for a test against `make run`.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar

from tickwire import board, wire
from tickwire.ledger import Head
from tickwire.tick import Tick, iso
from tickwire.topic import Topics
from tickwire_client.testing._server import Server

KEPT_MAX = 100_000
"""Ticks of a symbol in history; older ones are gone."""
WAIT_S = 10.0

T = TypeVar("T")


class MemoryPlatform:
    """`with MemoryPlatform("AAPL") as platform`: at `platform.url`, on a free port of 127.0.0.1, in a thread.

    Every method may be called from any thread, also within an event loop, and has taken effect when it
    returns: what was said is on its way to each subscriber. A fault that counts messages counts price
    messages; what it withholds can still be had over HTTP, unless it was lost.
    """

    def __init__(self, *symbols: str) -> None:
        """AAPL, MSFT and BTC-USD when no symbol is named."""
        self.symbols = symbols or ("AAPL", "MSFT", "BTC-USD")
        self.topics = Topics()
        self._kept: dict[str, deque[Tick]] = {symbol: deque(maxlen=KEPT_MAX) for symbol in self.symbols}
        self._seqs: dict[str, int] = defaultdict(int)
        self._series = time.time_ns() // 1_000_000
        self._drop = self._lose = self._double = self._swap = 0
        self._held: tuple[str, bytes] | None = None
        self._lock = threading.RLock()
        self._server = Server(self)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def connections(self) -> int:
        """How many were let in so far."""
        return self._server.connections

    @property
    def subscribed(self) -> frozenset[str]:
        """The topics that someone listens to now."""
        return self._server.subscribed()

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def say(self, symbol: str, *prices: str | int | Decimal, time_ms: int | None = None) -> list[Tick]:
        """Publish ticks of a symbol, now or at `time_ms`, as one message; the ticks with their numbers.

        The board carries the newest of them, as a message of its own.
        """
        now_ms = time.time_ns() // 1_000_000 if time_ms is None else time_ms
        return self.take([Tick(symbol, Decimal(price), now_ms) for price in prices])

    def take(self, ticks: Sequence[Tick]) -> list[Tick]:
        """Publish ticks that have no numbers yet, such as those of a recording; the ticks with theirs."""
        out = []
        with self._lock:
            for symbol in dict.fromkeys(tick.symbol for tick in ticks):
                if symbol not in self.symbols:
                    raise ValueError(f"symbol is {symbol!r}; expected one of {', '.join(self.symbols)}")
                mine = [self._numbered(tick) for tick in ticks if tick.symbol == symbol]
                out += mine
                for message in wire.messages(mine):
                    self._publish(self.topics.price(symbol), message.text.encode())
                head = Head(self._series, newest=mine[-1])
                self._server.send(
                    self.topics.board, board.messages([head], at_ms=mine[-1].time_ms)[0].encode()
                )
        return out

    def beat(self, *, market: str = "open", until: str | None = None, paused: bool = False) -> None:
        """Publish a status. One with an open market goes out by itself each minute."""
        facts: dict[str, object] = {
            "time": iso(time.time_ns() // 1_000_000),
            "calendar": "24/7",
            "market": market,
            "until": until,
            "opens": until,
            "paused": paused,
            "degraded": False,
            "reasons": [],
            "v": wire.VERSION,
        }
        self._server.send(self.topics.status, json.dumps(facts).encode())

    def wait(self, condition: Callable[[MemoryPlatform], T], *, timeout_s: float = WAIT_S) -> T:
        """Block until `condition(platform)` is true: `wait(lambda it: it.subscribed)`. TimeoutError if never.

        Within an event loop: `await asyncio.to_thread(platform.wait, …)`.
        """
        deadline_s = time.monotonic() + timeout_s
        while not (found := condition(self)):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"not so within {timeout_s:g} s; subscribed are {sorted(self.subscribed)}")
            time.sleep(0.005)
        return found

    def wipe(self) -> None:
        """History is gone: all symbols count from 1 again, in a new series."""
        with self._lock:
            self._series += 1
            self._seqs.clear()
            for kept in self._kept.values():
                kept.clear()

    # Faults.

    def drop(self, messages: int = 1) -> None:
        """The next price messages don't arrive. History has them."""
        with self._lock:
            self._drop += messages

    def lose(self, messages: int = 1) -> None:
        """The ticks of the next price messages are numbered, and neither arrive nor are kept."""
        with self._lock:
            self._lose += messages

    def duplicate(self, messages: int = 1) -> None:
        """The next price messages arrive twice."""
        with self._lock:
            self._double += messages

    def reorder(self, pairs: int = 1) -> None:
        """The next price message comes after the one that follows it; so for as many pairs."""
        with self._lock:
            self._swap += pairs

    def freeze(self) -> None:
        """Connections stay open and nothing comes on them any more, not even what keeps them alive."""
        self._server.freeze(True)

    def thaw(self) -> None:
        """As before `freeze`. What was said meanwhile doesn't come."""
        self._server.freeze(False)

    def cut(self) -> None:
        """Break every connection to the broker. New ones are let in."""
        self._server.cut()

    def expire(self) -> None:
        """All credentials given so far are good for nothing more, and connections made with them are cut."""
        self._server.expire()

    # What the server asks.

    def kept(self, symbol: str) -> list[Tick]:
        with self._lock:
            return list(self._kept[symbol])

    @property
    def series(self) -> int:
        return self._series

    def _numbered(self, tick: Tick) -> Tick:
        self._seqs[tick.symbol] += 1
        made = Tick(
            tick.symbol,
            tick.price,
            tick.time_ms or time.time_ns() // 1_000_000,
            tick.bid,
            tick.ask,
            tick.volume,
            tick.source,
            self._series,
            self._seqs[tick.symbol],
        )
        if not self._lose:
            self._kept[tick.symbol].append(made)
        return made

    def _publish(self, topic: str, message: bytes) -> None:
        if self._lose:
            self._lose -= 1
            return
        if self._drop:
            self._drop -= 1
            return
        if self._swap and self._held is None:
            self._held = (topic, message)
            return
        for _ in range(2 if self._double else 1):
            self._server.send(topic, message)
        self._double = max(0, self._double - 1)
        if self._held is not None:
            held, self._held = self._held, None
            self._swap -= 1
            self._server.send(*held)
