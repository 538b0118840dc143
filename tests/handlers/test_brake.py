"""The brake under moto: what it does to the guests' role, and when it does nothing."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from handlers import brake
from tickwire.brakes import Note

NOTE, ALARM = "/tickwire/brakes/test/guests", "tickwire-test-guest-brake"


@pytest.fixture
def closed(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The guests' role, and the ARN of the policy that shuts them out."""
    iam = boto3.client("iam")
    iam.create_role(RoleName="guest", AssumeRolePolicyDocument="{}")
    deny = {"Effect": "Deny", "Action": "iot:Connect", "Resource": "*"}
    policy = iam.create_policy(
        PolicyName="closed", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )
    arn: str = policy["Policy"]["Arn"]
    for name, value in {"ROLE": "guest", "CLOSED": arn, "NOTE": NOTE, "ALARM": ALARM}.items():
        monkeypatch.setenv(name, value)
    return arn


def rings(state: str = "ALARM", name: str = ALARM) -> dict[str, Any]:
    """What CloudWatch hands to a function that is an alarm's action."""
    return {"alarmData": {"alarmName": name, "state": {"value": state, "reason": "30001 > 30000"}}}


def attached() -> list[str]:
    found = boto3.client("iam").list_attached_role_policies(RoleName="guest")["AttachedPolicies"]
    return [one["PolicyArn"] for one in found]


def noted() -> Note | None:
    try:
        return Note.read(boto3.client("ssm").get_parameter(Name=NOTE)["Parameter"]["Value"])
    except ClientError:
        return None


def test_a_ringing_alarm_shuts_guests_out_and_leaves_a_note(
    closed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The note has the alarm's reason; ringing again is no fault."""
    for _ in range(2):
        brake.handler(rings(), None)
        assert attached() == [closed]
        found = noted()
        assert found is not None
        assert found.by == f"alarm {ALARM}: 30001 > 30000"
    assert '"event":"guests_shut_out"' in capsys.readouterr().out


@pytest.mark.parametrize("event", [rings("OK"), rings(name="another"), {}, {"alarmData": {}}])
def test_anything_else_shuts_nobody_out(closed: str, event: dict[str, Any]) -> None:
    """An alarm that is over, another alarm, a call by hand: refused, and nothing is changed."""
    with pytest.raises(ValueError, match="expected the alarm tickwire-test-guest-brake ringing"):
        brake.handler(event, None)
    assert (attached(), noted()) == ([], None)


def test_guests_are_out_even_if_the_note_can_not_be_left(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First what counts; the error has Lambda try again."""
    monkeypatch.setenv("NOTE", "/aws/reserved")
    with pytest.raises(ClientError):
        brake.handler(rings(), None)
    assert attached() == [closed]
