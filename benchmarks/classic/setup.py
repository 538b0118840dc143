"""Put the classic design on a local AWS, fed by a queue that is there already.

In: clients, the AWS's address, symbols, the queue. Out: `Classic`: where its clients connect, its table, its
broadcast function and that function's mapping. Nothing is taken down: the local AWS forgets it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAGE = "live"
CODE = Path(__file__).parent / "handlers.py"
ROUTES = {"$connect": "connect", "$disconnect": "disconnect", "subscribe": "subscribe"}
TIMEOUT_S = 12  # no more than the queue's visibility timeout, as AWS demands
MEMORY_MB = 1_769  # a whole vCPU: posting is the processor's work

Client = Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classic:
    """What was made."""

    url: str
    """Where a WebSocket connects."""
    connections_url: str
    """Where posts to connections go."""
    table: str
    broadcast: str
    mapping: str


def code(**more: str) -> bytes:
    """The functions' zip, with `more` modules by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("handlers.py", CODE.read_text())
        for name, text in more.items():
            out.writestr(f"{name}.py", text)
    return buffer.getvalue()


def set_up(
    client: Client, *, aws_url: str, queue_arn: str, symbols: Sequence[str], name: str = "classic"
) -> Classic:
    """Table, WebSocket API, its functions, and the broadcast function behind the queue."""
    table = _table(client("dynamodb"), f"{name}-connections")
    gateway = client("apigatewayv2")
    api = gateway.create_api(
        Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    region, account = queue_arn.split(":")[3:5]
    place = f"{region}:{account}"
    path = f"/_aws/execute-api/{api}/{STAGE}"  # on AWS the API has a name of its own
    environment = {"TABLE": table, "SYMBOLS": ",".join(symbols), "CONNECTIONS_URL": f"{aws_url}{path}"}
    role = _role(client("iam"), name, place=place, table=table, api=api, queue_arn=queue_arn)
    functions = client("lambda")
    for route, does in ROUTES.items():
        function = _function(functions, f"{name}-{does}", does, role, environment)
        _route(gateway, api, route, function)
        functions.add_permission(
            FunctionName=function,
            StatementId="gateway",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{place}:{api}/*/{route}",
        )
    gateway.create_stage(ApiId=api, StageName=STAGE, AutoDeploy=True)
    broadcast = _function(functions, f"{name}-broadcast", "broadcast", role, environment)
    mapping = functions.create_event_source_mapping(
        EventSourceArn=queue_arn, FunctionName=broadcast, BatchSize=10
    )["UUID"]
    return Classic(
        url=f"{aws_url.replace('http', 'ws', 1)}{path}",
        connections_url=f"{aws_url}{path}",
        table=table,
        broadcast=f"{name}-broadcast",
        mapping=mapping,
    )


def _table(db: Any, name: str) -> str:
    keys = {"symbol": "HASH", "connection": "RANGE"}
    db.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    db.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
    )
    return name


def _role(iam: Any, name: str, *, place: str, table: str, api: str, queue_arn: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    rights = {
        f"arn:aws:dynamodb:{place}:table/{table}": [
            f"dynamodb:{action}"
            for action in ("Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
        ],
        f"arn:aws:execute-api:{place}:{api}/{STAGE}/POST/@connections/*": ["execute-api:ManageConnections"],
        queue_arn: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        f"arn:aws:logs:{place}:*": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    }
    allowed = [{"Effect": "Allow", "Action": actions, "Resource": on} for on, actions in rights.items()]
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=_policy(*allowed))
    return role


def _function(functions: Any, name: str, does: str, role: str, environment: Mapping[str, str]) -> str:
    arn: str = functions.create_function(
        FunctionName=name,
        Runtime="python3.14",
        Architectures=["arm64"],
        Role=role,
        Handler=f"handlers.{does}",
        Code={"ZipFile": code()},
        Timeout=TIMEOUT_S,
        MemorySize=MEMORY_MB,
        Environment={"Variables": dict(environment)},
    )["FunctionArn"]
    return arn


def _route(gateway: Any, api: str, route: str, function_arn: str) -> None:
    region = function_arn.split(":")[3]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations",
    )["IntegrationId"]
    target = f"integrations/{integration}"
    made = gateway.create_route(ApiId=api, RouteKey=route, Target=target)["RouteId"]
    if not route.startswith("$"):  # its answer goes back over the WebSocket
        gateway.create_route_response(ApiId=api, RouteId=made, RouteResponseKey="$default")


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
