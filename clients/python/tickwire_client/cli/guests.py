"""`tickwire guests`: shut all guests out of a platform, and let them in again.

For whoever runs it, with that person's own AWS credentials. Off is a Deny on connect, subscribe and receive,
given to the guests' role: connections stay open, and carry nothing any more. A note beside it has the next
deploy keep it so.
"""

from __future__ import annotations

import json
import time
from typing import Any

import click

from tickwire.brakes import ALARM, CLOSED, GUESTS, Note, note, parameter
from tickwire_client.cli._account import Account, unless
from tickwire_client.cli._shared import Setting, platform_options


@click.command()
@click.argument("access", type=click.Choice(["off", "on"]), required=False)
@platform_options
def guests(setting: Setting, access: str | None) -> None:
    """Shut all guests out, or let them in: tickwire guests off

    Running connections feel it too, within a minute. Without `off` or `on`, say how it is.
    """
    account = Account.of(setting)
    role = account.guests()
    iam, ssm = account.client("iam"), account.client("ssm")
    name, closed = role.rpartition("/")[2], _closed(account, role)
    place = parameter(account.platform.stage, GUESTS)
    if access == "off":
        who = note(at_ms=time.time_ns() // 1_000_000, by=account.caller())
        with account.refusals():
            iam.attach_role_policy(RoleName=name, PolicyArn=closed)  # first what counts
            ssm.put_parameter(Name=place, Value=who, Type="String", Overwrite=True)
    elif access == "on":
        with account.refusals():
            with unless("NoSuchEntity"):
                iam.detach_role_policy(RoleName=name, PolicyArn=closed)
            with unless("ParameterNotFound"):
                ssm.delete_parameter(Name=place)
            with unless(
                "ResourceNotFound"
            ):  # an alarm acts on a change only: one that still rings is armed anew
                account.client("cloudwatch").set_alarm_state(
                    AlarmName=account.named(ALARM), StateValue="OK", StateReason="tickwire guests on"
                )
    _say(setting, account, _is_closed(account, iam, name, closed), _note(account, ssm, place))


def _closed(account: Account, role: str) -> str:
    """The ARN of the policy with the Deny, in the account that the role's ARN names."""
    return f"{role.partition(':role/')[0]}:policy/{account.named(CLOSED)}"


def _is_closed(account: Account, iam: Any, role: str, closed: str) -> bool:
    with account.refusals():
        pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        return closed in {one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]}


def _note(account: Account, ssm: Any, place: str) -> Note | None:
    with account.refusals(), unless("ParameterNotFound"):
        return Note.read(ssm.get_parameter(Name=place)["Parameter"]["Value"])
    return None


def _say(setting: Setting, account: Account, is_closed: bool, found: Note | None) -> None:
    if setting.as_json:
        facts = {"since": found.since, "by": found.by} if is_closed and found else {}
        click.echo(json.dumps({"guests": "off" if is_closed else "on", **facts}))
    elif is_closed:
        since = f" since {found.since}, by {found.by}" if found else ""
        click.echo(f"guest access is closed{since}; `tickwire guests on` opens it")
    else:
        click.echo("guest access is open")
    if is_closed != (found is not None):
        raise click.ClickException(
            f"the guests' role and {parameter(account.platform.stage, GUESTS)} disagree;"
            " expected both or neither: say `tickwire guests off` or `on` again"
        )
