"""Ticks on file, and played again: JSON Lines, a price message on each, as `tickwire watch --json` prints.

In: ticks, or a file of them. Out: a file, or its ticks at the pace at which they were observed. What is on a
line is what the platform sends, so prices survive exactly and other programs can read it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

from tickwire import wire
from tickwire.tick import Tick
from tickwire_client.errors import RecordingError

TURN_TICKS = 100  # played without a wait, before the loop's other tasks get their turn


async def record(
    ticks: AsyncIterable[Tick],
    path: str | os.PathLike[str],
    *,
    append: bool = False,
    told: Callable[[int], None] = lambda count: None,
) -> int:
    """Write ticks to `path` as they come, until they end; how many there were.

    Each line is handed to the system at once, so that only a line that was being written can be cut. A file
    that exists is an error (FileExistsError), unless it is appended to. `told` hears the count so far.
    """
    count = 0
    with open(path, "a" if append else "x", encoding="utf-8", buffering=1) as file:
        async for tick in ticks:
            file.write(wire.encode([tick]) + "\n")
            count += 1
            told(count)
    return count


def read(path: str | os.PathLike[str]) -> Iterator[Tick]:
    """The ticks of a file, in its order. RecordingError names the line that isn't a price message."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield from wire.decode(line)
                except wire.WireError as error:
                    raise RecordingError(os.fspath(path), number, str(error)) from None


async def replay(path: str | os.PathLike[str], *, speed: float = 1.0) -> AsyncIterator[Tick]:
    """The ticks of a file, `speed` times as fast as they were observed; 0 is as fast as they are taken.

    Their numbers and times stay as recorded. The pace is that of their timestamps from the first on: a reader
    that is slow delays those after it until it has caught up, and nothing is left out.
    """
    if not speed >= 0:
        raise ValueError(f"speed is {speed}; expected 0 (no waiting) or more")
    loop = asyncio.get_running_loop()
    began_s, began_ms, turn = loop.time(), None, 0
    for tick in read(path):
        if began_ms is None:
            began_ms = tick.time_ms
        wait_s = 0.0
        if speed:
            wait_s = began_s + (tick.time_ms - began_ms) / 1000 / speed - loop.time()
        turn = 0 if wait_s > 0 else turn + 1
        if wait_s > 0 or turn % TURN_TICKS == 0:
            await asyncio.sleep(max(0.0, wait_s))
        yield tick
