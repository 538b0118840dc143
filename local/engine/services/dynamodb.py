"""DynamoDB tables: one call makes them, and nearly every setting has an update call of its own."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from local.engine.aws import Aws
from local.engine.kind import Kind, Values

_CAPACITY = frozenset({"billingMode", "readCapacity", "writeCapacity"})
_STREAM = frozenset({"streamEnabled", "streamViewType"})
_OFF = {"enabled": False}


class Table(Kind):
    token, service = "aws:dynamodb/table:Table", "dynamodb"
    create_op, update_op, delete_op, read_op = "CreateTable", "UpdateTable", "DeleteTable", "DescribeTable"
    key = {"TableName": "{name}"}
    names = {
        "name": "TableName",
        "attributes": "AttributeDefinitions",
        "attributes.name": "AttributeName",
        "attributes.type": "AttributeType",
        "globalSecondaryIndexes.name": "IndexName",
        "localSecondaryIndexes.name": "IndexName",
        "serverSideEncryption": "SSESpecification",
        "serverSideEncryption.kmsKeyArn": "KMSMasterKeyId",
        "pointInTimeRecoverySpecification.enabled": "PointInTimeRecoveryEnabled",
    }
    own = frozenset({"ttl", "pointInTimeRecovery", "globalSecondaryIndexes"})
    defaults = {
        "billingMode": "PROVISIONED",
        "deletionProtectionEnabled": False,
        "globalSecondaryIndexes": [],
        "pointInTimeRecovery": _OFF,
        "streamEnabled": False,
        "tableClass": "STANDARD",
        "ttl": _OFF,
    }
    replace = frozenset({"name", "hashKey", "rangeKey", "localSecondaryIndexes"})
    identity = ("name",)
    tag_key = {"ResourceArn": "arn:aws:dynamodb:{region}:{account}:table/{name}"}
    outputs = {
        "arn": "{TableDescription[TableArn]}",
        "streamArn": "{TableDescription[LatestStreamArn]}",
        "streamLabel": "{TableDescription[LatestStreamLabel]}",
    }

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        form = aws.form(self.service, operation)
        indexes = [_index(one, "") for one in values.get("globalSecondaryIndexes", [])]
        made = self.shaped(form, {"globalSecondaryIndexes": indexes}) if indexes else {}
        if not values.get("streamEnabled"):
            values = {name: one for name, one in values.items() if name not in _STREAM}
        return super().arguments(aws, operation, values) | made

    def reshaped(self, values: Values) -> Values:
        """Keys, capacity, stream and local indexes as the structures that DynamoDB takes."""
        hash_key = values.get("hashKey", "")
        values = _keyed(_provisioned(values))
        if "streamEnabled" in values:
            enabled, view = values.pop("streamEnabled"), values.pop("streamViewType", None)
            view_type = {"streamViewType": view} if enabled and view else {}
            values["streamSpecification"] = {"streamEnabled": enabled} | view_type
        if "localSecondaryIndexes" in values:
            values["localSecondaryIndexes"] = [
                _index(one, hash_key) for one in values["localSecondaryIndexes"]
            ]
        return values

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        # A view type can't change while the stream runs.
        if changed & _STREAM and old.get("streamEnabled") and new.get("streamEnabled"):
            aws.call("dynamodb", "UpdateTable", TableName=ref, StreamSpecification={"StreamEnabled": False})
        if changed & _CAPACITY and self._has_capacity(aws, ref, new):
            changed -= _CAPACITY  # an update made again after a kill: DynamoDB refuses what is so already
        # An attribute is declared for an index's sake only, and goes along with it.
        return super().update(aws, ref, old, new, changed - {"attributes"})

    def _has_capacity(self, aws: Aws, ref: str, new: Values) -> bool:
        table = aws.call("dynamodb", "DescribeTable", TableName=ref)["Table"]
        units = table["ProvisionedThroughput"]
        mode = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        has = (mode, units["ReadCapacityUnits"], units["WriteCapacityUnits"])
        return has == (new["billingMode"], new.get("readCapacity", 0), new.get("writeCapacity", 0))

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        """Only what changed, for DynamoDB refuses to be told what is already so."""
        groups = (group if group & changed else {one} for one in changed for group in (_CAPACITY, _STREAM))
        told = {name for group in groups for name in group} & new.keys()
        return super().changes(aws, ref, {"name": new["name"]} | {name: new[name] for name in told}, changed)

    def carries(self, form: Any, name: str) -> bool:
        return name in _CAPACITY | _STREAM or super().carries(form, name)

    def settle(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        before, after = old.get("ttl", _OFF), new["ttl"]
        if before != after:
            # Another attribute takes two calls: only one at a time can expire items.
            for setting in (before | _OFF,) * bool(before.get("enabled")) + (after,) * bool(
                after.get("enabled")
            ):
                self.put(aws, "UpdateTimeToLive", {"timeToLiveSpecification": setting}, TableName=ref)
        if new["pointInTimeRecovery"] != old.get("pointInTimeRecovery", _OFF):
            recovery = {"pointInTimeRecoverySpecification": new["pointInTimeRecovery"]}
            self.put(aws, "UpdateContinuousBackups", recovery, TableName=ref)
        if old:
            self._reindex(aws, ref, old, new)

    def _reindex(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        """Drop, then add indexes; one that changed is dropped and added. DynamoDB takes one at a time."""
        before = {one["name"]: one for one in old.get("globalSecondaryIndexes", [])}
        after = {one["name"]: one for one in new["globalSecondaryIndexes"]}
        form = aws.form("dynamodb", "CreateTable")
        for name in sorted(name for name in before if before[name] != after.get(name)):
            drop = [{"Delete": {"IndexName": name}}]
            aws.call("dynamodb", "UpdateTable", TableName=ref, GlobalSecondaryIndexUpdates=drop)
        for name in sorted(name for name in after if before.get(name) != after[name]):
            add = self.shaped(form, {"globalSecondaryIndexes": [_index(after[name], "")]})[
                "GlobalSecondaryIndexes"
            ]
            attributes = self.shaped(form, {"attributes": new["attributes"]})
            update = [{"Create": add[0]}]
            aws.call(
                "dynamodb", "UpdateTable", TableName=ref, GlobalSecondaryIndexUpdates=update, **attributes
            )


def _keyed(values: Mapping[str, Any]) -> Values:
    """hashKey and rangeKey as a key schema."""
    values = dict(values)
    pairs = (("HASH", values.pop("hashKey", None)), ("RANGE", values.pop("rangeKey", None)))
    schema = [{"attributeName": name, "keyType": kind} for kind, name in pairs if name]
    return values | ({"keySchema": schema} if schema else {})


def _provisioned(values: Mapping[str, Any]) -> Values:
    values = dict(values)
    units = {
        "readCapacityUnits": values.pop("readCapacity", 0),
        "writeCapacityUnits": values.pop("writeCapacity", 0),
    }
    return values | ({"provisionedThroughput": units} if any(units.values()) else {})


def _index(index: Mapping[str, Any], hash_key: str) -> Values:
    """One index; a local one shares the table's hash key."""
    values = _keyed(_provisioned(({"hashKey": hash_key} if hash_key else {}) | dict(index)))
    if schemas := values.pop("keySchemas", None):
        values["keySchema"] = schemas
    projection = {"projectionType": values.pop("projectionType")}
    if extra := values.pop("nonKeyAttributes", None):
        projection["nonKeyAttributes"] = extra
    return values | {"projection": projection}


KINDS = (Table(),)
