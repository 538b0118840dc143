"""`tickwire cost`: what a stage costs a month, from its files alone."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from tickwire.assumed import ASSUMED
from tickwire.cost import Bill, Line, bill
from tickwire.prices import DATED, PRICES, REGION
from tickwire.savings import Beside, Saving, beside, savings
from tickwire.stage import Stage
from tickwire_client.cli._shared import Setting, platform_options
from tickwire_client.cli._stage import Asked, configured, stage_options

SAVINGS_SHOWN = 5
CENT = 0.005


@click.command()
@stage_options
@click.option("--free-tier", is_flag=True, help="Take off what an AWS account gets each month for nothing.")
@platform_options
def cost(setting: Setting, asked: Asked, free_tier: bool) -> None:
    """What a stage costs a month: tickwire cost --viewers 1000 --lane board

    Without options, for the workload that the stage's file names. Needs no cloud and no credentials.
    """
    stage = configured(asked).stage
    found = bill(stage, free=free_tier)
    lanes, cheaper = beside(stage, free=free_tier), savings(stage, free=free_tier)
    if setting.as_json:
        click.echo(json.dumps(_document(stage, found, lanes, cheaper)))
    else:
        click.echo("\n".join(_page(stage, found, lanes, cheaper)))


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
