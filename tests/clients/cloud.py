"""A real broker with a guest pool: the local cloud, and a role for some symbols and its own client ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.cloud import Cloud

ARN = "arn:aws:iot:us-east-1:000000000000"
LANES = ("prices/", "bars/1m/", "alerts/")
CROWD = tuple(f"C{n}" for n in range(60))
"""More symbols than one connection can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    port: int
    pool_id: str
    signing_host: str
    data: Any
    """boto3's iot-data, as root."""


@contextmanager
def broker(symbols: Sequence[str]) -> Iterator[Broker]:
    """Guests may connect under their own names and subscribe to the lanes of `symbols` and of the crowd's."""
    with Cloud() as cloud:
        yield Broker(
            port=cloud.port,
            pool_id=_guests(cloud, symbols),
            signing_host=f"127.0.0.1:{cloud.port}",
            data=cloud.client("iot-data"),
        )


def _guests(cloud: Cloud, symbols: Sequence[str]) -> str:
    identity, iam = cloud.client("cognito-identity"), cloud.client("iam")
    pool = identity.create_identity_pool(IdentityPoolName="guests", AllowUnauthenticatedIdentities=True)
    trust = _allow("sts:AssumeRoleWithWebIdentity") | {
        "Principal": {"Federated": "cognito-identity.amazonaws.com"}
    }
    role = iam.create_role(RoleName="guest", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    topics = ["board", "status", *[lane + name for lane in LANES for name in (*symbols, *CROWD)]]
    rights = _policy(
        _allow("iot:Connect", f"{ARN}:client/${{cognito-identity.amazonaws.com:sub}}-*"),
        _allow("iot:Subscribe", *[f"{ARN}:topicfilter/{topic}" for topic in topics]),
        _allow("iot:Receive", *[f"{ARN}:topic/{topic}" for topic in topics]),
    )
    iam.put_role_policy(RoleName="guest", PolicyName="lanes", PolicyDocument=rights)
    pool_id: str = pool["IdentityPoolId"]
    identity.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"unauthenticated": role})
    return pool_id


def _allow(action: str, *resources: str) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action} | ({"Resource": resources} if resources else {})


def _policy(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
