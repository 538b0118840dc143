"""IAM policy documents. In: who, which actions, on what. Out: JSON that grants nothing that wasn't named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Statement = dict[str, Any]


def allow(*actions: str, on: pulumi.Input[str] | Sequence[pulumi.Input[str]]) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


def writes_to(log_arn: pulumi.Input[str]) -> Statement:
    """A log group's own streams."""
    return allow("logs:CreateLogStream", "logs:PutLogEvents", on=pulumi.Output.concat(log_arn, ":*"))


def trust(
    principal: Mapping[str, str],
    *,
    action: str = "sts:AssumeRole",
    condition: Mapping[str, Any] | None = None,
) -> Statement:
    """Lets a service, or an identity provider, take a role on."""
    statement: Statement = {"Effect": "Allow", "Principal": dict(principal), "Action": action}
    return statement | ({"Condition": dict(condition)} if condition else {})


def document(*statements: Statement) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})
