"""Frames: a row for each tick or bar, in order, with times in UTC and numbers that pandas calculates with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.clients.stage import SERIES, TIME_MS, run
from tests.clients.test_cli import environment
from tickwire.tick import Tick
from tickwire_client.frames import collect, frame

pd = pytest.importorskip("pandas")

TICKS = [
    Tick("AAPL", Decimal("189.450"), TIME_MS, Decimal("189.4"), None, Decimal(7), "x", SERIES, 1),
    Tick("MSFT", Decimal("410"), TIME_MS + 1, series=SERIES, seq=9),
]


def test_ticks_become_rows_indexed_by_time() -> None:
    """Each field a column; what isn't there is missing, in pandas' own way."""
    made = frame(iter(TICKS))
    assert list(made.columns) == ["symbol", "price", "bid", "ask", "volume", "source", "series", "seq"]
    assert made.index.name == "timestamp"
    assert str(made.index.tz) == "UTC"
    assert [stamp.isoformat(timespec="milliseconds") for stamp in made.index] == [
        "2026-11-21T14:30:00.123+00:00",
        "2026-11-21T14:30:00.124+00:00",
    ]
    assert made["price"].dtype == "float64"
    assert made["price"].mean() == pytest.approx(299.725)
    assert made["bid"].isna().tolist() == [False, True]
    assert made["seq"].tolist() == [1, 9]


def test_exact_prices_stay_decimals() -> None:
    """For those who count money."""
    assert frame(TICKS, exact=True)["price"].tolist() == [Decimal("189.450"), Decimal("410")]


def test_nothing_is_an_empty_frame_with_the_columns_of_ticks() -> None:
    """So that what follows needs no special case."""
    made = frame([])
    assert (len(made), made.index.name, "price" in made.columns) == (0, "timestamp", True)


def test_bars_are_indexed_by_their_start() -> None:
    """Any value with a `start` is taken for one."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Bar:
        symbol: str
        start: datetime
        close: Decimal

    start = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
    made = frame([Bar(symbol="AAPL", start=start, close=Decimal("1.5"))])
    assert (made.index[0], made.index.name, made["close"].tolist()) == (start, "start", [1.5])


def test_an_asynchronous_iterable_is_collected() -> None:
    """A history is one."""

    async def each() -> AsyncIterator[Tick]:
        for tick in TICKS:
            yield tick

    assert len(run(collect(each()))) == 2


def test_importing_it_does_not_import_pandas() -> None:
    """It is an extra, and takes a second to load."""
    code = "import tickwire_client.frames, sys; print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(None), capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
