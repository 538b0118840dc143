"""One DynamoDB table: its client, a write that may lose, and queries to their end.

In: items, keys and conditions as DynamoDB writes them. Out: items. Always: no call waits longer than a
function can, and a condition that doesn't hold is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

Item = dict[str, dict[str, str]]


class Table:
    def __init__(self, name: str, *, connections: int) -> None:
        self.name = name
        self.client: Any = boto3.client(
            "dynamodb",
            config=Config(
                max_pool_connections=connections,
                connect_timeout=1,
                read_timeout=2,
                retries={"mode": "standard", "total_max_attempts": 3},
            ),
        )

    def put(self, item: Item, **condition: Any) -> bool:
        """Write; False when the condition doesn't hold."""
        try:
            self.client.put_item(TableName=self.name, Item=item, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def get(self, pk: str, sk: str, *, consistent: bool = False) -> Item | None:
        key = {"pk": s(pk), "sk": s(sk)}
        found = self.client.get_item(TableName=self.name, Key=key, ConsistentRead=consistent)
        item: Item | None = found.get("Item")
        return item

    def query(self, condition: str, values: Item, **options: Any) -> Iterator[Item]:
        """All items, page by page as they are taken; one page with a `Limit`."""
        request = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            **options,
        }
        while True:
            answer = self.client.query(**request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer or "Limit" in options:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def s(text: str) -> dict[str, str]:
    return {"S": text}


def n(number: int) -> dict[str, str]:
    return {"N": str(number)}
