"""The HTTP API, and the function that answers its reads."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.calendar import sessions
from components.function import Function, FunctionArgs
from components.history import History
from components.rights import allow
from components.route import Route, RouteArgs
from tickwire.stage import Stage

METHODS = ("GET", "POST", "DELETE")
HEADERS = ("content-type", "x-api-key")
DAY_S = 86_400

# Public reads from any origin: what an unfriendly caller can cost is bounded here.
RATE_MAX = 500  # requests a second, all callers together
BURST_MAX = 1_000

_ACCESS = {
    "id": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "error": "$context.integrationErrorMessage",
}


@dataclass(frozen=True, kw_only=True)
class QueryArgs:
    stage: Stage
    reads: History


class Query(pulumi.ComponentResource):
    """API, log, stage and the reading function. Others open routes of their own on `api`."""

    function: Function
    api: aws.apigatewayv2.Api
    url: pulumi.Output[str]
    """The API's own address, without a path; users reach it through the site."""

    def __init__(self, name: str, args: QueryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Query", name, None, opts)
        self.api = self._api(name, args.stage)
        self._stage(name, args.stage)
        self.function = self._function(name, args)
        for route, path in ((name, "GET /api/{proxy+}"), (f"{name}-else", "$default")):
            Route(
                route,
                RouteArgs(api=self.api, path=path, leads_to=self.function),
                ResourceOptions(parent=self),
            )
        self.url = self.api.api_endpoint
        self.register_outputs({"url": self.url})

    def _api(self, name: str, stage: Stage) -> aws.apigatewayv2.Api:
        return aws.apigatewayv2.Api(
            name,
            aws.apigatewayv2.ApiArgs(
                name=stage.named("api"),
                protocol_type="HTTP",
                cors_configuration=aws.apigatewayv2.ApiCorsConfigurationArgs(
                    allow_origins=["*"],
                    allow_methods=[*METHODS, "OPTIONS"],
                    allow_headers=list(HEADERS),
                    max_age=DAY_S,
                ),
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )

    def _stage(self, name: str, stage: Stage) -> None:
        log = aws.cloudwatch.LogGroup(
            f"{name}-api",
            aws.cloudwatch.LogGroupArgs(
                # Under this name API Gateway needs no room in the account's log resource policy.
                name=f"/aws/vendedlogs/{stage.named('api')}",
                retention_in_days=stage.log_retention_days,
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )
        aws.apigatewayv2.Stage(
            name,
            aws.apigatewayv2.StageArgs(
                api_id=self.api.id,
                name="$default",
                auto_deploy=True,
                default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                    throttling_rate_limit=RATE_MAX, throttling_burst_limit=BURST_MAX
                ),
                access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                    destination_arn=log.arn, format=json.dumps(_ACCESS)
                ),
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )

    def _function(self, name: str, args: QueryArgs) -> Function:
        stage = args.stage
        return Function(
            name,
            FunctionArgs(
                stage=stage,
                noun="query",
                description="Answers reads from history",
                timeout_s=10,
                memory_mb=512,
                may=[allow("dynamodb:GetItem", "dynamodb:Query", on=args.reads.arn)],
                environment={
                    "SYMBOLS": ",".join(stage.symbols),
                    "TABLE": args.reads.table,
                    "KEEP_S": str(stage.keep_s),
                    "CALENDAR": sessions(stage.calendar),
                },
            ),
            ResourceOptions(parent=self),
        )
