"""A route of the HTTP API into a function."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.function import Function


@dataclass(frozen=True, kw_only=True)
class RouteArgs:
    api: aws.apigatewayv2.Api
    path: str
    """Method and path: `GET /api/{proxy+}`."""
    leads_to: Function


class Route(pulumi.ComponentResource):
    """Integration, route, and the permission for just this route to call the function."""

    def __init__(self, name: str, args: RouteArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Route", name, None, opts)
        child = ResourceOptions(parent=self)
        integration = aws.apigatewayv2.Integration(
            name,
            aws.apigatewayv2.IntegrationArgs(
                api_id=args.api.id,
                integration_type="AWS_PROXY",
                integration_uri=args.leads_to.invoke_arn,
                payload_format_version="2.0",
            ),
            child,
        )
        aws.apigatewayv2.Route(
            name,
            aws.apigatewayv2.RouteArgs(
                api_id=args.api.id,
                route_key=args.path,
                target=pulumi.Output.concat("integrations/", integration.id),
            ),
            child,
        )
        aws.lambda_.Permission(
            name,
            aws.lambda_.PermissionArgs(
                action="lambda:InvokeFunction",
                function=args.leads_to.name,
                principal="apigateway.amazonaws.com",
                statement_id=f"api-{name}",
                source_arn=pulumi.Output.concat(args.api.execution_arn, "/*/", _covered(args.path)),
            ),
            child,
        )
        self.register_outputs({})


def _covered(path: str) -> str:
    """The route as a source ARN ends: `GET/api/*`."""
    return re.sub(r"\{[^}]*\}", "*", path.replace(" ", ""))
