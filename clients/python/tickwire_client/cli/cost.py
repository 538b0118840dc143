"""`tickwire cost`: what a stage costs a month, from its files alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from tickwire.assumed import ASSUMED
from tickwire.cost import Bill, Line, bill
from tickwire.errors import ConfigError
from tickwire.prices import DATED, PRICES, REGION
from tickwire.savings import Beside, Saving, beside, savings
from tickwire.stage import SYMBOLS_MAX, Stage
from tickwire_client.cli._shared import Setting, platform_options
from tickwire_client.cli._stage import read_settings

SAVINGS_SHOWN = 5
CENT = 0.005


def _number(text: str) -> float | int:
    """Whatever kind of number it is; what it may be, the planner knows."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a number") from None


@click.command()
@click.option("--stage", "name", default="dev", show_default=True, help="Whose Pulumi.STAGE.yaml is read.")
@click.option(
    "--folder", type=click.Path(path_type=Path), default=".", help="Where that is.  [default: here]"
)
@click.option("--profile", help="realtime or economy, for whatever the stage's file doesn't say.")
@click.option("--symbols", metavar="N|LIST", help="How many, or which: 20, or AAPL,MSFT.")
@click.option("--trades", type=_number, help="Of each symbol, a second.")
@click.option("--hours", help="In which trades come, a month: always, market, office or a number.")
@click.option("--viewers", type=_number, help="Who watch at the same time.")
@click.option("--lane", help="What they watch: board, price or bar.")
@click.option("--watched", type=_number, help="Symbols that each watches on a price or bar lane; 0 for all.")
@click.option("--viewer-hours", help="How long each watches, a month, like --hours.")
@click.option("--requests", type=_number, help="REST requests a month.")
@click.option("--free-tier", is_flag=True, help="Take off what an AWS account gets each month for nothing.")
@platform_options
def cost(
    setting: Setting,
    name: str,
    folder: Path,
    profile: str | None,
    symbols: str | None,
    free_tier: bool,
    **workload: Any,
) -> None:
    """What a stage costs a month: tickwire cost --viewers 1000 --lane board

    Without options, for the workload that the stage's file names. Needs no cloud and no credentials.
    """
    settings = read_settings(folder, name)
    if profile is not None:
        settings["profile"] = profile
    if symbols is not None:
        settings["symbols"] = _symbols(symbols)
    settings["workload"] = _workload(settings.get("workload") or {}, **workload)
    try:
        stage = Stage.parse(settings, name=name)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    found = bill(stage, free=free_tier)
    lanes, cheaper = beside(stage, free=free_tier), savings(stage, free=free_tier)
    if setting.as_json:
        click.echo(json.dumps(_document(stage, found, lanes, cheaper)))
    else:
        click.echo("\n".join(_page(stage, found, lanes, cheaper)))


def _symbols(text: str) -> list[str]:
    if not text.lstrip("-").isdigit():
        return [part.strip() for part in text.split(",")]
    if not 1 <= int(text) <= SYMBOLS_MAX:
        raise click.UsageError(f"symbols is {text}; expected 1 to {SYMBOLS_MAX}, or their names")
    return [f"S{number:02}" for number in range(int(text))]


def _workload(
    said: Any,
    *,
    trades: float | None,
    hours: str | None,
    viewers: float | None,
    lane: str | None,
    watched: float | None,
    viewer_hours: str | None,
    requests: float | None,
) -> Any:
    """The file's workload with the options over it; one audience, as soon as an option speaks of it."""
    if not isinstance(said, dict):
        return said
    given = {"trades": trades, "hours": _hours(hours), "requests": requests}
    merged = {**said, **{key: value for key, value in given.items() if value is not None}}
    audience = {"count": viewers, "lane": lane, "symbols": watched, "hours": _hours(viewer_hours)}
    changed = {key: value for key, value in audience.items() if value is not None}
    if changed:
        first = (said.get("viewers") or [{"count": 5}])[0]
        merged["viewers"] = [{**first, **changed}]
    return merged


def _hours(text: str | None) -> float | int | str | None:
    try:
        return None if text is None else _number(text)
    except click.BadParameter:
        return text  # a word, such as market


def _document(stage: Stage, found: Bill, lanes: list[Beside], cheaper: list[Saving]) -> dict[str, Any]:
    return {
        "stage": stage.name,
        "profile": stage.profile,
        "total": round(found.total, 2),
        "currency": "USD",
        "services": {name: round(dollars, 2) for name, dollars in found.services.items()},
        "lanes": {name: round(dollars, 2) for name, dollars in found.lanes.items()},
        "lines": [dataclasses.asdict(line) for line in found.lines],
        "beside": [dataclasses.asdict(one) for one in lanes],
        "savings": [
            {
                "setting": one.change.setting,
                "value": one.change.value,
                "total": round(one.total, 2),
                "saved": round(one.saved, 2),
            }
            for one in cheaper
        ],
        "budget": stage.monthly_budget or None,
        "workload": dataclasses.asdict(stage.workload),
        "assumptions": list(ASSUMED),
        "unknown": [_unknown(line) for line in found.uncertain],
        "prices": {
            "region": REGION,
            "dated": DATED,
            "sources": {name: price.source for name, price in PRICES.items()},
        },
    }


def _page(stage: Stage, found: Bill, lanes: list[Beside], cheaper: list[Saving]) -> list[str]:
    lines = [f"{stage.name}: ${found.total:,.2f} a month ({REGION}, list prices of {DATED})"]
    if stage.monthly_budget:
        fits = "within" if found.total <= stage.monthly_budget else "beyond"
        lines.append(f"{fits} its budget of ${stage.monthly_budget:,}")
    lines += ["", *_table("service", found.services), "", *_table("lane", found.lanes)]
    viewers = sum(one.count for one in stage.workload.viewers)
    lines += ["", f"{'the same audience on':24}{'total':>14}{'of it, audience':>18}{'a viewer':>12}"]
    for one in lanes:
        each = one.audience / viewers if viewers else 0.0
        lines.append(f"{one.name:24}{one.total:14,.2f}{one.audience:18,.2f}{each:12,.2f}")
    if cheaper:
        lines += ["", f"{'what saves most':32}{'total':>14}{'saved':>14}"]
        lines += [f"{one.change!s:32}{one.total:14,.2f}{one.saved:14,.2f}" for one in cheaper[:SAVINGS_SHOWN]]
    if found.uncertain:
        lines += ["", "Not certain:", *(f"  {_unknown(line)}" for line in found.uncertain)]
    return [*lines, "", "Assumed:", *(f"  {text}" for text in ASSUMED)]


def _table(title: str, parts: dict[str, float]) -> list[str]:
    rows = [f"{name:24}{dollars:14,.2f}" for name, dollars in parts.items() if dollars >= CENT]
    return [f"{title:24}{'$ a month':>14}", *rows]


def _unknown(line: Line) -> str:
    part = f"${line.dollars:,.2f} for {line.what} ({line.service}, {line.lane})"
    return (
        f"{part}: its price isn't confirmed"
        if line.counted
        else f"{part}: not in the total; see docs/cost.md"
    )
