"""A minute of the simulated market on each lane: how many messages, and whether all end alike."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.report import Row, Section, load
from local.platform import Platform
from tests.guests.stock import Guest, connected, subscribed

SYMBOLS = [f"S{number:02}" for number in range(20)]
SECONDS = 60
SETTLE_S = 5.0  # behind the feed's last trade
BYTES_MAX = 5_000


class Ear:
    """What one guest heard, by lane."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.largest: Counter[str] = Counter()
        self.newest: dict[str, dict[str, tuple[int, Any]]] = defaultdict(dict)
        self.missing = 0

    def hear(self, _client: object, _data: object, message: Any) -> None:
        lane = "board" if message.topic == "board" else "price"
        self.messages[lane] += 1
        self.largest[lane] = max(self.largest[lane], len(message.payload))
        found = json.loads(message.payload)
        if lane == "price":
            before = self.newest[lane].get(found["symbol"], (found.get("first", found["seq"]) - 1, 0))[0]
            self.missing += max(0, found.get("first", found["seq"]) - 1 - before)
        for price in found.get("prices", [found]):
            self.newest[lane][price["symbol"]] = (price["seq"], price["price"])


def run() -> list[Section]:
    live, stored = _minute("live")
    conflated, stored_too = _minute("1s")
    same = _agree(live, stored) and _agree(conflated, stored_too)
    trades = sum(seq for seq, _ in stored.values())
    rows = [
        Row(what="trades", value=trades, unit=""),
        Row(what="live lane, packed at 200 ms", value=live.messages["price"], unit="messages", at_most=6_000),
        Row(what="live lane, ticks missing", value=live.missing, unit="", at_most=0),
        Row(what="1 s lane", value=conflated.messages["price"], unit="messages", at_most=1_260),
        Row(what="board", value=live.messages["board"], unit="messages", at_most=70),
        Row(what="board, largest message", value=live.largest["board"], unit="bytes", at_most=BYTES_MAX),
        Row(what="symbols whose last value differs anywhere", value=0 if same else 1, unit="", at_most=0),
    ]
    note = f"{len(SYMBOLS)} symbols, 5 trades/s each, {SECONDS} s on each lane; {load()}."
    return [Section(title="One minute on each lane", rows=rows, notes=[note])]


def _minute(lane: str) -> tuple[Ear, dict[str, tuple[int, Any]]]:
    """What was heard, and what history holds in the end."""
    ear = Ear()
    settings = {"symbols": SYMBOLS, "feedPaused": True, "feedPackMs": 200, "priceLane": lane}
    with (
        tempfile.TemporaryDirectory() as folder,
        Platform(state=Path(folder), keep=False, settings=settings, say=lambda _: None) as platform,
        ExitStack() as open_,
    ):
        guest = Guest.of(platform.url)
        for topics in _shares():
            client, heard = open_.enter_context(connected(guest))
            client.on_message = ear.hear
            for topic in topics:
                assert subscribed(client, heard, topic)
        event = json.dumps({"run_ms": SECONDS * 1000})
        platform.client("lambda").invoke(
            FunctionName=platform.outputs["feed"], InvocationType="Event", Payload=event
        )
        time.sleep(SECONDS + SETTLE_S)
        return ear, _stored(platform)


def _shares() -> list[list[str]]:
    """What each connection hears: all in one were more than the hundred a second that the broker gives it.

    A quarter of that leaves room for what comes at once after a stall.
    """
    prices = [f"prices/{symbol}" for symbol in SYMBOLS]
    return [["board"], *(prices[place::4] for place in range(4))]


def _stored(platform: Platform) -> dict[str, tuple[int, Any]]:
    with urllib.request.urlopen(f"{platform.url}/api/prices", timeout=10) as answer:
        return {price["symbol"]: (price["seq"], price["price"]) for price in json.load(answer)["prices"]}


def _agree(ear: Ear, stored: dict[str, tuple[int, Any]]) -> bool:
    return len(stored) == len(SYMBOLS) and ear.newest["price"] == ear.newest["board"] == stored
