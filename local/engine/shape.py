"""Pulumi's properties as the parameters of an AWS call, driven by botocore's own model of the call.

In: camelCase properties. Out: keyword arguments for boto3. Each property must find its member in the model,
at every depth; one that finds none is an `UnknownPropertyError`, so nothing is dropped in silence.
Differences in form that hold for all of AWS are bridged here: Quantity/Items, a map for a list of key and
value, a document for its JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.engine.files import Files
from local.engine.values import UNKNOWN

NOTHING: Mapping[str, Any] = MappingProxyType({})
_INDEX = re.compile(r"\[\d+\]")
_KEY_NAMES = (("Key", "Value"), ("key", "value"), ("Name", "Value"), ("name", "value"))


class UnknownPropertyError(Exception):
    """A property that the AWS call has no place for. The text is its path, such as `environment.colour`."""


def parameters(shape: StructureShape, values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments for the call whose input has this shape. `names` gives the members that aren't called alike,
    by property or by its path without indexes ("metricTransformation.value")."""
    return _structure(shape, values, names, "")


def member_of(shape: StructureShape, path: str, names: Mapping[str, str]) -> str | None:
    """The member that a property means: named for its path or itself, or one that differs in case only."""
    path = _INDEX.sub("", path)
    name = path.rpartition(".")[2]
    wanted = names.get(path, names.get(name, name)).lower()
    return next((member for member in shape.members if member.lower() == wanted), None)


def _structure(
    shape: StructureShape, values: Mapping[str, Any], names: Mapping[str, str], at: str
) -> dict[str, Any]:
    result = {}
    for name, value in values.items():
        path = f"{at}.{name}" if at else name
        member = member_of(shape, path, names)
        if member is None:
            raise UnknownPropertyError(path)
        result[member] = _value(shape.members[member], value, names, path)
    if "Quantity" in shape.members and "Quantity" not in result:
        result["Quantity"] = len(result.get("Items", ()))
    return result


def _value(shape: Shape, value: Any, names: Mapping[str, str], at: str) -> Any:
    if value == UNKNOWN:
        return UNKNOWN
    if isinstance(shape, StructureShape):
        if isinstance(value, list) and "Items" in shape.members:
            listed = {"Items": _value(shape.members["Items"], value, names, at)}
            enabled = {"Enabled": bool(value)} if "Enabled" in shape.members else {}
            return listed | enabled | ({"Quantity": len(value)} if "Quantity" in shape.members else {})
        if isinstance(value, Mapping):
            is_list = shape.members.keys() == {"Items"} and "items" not in value
            return _structure(shape, {"Items": value} if is_list else value, names, at)
        raise UnknownPropertyError(at)
    if isinstance(shape, MapShape):
        if isinstance(value, Mapping):
            return {key: _value(shape.value, one, names, f"{at}.{key}") for key, one in value.items()}
        raise UnknownPropertyError(at)
    if isinstance(shape, ListShape):
        if isinstance(value, Mapping):
            return [_pair(shape.member, key, one, at) for key, one in sorted(value.items())]
        if isinstance(value, list):
            return [_value(shape.member, one, names, f"{at}[{index}]") for index, one in enumerate(value)]
        raise UnknownPropertyError(at)
    return _scalar(shape.type_name, value)


def _pair(shape: Shape, key: str, value: Any, at: str) -> dict[str, Any]:
    for key_name, value_name in _KEY_NAMES:
        if isinstance(shape, StructureShape) and {key_name, value_name} <= shape.members.keys():
            return {key_name: key, value_name: value}
    raise UnknownPropertyError(at)


def _scalar(kind: str, value: Any) -> Any:
    if isinstance(value, Files):
        value = value.content
    if kind == "blob":
        return value.encode() if isinstance(value, str) else value
    if kind == "string":
        if isinstance(value, bool | dict | list):
            return json.dumps(value)
        return str(value)
    if kind == "boolean":
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    if kind in ("integer", "long", "float", "double") and isinstance(value, str):
        try:
            return float(value) if kind in ("float", "double") else int(value)
        except ValueError:
            return value  # boto3's own check says what it expected
    return value
