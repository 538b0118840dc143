"""The functions that follow the history table are killed in the middle of their batches."""

from __future__ import annotations

import itertools
import json
import threading
import time
from typing import Any

import pytest

from tests.faults.fates import KILLED_AFTER, KILLED_BEFORE, OK
from tests.faults.lab import CONFLATED, Lab, until
from tests.faults.proxy import PUBLISH, STORE, Call
from tests.guests.stock import Guest, connected, subscribed
from tickwire.tick import iso

pytestmark = pytest.mark.slow

KILLS = 10
APART_S = 0.5


class Kills:
    """Ends the function at calls of a kind, before or after they took effect, in turn."""

    def __init__(self, kind: str, key: str) -> None:
        self._kind, self._key = kind, key
        self._left = list(itertools.islice(itertools.cycle((KILLED_BEFORE, KILLED_AFTER)), KILLS))
        self._armed_s = 0.0
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> str:
        with self._lock:
            if not self._left or call.kind != self._kind or not call.key.startswith(self._key):
                return OK
            if time.monotonic() < self._armed_s:
                return OK
            self._armed_s = time.monotonic() + APART_S
            return self._left.pop()

    def done(self) -> bool:
        return not self._left


@pytest.mark.parametrize("topic", ["board", f"prices/{CONFLATED[0]}"])
def test_ten_kills_leave_the_last_value_of_every_symbol_on_all_lanes(lab: Lab, topic: str) -> None:
    """The board's, the conflated lane's and history's newest are the same once the feed has stopped."""
    kills = Kills(PUBLISH, topic)
    symbols = [*lab.symbols(3), *CONFLATED]
    guest = Guest.of(lab.platform.url)
    newest: dict[str, dict[str, tuple[int, Any]]] = {"board": {}, "prices": {}}

    def hear(_client: object, _data: object, message: Any) -> None:
        found = json.loads(message.payload)
        lane = "board" if message.topic == "board" else "prices"
        for price in found.get("prices", [found]):
            newest[lane][price["symbol"]] = (price["seq"], price["price"])

    with connected(guest) as (client, heard):
        client.on_message = hear
        for wanted in ("board", *(f"prices/{symbol}" for symbol in symbols)):
            assert subscribed(client, heard, wanted)
        with lab.proxy.under(kills):
            lab.feed(symbols, ticks=5, every_s=0.5, until=kills.done)
            lab.settle(symbols)
            expected = {symbol: (lab.sent[symbol], lab.sent[symbol]) for symbol in symbols}
            until(lambda: newest["board"].items() >= expected.items(), "the board lags behind")
            until(lambda: newest["prices"].items() >= expected.items(), "a price lane lags behind")
    assert {symbol: (p["seq"], p["price"]) for symbol in symbols if (p := lab.newest(symbol))} == expected


MINUTE_MS = 60_000
MINUTES = 30


@pytest.mark.parametrize(("kind", "key"), [(PUBLISH, "bars/1m/"), (STORE, "bars#")])
def test_ten_kills_leave_every_bar_as_if_nothing_had_happened(lab: Lab, kind: str, key: str) -> None:
    """Killed before and after a bar is published, or recorded: each minute's bar is there, whole, once."""
    kills, symbols = Kills(kind, key), lab.symbols(4)
    start_ms = (lab.now_ms() // MINUTE_MS - MINUTES - 2) * MINUTE_MS
    with lab.proxy.under(kills):
        for minute in range(MINUTES):
            for second in (1, 30):
                at = iso(start_ms + minute * MINUTE_MS + second * 1000)
                lab.send([(symbol, lab.ticks(symbol, 5, timestamp=at, volume=2)) for symbol in symbols])
        lab.send([(symbol, lab.ticks(symbol, 1)) for symbol in symbols])  # closes the last of them
        lab.settle(symbols)
        until(kills.done, "the function wasn't killed ten times")
    wanted = expected(start_ms)
    until(
        lambda: all(_closed(lab, symbol, start_ms) == wanted for symbol in symbols),
        "bars are not as expected",
    )


def expected(start_ms: int) -> list[dict[str, Any]]:
    """Ten ticks a minute, each a little dearer than the one before."""
    return [
        {
            "start": iso(start_ms + minute * MINUTE_MS),
            "open": minute * 10 + 1,
            "high": minute * 10 + 10,
            "low": minute * 10 + 1,
            "close": minute * 10 + 10,
            "volume": 20,
            "count": 10,
            "first": minute * 10 + 1,
            "last": minute * 10 + 10,
        }
        for minute in range(MINUTES)
    ]


def _closed(lab: Lab, symbol: str, start_ms: int) -> list[dict[str, Any]]:
    """The table's own bars, not what a reader folds of the ticks behind them."""
    items = lab.platform.client("dynamodb").query(
        TableName=lab.platform.outputs["table"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"bars#{symbol}"}},
    )["Items"]
    if len(items) < MINUTES:
        return []
    end = iso(start_ms + MINUTES * MINUTE_MS)
    bars = lab.get(f"/bars/{symbol}?interval=1m&from={iso(start_ms)}&to={end}")["bars"]
    names = expected(start_ms)[0].keys()
    return [{name: bar[name] for name in names} for bar in bars]
