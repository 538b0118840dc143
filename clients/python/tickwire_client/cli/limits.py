"""`tickwire limits`: each limit of the broker, a stage's use of it at an audience, and what happens beyond.

It asks nobody: the settings are those of the checkout in the current folder, and the limits AWS's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from tickwire import headroom
from tickwire.errors import ConfigError
from tickwire.flow import Flow
from tickwire.headroom import Use
from tickwire.stage import Stage
from tickwire_client.cli._shared import Setting, platform_options
from tickwire_client.cli._stage import Asked, Configured, configured, stage_options

_OF = {
    "connection": "of a connection; AWS doesn't raise them",
    "message": "of a message; AWS doesn't raise them",
    "account": "of an account in a region; AWS raises them on request",
}


@click.command()
@stage_options
@click.option("--region", help="Where, instead of the stage's own.")
@platform_options
def limits(setting: Setting, asked: Asked, region: str | None) -> None:
    """Show the broker's limits, a stage's use of them, and what happens beyond.

    Without options, at the workload that the stage's file names. Needs no cloud and no credentials.
    """
    found = configured(asked)
    found = replace(found, region=region or found.region)
    uses = headroom.uses(found.stage, region=found.region)
    if setting.as_json:
        for use in uses:
            click.echo(json.dumps(_facts(use)))
        return
    click.echo(_title(found))
    for of, heading in _OF.items():
        click.echo(f"\n{heading:<54} {'use':>10} {'limit':>8} {'left':>14}  beyond")
        for use in uses:
            if use.quota.of == of:
                click.echo(_line(use))
    click.echo("")
    for line in _told(found, uses):
        click.echo(line)


def _title(found: Configured) -> str:
    stage = found.stage
    flow = Flow.of(stage)
    messages = flow.messages / flow.symbols
    watching = [f"{group.viewers.count:,} watch the {group.name}" for group in headroom.groups(stage)]
    return (
        f"stage {stage.name} in {found.region}: {flow.symbols} symbols, each a second"
        f" {messages * flow.ticks:g} trades in {messages:g} messages;"
        f" {', '.join(watching) or 'nobody watches'}"
    )


def _line(use: Use) -> str:
    quota = use.quota
    name = f"{quota.name}, {quota.unit}" if quota.unit else quota.name
    if use.takes_s:
        used, left = "", f"all in {_number(use.takes_s)} s"
    elif use.use is None:
        used, left = "", ""
    else:
        used, left = _number(use.use), "EXCEEDED" if use.over else _number(use.limit - use.use)
    what = f" [{use.what}]" if use.what else ""
    return f"  {name:<52} {used:>10} {use.limit:>8,} {left:>14}  {quota.beyond}{what}"


def _told(found: Configured, uses: list[Use]) -> Iterator[str]:
    """How long an audience takes to arrive, and what breaks."""
    stage = found.stage
    count = sum(group.viewers.count for group in headroom.groups(stage))
    if count:
        yield f"{count:,} new viewers at once are all in after {_number(headroom.arrival_s(uses))} s"
    yield from problems(stage, region=found.region)


def problems(stage: Stage, *, region: str) -> Iterator[str]:
    """A line for what `pulumi up` refuses, and for each of its warnings."""
    try:
        headroom.refuse(stage, region=region)
    except ConfigError as error:
        yield f"can't work, and pulumi up refuses it: {error}"
    for warning in headroom.warnings(stage, region=region):
        yield f"warning: {warning}"


def _facts(use: Use) -> dict[str, Any]:
    quota = use.quota
    return {
        "quota": quota.noun,
        "name": quota.name,
        "of": quota.of,
        "limit": use.limit,
        "unit": quota.unit,
        "adjustable": quota.adjustable,
        "use": use.use,
        "headroom": use.headroom,
        "over": use.over,
        "arrivalSeconds": use.takes_s or None,
        "what": use.what,
        "beyond": quota.beyond,
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
