"""`tickwire watch`: prices as they happen, as a live table on a terminal and a line each elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import click

from tickwire import wire
from tickwire.tick import Tick, iso
from tickwire_client import Client, Event, Status, Stream
from tickwire_client.cli._shared import Setting, is_screen, platform_options, run, tell, while_read

REDRAW_S = 0.25

Take = Callable[[Tick | Event], None]


@click.command()
@click.argument("symbols", nargs=-1)
@click.option("-n", "--count", type=click.IntRange(min=1), help="End after this many ticks.")
@click.option("--lines", is_flag=True, help="Print a line for each tick on a terminal, too.")
@platform_options
def watch(setting: Setting, symbols: tuple[str, ...], count: int | None, lines: bool) -> None:
    """Show the prices of SYMBOLS as they happen, of all the stage's when none is named.

    On a terminal a live table: price, change from the previous close, the last move, the last prices, and
    how old the newest is. Elsewhere a line for each tick; what else happens, such as a loss or a connection
    that breaks, goes to standard error.
    """
    run(_watch(setting, symbols, count, live=is_screen() and not lines and not setting.as_json))


async def _watch(setting: Setting, symbols: tuple[str, ...], count: int | None, *, live: bool) -> None:
    async with Client(setting.url) as client, while_read():
        try:
            async with client.ticks(*symbols, events=True) as stream:
                if live:
                    async with _table(client, symbols) as take:
                        await _each(stream, take, count)
                else:
                    await _each(stream, _line(as_json=setting.as_json), count)
        finally:
            stats = client.stats()
            if stats.conflated:
                missed = f"{stats.conflated} ticks, as newer ones came before they were read"
                click.echo(f"tickwire: left out {missed}", err=True)
            if stats.undecodable:
                click.echo(f"tickwire: left out {stats.undecodable} messages that can't be read", err=True)


async def _each(stream: Stream[Tick | Event], take: Take, count: int | None) -> None:
    left = count
    async for item in stream:
        take(item)
        if left is not None and isinstance(item, Tick):
            left -= 1
            if left == 0:
                return


@contextlib.asynccontextmanager
async def _table(client: Client, symbols: tuple[str, ...]) -> AsyncIterator[Take]:
    """The table, drawn anew a few times a second: ages grow without ticks."""
    from rich.console import Console
    from rich.live import Live

    from tickwire_client.cli._table import Board

    wanted = client.platform.audible(symbols)
    board = Board(wanted)
    board.start(await client.latest(*wanted))
    state = "connected"

    def take(item: Tick | Event) -> None:
        nonlocal state
        if isinstance(item, Tick):
            board.take(item)
        elif isinstance(item, Status):
            state = item.state if item.state == "connected" else f"{item.state} ({item.why})"

    def draw() -> None:
        stats = client.stats()
        counts = {"ticks": stats.received, "gaps": stats.gaps, "reconnects": stats.reconnects}
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "ticks")
        caption = f"stage {client.platform.stage}, {state}: {told}"
        live.update(board.view(now_ms=time.time() * 1000, caption=caption), refresh=True)

    async def keep_drawing() -> None:
        while True:
            draw()
            await asyncio.sleep(REDRAW_S)

    with Live(console=Console(), auto_refresh=False, transient=False) as live:
        drawing = asyncio.create_task(keep_drawing())
        try:
            yield take
            draw()
        finally:
            drawing.cancel()


def _line(*, as_json: bool) -> Take:
    def take(item: Tick | Event) -> None:
        if not isinstance(item, Tick):
            tell(item)
        elif as_json:
            click.echo(wire.encode([item]))
        else:
            click.echo(f"{iso(item.time_ms)}  {item.symbol:<12}  {item.price:f}")

    return take
