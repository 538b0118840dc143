"""Recordings: what is written is what is read, and replayed in order; a mistake in a file is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.clients.site import KEY, Site
from tests.clients.stage import SERIES, TIME_MS, Stage, run
from tests.clients.test_cli import running, saying, tickwire
from tickwire.tick import Tick
from tickwire_client import RecordingError, recording

TICKS = [
    Tick("AAPL", Decimal("189.450"), TIME_MS, Decimal("189.4"), None, Decimal(7), "x", SERIES, 1),
    Tick("BTC-USD", Decimal("0.00000001"), TIME_MS + 50, series=SERIES, seq=9),
    Tick("AAPL", Decimal("190"), TIME_MS + 100, series=SERIES, seq=2),
]


async def each(ticks: list[Tick]) -> AsyncIterator[Tick]:
    for tick in ticks:
        yield tick


def recorded(path: Path, ticks: list[Tick]) -> Path:
    assert run(recording.record(each(ticks), path)) == len(ticks)
    return path


def test_what_was_recorded_is_what_is_read(tmp_path: Path) -> None:
    """Each field exactly, a line a tick."""
    path = recorded(tmp_path / "r.jsonl", TICKS)
    assert list(recording.read(path)) == TICKS
    assert len(path.read_text().splitlines()) == 3


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    """It is appended to if asked for, and an error otherwise."""
    path = recorded(tmp_path / "r.jsonl", TICKS)
    with pytest.raises(FileExistsError):
        run(recording.record(each(TICKS), path))
    run(recording.record(each(TICKS), path, append=True))
    assert list(recording.read(path)) == TICKS * 2


def test_a_replay_keeps_the_order_and_the_pace(tmp_path: Path) -> None:
    """Nothing comes before its time: 50 ms of a recording at half the speed are at least 100 ms."""
    path = recorded(tmp_path / "r.jsonl", TICKS)

    async def play() -> list[tuple[Tick, float]]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        return [(tick, loop.time() - began_s) async for tick in recording.replay(path, speed=0.5)]

    found = run(play())
    assert [tick for tick, _ in found] == TICKS
    assert found[1][1] >= 0.1
    assert found[2][1] >= 0.2


def test_a_replay_without_waits_yields_everything(tmp_path: Path) -> None:
    """Speed 0, also where times go back."""
    path = recorded(tmp_path / "r.jsonl", TICKS[::-1] * 200)

    async def play() -> list[Tick]:
        return [tick async for tick in recording.replay(path, speed=0)]

    assert run(play()) == TICKS[::-1] * 200


@pytest.mark.parametrize("line", ['{"symbol":"AAPL"}', "not JSON", '{"symbol":"AAPL","pri'])
def test_a_line_that_is_no_price_message_is_named(tmp_path: Path, line: str) -> None:
    """By file and number, also a last one that was cut; what stood before it was given out."""
    path = recorded(tmp_path / "r.jsonl", TICKS)
    path.write_text(path.read_text() + "\n" + line)
    read = recording.read(path)
    assert [next(read) for _ in TICKS] == TICKS
    with pytest.raises(
        RecordingError, match=r"r\.jsonl, line 5: payload .*; expected a price message"
    ) as caught:
        next(read)
    assert (caught.value.path, caught.value.line) == (str(path), 5)


def test_the_command_records_what_happens(stage: Stage, tmp_path: Path) -> None:
    """Exactly what was published, readable while it goes on; then the count, on standard error."""
    path = tmp_path / "r.jsonl"
    with saying(stage, "AAPL", "189.450"):
        done = tickwire(stage.url, "record", "AAPL", "-o", str(path), "-n", "3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"tickwire: recorded 3 ticks to {path}\n")
    seqs = [tick.seq for tick in recording.read(path)]
    assert seqs == sorted(set(seqs))
    again = tickwire(stage.url, "record", "AAPL", "-o", str(path))
    assert (again.returncode, again.stderr) == (
        2,
        f"tickwire: {path}: file exists; expected a new file, or --append\n",
    )


def test_an_interrupt_ends_a_recording_with_whole_lines(stage: Stage, tmp_path: Path) -> None:
    """It is how one without an end is ended."""
    path = tmp_path / "r.jsonl"
    with saying(stage, "AAPL", "1"), running(stage.url, "record", "AAPL", "-o", str(path)) as process:
        while not path.exists() or path.read_text().count("\n") < 3:
            assert process.poll() is None
        process.send_signal(2)
        said = process.communicate()[1]
    assert process.returncode == 130
    assert said.strip() == f"tickwire: recorded {len(list(recording.read(path)))} ticks to {path}"


def test_the_command_replays_through_the_door(stage: Stage, site: Site, tmp_path: Path) -> None:
    """In order, at any speed, with the time of arrival or the recorded one."""
    path = recorded(tmp_path / "r.jsonl", TICKS)
    done = tickwire(stage.url, "replay", str(path), "--speed", "10", "--key", KEY)
    assert (done.returncode, done.stderr) == (0, "tickwire: sent 3 of 3 ticks\n")
    sent = [entry for body in site.posted for entry in json.loads(body)]
    assert [(entry["symbol"], "timestamp" in entry) for entry in sent] == [
        (tick.symbol, False) for tick in TICKS
    ]
    assert b'"price":189.450,' in site.posted[0]
    site.posted.clear()
    tickwire(stage.url, "replay", str(path), "--speed", "0", "--keep-times", "--key", KEY)
    assert json.loads(site.posted[0])[0]["timestamp"] == "2026-11-21T14:30:00.123Z"


def test_nothing_is_sent_of_a_file_with_a_mistake(stage: Stage, site: Site, tmp_path: Path) -> None:
    """A line that isn't a message, or a symbol that the stage doesn't carry: one line, exit code 2."""
    path = recorded(tmp_path / "r.jsonl", TICKS)
    path.write_text(path.read_text() + "{}\n")
    done = tickwire(stage.url, "replay", str(path), "--key", KEY)
    assert (done.returncode, done.stderr.count("\n"), site.posted) == (2, 1, [])
    assert "line 4" in done.stderr
    other = recorded(tmp_path / "other.jsonl", [*TICKS, Tick("APPL", Decimal(1), TIME_MS, seq=1)])
    done = tickwire(stage.url, "replay", str(other), "--key", KEY)
    assert (done.returncode, done.stderr.count("\n"), site.posted) == (2, 1, [])
    assert "'APPL'" in done.stderr


def test_a_dry_run_prints_and_needs_no_platform(tmp_path: Path) -> None:
    """The lines of the file, at its pace, for any program that reads them."""
    path = recorded(tmp_path / "r.jsonl", TICKS)
    done = tickwire(None, "replay", str(path), "--dry-run", "--speed", "0")
    assert (done.returncode, done.stdout) == (0, path.read_text())
