"""`tickwire publish`: one tick through the API's door."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import click

from tickwire.tick import Tick, parse_iso
from tickwire_client._client import Client
from tickwire_client.cli._shared import Setting, key_option, needed, platform_options, run

_DIGITS = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def _number(text: str) -> Decimal:
    number = Decimal(text) if _DIGITS.fullmatch(text) else Decimal(0)
    if number <= 0:
        raise click.BadParameter(f"{text!r} is not a positive finite number")
    return number


def _time(text: str) -> int:
    try:
        return parse_iso(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time such as 2026-11-21T14:30:00.123Z") from None


class _Priced(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A price below 0 is no option: its own check is to speak.
        ctx.ignore_unknown_options = any(re.match(r"-\.?\d", arg) for arg in args)
        return super().parse_args(ctx, args)


@click.command(cls=_Priced)
@click.argument("symbol")
@click.argument("price", type=_number)
@click.option("--bid", type=_number)
@click.option("--ask", type=_number)
@click.option("--volume", type=_number)
@click.option("--source", help="Where the price is from.")
@click.option("--timestamp", "time_ms", type=_time, help="ISO 8601 with a zone.  [default: time of arrival]")
@key_option
@platform_options
def publish(
    setting: Setting,
    symbol: str,
    price: Decimal,
    bid: Decimal | None,
    ask: Decimal | None,
    volume: Decimal | None,
    source: str | None,
    time_ms: int | None,
    key: str | None,
) -> None:
    """Publish one tick: tickwire publish AAPL 189.45"""
    tick = Tick(symbol, price, time_ms or 0, bid, ask, volume, source)
    run(_publish(setting, tick, needed(key)))


async def _publish(setting: Setting, tick: Tick, key: str) -> None:
    async with Client(setting.url) as client:
        accepted = await client.publish(tick, key=key)
    if setting.as_json:
        click.echo(json.dumps({"accepted": accepted, "symbol": tick.symbol}))
    else:
        click.echo(f"accepted {accepted} tick: {tick.symbol} {tick.price:f}")
