"""The look-ups that a program may make: who and where am I, the account's IoT endpoint, parameters. They
change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.engine.aws import Aws
from local.engine.deployment import DeployError

Answer = dict[str, Any]


def look_up(token: str, aws: Aws, arguments: Mapping[str, Any]) -> Answer:
    """Answer an invoke; one that isn't known is an error that names it."""
    found = _LOOK_UPS.get(token)
    if found is None:
        raise DeployError(
            f"the local engine doesn't know the look-up {token}; add it to local/engine/invokes.py"
        )
    return found(aws, arguments)


def _caller(aws: Aws, arguments: Mapping[str, Any]) -> Answer:
    who = aws.call("sts", "GetCallerIdentity")
    return {"accountId": who["Account"], "arn": who["Arn"], "id": who["Account"], "userId": who["UserId"]}


def _region(aws: Aws, arguments: Mapping[str, Any]) -> Answer:
    region = arguments.get("region") or aws.region
    return {
        "region": region,
        "name": region,
        "id": region,
        "description": region,
        "endpoint": aws.clients.endpoint,
    }


def _partition(aws: Aws, arguments: Mapping[str, Any]) -> Answer:
    return {
        "partition": "aws",
        "id": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _iot_endpoint(aws: Aws, arguments: Mapping[str, Any]) -> Answer:
    kind = arguments.get("endpointType")
    answer = aws.call("iot", "DescribeEndpoint", **({"endpointType": kind} if kind else {}))
    address = answer["endpointAddress"]
    return {"endpointAddress": address, "id": address, "endpointType": kind, "region": aws.region}


def _parameters(aws: Aws, arguments: Mapping[str, Any]) -> Answer:
    """Those below a path; there may be none."""
    asked = {"Path": arguments["path"], "Recursive": bool(arguments.get("recursive", False))}
    found = aws.items("ssm", "GetParametersByPath", "Parameters", asked)
    return {
        "id": arguments["path"],
        "path": arguments["path"],
        "names": [one["Name"] for one in found],
        "types": [one["Type"] for one in found],
        "values": [one["Value"] for one in found],
        "arns": [one["ARN"] for one in found],
    }


_LOOK_UPS: dict[str, Callable[[Aws, Mapping[str, Any]], Answer]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:iot/getEndpoint:getEndpoint": _iot_endpoint,
    "aws:ssm/getParametersByPath:getParametersByPath": _parameters,
}
