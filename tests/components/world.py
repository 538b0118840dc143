"""Evaluates the whole program against a strict stand-in for Pulumi's engine, and gives what it registered.

Nothing leaves the process. A resource type or a call that isn't listed here is an error. As with the real
engine, a preview leaves every property unknown that only the provider can give.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import runpy
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as bag
from pulumi.runtime import mocks, rpc, set_mocks, settings
from pulumi.runtime.stack import run_in_stack

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
SECRET = "tickwire:apiKey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One resource as the engine heard of it."""

    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    protect: bool
    custom: bool
    dependencies: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


@dataclass(slots=True, kw_only=True)
class World:
    """What one evaluation of the program came to."""

    resources: list[Registered] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    error: Exception | None = None

    def of(self, kind: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type == kind]

    def one(self, kind: str, name: str) -> Registered:
        (found,) = [resource for resource in self.of(kind) if resource.name == name]
        return found

    @property
    def custom(self) -> list[Registered]:
        """The resources that exist at the provider, as opposed to components."""
        return [resource for resource in self.resources if resource.custom]


def evaluate(
    values: Mapping[str, Any] | None = None,
    *,
    brakes: Mapping[str, str] | None = None,
    stack: str = "dev",
    region: str = "us-east-1",
    partition: str = "aws",
    preview: bool = False,
    secrets: tuple[str, ...] = (SECRET,),
) -> World:
    """Run `__main__.py` with these `tickwire:` settings; an error of the program is part of the result.

    `brakes` are the parameters that stand for brakes in force, by the last word of their names.
    """
    provider = _Provider(region=region, partition=partition, preview=preview, brakes=brakes or {})
    return contextvars.copy_context().run(_evaluate, values or {}, stack, provider, secrets)


def _evaluate(values: Mapping[str, Any], stack: str, provider: _Provider, secrets: tuple[str, ...]) -> World:
    world = World()
    monitor = _Monitor(provider, world)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(4)
    loop.set_default_executor(executor)
    set_mocks(monitor.mocks, project="tickwire", stack=stack, preview=provider.preview, monitor=monitor)
    settings.ROOT.set(None)
    bag.set_all_config({f"tickwire:{key}": as_text(value) for key, value in values.items()}, list(secrets))
    try:
        loop.run_until_complete(run_in_stack(_program))
    except Exception as error:  # the program's own, handed to the test
        world.error = error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        loop.close()
        asyncio.set_event_loop(None)
    return world


def _program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def as_text(value: Any) -> str:
    """A setting as Pulumi hands it to a program."""
    return value if isinstance(value, str) else json.dumps(value)


class _Monitor(mocks.MockMonitor):
    def __init__(self, provider: _Provider, world: World) -> None:
        super().__init__(provider)
        self.world = world

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
            self.world.secrets |= {f"{request.name}.{key}" for key, value in inputs.items() if _secret(value)}
            self.world.resources.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    urn=response.urn,
                    parent=request.parent,
                    inputs={key: _plain(value) for key, value in inputs.items()},
                    protect=request.protect,
                    custom=request.custom,
                    dependencies=tuple(request.dependencies),
                )
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "pulumi:pulumi:Stack::" in request.urn:
            outputs = rpc.deserialize_properties(request.outputs, keep_unknowns=True)
            self.world.exports.update({key: _plain(value) for key, value in outputs.items()})
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def _secret(value: Any) -> bool:
    if isinstance(value, dict):
        return rpc.is_rpc_secret(value) or any(map(_secret, value.values()))
    return isinstance(value, list) and any(map(_secret, value))


def _plain(value: Any) -> Any:
    """Secrets unwrapped; whole numbers, which travel as floats, whole again."""
    if rpc.is_rpc_secret(value):
        return _plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Computed = Callable[[dict[str, Any], "_Provider"], tuple[str, dict[str, Any]]]


class _Provider(pulumi.runtime.Mocks):
    """AWS as far as the program asks for it."""

    def __init__(self, *, region: str, partition: str, preview: bool, brakes: Mapping[str, str]) -> None:
        self.region, self.partition, self.preview, self.brakes = region, partition, preview, brakes

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        match args.token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {
                    "accountId": ACCOUNT,
                    "arn": f"arn:{self.partition}:iam::{ACCOUNT}:user/x",
                    "id": ACCOUNT,
                }
            case "aws:index/getRegion:getRegion":
                return {"region": self.region, "id": self.region}
            case "aws:index/getPartition:getPartition":
                return {"partition": self.partition, "dnsSuffix": "amazonaws.com", "id": self.partition}
            case "aws:iot/getEndpoint:getEndpoint":
                assert args.args == {"endpointType": "iot:Data-ATS"}
                return {"endpointAddress": f"a1b2c3-ats.iot.{self.region}.amazonaws.com"}
            case "aws:ssm/getParametersByPath:getParametersByPath":
                path = args.args["path"]
                names = [f"{path}/{name}" for name in self.brakes]
                return {"id": path, "names": names, "values": list(self.brakes.values())}
        raise AssertionError(f"the program called {args.token}, which this stand-in doesn't know")

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if not args.custom:
            assert args.typ.startswith("tickwire:index:"), args.typ
            return "", {}
        if args.typ not in COMPUTED:
            raise AssertionError(f"the program made {args.typ} {args.name}, which this stand-in doesn't know")
        if self.preview:
            return "", dict(args.inputs)
        given = {key: _plain(value) for key, value in args.inputs.items()}
        identity, outputs = COMPUTED[args.typ](given, self)
        return identity, dict(args.inputs) | outputs

    def arn(self, service: str, resource: str, *, everywhere: bool = False) -> str:
        region = "" if everywhere else self.region
        return f"arn:{self.partition}:{service}:{region}:{ACCOUNT}:{resource}"


