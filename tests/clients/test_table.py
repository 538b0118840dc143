"""The table of `tickwire watch`: what it shows of a symbol, and that colour never says it alone."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from decimal import Decimal

import pytest

from tests.clients.site import Site
from tests.clients.stage import DEADLINE_S, SERIES, TIME_MS, Stage
from tests.clients.test_cli import COMMAND, environment, saying
from tickwire.tick import Tick
from tickwire_client import Quote
from tickwire_client.cli._table import Board, age, sparkline
from tickwire_client.testing import MemoryPlatform

rich_console = pytest.importorskip("rich.console")


def tick(price: str, seq: int, time_ms: int = TIME_MS) -> Tick:
    return Tick("AAPL", Decimal(price), time_ms, series=SERIES, seq=seq)


def shown(board: Board) -> list[str]:
    console = rich_console.Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(board.view(now_ms=TIME_MS + 400, caption="stage test"))
    found: str = capture.get()
    return [line.rstrip() for line in found.splitlines()]


def test_a_row_tells_price_change_last_move_last_prices_and_age() -> None:
    """The change is from the previous close, the arrow from the price before."""
    board = Board(["AAPL", "MSFT"])
    board.start({"AAPL": Quote(tick=tick("190", 1), previous_close=Decimal("200"))})
    board.take(tick("196", 2))
    board.take(tick("195", 3))
    header, aapl, msft, caption = shown(board)
    assert header.split() == ["symbol", "price", "change", "%", "last", "prices", "age"]
    assert aapl.split() == ["AAPL", "195", "-5", "-2.50", "▼", "▁█▆", "0.4", "s"]
    assert msft.split() == ["MSFT", "no", "price", "yet"]
    assert caption == "stage test"


def test_without_a_previous_close_the_change_is_marked() -> None:
    """It is since the first price seen, and says so below."""
    board = Board(["AAPL"])
    board.take(tick("100", 1))
    board.take(tick("101", 2))
    _, aapl, caption = shown(board)
    assert aapl.split()[1:5] == ["101", "+1*", "+1.00", "▲"]
    assert "* since this watch began" in caption


def test_what_is_older_than_what_is_shown_changes_nothing() -> None:
    """The snapshot may come after the first ticks."""
    board = Board(["AAPL"])
    board.take(tick("101", 2))
    board.start({"AAPL": Quote(tick=tick("100", 1), previous_close=Decimal("100"))})
    assert shown(board)[1].split()[1:5] == ["101", "+1", "+1.00", "="]


def test_a_sparkline_spans_its_prices() -> None:
    """Lowest to highest, whatever they are; one price, or none, is no movement."""
    assert sparkline([Decimal(n) for n in (1, 2, 8)]) == "▁▂█"
    assert sparkline([Decimal("0.00000001")] * 3) == "▁▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-5, "0.0 s"),
        (9_940, "9.9 s"),
        (119_999, "119 s"),
        (120_000, "2 min"),
        (7_200_000, "2 h"),
        (1e9, "11 d"),
    ],
)
def test_an_age_has_one_unit(ms: float, said: str) -> None:
    """And is never negative, though clocks differ."""
    assert age(ms) == said


def on_a_terminal(url: str, *arguments: str, **surroundings: str) -> tuple[int, str]:
    """The command's exit code, and what it put on a terminal."""
    ours, theirs = pty.openpty()
    surroundings = environment(url) | {"TERM": "xterm-256color", "COLUMNS": "100"} | surroundings
    process = subprocess.Popen([*COMMAND, *arguments], env=surroundings, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 65_536):
            seen += data
    except OSError:
        pass  # so a terminal tells that the other end is gone
    finally:
        os.close(ours)
    return process.wait(DEADLINE_S), seen.decode()


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_on_a_terminal_it_is_a_live_table(stage: Stage, site: Site, no_colour: str) -> None:
    """With colours, unless NO_COLOR; the last state stays when it ends, and the cursor is back."""
    site.prices = [
        {"symbol": "AAPL", "price": 180, "timestamp": "2026-11-21T14:30:00Z", "seq": 0, "series": 9}
        | {"previousClose": 150}
    ]
    with saying(stage, "AAPL", "189.5"):
        code, text = on_a_terminal(stage.url, "watch", "AAPL", "-n", "3", NO_COLOR=no_colour)
    assert code == 0
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text[text.rindex("AAPL") :])
    assert last.split()[:4] == ["AAPL", "189.5", "+39.5", "+26.33"]
    assert ("\x1b[32m" in text) is not bool(no_colour)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


@pytest.mark.parametrize("surroundings", [{"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}])
def test_a_terminal_that_can_not_show_it_gets_lines(surroundings: dict[str, str]) -> None:
    """No blocks and arrows where they can't be written, no cursor that moves where it can't."""
    with MemoryPlatform("AAPL") as memory:
        memory.say("AAPL", "189.5")
        code, text = on_a_terminal(memory.url, "watch", "AAPL", "-n", "1", **surroundings)
    assert code == 0
    assert re.fullmatch(r"20\d\d-\S+Z  AAPL          189\.5\r\n", text)
