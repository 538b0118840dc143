"""`tickwire history`: the ticks or bars of a time that has passed, as a table, CSV or JSON Lines."""

from __future__ import annotations

import csv
import functools
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from tickwire import wire
from tickwire.tick import Tick, iso, to_ms
from tickwire.topic import INTERVALS
from tickwire_client import Bar, Client
from tickwire_client.cli._shared import Setting, platform_options, progress, run, while_read

TICK = ("time", "symbol", "price", "bid", "ask", "volume", "source", "seq", "series")
BAR = ("start", "symbol", "interval", "open", "high", "low", "close", "volume", "vwap", "count", "closed")
WIDTHS = {"time": 24, "start": 24, "symbol": 12, "interval": 8, "source": 12, "closed": 6}
TEXT = ("time", "start", "symbol", "interval", "source", "closed")
WIDTH = 13
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _moment(text: str) -> datetime:
    """`2026-11-21T14:30:00Z`, or how long ago: `90s`, `15m`, `2h`, `3d`."""
    try:
        if found := re.fullmatch(r"([0-9]{1,6})([smhd])", text):
            return datetime.now(UTC) - timedelta(**{UNITS[found[2]]: int(found[1])})
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    expected = "expected ISO 8601 with a zone, such as 2026-11-21T14:30:00Z, or 15m for 15 minutes ago"
    raise click.BadParameter(f"{text!r} is not a time; {expected}")


@click.command()
@click.argument("symbol")
@click.option("--from", "start", type=_moment, metavar="TIME", help="From then on.  [default: 15m]")
@click.option("--to", "end", type=_moment, metavar="TIME", help="Before then.  [default: now]")
@click.option(
    "--bars", "interval", type=click.Choice(INTERVALS), help="Bars instead of ticks.  [default from: 60 bars]"
)
@click.option("-n", "--count", type=click.IntRange(min=1), help="End after so many.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values with a header.")
@platform_options
def history(
    setting: Setting,
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    interval: str | None,
    count: int | None,
    as_csv: bool,
) -> None:
    """Print the ticks of SYMBOL in the order of their numbers, or its bars.

    A TIME is ISO 8601 with a zone, such as 2026-11-21T14:30:00Z, or how long ago: 90s, 15m, 2h, 3d.
    """
    if as_csv and setting.as_json:
        raise click.UsageError("--csv and --json are both given; expected one of them")
    if start is not None and end is not None and start > end:
        raise click.UsageError(f"--from is {start}; expected a time before --to, {end}")
    run(_history(setting, symbol, start, end, interval=interval, count=count, as_csv=as_csv))


async def _history(
    setting: Setting,
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    *,
    interval: str | None,
    count: int | None,
    as_csv: bool,
) -> None:
    printed, show = 0, None
    printer = functools.partial(
        _printer, TICK if interval is None else BAR, as_csv=as_csv, as_json=setting.as_json
    )
    async with Client(setting.url) as client, while_read():
        with progress(beside_output=False) as tell:
            async for item in _items(client, symbol, start, end, interval):
                show = show or printer()
                show(item)
                printed += 1
                if printed == count:
                    break
                if printed % 1000 == 0:
                    tell(f"{printed} so far, to {item.timestamp if isinstance(item, Tick) else item.start}")
    if not printed:
        printer()
        click.echo(f"tickwire: nothing of {symbol} is kept for that time", err=True)


def _printer(columns: Sequence[str], *, as_csv: bool, as_json: bool) -> Callable[[Tick | Bar], None]:
    """Prints the header, where the form has one; then what it is called with."""
    if as_json:
        return _print_json
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        return lambda item: writer.writerow(_cells(item))
    click.echo(_row(columns, columns))
    return lambda item: click.echo(_row(columns, _cells(item)))


async def _items(
    client: Client, symbol: str, start: datetime | None, end: datetime | None, interval: str | None
) -> AsyncIterator[Tick | Bar]:
    if interval is not None:
        for bar in await client.bar_history(symbol, start, end, interval=interval):
            yield bar
        return
    start = start or (end or datetime.now(UTC)) - timedelta(minutes=15)
    async for tick in client.history(symbol, start, end):
        yield tick


def _cells(item: Tick | Bar) -> list[str]:
    if isinstance(item, Tick):
        numbers = [_text(value) for value in (item.price, item.bid, item.ask, item.volume)]
        return [iso(item.time_ms), item.symbol, *numbers, item.source or "", str(item.seq), str(item.series)]
    prices = (item.open, item.high, item.low, item.close, item.volume, item.vwap)
    closed = "yes" if item.closed else "no"
    return [
        *(iso(to_ms(item.start)), item.symbol, item.interval),
        *(_text(value) for value in prices),
        *(str(item.count), closed),
    ]


def _text(value: Any) -> str:
    return "" if value is None else f"{value:f}"


def _row(columns: Sequence[str], cells: Sequence[str]) -> str:
    """Aligned: text to the left, numbers to the right."""
    found = []
    for name, cell in zip(columns, cells, strict=True):
        width = WIDTHS.get(name, WIDTH)
        found.append(f"{cell:<{width}}" if name in TEXT else f"{cell:>{width}}")
    return "  ".join(found).rstrip()


def _print_json(item: Tick | Bar) -> None:
    if isinstance(item, Tick):
        click.echo(wire.encode([item]))
        return
    names = (*BAR, "end", "average5m", "first", "last", "series", "corrected")
    values = {name: getattr(item, name) for name in names}
    numbers = {"open", "high", "low", "close", "volume", "vwap", "average5m"}
    facts = {
        name: iso(to_ms(value)) if isinstance(value, datetime) else value
        for name, value in values.items()
        if name not in numbers
    }
    exact = "".join(f', "{name}": {_text(values[name]) or "null"}' for name in sorted(numbers))
    click.echo(json.dumps(facts)[:-1] + exact + "}")
