"""`tickwire doctor`: is it me, the network or the platform? A line for each thing that can be wrong."""

from __future__ import annotations

import json
import sys

import click

from tickwire_client._platform import address
from tickwire_client.cli._shared import Number, Setting, painted, platform_options, run

COLOURS = {"OK": "green", "WARN": "yellow", "FAIL": "red", "SKIP": "bright_black"}


@click.command()
@click.option(
    "--wait",
    "wait_s",
    type=Number(min=0, min_open=True),
    default=75.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the platform's heartbeat, which comes each minute.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=Number(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each other step may take.",
)
@platform_options
def doctor(setting: Setting, wait_s: float, timeout_s: float) -> None:
    """Check everything between this machine and the prices.

    Each line is OK, or says what was found and what to do. It takes up to a minute, until the platform's next
    heartbeat. The exit code is 1 when something failed.
    """
    if not run(_doctor(address(setting.url), setting, wait_s=wait_s, timeout_s=timeout_s)):
        sys.exit(1)


async def _doctor(url: str, setting: Setting, *, wait_s: float, timeout_s: float) -> bool:
    from tickwire_client.cli._checks import Examination

    well = True
    async for finding in Examination(url, timeout_s=timeout_s, wait_s=wait_s).findings():
        well = well and finding.state != "FAIL"
        if setting.as_json:
            facts = {"check": finding.check, "state": finding.state, "says": finding.says}
            click.echo(json.dumps(facts))
        else:
            state = painted(f"{finding.state:<4}", COLOURS[finding.state])
            click.echo(f"{state}  {finding.check:<12}  {finding.says}")
        if finding.check == "subscription" and finding.state == "OK":
            _hint(f"waiting for the heartbeat, up to {wait_s:g} s")
    return well


def _hint(text: str) -> None:
    """On a terminal's standard error, gone with the next line."""
    if sys.stderr.isatty() and sys.stdout.isatty():
        click.echo(f"{text}\r", err=True, nl=False)
