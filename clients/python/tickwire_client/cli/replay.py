"""`tickwire replay`: a recording through the API's door, at the pace at which it was observed or another."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import click

from tickwire import wire
from tickwire_client import Client, recording
from tickwire_client.cli._shared import (
    Number,
    Setting,
    key_option,
    needed,
    platform_options,
    progress,
    run,
    while_read,
)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True))
@click.option(
    "--speed",
    type=Number(min=0),
    default=1.0,
    show_default=True,
    help="How many times as fast as it was observed; 0 is as fast as it goes.",
)
@click.option("--keep-times", is_flag=True, help="Send the recorded timestamps.  [default: time of arrival]")
@click.option("--dry-run", is_flag=True, help="Print the ticks, one JSON object a line, and send nothing.")
@key_option
@platform_options
def replay(
    setting: Setting, file: str, speed: float, keep_times: bool, dry_run: bool, key: str | None
) -> None:
    """Publish the ticks of a recording again, in order.

    The file is read through first, so that nothing is sent of one with a mistake. The platform numbers the
    ticks anew.
    """
    if dry_run:
        run(_print(file, speed))
        return
    run(_replay(setting, file, speed=speed, keep_times=keep_times, key=needed(key)))


async def _print(file: str, speed: float) -> None:
    async with while_read():
        async for tick in recording.replay(file, speed=speed):
            click.echo(wire.encode([tick]))


async def _replay(setting: Setting, file: str, *, speed: float, keep_times: bool, key: str) -> None:
    counts = Counter(tick.symbol for tick in recording.read(file))
    total, publisher = counts.total(), None
    async with Client(setting.url) as client:
        client.platform.check(counts)
        try:
            with progress() as show:
                async with client.publisher(key=key) as publisher:
                    async for tick in recording.replay(file, speed=speed):
                        await publisher.send(tick if keep_times else replace(tick, time_ms=0))
                        show(f"{publisher.accepted} of {total} ticks sent")
        finally:
            if publisher is not None:
                click.echo(f"tickwire: sent {publisher.accepted} of {total} ticks", err=True)
