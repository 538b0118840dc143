"""Functions' logs, metrics and schedules: prompt, and bounded.

In: ministack's log writer, metric store and tickers. Out: schedules that fire within a second, the newest
`STREAMS_MAX` log streams a group and the newest `POINTS_MAX` points a metric. Always: what goes is the
oldest.
"""

from __future__ import annotations

from typing import Any

from local.ministack.patch import around, module, put

STREAMS_MAX = 500  # ministack makes one for each call; about 1 KB each
POINTS_MAX = 5_000
TICK_S = 1


def apply() -> None:
    functions, logs, metrics = (
        module("services.lambda_svc"),
        module("services.cloudwatch_logs"),
        module("services.cloudwatch"),
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

    @around(metrics, "_metric_bucket")
    def bucket(original: Any, key: tuple[Any, ...]) -> list[Any]:
        points: list[Any] = original(key)
        if len(points) > POINTS_MAX:
            del points[: POINTS_MAX // 10]
        return points
