"""History whose oldest part has expired: what is kept is found, and what is gone costs little to miss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.stub import Account, account
from handlers import query
from handlers.history import History
from tickwire.intake import ticks
from tickwire.ledger import Entry
from tickwire.tick import iso, parse_iso

START_MS = parse_iso("2026-11-21T13:30:00Z")
TICKS = 180  # one a minute: until half past four
FAR = 1_000_000  # ticks
KEEP_S = 3_600


@pytest.fixture
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """AAPL with a tick a minute, each kept for an hour."""
    with account() as made:
        now_ms = START_MS
        monkeypatch.setattr("handlers.history.time.time", lambda: now_ms / 1000)
        history = History("history", keep_s=KEEP_S)
        for number in range(1, TICKS + 1):
            now_ms = START_MS + number * 60_000
            body = json.dumps({"symbol": "AAPL", "price": number})
            history.append("AAPL", [Entry(number, now_ms, tuple(_ticks(body, now_ms)))])
        yield made


def _ticks(body: str, now_ms: int) -> list[Any]:
    return ticks(body, symbols={"AAPL"}, arrived_ms=now_ms)


def expire(table: Account, now_ms: int) -> None:
    """Do as the table's TTL does."""
    for partition in table.items.values():
        for sk, item in list(partition.items()):
            if "expires" in item and int(item["expires"]["N"]) * 1000 <= now_ms:
                del partition[sk]
    table.calls.clear()


def get(**parameters: str) -> dict[str, Any]:
    answer = query.handler({"rawPath": "/api/prices/AAPL", "queryStringParameters": parameters}, None)
    assert answer["statusCode"] == 200
    body: dict[str, Any] = json.loads(answer["body"])
    return body


def at(minute: int) -> str:
    return iso(START_MS + minute * 60_000)


def test_what_is_kept_of_an_hour_is_found_when_its_beginning_is_gone(table: Account) -> None:
    """At 16:30 the ticks from 15:30 are kept; the hour that they are in began at 15:00."""
    expire(table, START_MS + 180 * 60_000)
    assert [t["seq"] for t in get(**{"from": at(130), "to": at(140)})["ticks"]] == list(range(130, 140))
    assert [t["seq"] for t in get(**{"from": at(10), "to": at(125)})["ticks"]] == [121, 122, 123, 124]
    assert [t["seq"] for t in get(**{"from": at(160)})["ticks"]] == list(range(160, 181))
    assert [t["seq"] for t in get(after_seq="10")["ticks"]] == list(range(121, 181))


@pytest.mark.parametrize("kept", [0, 1, 700, 1_000, 1_001, 250_000])
def test_a_gap_of_a_million_costs_some_twenty_queries(table: Account, kept: int) -> None:
    """The order stands far on, and all but the last ticks have expired, or every one."""
    _leave(table, kept)
    first = [t["seq"] for t in get(after_seq="0", limit="100")["ticks"]][:1]
    assert first == ([FAR - kept + 1] if kept else [])
    assert table.calls["Query"] <= 20
    table.calls.clear()
    assert [t["seq"] for t in get(**{"from": at(0)}, limit="100")["ticks"]][:1] == first
    assert table.calls["Query"] <= 20


def _leave(table: Account, kept: int) -> None:
    """A symbol that stands at `FAR`, with its last `kept` ticks only, ten a chunk at most."""
    newest = table.items["newest"]["AAPL"]
    series = newest["series"]["N"]
    chunk = next(
        item for pk, items in table.items.items() if pk.startswith("AAPL#") for item in items.values()
    )
    table.items.clear()
    table.items["newest"] = {"AAPL": {**newest, "seq": {"N": str(FAR)}}}
    row = json.loads(chunk["r"]["S"])[0]
    seq = FAR - kept + 1
    while seq <= FAR:
        count = min(10 - (seq - 1) % 10, FAR - seq + 1)
        pk, sk = f"AAPL#{series}#{(seq - 1) // 1000}", f"{seq:012d}"
        rows = json.dumps([row] * count)
        table.items.setdefault(pk, {})[sk] = {**chunk, "pk": {"S": pk}, "sk": {"S": sk}, "r": {"S": rows}}
        seq += count
    table.calls.clear()
