"""SSM parameters. One that may not be overwritten is a claim: making it fails when somebody else has it."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from local.engine.aws import Aws
from local.engine.kind import Kind, Values


class Parameter(Kind):
    token, service = "aws:ssm/parameter:Parameter", "ssm"
    create_op = update_op = "PutParameter"
    delete_op, read_op = "DeleteParameter", "GetParameter"
    key = {"Name": "{name}"}
    names = {"insecureValue": "Value"}
    own = frozenset({"arn", "overwrite"})
    replace = frozenset({"name", "dataType"})
    identity = ("name",)
    tag_ops = ("AddTagsToResource", "RemoveTagsFromResource")
    tag_key = {"ResourceType": "Parameter", "ResourceId": "{name}"}
    tags_member = ""  # a put may not both overwrite and tag
    outputs = {"arn": "arn:aws:ssm:{region}:{account}:parameter/{path}", "version": "{Version}"}

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        """A half-made one is ours only with our value in it: else it's another stage's claim."""
        found = aws.call("ssm", "GetParameter", Name=values["name"], WithDecryption=True)["Parameter"]
        is_ours = bool(ref) or found["Value"] == values.get("value", values.get("insecureValue"))
        return str(values["name"]) if is_ours else None

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        return super().arguments(aws, operation, values) | {"Overwrite": bool(values.get("overwrite", False))}

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        return super().changes(aws, ref, new, changed) | {"Overwrite": True}

    def told(self, aws: Aws, ref: str, values: Values, answer: Values) -> Values:
        return super().told(aws, ref, values, answer | {"path": values["name"].removeprefix("/")})


KINDS = (Parameter(),)
