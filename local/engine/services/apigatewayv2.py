"""HTTP APIs: the API, its stages, and the routes that lead to integrations."""

from __future__ import annotations

from collections.abc import Set

from local.engine.aws import Aws
from local.engine.kind import Kind, Search, Values


class Api(Kind):
    token, service = "aws:apigatewayv2/api:Api", "apigatewayv2"
    create_op, update_op, delete_op, read_op = "CreateApi", "UpdateApi", "DeleteApi", "GetApi"
    key = {"ApiId": "{id}"}
    ref = "{ApiId}"
    search = Search(list_op="GetApis", path="Items", match={"Name": "{name}"})
    defaults = {"description": "", "disableExecuteApiEndpoint": False, "version": ""}
    replace = frozenset({"protocolType"})
    tag_key = {"ResourceArn": "arn:aws:apigateway:{region}::/apis/{id}"}
    outputs = {
        "apiEndpoint": "{ApiEndpoint}",
        "arn": "arn:aws:apigateway:{region}::/apis/{id}",
        "executionArn": "arn:aws:execute-api:{region}:{account}:{id}",
    }

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        if "corsConfiguration" in changed and "corsConfiguration" not in new:
            aws.call("apigatewayv2", "DeleteCorsConfiguration", ApiId=ref)
            changed = changed - {"corsConfiguration"}
        return super().update(aws, ref, old, new, changed)


class Stage(Kind):
    token, service = "aws:apigatewayv2/stage:Stage", "apigatewayv2"
    create_op, update_op, delete_op, read_op = "CreateStage", "UpdateStage", "DeleteStage", "GetStage"
    key = {"ApiId": "{apiId}", "StageName": "{name}"}
    names = {"name": "StageName"}
    defaults = {"autoDeploy": False, "description": "", "stageVariables": {}}
    replace = frozenset({"apiId", "name"})
    identity = ("apiId", "name")
    tag_key = {"ResourceArn": "arn:aws:apigateway:{region}::/apis/{apiId}/stages/{name}"}
    outputs = {
        "arn": "arn:aws:apigateway:{region}::/apis/{apiId}/stages/{name}",
        "executionArn": "arn:aws:execute-api:{region}:{account}:{apiId}/{name}",
        "invokeUrl": "{invokeUrl}",
    }

    def reshaped(self, values: Values) -> Values:
        if "routeSettings" not in values:
            return values
        routes = {one["routeKey"]: one for one in values["routeSettings"]}
        settings = {
            key: {name: value for name, value in one.items() if name != "routeKey"}
            for key, one in routes.items()
        }
        return values | {"routeSettings": settings}

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        if "accessLogSettings" in changed and "accessLogSettings" not in new:
            aws.call("apigatewayv2", "DeleteAccessLogSettings", ApiId=new["apiId"], StageName=new["name"])
            changed = changed - {"accessLogSettings"}
        return super().update(aws, ref, old, new, changed)

    def told(self, aws: Aws, ref: str, values: Values, answer: Values) -> Values:
        endpoint = aws.call("apigatewayv2", "GetApi", ApiId=values["apiId"])["ApiEndpoint"]
        path = "" if values["name"] == "$default" else values["name"]
        return super().told(aws, ref, values, answer | {"invokeUrl": f"{endpoint}/{path}"})


class Integration(Kind):
    token, service, name_key = "aws:apigatewayv2/integration:Integration", "apigatewayv2", ""
    create_op, update_op = "CreateIntegration", "UpdateIntegration"
    delete_op, read_op = "DeleteIntegration", "GetIntegration"
    key = {"ApiId": "{apiId}", "IntegrationId": "{id}"}
    ref = "{IntegrationId}"
    search = Search(
        list_op="GetIntegrations",
        path="Items",
        arguments={"ApiId": "{apiId}"},
        match={"IntegrationType": "{integrationType}"},
    )
    names = {"timeoutMilliseconds": "TimeoutInMillis"}
    defaults = {"description": ""}
    replace = frozenset({"apiId", "integrationType"})


class Route(Kind):
    token, service, name_key = "aws:apigatewayv2/route:Route", "apigatewayv2", ""
    create_op, update_op, delete_op, read_op = "CreateRoute", "UpdateRoute", "DeleteRoute", "GetRoute"
    key = {"ApiId": "{apiId}", "RouteId": "{id}"}
    ref = "{RouteId}"
    search = Search(
        list_op="GetRoutes", path="Items", arguments={"ApiId": "{apiId}"}, match={"RouteKey": "{routeKey}"}
    )
    defaults = {"apiKeyRequired": False, "authorizationType": "NONE"}
    replace = frozenset({"apiId"})
    identity = ("apiId", "routeKey")


KINDS = (Api(), Stage(), Integration(), Route())
