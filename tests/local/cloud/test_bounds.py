"""What would grow for ever inside the server, driven directly: thousands of calls would take too long."""

from __future__ import annotations

import pytest

from local.ministack import patch
from tests.local.cloud.conftest import inside


def test_a_group_keeps_its_newest_log_streams() -> None:
    """Ministack makes a stream for each call: a day of a busy function would be a gigabyte."""
    inside("""
        emit, logs = module("services.lambda_svc")._emit_lambda_logs, module("services.cloudwatch_logs")
        for number in range(functions.STREAMS_MAX + 50):
            emit({"config": {"FunctionName": "f"}}, f"id-{number}", f"line {number}", False, 1)
        streams = logs._log_groups["/aws/lambda/f"]["streams"]
        lines = [event["message"] for stream in streams.values() for event in stream["events"]]
        assert len(streams) == functions.STREAMS_MAX
        assert f"line {functions.STREAMS_MAX + 49}" in lines and "line 49" not in lines and "line 50" in lines
    """)


def test_a_metric_keeps_its_newest_points() -> None:
    """Four points for each call add up."""
    inside("""
        metrics = module("services.cloudwatch")
        for number in range(functions.POINTS_MAX * 2):
            metrics.record_metric("N", "m", number)
        (points,) = metrics._metrics.values()
        assert len(points) <= functions.POINTS_MAX + 1
        assert points[-1]["Value"] == functions.POINTS_MAX * 2 - 1
    """)


def test_a_stream_keeps_its_newest_records_and_its_positions_count_on() -> None:
    """AWS keeps a day; here a reader that is too far behind goes on with the oldest that is left."""
    inside("""
        import time
        tables = module("services.dynamodb")
        records = [{"dynamodb": {"ApproximateCreationDateTime": time.time()}, "n": n}
                   for n in range(memory.STREAM_RECORDS_MAX + 1)]
        tables._stream_records["t"] = list(records)
        end, start = tables.stream_end_position("t"), tables.stream_start_position("t")
        assert end == len(records)
        assert 0 < start and end - start <= memory.STREAM_RECORDS_MAX
        assert tables.stream_records_since("t", 0, 1) == [records[start]]
        assert tables.stream_records_since("t", end - 1, 9) == [records[-1]]
    """)


def test_presence_is_remembered_of_the_newest_clients_only() -> None:
    """Each browser tab has a client id of its own, and each visit a new one."""
    inside("""
        iot = module("services.iot")
        for number in range(memory.CLIENTS_MAX + 100):
            iot._next_presence_version("a", "r", f"c{number}")
            iot._deregister_client("a", "r", f"c{number}")
        for store in (iot._connectivity, iot._presence_versions):
            assert len(store) == memory.CLIENTS_MAX and ("a", "r", f"c{memory.CLIENTS_MAX + 99}") in store
    """)


def test_expressions_mean_what_they_meant() -> None:
    """Remembering the parse changes no answer and no error."""
    inside("""
        tables = module("services.dynamodb")
        item = {"a": {"N": "5"}, "b": {"S": "xy"}}
        for _ in range(2):
            for text, value, expected in [
                ("a = :v", {"N": "5"}, True), ("a > :v", {"N": "5"}, False),
                ("begins_with(b, :v)", {"S": "x"}, True),
                ("NOT a < :v", {"N": "4"}, True), ("attribute_exists(a) AND b <> :v", {"S": "xy"}, False)]:
                assert tables._evaluate_condition(text, item, {":v": value}, {}) is expected, text
            for wrong in ("a = ", "((a = :v))", "a BETWEEN :w AND :v"):
                try:
                    tables._evaluate_condition(wrong, item, {":v": {"N": "1"}, ":w": {"N": "2"}}, {})
                except ValueError as error:
                    assert "Invalid ConditionExpression" in str(error)
                else:
                    raise AssertionError(wrong)
        first, second = tables._tokenize("a = :v"), tables._tokenize("a = :v")
        assert first is second
    """)


def test_a_name_that_ministack_lost_stops_the_start() -> None:
    """Not silently half mended: which name is gone is in the error."""

    class Module:
        here = 1

    with pytest.raises(patch.Moved, match="gone is gone"):
        patch.put(Module, "gone", 2)
    with pytest.raises(patch.Moved, match="gone is gone"):
        patch.around(Module, "gone")
    with pytest.raises(patch.Moved, match=r"ministack\.services\.none is gone"):
        patch.module("services.none")
    assert patch.put(Module, "here", 2) == 1
    assert Module.here == 2


def test_another_version_of_ministack_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The insides that the shim knows are one version's."""
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.6.0")
    with pytest.raises(patch.Moved, match=r"ministack is 1\.6\.0; .* expects 1\.5\.33"):
        patch.check_version()
