"""Types whose settings are text attributes, as in SQS and SNS: AWS's model knows neither names nor types."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Set
from typing import Any, ClassVar

from local.engine.aws import Aws
from local.engine.kind import EVERYWHERE, Kind, Values
from local.engine.shape import UnknownPropertyError


class Attributed(Kind):
    """A type of which each property is either an attribute or one of a few that it handles itself."""

    attributes: ClassVar[Mapping[str, tuple[str, Any]]]
    """By property: the attribute, and what it goes back to when the program takes it away."""
    others: ClassVar[Set[str]]

    def check(self, aws: Aws, new: Values) -> None:
        for name in sorted(new.keys() - self.attributes.keys() - self.others - EVERYWHERE):
            raise UnknownPropertyError(name)

    def given(self, values: Values, names: Collection[str] | None = None) -> dict[str, str]:
        """The attributes of these properties, or of all that have a value."""
        return {
            attribute: as_text(values.get(name, default))
            for name, (attribute, default) in self.attributes.items()
            if name in (values if names is None else names)
        }


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
