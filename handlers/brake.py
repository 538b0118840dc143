"""The brake: called by the alarm on what goes out to viewers, it shuts all guests out.

It attaches the one policy that denies them everything, which reaches open connections too, and leaves a note
for the next deploy. Called again, it does the same again. Only a person lets guests in: `tickwire guests on`.
"""

from __future__ import annotations

import os
import time
from typing import Any

import boto3
from botocore.config import Config

from handlers.events import begin, emit
from tickwire import brakes

PATIENCE = Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2})


def handler(event: dict[str, Any], context: object) -> None:
    """Shut guests out. Whatever fails ends the run in an error, which Lambda tries again, and which rings."""
    begin(context)
    alarm = event.get("alarmData", {})
    if alarm.get("alarmName") != os.environ["ALARM"] or alarm.get("state", {}).get("value") != "ALARM":
        raise ValueError(
            f"called with {str(event)[:200]!r}; expected the alarm {os.environ['ALARM']} ringing"
        )
    # First what counts.
    boto3.client("iam", config=PATIENCE).attach_role_policy(
        RoleName=os.environ["ROLE"], PolicyArn=os.environ["CLOSED"]
    )
    why = str(alarm["state"].get("reason", ""))
    note = brakes.note(at_ms=time.time_ns() // 1_000_000, by=f"alarm {os.environ['ALARM']}: {why}")
    boto3.client("ssm", config=PATIENCE).put_parameter(
        Name=os.environ["NOTE"], Value=note, Type="String", Overwrite=True
    )
    emit("guests_shut_out", why=why)
