"""Budgets: a sum that a month's bill shouldn't pass, and who hears of it."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from local.engine.aws import Aws, is_missing, is_taken, tolerating
from local.engine.kind import Kind, Values

_SUBSCRIBERS = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}


class Budget(Kind):
    token, service = "aws:budgets/budget:Budget", "budgets"
    create_op, update_op, delete_op, read_op = (
        "CreateBudget",
        "UpdateBudget",
        "DeleteBudget",
        "DescribeBudget",
    )
    key = {"AccountId": "{account}", "BudgetName": "{name}"}
    ref = "{account}:{name}"
    inside = "Budget"
    names = {"name": "BudgetName"}
    own = frozenset({"notifications", "accountId"})
    defaults = {"notifications": []}
    replace = frozenset({"name", "namePrefix", "accountId"})
    identity = ("name",)
    whole = True
    tag_key = {"ResourceARN": "arn:aws:budgets::{account}:budget/{name}"}
    tags_member = ""
    outputs = {"arn": "arn:aws:budgets::{account}:budget/{name}"}

    def reshaped(self, values: Values) -> Values:
        values = dict(values)
        if "limitAmount" in values:
            limit = {"amount": values.pop("limitAmount"), "unit": values.pop("limitUnit", "USD")}
            values["budgetLimit"] = limit
        if "costFilters" in values:
            values["costFilters"] = {one["name"]: one["values"] for one in values["costFilters"]}
        return values

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        return super().arguments(aws, operation, values) | {"AccountId": aws.account}

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        arguments = self.arguments(aws, "CreateBudget", new)
        return {"AccountId": aws.account, "NewBudget": arguments["Budget"]}

    def settle(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        """A notification has no name: one that changed is taken away and made anew."""
        budget = {"AccountId": aws.account, "BudgetName": new["name"]}
        before, after = old.get("notifications", []), new["notifications"]
        for one in (one for one in before if one not in after):
            with tolerating(is_missing):
                aws.call("budgets", "DeleteNotification", **budget, Notification=self._notification(aws, one))
        for one in (one for one in after if one not in before):
            told = {"Notification": self._notification(aws, one), "Subscribers": _subscribers(one)}
            with tolerating(is_taken):
                aws.call("budgets", "CreateNotification", **budget, **told)

    def _notification(self, aws: Aws, one: Values) -> dict[str, Any]:
        form = aws.form("budgets", "CreateNotification").members["Notification"]
        return self.shaped(form, {name: value for name, value in one.items() if name not in _SUBSCRIBERS})


def _subscribers(one: Values) -> list[dict[str, str]]:
    return [
        {"SubscriptionType": kind, "Address": address}
        for name, kind in _SUBSCRIBERS.items()
        for address in one.get(name, [])
    ]


KINDS = (Budget(),)
