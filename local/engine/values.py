"""Values as the Pulumi runtime sends them, and as the engine works with them.

In: the Struct of a registration. Out: plain dicts, lists and scalars, in which a secret is its bare value
(its path's first key is noted), an asset or archive is a `Files`, and what a preview can't know is `UNKNOWN`.
And back again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

from local.engine.files import Files

SIGNATURE = rpc._special_sig_key
_SECRET, _ASSET, _ARCHIVE = rpc._special_secret_sig, rpc._special_asset_sig, rpc._special_archive_sig


UNKNOWN = str(rpc.UNKNOWN)
"""Stands for a value that only a real deploy can know: the runtime's own sign, unlike any real text."""


@dataclass(slots=True)
class Inputs:
    """A resource's properties, with what must be remembered to hand them back."""

    values: dict[str, Any]
    secret: set[str] = field(default_factory=set)
    """Names of the top-level properties that hold a secret somewhere."""
    secret_texts: set[str] = field(default_factory=set)
    """The secret strings themselves, so that no message repeats one."""
    original: dict[str, Any] = field(default_factory=dict)
    """Top-level properties that hold an asset or archive, as they came."""


def received(struct: struct_pb2.Struct) -> Inputs:
    """Unwrap what the runtime sent. A null property is an absent one, as it is for Pulumi."""
    raw = json_format.MessageToDict(struct)
    inputs = Inputs(values={})
    for name, value in raw.items():
        if value is not None:
            inputs.values[name] = _plain(value, name, value, inputs)
    return inputs


def answered(
    outputs: Mapping[str, Any], inputs: Inputs, more_secret: Iterable[str] = ()
) -> struct_pb2.Struct:
    """Wrap a resource's properties for the runtime: secrets marked again, assets as they came."""
    secret = inputs.secret | set(more_secret)
    wrapped = {}
    for name, value in {**outputs, **inputs.original}.items():
        wrapped[name] = {SIGNATURE: _SECRET, "value": value} if name in secret else value
    return json_format.ParseDict(wrapped, struct_pb2.Struct())


def stored(value: Any) -> Any:
    """The form that the state keeps and that tells whether something changed: files by their hash."""
    if isinstance(value, Files):
        return {"sha256": value.sha256}
    if isinstance(value, dict):
        return {key: stored(one) for key, one in value.items()}
    return [stored(one) for one in value] if isinstance(value, list) else value


def has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_unknown(one) for one in value.values())
    if isinstance(value, list):
        return any(has_unknown(one) for one in value)
    return isinstance(value, str) and value == UNKNOWN


def without_unknown(value: Any) -> Any:
    """The value with unknown entries left out, for a preview's exports."""
    if isinstance(value, dict):
        return {key: without_unknown(one) for key, one in value.items() if one != UNKNOWN}
    return [without_unknown(one) for one in value if one != UNKNOWN] if isinstance(value, list) else value


def provider_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """A provider's properties: its lists and maps arrive as JSON text."""
    return {key: _from_json(value) for key, value in values.items()}


def _from_json(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _plain(value: Any, top: str, whole: Any, into: Inputs) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(one, top, whole, into) for one in value]
    if not isinstance(value, dict):
        return value
    signature = value.get(SIGNATURE)
    if signature == _SECRET:
        into.secret.add(top)
        inner = _plain(value.get("value"), top, whole, into)
        into.secret_texts.update(_texts(inner))
        return inner
    if signature in (_ASSET, _ARCHIVE):
        into.original[top] = whole
        return Files.of(value, is_archive=signature == _ARCHIVE)
    return {key: _plain(one, top, whole, into) for key, one in value.items() if one is not None}


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
