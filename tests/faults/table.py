"""A DynamoDB table in memory, as far as history uses one: conditions hold, pages end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

PAGE_ITEMS = 3  # so small that every query of a test has several

Item = dict[str, Any]

_PUT: dict[str, Callable[[Item | None, Item], bool]] = {
    "attribute_not_exists(pk)": lambda old, _: old is None,
    "attribute_not_exists(pk) OR (series = :series AND seq < :seq)": lambda old, values: (
        old is None or (old["series"] == values[":series"] and _number(old["seq"]) < _number(values[":seq"]))
    ),
}
_SORT_KEY: dict[str, Callable[[str, Item], bool]] = {
    "pk = :pk": lambda sk, values: True,
    "pk = :pk AND sk BETWEEN :from AND :to": lambda sk, values: (
        values[":from"]["S"] <= sk <= values[":to"]["S"]
    ),
    "pk = :pk AND sk >= :from": lambda sk, values: sk >= values[":from"]["S"],
    "pk = :pk AND sk <= :to": lambda sk, values: sk <= values[":to"]["S"],
}


class Table:
    """The client's calls that history makes."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> Item:  # noqa: N803
        item = self.items.get(_key(Key))
        return {} if item is None else {"Item": item}

    def put_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Item: Item,  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeValues: Item | None = None,  # noqa: N803
    ) -> Item:
        old = self.items.get(_key(Item))
        if ConditionExpression and not _PUT[ConditionExpression](old, ExpressionAttributeValues or {}):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        self.items[_key(Item)] = Item
        return {}

    def query(
        self,
        *,
        TableName: str,  # noqa: N803
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Item,  # noqa: N803
        ConsistentRead: bool = False,  # noqa: N803
        ScanIndexForward: bool = True,  # noqa: N803
        Limit: int = PAGE_ITEMS,  # noqa: N803
        ExclusiveStartKey: Item | None = None,  # noqa: N803
    ) -> Item:
        matches = _SORT_KEY[KeyConditionExpression]
        pk = ExpressionAttributeValues[":pk"]["S"]
        keys = sorted(
            (key for key in self.items if key[0] == pk and matches(key[1], ExpressionAttributeValues)),
            reverse=not ScanIndexForward,
        )
        if ExclusiveStartKey is not None:
            keys = keys[keys.index(_key(ExclusiveStartKey)) + 1 :]
        page = [self.items[key] for key in keys[:Limit]]
        if len(keys) <= Limit:
            return {"Items": page}
        return {"Items": page, "LastEvaluatedKey": {name: page[-1][name] for name in ("pk", "sk")}}


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _number(value: Item) -> int:
    return int(value["N"])
