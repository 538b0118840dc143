"""What watches a client's connections, once a second: whether they are dead, and whether they carry too much.

In: how many messages came on each topic, the status lane, the snapshot when silence has to be explained. Out:
links that are told to be stale, topics that move to another link, or a word to the streams that they can't.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tickwire_client import values
from tickwire_client._access import Access
from tickwire_client._catch_up import Door
from tickwire_client._link import Link, owned
from tickwire_client._route import Route
from tickwire_client._stream import Stream
from tickwire_client._watch import Watch
from tickwire_client.errors import TickwireError

RATE_MAX = 90.0  # messages a second on one connection: the broker discards what comes beyond 100
CROWDED_S = 3  # in a row
LOOK_S = 1.0
ASK_S = 2.0  # ask within this: what is everybody's silence mustn't be everybody's request at once
PROOF_S = 3.0  # what the snapshot shows must have come by then, or a conflated lane's window later


class Watched(Protocol):
    access: Access
    routes: dict[str, Route]
    links: list[Link]

    def spread(self, link: Link, topics: Sequence[str]) -> bool:
        """Move these topics to another link, without a gap; False when there can't be another."""

    def streams(self, link: Link) -> set[Stream[Any]]: ...

    def over(self, error: Exception) -> None: ...


class Guard:
    """Of one hub. Runs until stopped."""

    def __init__(self, hub: Watched, *, timeout_s: float) -> None:
        self._hub, self._timeout_s = hub, timeout_s
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(time.monotonic())
        self._counts: dict[str, int] = {}
        self._crowded: dict[Link, int] = {}
        self._asking: asyncio.Task[None] | None = None
        self._task = owned(self._run(), hub.over)

    def stop(self) -> None:
        self._task.cancel()
        if self._asking is not None:
            self._asking.cancel()

    def untold(self) -> None:
        """There is no status lane, or it was refused."""
        self._watch.told = False

    def connected(self) -> None:
        self._watch.connected(time.monotonic())

    def read_status(self, payload: bytes) -> None:
        """A message of the status lane. In a session's thread."""
        found = values.load(payload)
        until, at = found.get("until"), datetime.fromisoformat(found["time"])
        until_s = None if until is None else (datetime.fromisoformat(until) - at).total_seconds()
        market, paused = str(found["market"]), bool(found.get("paused"))
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(
                lambda: self._watch.status(time.monotonic(), market=market, paused=paused, until_s=until_s)
            )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            routes = self._hub.routes
            rates = {topic: route.count - self._counts.get(topic, 0) for topic, route in routes.items()}
            self._counts = {topic: route.count for topic, route in routes.items()}
            self._relieve(rates)
            self._look(sum(rate for topic, rate in rates.items() if routes[topic].paced))

    def _look(self, heard: int) -> None:
        if not any(link.up for link in self._hub.links) or self._held_up():
            return
        match self._watch.look(time.monotonic(), heard):
            case "stale":
                self._dead("the market is open, and neither a status nor a price has come for minutes")
            case "ask" if self._asking is None or self._asking.done():
                self._asking = owned(self._ask(), self._hub.over)

    def _held_up(self) -> bool:
        """Whether a slow reader holds up a connection: its silence says nothing then."""
        return any(stream.holds_up for route in self._hub.routes.values() for stream in route.streams)

    def _dead(self, why: str) -> None:
        for link in self._hub.links:
            link.stale(why)

    async def _ask(self) -> None:
        """Whether prices have been made that the lanes didn't bring: the snapshot tells."""
        streams = {s for route in self._hub.routes.values() if route.paced for s in route.streams}
        symbols = sorted({symbol for stream in streams for symbol in stream.symbols})
        if not symbols:
            return
        await asyncio.sleep(random.uniform(0, ASK_S))
        platform = self._hub.access.platform
        try:
            quotes = await Door(api=platform.api, timeout_s=self._timeout_s).latest(symbols)
        except TickwireError:
            return  # the status lane is left to tell
        await asyncio.sleep(PROOF_S + platform.window_s)
        for stream in streams:
            with stream.buffer.lock:
                behind = [quote for quote in quotes.values() if stream.sieve.behind(quote)]
            if behind:
                symbol, seq = behind[0].symbol, behind[0].tick.seq
                self._dead(f"{symbol} is at seq {seq} over HTTP, and its lane hasn't brought that in seconds")
                return

    def _relieve(self, rates: Mapping[str, int]) -> None:
        """Move half of a crowded link's messages to another one, or say that it can't be."""
        routes, links = self._hub.routes, list(self._hub.links)
        self._crowded = {link: self._crowded.get(link, 0) for link in links}
        for link in links:
            stays = (topic for topic in link.wanted if rates.get(topic) and routes[topic].sole is link)
            topics = sorted(stays, key=rates.__getitem__)
            rate = sum(rates[topic] for topic in topics) / LOOK_S
            self._crowded[link] = self._crowded[link] + 1 if rate > RATE_MAX else 0
            if self._crowded[link] != CROWDED_S:
                continue
            if len(topics) > 1 and self._hub.spread(link, topics[::2]):
                self._crowded[link] = 0  # what stays may be too much as well
                continue
            why = (
                f"{rate:.0f} messages/s on one connection, and the broker discards what comes beyond 100:"
                " lane='board' has all symbols' newest in one or two a second"
            )
            for stream in self._hub.streams(link):
                stream.tell("crowded", why)
