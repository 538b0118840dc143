"""Lambda functions, the mappings that feed them, and who may invoke them."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from local.engine.aws import Aws
from local.engine.kind import Kind, Search, Values
from local.engine.shape import UnknownPropertyError

# Properties that UpdateFunctionCode carries, and the parameter of each.
_CODE = {
    "code": "ZipFile",
    "s3Bucket": "S3Bucket",
    "s3Key": "S3Key",
    "s3ObjectVersion": "S3ObjectVersion",
    "imageUri": "ImageUri",
}


class Function(Kind):
    token, service = "aws:lambda/function:Function", "lambda"
    create_op, update_op, delete_op = "CreateFunction", "UpdateFunctionConfiguration", "DeleteFunction"
    read_op = "GetFunctionConfiguration"
    key = {"FunctionName": "{name}"}
    names = {"name": "FunctionName"}
    # sourceCodeHash only tells Pulumi's provider to look again; here the code's own hash does.
    own = frozenset(
        {*_CODE, "architectures", "publish", "reservedConcurrentExecutions", "sourceCodeHash", "skipDestroy"}
    )
    defaults = {
        "description": "",
        "environment": {"variables": {}},
        "layers": [],
        "memorySize": 128,
        "packageType": "Zip",
        "timeout": 3,
        "tracingConfig": {"mode": "PassThrough"},
        "architectures": ["x86_64"],
        "reservedConcurrentExecutions": -1,
    }
    replace = frozenset({"name", "packageType"})
    identity = ("name",)
    tag_key = {"Resource": "arn:aws:lambda:{region}:{account}:function:{name}"}
    outputs = {
        "arn": "{FunctionArn}",
        "codeSha256": "{CodeSha256}",
        "invokeArn": "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{FunctionArn}/invocations",
        "lastModified": "{LastModified}",
        "qualifiedArn": "{FunctionArn}:{Version}",
        "sourceCodeSize": "{CodeSize}",
        "version": "{Version}",
    }

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        more = {"Code": _code(values), "Architectures": values["architectures"]}
        if "publish" in values:
            more["Publish"] = values["publish"]
        return super().arguments(aws, operation, values) | more

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        told: Values = {}
        if changed & (_CODE.keys() | {"architectures"}):
            publish = {"Publish": new["publish"]} if "publish" in new else {}
            code = _code(new) | {"Architectures": new["architectures"]} | publish
            told = self.told(
                aws, ref, new, aws.call("lambda", "UpdateFunctionCode", FunctionName=ref, **code)
            )
        return told | super().update(aws, ref, old, new, changed)

    def settle(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        limit = new["reservedConcurrentExecutions"]
        if limit == old.get("reservedConcurrentExecutions", -1):
            return
        if limit < 0:
            aws.call("lambda", "DeleteFunctionConcurrency", FunctionName=ref)
        else:
            aws.call("lambda", "PutFunctionConcurrency", FunctionName=ref, ReservedConcurrentExecutions=limit)

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        if not old.get("skipDestroy"):
            super().delete(aws, ref, old)


class EventSourceMapping(Kind):
    token, service, name_key = "aws:lambda/eventSourceMapping:EventSourceMapping", "lambda", ""
    create_op, update_op = "CreateEventSourceMapping", "UpdateEventSourceMapping"
    delete_op, read_op = "DeleteEventSourceMapping", "GetEventSourceMapping"
    key = {"UUID": "{id}"}
    ref = "{UUID}"
    search = Search(
        list_op="ListEventSourceMappings",
        path="EventSourceMappings",
        arguments={"EventSourceArn": "{eventSourceArn}", "FunctionName": "{functionName}"},
        match={"EventSourceArn": "{eventSourceArn}"},
    )
    defaults = {"enabled": True}
    replace = frozenset(
        {"eventSourceArn", "startingPosition", "startingPositionTimestamp", "queues", "topics"}
    )
    identity = ("eventSourceArn", "functionName")
    tag_key = {"Resource": "arn:aws:lambda:{region}:{account}:event-source-mapping:{id}"}
    outputs = {
        "arn": "arn:aws:lambda:{region}:{account}:event-source-mapping:{id}",
        "functionArn": "{FunctionArn}",
        "state": "{State}",
        "uuid": "{id}",
    }


class Permission(Kind):
    token, service, name_key = "aws:lambda/permission:Permission", "lambda", "statementId"
    create_op, delete_op = "AddPermission", "RemovePermission"
    key = {"FunctionName": "{function}", "StatementId": "{statementId}"}
    ref = "{statementId}"
    fixed = True
    names = {"function": "FunctionName"}
    identity = ("function", "statementId")

    def keys(self, aws: Aws, ref: str, values: Values) -> dict[str, Any]:
        qualifier = {"Qualifier": values["qualifier"]} if "qualifier" in values else {}
        return super().keys(aws, ref, values) | qualifier

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        policy = json.loads(aws.call("lambda", "GetPolicy", FunctionName=values["function"])["Policy"])
        is_there = values["statementId"] in {one.get("Sid") for one in policy["Statement"]}
        return str(values["statementId"]) if is_there else None


def _code(values: Values) -> dict[str, Any]:
    given = {parameter: values[name] for name, parameter in _CODE.items() if name in values}
    if not given:
        raise UnknownPropertyError("code (missing)")
    if "ZipFile" in given and hasattr(given["ZipFile"], "content"):
        given["ZipFile"] = given["ZipFile"].content
    return given


KINDS = (Function(), EventSourceMapping(), Permission())
