"""Functions' workers: what they see, how many there are, and what new code does to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.cloud import ROOT, Cloud
from local.ministack.workers import WORKERS_MAX
from tests.local.cloud.conftest import Kit, eventually, zipped

pytestmark = pytest.mark.slow


def test_a_worker_sees_its_own_variables_and_nobody_elses(
    monkeypatch: pytest.MonkeyPatch, kit_of: Callable[[Cloud], Kit]
) -> None:
    """The developer's secrets and Python's variables stay outside; region, endpoint and the role's keys are
    there.
    """
    for name, value in {
        "SECRET_OF_MINE": "1",
        "PYTHONPATH": str(ROOT),
        "AWS_PROFILE": "mine",
        "HOME": "/nowhere",
        "AWS_SESSION_TOKEN": "mine",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    with Cloud() as cloud:
        kit = kit_of(cloud)
        kit.function(
            "import os\ndef handler(event, context):\n    return dict(os.environ)\n",
            Environment={"Variables": {"LANE": "live", "AUTH": "mine"}},
        )
        seen = kit.call()
    expected = {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LANE": "live",
        "AUTH": "mine",
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_LAMBDA_FUNCTION_NAME": kit.name,
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert (
        not {"SECRET_OF_MINE", "PYTHONPATH", "AWS_PROFILE", "HOME", "HTTP_PROXY", "STATE_DIR", "GATEWAY_PORT"}
        & seen.keys()
    )


def test_a_function_imports_from_its_zip(kit: Kit) -> None:
    """The checkout isn't on its path: a module that was forgotten in the zip is missed here, not first on
    AWS.
    """
    kit.function("""
import sys
def handler(event, context):
    try:
        import local.cloud
        return local.cloud.__file__
    except ImportError:
        return [path for path in sys.path if "site-packages" not in path and "lib" not in path]
""")
    assert all(not str(path).startswith(str(ROOT)) or "site-packages" in path for path in kit.call())


def test_new_code_serves_the_next_call(kit: Kit) -> None:
    """No call is answered by the old code once the update is."""
    kit.function("def handler(event, context):\n    return 1\n")
    assert kit.call() == 1
    for number in (2, 3):
        code = f"def handler(event, context):\n    return {number}\n"
        kit.cloud.client("lambda").update_function_code(FunctionName=kit.name, ZipFile=zipped(code))
        assert kit.call() == number


def test_a_short_call_is_finished_by_the_code_that_began_it(kit: Kit, tmp_path: Path) -> None:
    """A batch that is being worked on when the code changes doesn't come back a minute later."""
    mark = tmp_path / "mark"
    slow = (
        "import time\n"
        "def handler(event, context):\n"
        f"    open({str(mark)!r}, 'w').close()\n"
        "    time.sleep(.3)\n"
        "    return 'old'\n"
    )
    kit.function(slow)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(kit.call)
        eventually(mark.exists)
        kit.cloud.client("lambda").update_function_code(
            FunctionName=kit.name, ZipFile=zipped("def handler(e, c):\n    return 'new'\n")
        )
        assert kit.call() == "new"
        assert running.result() == "old"


def test_a_long_call_gives_way_to_new_code(kit: Kit, tmp_path: Path) -> None:
    """A feed's minute is cut short, and tried again at once with the new code."""
    mark = tmp_path / "mark"
    code = "import time\ndef handler(path, c):\n    open(path + '-{0}', 'w').close()\n    time.sleep({1})\n"
    kit.function(code.format("old", 60), timeout_s=90)
    client = kit.cloud.client("lambda")
    client.invoke(FunctionName=kit.name, InvocationType="Event", Payload=f'"{mark}"')
    eventually(Path(f"{mark}-old").exists)
    client.update_function_code(FunctionName=kit.name, ZipFile=zipped(code.format("new", 0)))
    eventually(Path(f"{mark}-new").exists, within_s=30)  # the old code's minute isn't over by then


def test_a_handler_that_raises_keeps_its_worker(kit: Kit) -> None:
    """As on AWS: the next call finds what was imported and made before."""
    kit.function("import os\ndef handler(event, context):\n    return os.getpid() if event else 1 / 0\n")
    first = kit.call(1)
    answer = kit.cloud.client("lambda").invoke(FunctionName=kit.name, Payload="0")
    assert answer["FunctionError"] == "Unhandled"
    assert kit.call(1) == first


def test_a_call_that_takes_too_long_is_ended(kit: Kit) -> None:
    """The function's own timeout counts, and the next call gets a new worker."""
    kit.function(
        "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'done'\n", timeout_s=3
    )
    answer = kit.cloud.client("lambda").invoke(FunctionName=kit.name, Payload="30")
    assert b"timed out after 3.00 seconds" in answer["Payload"].read()
    assert kit.call(0) == "done"


def test_a_function_has_a_bounded_number_of_workers(kit: Kit) -> None:
    """Calls beyond that wait for a free one."""
    kit.function(
        "import os, time\ndef handler(event, context):\n    time.sleep(.1)\n    return os.getpid()\n"
    )
    with ThreadPoolExecutor(12) as pool:
        workers = set(pool.map(lambda _: kit.call(), range(24)))
    assert 1 < len(workers) <= WORKERS_MAX


def test_what_a_call_printed_is_in_the_log_once_it_has_answered(kit: Kit) -> None:
    """Though it prints until it answers and the server is busy: nothing waits for the next call."""
    kit.function("def handler(event, context):\n    print(*range(event), sep='\\n')\n")
    logs = kit.cloud.client("logs")

    def printed(what: int) -> int:
        group = f"/aws/lambda/{kit.name}"
        events = logs.filter_log_events(logGroupName=group, filterPattern=f'"{what}"')["events"]
        return sum(event["message"] == str(what) for event in events)

    kit.call(2_000)
    over = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        busy = [pool.submit(lambda: [printed(0) for _ in iter(over.is_set, True)]) for _ in range(3)]
        counts = []
        for number in range(1, 20):
            kit.call(2)
            counts.append(printed(1) - number)
        over.set()
        for one in busy:
            one.result()
    assert counts == [1] * 19


def test_an_alarm_that_rings_calls_the_function_that_it_names(kit: Kit, tmp_path: Path) -> None:
    """As CloudWatch does, with the alarm's name and state; when it is over, nothing, and silent, nothing."""
    told = tmp_path / "told"
    told.touch()
    kit.function(
        f"""
import json
def handler(event, context):
    with open({str(told)!r}, "a") as out:
        out.write(event["alarmData"]["alarmName"] + " " + event["alarmData"]["state"]["value"] + "\\n")
"""
    )
    arn = kit.cloud.client("lambda").get_function(FunctionName=kit.name)["Configuration"]["FunctionArn"]
    cloudwatch = kit.cloud.client("cloudwatch")
    for name, speaks in ((f"{kit.name}-silent", False), (kit.name, True)):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Test",
            MetricName=kit.name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[arn],
            ActionsEnabled=speaks,
        )
        for state in ("ALARM", "OK", "ALARM"):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
    eventually(lambda: len(told.read_text().splitlines()) == 2)
    assert set(told.read_text().splitlines()) == {f"{kit.name} ALARM"}


def test_many_calls_are_quick(kit: Kit) -> None:
    """About 10 ms each on a developer's machine (60 ms without the cures); a slow CI gets 40."""
    kit.function("def handler(event, context):\n    return event\n")
    kit.call()
    took_s = []
    for number in range(50):
        began = time.monotonic()
        assert kit.call(number) == number
        took_s.append(time.monotonic() - began)
    assert sorted(took_s)[10] < 0.04
