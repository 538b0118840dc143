"""`tickwire record`: ticks into a file of JSON Lines, to be read by any program and played by `replay`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

import click

from tickwire.tick import Tick
from tickwire_client import Client, Event, recording
from tickwire_client.cli._shared import Number, Setting, platform_options, progress, run, tell


@click.command()
@click.argument("symbols", nargs=-1)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="The file. It must not exist."
)
@click.option("--append", is_flag=True, help="Write at the end of a file that exists.")
@click.option("-n", "--count", type=click.IntRange(min=1), help="End after this many ticks.")
@click.option(
    "--for",
    "for_s",
    type=Number(min=0, min_open=True),
    metavar="SECONDS",
    help="End after this time.",
)
@platform_options
def record(
    setting: Setting,
    symbols: tuple[str, ...],
    output: str,
    append: bool,
    count: int | None,
    for_s: float | None,
) -> None:
    """Write the ticks of SYMBOLS to a file as they happen, of all the stage's when none is named.

    Each line is a price message. Of live lanes the recording is whole: what is missed is fetched. Without
    --count or --for it goes on until it is interrupted.
    """
    run(_record(setting, symbols, output, append=append, count=count, for_s=for_s))


async def _record(
    setting: Setting,
    symbols: tuple[str, ...],
    output: str,
    *,
    append: bool,
    count: int | None,
    for_s: float | None,
) -> None:
    written = 0

    def told(so_far: int) -> None:
        nonlocal written
        written = so_far
        show(f"{so_far} ticks recorded to {output}")

    try:
        async with Client(setting.url) as client:
            wanted = client.platform.audible(symbols)
            whole = all(client.platform.live(symbol) for symbol in wanted)
            stream = client.ticks(*wanted, lossless=whole, events=True)
            with progress() as show:
                async with asyncio.timeout(for_s), stream:
                    await recording.record(_first(stream, count), output, append=append, told=told)
    except TimeoutError:
        pass  # the time that was asked for is over
    except OSError as error:
        hint = "; expected a new file, or --append" if isinstance(error, FileExistsError) else ""
        raise click.UsageError(f"{output}: {(error.strerror or str(error)).lower()}{hint}") from None
    finally:
        if written:
            click.echo(f"tickwire: recorded {written} ticks to {output}", err=True)


async def _first(items: AsyncIterable[Tick | Event], count: int | None) -> AsyncIterator[Tick]:
    """The ticks, up to so many; what else happens is told."""
    taken = 0
    async for item in items:
        if not isinstance(item, Tick):
            tell(item)
            continue
        yield item
        taken += 1
        if taken == count:
            return
