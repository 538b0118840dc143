"""What watches a client's connections, once a second: whether one is dead, and whether one carries too much.

In: how many messages came on each topic, the status lane, the snapshot when silence has to be explained. Out:
links that are told to be stale, topics that move to another link, or a word to the streams that they can't.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
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
    """The first one carries the status lane."""

    def spread(self, link: Link, topics: Sequence[str]) -> bool:
        """Move these topics to another link, without a gap; False when there can't be another."""

    def streams(self, link: Link) -> set[Stream[Any]]: ...

    def over(self, error: Exception) -> None: ...


class Guard:
    """Of one hub. Runs until stopped."""

    def __init__(self, hub: Watched, *, timeout_s: float) -> None:
        self._hub, self._timeout_s = hub, timeout_s
        self._loop = asyncio.get_running_loop()
        self._watches: dict[Link, Watch] = {}
        self._told = True
        self._status: Callable[[Watch], None] = lambda watch: None
        self._counts: dict[str, int] = {}
        self._crowded: dict[Link, int] = {}
        self._asking: dict[Link, asyncio.Task[None]] = {}
        self._task = owned(self._run(), hub.over)

    def stop(self) -> None:
        self._task.cancel()
        for asking in self._asking.values():
            asking.cancel()

    def untold(self) -> None:
        """There is no status lane, or it was refused."""
        self._told = False

    def connected(self, link: Link) -> None:
        self._watch(link).connected(time.monotonic())

    def read_status(self, payload: bytes) -> None:
        """A message of the status lane. In a session's thread."""
        found = values.load(payload)
        until, at = found.get("until"), datetime.fromisoformat(found["time"])
        until_s = None if until is None else (datetime.fromisoformat(until) - at).total_seconds()
        market, paused = str(found["market"]), bool(found.get("paused"))
        now_s = time.monotonic()

        def status(watch: Watch) -> None:
            watch.status(now_s, market=market, paused=paused, until_s=until_s)

        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hear, status)

    def _hear(self, status: Callable[[Watch], None]) -> None:
        """What the market does holds for every connection, also those that are made later."""
        self._status = status
        for watch in self._watches.values():
            status(watch)

    def _watch(self, link: Link) -> Watch:
        watch = self._watches.get(link)
        if watch is None:
            watch = self._watches[link] = Watch(time.monotonic())
            self._status(watch)
        return watch

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            routes = self._hub.routes
            rates = {topic: route.count - self._counts.get(topic, 0) for topic, route in routes.items()}
            self._counts = {topic: route.count for topic, route in routes.items()}
            heard = dict.fromkeys(self._hub.links, 0)
            for topic, rate in rates.items():
                if routes[topic].paced and routes[topic].bearer in heard:
                    heard[routes[topic].bearer] += rate
            self._relieve(rates)
            self._watches = {link: self._watch(link) for link in heard}
            self._asking = {link: task for link, task in self._asking.items() if not task.done()}
            for place, (link, count) in enumerate(heard.items()):
                if link.up and not self._held_up():
                    self._look(link, count, told=self._told and place == 0)

    def _look(self, link: Link, heard: int, *, told: bool) -> None:
        watch = self._watch(link)
        watch.told = told
        match watch.look(time.monotonic(), heard):
            case "stale":
                link.stale("the market is open, and neither a status nor a price has come for minutes")
            case "ask" if link not in self._asking:
                self._asking[link] = owned(self._ask(link), self._hub.over)

    def _held_up(self) -> bool:
        """Whether a slow reader holds up a connection: silence says nothing then, as they share threads."""
        return any(stream.holds_up for route in self._hub.routes.values() for stream in route.streams)

    async def _ask(self, link: Link) -> None:
        """Whether prices have been made that this connection didn't bring: the snapshot tells."""
        mine = {topic for topic, route in self._hub.routes.items() if route.paced and route.bearer is link}
        carried = [
            (stream, symbol)
            for stream in self._hub.streams(link)
            for symbol, topic in zip(stream.symbols, itertools.cycle(stream.topics), strict=False)
            if topic in mine  # one for each symbol, or one for all
        ]
        symbols = sorted({symbol for _, symbol in carried})
        if not symbols:
            return
        await asyncio.sleep(random.uniform(0, ASK_S))
        platform = self._hub.access.platform
        try:
            quotes = await Door(api=platform.api, timeout_s=self._timeout_s).latest(symbols)
        except TickwireError:
            return  # the status lane is left to tell
        await asyncio.sleep(PROOF_S + platform.window_s)
        for stream, symbol in carried:
            quote = quotes.get(symbol)
            with stream.buffer.lock:
                behind = quote is not None and stream.sieve.behind(quote)
            if quote is not None and behind:
                seq = quote.tick.seq
                link.stale(f"{symbol} is at seq {seq} over HTTP, and its lane hasn't brought that in seconds")
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
