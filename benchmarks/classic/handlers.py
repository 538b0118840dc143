"""The classic design's functions: three keep the connection table, one broadcasts.

In: events of a WebSocket API, and batches of a FIFO queue whose message groups are symbols. Out: posts to
connections, each symbol's in order. A connection has one item that lists its symbols and one for each of
them. What $disconnect misses, as AWS doesn't promise to call it, goes when a post finds it gone, or when the
two hours are over that API Gateway lets a connection live.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

LIVES_S = 2 * 3_600
POSTS_AT_ONCE = 32
POST_TRIES = 3
DELETES_AT_ONCE = 25  # what a batch may hold

Event = dict[str, Any]


def connect(event: Event, context: object) -> dict[str, Any]:
    """$connect: the connection has no symbol yet."""
    connection = event["requestContext"]["connectionId"]
    _db().put_item(TableName=os.environ["TABLE"], Item=_item(_own(connection), connection))
    return {"statusCode": 200}


def subscribe(event: Event, context: object) -> dict[str, Any]:
    """{"action": "subscribe", "symbol": "AAPL"}. Not before: a post during $connect would find nobody."""
    connection = event["requestContext"]["connectionId"]
    symbol = json.loads(event["body"]).get("symbol")
    if symbol not in os.environ["SYMBOLS"].split(","):
        return {"statusCode": 400, "body": json.dumps({"refused": symbol})}
    _db().update_item(  # first, so that $disconnect finds all that there is
        TableName=os.environ["TABLE"],
        Key=_key(_own(connection), connection),
        UpdateExpression="ADD symbols :symbols",
        ExpressionAttributeValues={":symbols": {"SS": [symbol]}},
    )
    _db().put_item(TableName=os.environ["TABLE"], Item=_item(symbol, connection))
    return {"statusCode": 200, "body": json.dumps({"subscribed": symbol})}


def disconnect(event: Event, context: object) -> dict[str, Any]:
    """$disconnect."""
    connection = event["requestContext"]["connectionId"]
    key = _key(_own(connection), connection)
    gone = _db().delete_item(TableName=os.environ["TABLE"], Key=key, ReturnValues="ALL_OLD")
    symbols = gone.get("Attributes", {}).get("symbols", {}).get("SS", [])
    _delete([_key(symbol, connection) for symbol in symbols])
    return {"statusCode": 200}


def broadcast(event: Event, context: object) -> None:
    """Ticks that came together go together: one query and one post a connection for all of a batch's."""
    ticks: dict[str, list[Any]] = defaultdict(list)
    for record in event["Records"]:
        body = json.loads(record["body"])
        ticks[record["attributes"]["MessageGroupId"]] += body if isinstance(body, list) else [body]
    for symbol, together in ticks.items():
        _tell(symbol, json.dumps({"symbol": symbol, "ticks": together}, separators=(",", ":")).encode())


def _tell(symbol: str, data: bytes) -> None:
    found = _subscribers(symbol)
    fates = list(_pool().map(lambda connection: _post(connection, data), found))
    gone = [connection for connection, fate in zip(found, fates, strict=True) if fate == "gone"]
    _delete([_key(place, each) for each in gone for place in (symbol, _own(each))])
    if failed := fates.count("failed"):
        print(json.dumps({"event": "posts_failed", "symbol": symbol, "connections": failed}))


def _subscribers(symbol: str) -> list[str]:
    pages = (
        _db()
        .get_paginator("query")
        .paginate(
            TableName=os.environ["TABLE"],
            KeyConditionExpression="symbol = :symbol",
            ExpressionAttributeValues={":symbol": {"S": symbol}},
            ProjectionExpression="#connection",
            ExpressionAttributeNames={"#connection": "connection"},
        )
    )
    return [item["connection"]["S"] for page in pages for item in page["Items"]]


def _post(connection: str, data: bytes) -> str:
    """What became of it. One that fails after its tries misses this tick: the next is on its way."""
    try:
        _gateway().post_to_connection(ConnectionId=connection, Data=data)
    except _gateway().exceptions.GoneException:
        return "gone"
    except (BotoCoreError, ClientError):
        return "failed"
    return "posted"


def _delete(keys: Sequence[dict[str, Any]]) -> None:
    """What the table doesn't take now is found gone again by the next tick."""
    for start in range(0, len(keys), DELETES_AT_ONCE):
        requests = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + DELETES_AT_ONCE]]
        _db().batch_write_item(RequestItems={os.environ["TABLE"]: requests})


def _own(connection: str) -> str:
    return f"#{connection}"


def _key(symbol: str, connection: str) -> dict[str, Any]:
    return {"symbol": {"S": symbol}, "connection": {"S": connection}}


def _item(symbol: str, connection: str) -> dict[str, Any]:
    return {**_key(symbol, connection), "expires": {"N": str(int(time.time()) + LIVES_S)}}


@functools.cache
def _db() -> Any:
    return boto3.client("dynamodb")


@functools.cache
def _gateway() -> Any:
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=os.environ["CONNECTIONS_URL"],
        config=Config(
            max_pool_connections=POSTS_AT_ONCE,
            connect_timeout=1,
            read_timeout=2,
            retries={"mode": "standard", "total_max_attempts": POST_TRIES},
        ),
    )


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(POSTS_AT_ONCE)
