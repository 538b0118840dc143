"""`tickwire pause` and `tickwire resume`: stop whatever of a stage runs by itself, and start it again.

For whoever runs it, with that person's own AWS credentials. Paused are the schedules, the reading of queue
and stream, and the alarms, which would ring for the silence. The status has the last word, which the broker
keeps. Pages, API, guests and all that is stored stay. A note has the next deploy keep it so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import click

from tickwire.brakes import MAPPED, PAUSE, SCHEDULED, note, parameter
from tickwire_client.cli._account import Account, unless
from tickwire_client.cli._shared import Setting, platform_options

SETTLED_S = 120  # Lambda takes up to a minute to stop or start reading
LOOK_S = 1.0
AT_ONCE = 100  # alarms in a call
ANSWERED_ONLY = ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata")


@click.command()
@platform_options
def pause(setting: Setting) -> None:
    """Stop the feed, the lanes and the status of a stage that nobody uses. What is stored stays."""
    account = _account(setting)
    place = parameter(account.platform.stage, PAUSE)
    who = note(at_ms=time.time_ns() // 1_000_000, by=account.caller())
    with account.refusals():
        # First, so that a deploy in between doesn't start anything again.
        account.client("ssm").put_parameter(Name=place, Value=who, Type="String", Overwrite=True)
        _ring(account, on=False)
        schedules = [noun for noun in SCHEDULED if _wake(account, noun, on=False)]
        mappings = _read(account, on=False)
        _tell(account, paused=True)
    _say(setting, "paused; `tickwire resume` goes on", paused=True, schedules=schedules, mappings=mappings)


@click.command()
@platform_options
def resume(setting: Setting) -> None:
    """Go on after `tickwire pause`."""
    account = _account(setting)
    with account.refusals():
        mappings = _read(account, on=True)
        schedules = [
            noun
            for noun in SCHEDULED
            if not (noun == "feed" and _feed_is_paused(account)) and _wake(account, noun, on=True)
        ]
        _ring(account, on=True)
        _tell(account, paused=False)
        with unless("ParameterNotFound"):  # last: until then it's paused, and a deploy says so
            account.client("ssm").delete_parameter(Name=parameter(account.platform.stage, PAUSE))
    _say(setting, "going on", paused=False, schedules=schedules, mappings=mappings)


def _account(setting: Setting) -> Account:
    account = Account.of(setting)
    account.guests()  # ends the command where the credentials are another account's, with a like stage
    return account


def _wake(account: Account, noun: str, *, on: bool) -> bool:
    """Turn a schedule on or off; False when the stage has none of this name."""
    scheduler = account.client("scheduler")
    with unless("ResourceNotFoundException"):
        found = scheduler.get_schedule(Name=account.named(noun))
        given = {name: value for name, value in found.items() if name not in ANSWERED_ONLY}
        scheduler.update_schedule(**given | {"State": "ENABLED" if on else "DISABLED"})
        return True
    return False


def _feed_is_paused(account: Account) -> bool:
    """Whether the stage's own settings pause its feed: the last deploy told the status so."""
    found = account.client("lambda").get_function_configuration(FunctionName=account.named("status"))
    return bool(found["Environment"]["Variables"]["PAUSED"] == "yes")


def _read(account: Account, *, on: bool) -> list[str]:
    """Turn the reading of queue and stream on or off, and wait until it is."""
    functions = account.client("lambda")
    found = {uuid: noun for noun in MAPPED for uuid in _mappings(functions, account.named(noun))}
    for uuid in found:
        functions.update_event_source_mapping(UUID=uuid, Enabled=on)
    wanted, deadline = "Enabled" if on else "Disabled", time.monotonic() + SETTLED_S
    for uuid, noun in found.items():
        while (state := functions.get_event_source_mapping(UUID=uuid)["State"]) != wanted:
            if time.monotonic() > deadline:
                raise click.ClickException(
                    f"what {noun} reads from is {state} after {SETTLED_S} s; expected {wanted}: try again"
                )
            time.sleep(LOOK_S)
    return sorted(set(found.values()))


def _mappings(functions: Any, function: str) -> Iterator[str]:
    pages = functions.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
    return (one["UUID"] for page in pages for one in page["EventSourceMappings"])


def _ring(account: Account, *, on: bool) -> None:
    """Let the stage's alarms tell people, or not. Another stage's name may begin with this one's, so they are
    known by the topic that they tell.
    """
    cloudwatch, topic = account.client("cloudwatch"), f":{account.named('alarms')}"
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=account.named(""))
    names = [
        alarm["AlarmName"]
        for page in pages
        for alarm in page["MetricAlarms"]
        if any(action.endswith(topic) for action in alarm["AlarmActions"])
    ]
    change = cloudwatch.enable_alarm_actions if on else cloudwatch.disable_alarm_actions
    for start in range(0, len(names), AT_ONCE):
        change(AlarmNames=names[start : start + AT_ONCE])


def _tell(account: Account, *, paused: bool) -> None:
    """Have the status say it."""
    answer = account.client("lambda").invoke(
        FunctionName=account.named("status"), Payload=json.dumps({"pause": paused}).encode()
    )
    if "FunctionError" in answer:
        raise click.ClickException(
            f"{account.named('status')} failed to say it; its log says why: then try again"
        )


def _say(setting: Setting, text: str, *, paused: bool, schedules: list[str], mappings: list[str]) -> None:
    if setting.as_json:
        click.echo(json.dumps({"paused": paused, "schedules": schedules, "mappings": mappings}))
    else:
        click.echo(text)
