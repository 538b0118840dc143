"""AWS as far as ingest and query need it, in memory, with its calls and units counted.

DynamoDB's units follow its rules: an item's size is its names and values; a write costs a unit for each
started kilobyte, an eventually consistent read half a unit for each started 4 KB of all that a query saw.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

Item = dict[str, dict[str, str]]


@dataclass(slots=True)
class Account:
    """What was called, what it cost, and the table's items."""

    calls: Counter[str] = field(default_factory=Counter)
    write_units: int = 0
    read_units: float = 0.0
    items: dict[str, dict[str, Item]] = field(default_factory=dict)

    def call(self, client: BaseClient, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls[operation] += 1
        match operation:
            case "PutItem":
                return self._put(request)
            case "GetItem":
                return self._get(request)
            case "BatchGetItem":
                return self._get_batch(request)
            case "Query":
                return self._query(request)
            case "Publish" | "SendMessage":
                return {}
        raise NotImplementedError(operation)

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        item = request["Item"]
        partition = self.items.setdefault(item["pk"]["S"], {})
        self.write_units += math.ceil(size(item) / 1024)
        if not _holds(request, partition.get(item["sk"]["S"])):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        partition[item["sk"]["S"]] = item
        return {}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        key = request["Key"]
        item = self.items.get(key["pk"]["S"], {}).get(key["sk"]["S"])
        self._read([item] if item else [], consistent=request.get("ConsistentRead", False))
        return {"Item": item} if item else {}

    def _get_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, list[Item]] = {}
        for table, wanted in request["RequestItems"].items():
            gets = [self._get({**wanted, "Key": key}) for key in wanted["Keys"]]
            answers[table] = [get["Item"] for get in gets if get]
        return {"Responses": answers}

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        partition = self.items.get(values[":pk"], {})
        low, high = "", "\uffff"
        condition = request["KeyConditionExpression"]
        if found := re.search(r"BETWEEN (:\w+) AND (:\w+)", condition):
            low, high = values[found[1]], values[found[2]]
        elif found := re.search(r"sk <= (:\w+)", condition):
            high = values[found[1]]
        elif found := re.search(r"sk >= (:\w+)", condition):
            low = values[found[1]]
        keys = sorted(key for key in partition if low <= key <= high)
        if not request.get("ScanIndexForward", True):
            keys.reverse()
        items = [partition[key] for key in keys[: request.get("Limit")]]
        self._read(items, consistent=request.get("ConsistentRead", False))
        return {"Items": items}

    def _read(self, items: list[Item], *, consistent: bool) -> None:
        started = max(1, math.ceil(sum(map(size, items)) / 4096))
        self.read_units += started * (1.0 if consistent else 0.5)


def _holds(request: dict[str, Any], item: Item | None) -> bool:
    """Whether a put's condition does: AND, OR, = and < of numbers, and `attribute_not_exists(pk)`."""
    if "ConditionExpression" not in request or item is None:
        return True
    values = {f"v_{name[1:]}": value for name, value in request.get("ExpressionAttributeValues", {}).items()}
    text = request["ConditionExpression"].replace("attribute_not_exists(pk)", "False").replace(":", "v_")
    text = text.replace("=", "==").replace("AND", "and").replace("OR", "or")
    numbers = {name: int(value["N"]) for name, value in {**item, **values}.items() if "N" in value}
    return bool(eval(text, {"__builtins__": {}}, numbers))


def size(item: Item) -> int:
    """Bytes by DynamoDB's rules: names and values; a number about a byte for two digits, and one more."""
    total = 0
    for name, value in item.items():
        ((kind, text),) = value.items()
        total += len(name) + (len(text.encode()) if kind == "S" else math.ceil(len(text.lstrip("-")) / 2) + 1)
    return total


@contextmanager
def account() -> Iterator[Account]:
    """Every boto3 call in here goes to a new account."""
    made = Account()
    with patch.object(BaseClient, "_make_api_call", lambda client, *call: made.call(client, *call)):
        yield made
