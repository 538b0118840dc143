"""`tickwire history`: what was, as a table, CSV or JSON Lines, over as many pages as it takes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.clients.site import Site
from tests.clients.stage import Stage
from tests.clients.test_cli import tickwire
from tickwire import wire
from tickwire.tick import Tick, iso, parse_iso
from tickwire_client.testing import MemoryPlatform

NOON_MS = parse_iso("2026-11-21T12:00:00Z")
RANGE = ("--from", "2026-11-21T12:00:00Z", "--to", "2026-11-21T13:00:00Z")


@pytest.fixture
def memory() -> Iterator[MemoryPlatform]:
    """2,500 ticks of AAPL, one each second from noon on; one of MSFT, a while ago."""
    with MemoryPlatform("AAPL", "MSFT") as platform:
        price = Decimal("189.450")
        platform.take([Tick("AAPL", price, NOON_MS + 1000 * n, bid=price - 1) for n in range(2500)])
        platform.say("MSFT", "1", time_ms=NOON_MS)
        yield platform


def test_a_table_has_a_header_and_a_line_for_each_tick(memory: MemoryPlatform) -> None:
    """All pages of it, in order; the first instant is in, the last is not."""
    done = tickwire(memory.url, "history", "AAPL", *RANGE)
    assert (done.returncode, done.stderr) == (0, "")
    header, first, *rest = done.stdout.splitlines()
    assert header.split() == ["time", "symbol", "price", "bid", "ask", "volume", "source", "seq", "series"]
    assert first.split()[:4] == ["2026-11-21T12:00:00.000Z", "AAPL", "189.450", "188.450"]
    assert len(rest) == 2499
    assert header.index("price") + len("price") == first.index("189.450") + len("189.450")
    done = tickwire(memory.url, "history", "AAPL", "--from", iso(NOON_MS), "--to", iso(NOON_MS + 1000))
    assert len(done.stdout.splitlines()) == 2


def test_csv_and_json_hold_every_field_exactly(memory: MemoryPlatform) -> None:
    """For programs: the digits as they were, a column or a member for each field."""
    rows = list(csv.DictReader(io.StringIO(tickwire(memory.url, "history", "AAPL", *RANGE, "--csv").stdout)))
    assert (len(rows), rows[0]["price"], rows[0]["ask"], rows[-1]["seq"]) == (2500, "189.450", "", "2500")
    lines = tickwire(memory.url, "history", "AAPL", *RANGE, "--json", "-n", "3").stdout.splitlines()
    ticks = [tick for line in lines for tick in wire.decode(line)]
    assert ticks == memory.kept("AAPL")[:3]


def test_a_count_ends_it(memory: MemoryPlatform) -> None:
    """Also beyond the first page."""
    done = tickwire(memory.url, "history", "AAPL", *RANGE, "-n", "1001", "--json")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1001)


def test_nothing_in_the_range_is_said(memory: MemoryPlatform) -> None:
    """By default it is the last quarter of an hour; an empty answer isn't silence, nor a failure."""
    done = tickwire(memory.url, "history", "MSFT", "--csv")
    assert done.returncode == 0
    assert done.stdout == "time,symbol,price,bid,ask,volume,source,seq,series\n"
    assert done.stderr == "tickwire: nothing of MSFT is kept for that time\n"
    memory.say("MSFT", "2")
    assert tickwire(memory.url, "history", "MSFT", "--from", "2h", "--csv").stdout.count("\n") == 2


def test_bars_are_asked_for_by_their_interval(stage: Stage, site: Site) -> None:
    """With the open one marked."""
    start, end = "2026-11-21T12:00:00.000Z", "2026-11-21T12:05:00.000Z"
    bar = {"symbol": "AAPL", "interval": "5m", "start": start, "end": end, "open": 1, "high": 2.5, "low": 1}
    bar |= {"close": 2, "volume": 100, "vwap": None, "average5m": 1.5, "count": 3, "first": 1, "last": 3}
    site.api = lambda path, query: (200, {"bars": [bar | {"series": 9, "closed": False}]})
    done = tickwire(stage.url, "history", "AAPL", "--bars", "5m", *RANGE)
    header, line = done.stdout.splitlines()
    assert header.split()[:7] == ["start", "symbol", "interval", "open", "high", "low", "close"]
    assert line.split() == [start, "AAPL", "5m", "1", "2.5", "1", "2", "100", "3", "no"]
    (row,) = csv.DictReader(
        io.StringIO(tickwire(stage.url, "history", "AAPL", "--bars", "5m", "--csv").stdout)
    )
    assert (row["start"], row["high"], row["vwap"], row["closed"]) == (start, "2.5", "", "no")
    found = json.loads(tickwire(stage.url, "history", "AAPL", "--bars", "5m", "--json").stdout)
    assert (found["start"], found["high"], found["vwap"], found["average5m"]) == (start, 2.5, None, 1.5)
    assert (found["closed"], found["corrected"], found["last"]) == (False, False, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["APPL"], "'APPL', which this stage doesn't carry; did you mean AAPL?"),
        (["AAPL", "--from", "noon"], "'noon' is not a time; expected ISO 8601 with a zone"),
        (["AAPL", "--from", "2026-11-21T12:00:00"], "is not a time; expected ISO 8601 with a zone"),
        (["AAPL", "--from", "999999d"], "'999999d' is not a time; expected ISO 8601 with a zone"),
        (["AAPL", "--to", "9999-12-31T23:59:59-14:00"], "is not a time; expected ISO 8601 with a zone"),
        (["AAPL", "--from", "1m", "--to", "2m"], "expected a time before --to"),
        (["AAPL", "--csv", "--json"], "expected one of them"),
        (["AAPL", "--bars", "7m"], "'7m' is not one of '1m'"),
        ([], "Missing argument 'SYMBOL'"),
    ],
)
def test_a_mistake_is_one_line(memory: MemoryPlatform, arguments: list[str], said: str) -> None:
    """With exit code 2, before anything is printed."""
    done = tickwire(memory.url, "history", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert done.stdout == ""
