"""IoT Core. The local cloud has no logging options, so they are only recorded, and the deploy says so."""

from __future__ import annotations

from collections.abc import Set

from local.engine.attributed import Attributed
from local.engine.aws import Aws
from local.engine.kind import Made, Values


class LoggingOptions(Attributed):
    token, service, name_key = "aws:iot/loggingOptions:LoggingOptions", "iot", ""
    note = "recorded only: the local cloud has no IoT logging"

    attributes = {}
    others = frozenset({"defaultLogLevel", "roleArn", "disableAllLogs"})

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        return "default"

    def create(self, aws: Aws, new: Values) -> Made:
        return Made(ref="default", outputs={})

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        return {}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        return None


KINDS = (LoggingOptions(),)
