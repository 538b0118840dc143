"""`tickwire watch`: prices as they happen, a line each."""

from __future__ import annotations

import click

from tickwire import wire
from tickwire.tick import Tick, iso
from tickwire_client._client import Client
from tickwire_client.cli._shared import Setting, platform_options, run, while_read


@click.command()
@click.argument("symbols", nargs=-1)
@click.option("-n", "--count", type=click.IntRange(min=1), help="End after this many ticks.")
@platform_options
def watch(setting: Setting, symbols: tuple[str, ...], count: int | None) -> None:
    """Print the prices of SYMBOLS as they happen, of all the stage's when none is named."""
    run(_watch(setting, symbols, count))


async def _watch(setting: Setting, symbols: tuple[str, ...], count: int | None) -> None:
    async with Client(setting.url) as client, while_read():
        try:
            left = count
            async for tick in client.ticks(*symbols):
                click.echo(wire.encode([tick]) if setting.as_json else _line(tick))
                if left is not None:
                    left -= 1
                    if left == 0:
                        return
        finally:
            missed = client.stats().conflated
            if missed:
                click.echo(
                    f"tickwire: left out {missed} ticks, as newer ones came before they were read", err=True
                )


def _line(tick: Tick) -> str:
    return f"{iso(tick.time_ms)}  {tick.symbol:<12}  {tick.price:f}"