Facts = dict[str, Any]


def _nothing(_: Facts, __: _Provider) -> tuple[str, Facts]:
    return "made", {}


def _id(identity: str) -> Computed:
    return lambda _, __: (identity, {})


def _arn(service: str, resource: str, *, everywhere: bool = False) -> Computed:
    """`resource` with the name in place of {}."""

    def computed(inputs: Facts, aws: _Provider) -> tuple[str, Facts]:
        return inputs["name"], {
            "arn": aws.arn(service, resource.format(inputs["name"]), everywhere=everywhere)
        }

    return computed


def _queue(inputs: Facts, aws: _Provider) -> tuple[str, Facts]:
    url = f"https://sqs.{aws.region}.amazonaws.com/{ACCOUNT}/{inputs['name']}"
    return url, {"url": url, "arn": aws.arn("sqs", inputs["name"])}


def _table(inputs: Facts, aws: _Provider) -> tuple[str, Facts]:
    arn = aws.arn("dynamodb", f"table/{inputs['name']}")
    return inputs["name"], {"arn": arn, "streamArn": f"{arn}/stream/2026-11-21T00:00:00.000"}


def _function(inputs: Facts, aws: _Provider) -> tuple[str, Facts]:
    arn = aws.arn("lambda", f"function:{inputs['name']}")
    invoke = f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return inputs["name"], {"arn": arn, "invokeArn": invoke}


def _api(_: Facts, aws: _Provider) -> tuple[str, Facts]:
    endpoint = f"https://api123.execute-api.{aws.region}.amazonaws.com"
    return "api123", {"apiEndpoint": endpoint, "executionArn": aws.arn("execute-api", "api123")}


def _bucket(inputs: Facts, aws: _Provider) -> tuple[str, Facts]:
    name = inputs["bucket"]
    domain = f"{name}.s3.{aws.region}.amazonaws.com"
    return name, {"arn": f"arn:{aws.partition}:s3:::{name}", "bucketRegionalDomainName": domain}


def _distribution(_: Facts, aws: _Provider) -> tuple[str, Facts]:
    arn = aws.arn("cloudfront", "distribution/E123", everywhere=True)
    return "E123", {"arn": arn, "domainName": "d123.cloudfront.net"}


COMPUTED: dict[str, Computed] = {
    "aws:apigatewayv2/api:Api": _api,
    "aws:apigatewayv2/integration:Integration": _id("int123"),
    "aws:apigatewayv2/route:Route": _nothing,
    "aws:apigatewayv2/stage:Stage": _nothing,
    "aws:budgets/budget:Budget": _nothing,
    "aws:cloudfront/cachePolicy:CachePolicy": _id("caching123"),
    "aws:cloudfront/distribution:Distribution": _distribution,
    "aws:cloudfront/originAccessControl:OriginAccessControl": _id("access123"),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _id("headers123"),
    "aws:cloudwatch/dashboard:Dashboard": _nothing,
    "aws:cloudwatch/logGroup:LogGroup": _arn("logs", "log-group:{}"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _arn("cloudwatch", "alarm:{}"),
    "aws:cognito/identityPool:IdentityPool": _id("us-east-1:pool"),
    "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment": _nothing,
    "aws:dynamodb/table:Table": _table,
    "aws:iam/policy:Policy": _arn("iam", "policy/{}", everywhere=True),
    "aws:iam/role:Role": _arn("iam", "role/{}", everywhere=True),
    "aws:iam/rolePolicy:RolePolicy": _nothing,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _nothing,
    "aws:iot/loggingOptions:LoggingOptions": _nothing,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _nothing,
    "aws:lambda/function:Function": _function,
    "aws:lambda/permission:Permission": _nothing,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketObjectv2:BucketObjectv2": _nothing,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _nothing,
    "aws:s3/bucketPolicy:BucketPolicy": _nothing,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _nothing,
    "aws:scheduler/schedule:Schedule": _nothing,
    "aws:sns/topic:Topic": _arn("sns", "{}"),
    "aws:sns/topicSubscription:TopicSubscription": _id("subscription123"),
    "aws:sqs/queue:Queue": _queue,
    "aws:ssm/parameter:Parameter": _nothing,
}
"""What the provider tells of a resource beyond its inputs: its id and further properties, by type."""
