"""IoT Core. The local cloud has no logging options, so they are only recorded, and the deploy says so."""

from __future__ import annotations

from collections.abc import Set

from local.engine.aws import Aws
from local.engine.kind import EVERYWHERE, Kind, Made, Values
from local.engine.shape import UnknownPropertyError


class LoggingOptions(Kind):
    token, service, name_key = "aws:iot/loggingOptions:LoggingOptions", "iot", ""
    note = "recorded only: the local cloud has no IoT logging"

    def check(self, aws: Aws, new: Values) -> None:
        for name in new.keys() - {"defaultLogLevel", "roleArn", "disableAllLogs"} - EVERYWHERE:
            raise UnknownPropertyError(name)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        return "default"

    def create(self, aws: Aws, new: Values) -> Made:
        return Made(ref="default", outputs={})

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        return {}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        return None


KINDS = (LoggingOptions(),)
