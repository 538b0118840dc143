"""Functions' logs, metrics and schedules: prompt, and bounded; functions as an alarm's action.

In: ministack's log writer, metric store, alarms and tickers. Out: schedules that fire within a second, the
newest `STREAMS_MAX` log streams a group and the newest `POINTS_MAX` points a metric; a call of each function
that an alarm names. Always: what goes is the oldest.
"""

from __future__ import annotations

import contextvars
import threading
from typing import Any

from local.ministack.patch import around, module, present, put

STREAMS_MAX = 500  # ministack makes one for each call; about 1 KB each
POINTS_MAX = 5_000
TICK_S = 1
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def apply() -> None:
    functions, logs, metrics = (
        module("services.lambda_svc"),
        module("services.cloudwatch_logs"),
        module("services.cloudwatch"),
    )
    present(
        functions,
        "_get_func_record_for_ref",
        "_execution_record_for_config",
        "_execute_function_with_config_scope",
    )
    put(module("services.scheduler"), "_SCHEDULE_TICK_INTERVAL", TICK_S)
    put(module("services.eventbridge"), "_SCHEDULER_TICK_INTERVAL", TICK_S)

    @around(functions, "_emit_lambda_logs")
    def emit(original: Any, function: dict[str, Any], *args: Any, **named: Any) -> None:
        original(function, *args, **named)
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get(
            "LogGroup"
        ) or f"/aws/lambda/{config.get('FunctionName')}"
        streams = (logs._log_groups.get(group) or {}).get("streams", {})
        while len(streams) > STREAMS_MAX:
            streams.pop(next(iter(streams)), None)

    @around(metrics, "_dispatch_alarm_actions")
    def act(original: Any, alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
        original(alarm, old, new, reason)
        event = _rung(alarm, old, new, reason)
        for arn in alarm.get(ACTIONS.get(new, ""), ()) if alarm.get("ActionsEnabled", True) else ():
            if ":lambda:" in arn:
                _call(functions, arn, event)

    @around(metrics, "_metric_bucket")
    def bucket(original: Any, key: tuple[Any, ...]) -> list[Any]:
        points: list[Any] = original(key)
        if len(points) > POINTS_MAX:
            del points[: POINTS_MAX // 10]
        return points


def _rung(alarm: dict[str, Any], old: str, new: str, reason: str) -> dict[str, Any]:
    """What CloudWatch hands to a function that is an alarm's action, as far as functions here read it."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.get("AlarmArn", ""),
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": new, "reason": reason},
            "previousState": {"value": old},
        },
    }


def _call(functions: Any, arn: str, event: dict[str, Any]) -> None:
    """Call it beside whoever changed the alarm's state. Its permission isn't asked for: tests do that."""
    function, config, _ = functions._get_func_record_for_ref(arn)
    if function and config:
        record = functions._execution_record_for_config(function, config)
        run = contextvars.copy_context().run  # the account and region of whoever changed it
        threading.Thread(
            target=run, args=(functions._execute_function_with_config_scope, record, event), daemon=True
        ).start()
