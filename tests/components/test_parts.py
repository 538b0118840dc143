"""The promises of single components that a wrong property would break."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.code import ROOT
from tests.components.world import World, evaluate

FUNCTIONS = ("ingest", "query", "door", "feed", "status")


@cache
def world() -> World:
    return evaluate({"symbols": ["AAPL", "TSLA"], "topicPrefix": "dev"})


def function(noun: str, found: World | None = None) -> dict[str, Any]:
    return (found or world()).one("aws:lambda/function:Function", noun).inputs


def variables(noun: str, found: World | None = None) -> dict[str, str]:
    known: dict[str, str] = function(noun, found)["environment"]["variables"]
    return known


def queue(name: str) -> dict[str, Any]:
    return world().one("aws:sqs/queue:Queue", name).inputs


@pytest.mark.parametrize("name", ["queue", "queue-dead"])
def test_symbols_do_not_wait_for_each_other_in_the_queues(name: str) -> None:
    """High-throughput FIFO: order and duplicates are each group's own, and equal prices aren't duplicates."""
    found = queue(name)
    assert found["fifoQueue"] is True
    assert found["deduplicationScope"] == "messageGroup"
    assert found["fifoThroughputLimit"] == "perMessageGroupId"
    assert found["contentBasedDeduplication"] is False
    assert found["sqsManagedSseEnabled"] is True


def test_a_message_that_fails_for_an_hour_is_kept_for_a_fortnight() -> None:
    """Long enough for a person to come back from a holiday; only the ingest queue may send it there."""
    redrive = json.loads(queue("queue")["redrivePolicy"])
    allowed = json.loads(queue("queue-dead")["redriveAllowPolicy"])
    assert redrive == {
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:tickwire-dev-dead.fifo",
        "maxReceiveCount": 300,
    }
    assert queue("queue-dead")["messageRetentionSeconds"] == 14 * 86_400
    assert allowed == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["arn:aws:sqs:us-east-1:123456789012:tickwire-dev-ingest.fifo"],
    }


def test_a_lost_batch_comes_back_soon_but_never_while_its_function_may_still_run() -> None:
    """The queue hides a message for twice the function's timeout."""
    assert queue("queue")["visibilityTimeoutSeconds"] == 12 == 2 * function("ingest")["timeout"]


def test_ingest_hands_back_single_messages_and_is_bounded() -> None:
    """Ten messages a batch is FIFO's limit; the bound is the stage's."""
    found = world().one("aws:lambda/eventSourceMapping:EventSourceMapping", "ingest").inputs
    assert found["batchSize"] == 10
    assert found["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["scalingConfig"] == {"maximumConcurrency": 10}
    assert "maximumBatchingWindowInSeconds" not in found, "FIFO has none, and a live price wouldn't wait"


@pytest.mark.parametrize("noun", FUNCTIONS)
def test_a_function_runs_on_arm_with_the_newest_python_and_logs_for_as_long_as_the_stage_says(
    noun: str,
) -> None:
    """Its log group is made before it, or Lambda would make one that never ends."""
    found = function(noun)
    assert found["architectures"] == ["arm64"]
    assert found["runtime"] == "python3.14"
    group = world().one("aws:cloudwatch/logGroup:LogGroup", noun).inputs
    assert group["retentionInDays"] == 14
    assert found["loggingConfig"] == {"logFormat": "JSON", "logGroup": group["name"]}
    assert group["name"] == f"/aws/lambda/{found['name']}"


@pytest.mark.parametrize("noun", FUNCTIONS)
def test_a_functions_entry_point_is_in_the_code(noun: str) -> None:
    """`handlers.ingest.handler` is `handler` in handlers/ingest.py."""
    assert function(noun)["handler"] == f"handlers.{noun}.handler"
    tree = ast.parse((ROOT / "handlers" / f"{noun}.py").read_text())
    assert "handler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("noun", FUNCTIONS)
def test_a_function_is_told_all_that_it_reads_from_its_environment_and_no_more(noun: str) -> None:
    """Program and handlers meet here only; a misspelt name would show at the first event."""
    assert _read_by(ROOT / "handlers" / f"{noun}.py", set()) == variables(noun).keys()


def _read_by(file: Path, seen: set[Path]) -> set[str]:
    """Names of `os.environ["…"]` in a module and the handlers' modules that it imports."""
    if file in seen or not file.is_file():
        return set()
    seen.add(file)
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            found.add(ast.literal_eval(node.slice))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("handlers."):
            found |= _read_by(ROOT / f"{str(node.module).replace('.', '/')}.py", seen)
    return found


def test_the_largest_universe_fits_a_functions_environment() -> None:
    """Lambda takes 4 KB of names and values."""
    symbols = [f"{number:012d}" for number in range(100)]
    found = evaluate(
        {"symbols": symbols, "topicPrefix": "a" * 24, "apiKey": "k" * 64, "calendar": "XTKS"},
        stack="abcdefghijklmnop",
        region="ap-southeast-1",
    )
    for noun in FUNCTIONS:
        assert sum(len(name) + len(value) for name, value in variables(noun, found).items()) < 4_000
        assert variables(noun, found)["SYMBOLS"].split(",") == symbols


@pytest.mark.parametrize(
    ("retention", "seconds"), [("off", "0"), ("1h", "3600"), ("1d", "86400"), ("7d", "604800")]
)
def test_the_functions_know_how_long_ticks_are_kept(retention: str, seconds: str) -> None:
    """Off is 0 seconds: ingest stores no ticks then, and query says so."""
    found = evaluate({"retention": retention})
    assert {variables(noun, found)["KEEP_S"] for noun in ("ingest", "query")} == {seconds}


def test_history_is_streamed_and_expires() -> None:
    """On demand, so that an idle stage costs nothing; new images feed the lanes that are made of history."""
    table = world().one("aws:dynamodb/table:Table", "history").inputs
    assert table["billingMode"] == "PAY_PER_REQUEST"
    assert (table["hashKey"], table["rangeKey"]) == ("pk", "sk")
    assert table["ttl"] == {"attributeName": "expires", "enabled": True}
    assert (table["streamEnabled"], table["streamViewType"]) == (True, "NEW_IMAGE")


@pytest.mark.parametrize("protected", [True, False])
def test_a_protected_stage_keeps_its_history_from_mistakes(protected: bool) -> None:
    """Backed up, and neither AWS nor Pulumi would delete the table; elsewhere it goes with the stage."""
    table = evaluate({"protected": protected}).one("aws:dynamodb/table:Table", "history")
    assert table.inputs["pointInTimeRecovery"] == {"enabled": protected}
    assert table.inputs["deletionProtectionEnabled"] is protected
    assert table.protect is protected


def test_the_brokers_log_belongs_to_the_stage_that_owns_it() -> None:
    """An account has one in each region, so by default a stage leaves it alone. INFO would log each price."""
    assert not world().of("aws:iot/loggingOptions:LoggingOptions")
    owner = evaluate({"iotLogging": True, "logRetentionDays": 90})
    assert owner.one("aws:iot/loggingOptions:LoggingOptions", "broker-log").inputs == {
        "defaultLogLevel": "WARN",
        "disableAllLogs": False,
        "roleArn": "arn:aws:iam::123456789012:role/tickwire-dev-iot-log",
    }
    group = owner.one("aws:cloudwatch/logGroup:LogGroup", "broker-log").inputs
    assert (group["name"], group["retentionInDays"]) == ("AWSIotLogsV2", 90)


def test_the_pool_gives_guests_an_identity_by_the_enhanced_flow_only() -> None:
    """The classic flow would let a guest ask for credentials of longer life."""
    pool = world().one("aws:cognito/identityPool:IdentityPool", "identity").inputs
    assert pool["allowUnauthenticatedIdentities"] is True
    assert pool["allowClassicFlow"] is False
    attached = world().one(
        "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment", "identity-guest"
    )
    assert attached.inputs["roles"] == {
        "unauthenticated": "arn:aws:iam::123456789012:role/tickwire-dev-guest"
    }


def test_the_feed_is_woken_each_minute_and_outlives_it() -> None:
    """A wake that fails isn't repeated, as the next one comes in a minute; two feeds meet, three never do."""
    schedule = world().one("aws:scheduler/schedule:Schedule", "feed").inputs
    assert schedule["scheduleExpression"] == "rate(1 minute)"
    assert schedule["state"] == "ENABLED"
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    assert schedule["target"]["retryPolicy"]["maximumRetryAttempts"] == 0
    assert 60 < function("feed")["timeout"] < 120


def test_the_status_is_woken_each_minute_and_can_wait_for_the_market_within_it() -> None:
    """Also while the feed is paused, which it says."""
    for found, paused in ((world(), "no"), (evaluate({"feedPaused": True}), "yes")):
        schedule = found.one("aws:scheduler/schedule:Schedule", "status").inputs
        assert (schedule["scheduleExpression"], schedule["state"]) == ("rate(1 minute)", "ENABLED")
        assert function("status", found)["timeout"] > 60 + 5  # the broker is tried for five seconds
        assert variables("status", found)["PAUSED"] == paused
    assert variables("status", evaluate({"feed": "off", "feedPaused": True}))["PAUSED"] == "no"


def test_a_paused_feed_keeps_its_function_and_is_not_woken() -> None:
    """So going on is one changed property."""
    paused = evaluate({"feedPaused": True})
    assert paused.one("aws:scheduler/schedule:Schedule", "feed").inputs["state"] == "DISABLED"
    assert paused.exports["feed"] == "tickwire-dev-feed"


def test_a_stage_without_the_simulated_feed_has_nothing_of_it() -> None:
    """Its ticks come by the queue or the door alone."""
    found = evaluate({"feed": "off"})
    assert not [resource for resource in found.custom if "feed" in resource.name]
    assert found.exports["feed"] == ""


def test_the_feed_is_told_its_pace() -> None:
    """Rate and packing are the stage's."""
    found = evaluate({"feedRate": 7, "feedPackMs": 500})
    assert variables("feed", found)["RATE"] == "7"
    assert variables("feed", found)["PACK_MS"] == "500"


def test_the_door_stays_shut_without_a_key() -> None:
    """An empty digest is no digest: writes are refused."""
    assert variables("door")["API_KEY_SHA256"] == ""


def test_the_door_knows_the_digest_of_the_key() -> None:
    """SHA-256 in hex, as `printf %s KEY | sha256sum` gives it."""
    found = evaluate(
        {"apiKey": "abcdefghijklmnopqrstuvwxyz", "writeOrigins": ["https://a.org", "https://b.org"]}
    )
    digest = "71c480df93d6ae2f1efad1447c66c9525e316218cf51fc8d9ed832f2daf18b73"
    assert variables("door", found)["API_KEY_SHA256"] == digest
    assert variables("door", found)["WRITE_ORIGINS"] == "https://a.org,https://b.org"


def test_the_api_is_throttled_logged_and_open_to_pages_of_any_origin() -> None:
    """Public reads need a bound on what they may cost; a preflight is answered by the API itself."""
    cors = world().one("aws:apigatewayv2/api:Api", "query").inputs["corsConfiguration"]
    assert cors["allowOrigins"] == ["*"]
    assert set(cors["allowMethods"]) == {"GET", "POST", "DELETE", "OPTIONS"}
    assert set(cors["allowHeaders"]) == {"content-type", "x-api-key"}
    stage = world().one("aws:apigatewayv2/stage:Stage", "query").inputs
    assert stage["defaultRouteSettings"] == {"throttlingRateLimit": 500, "throttlingBurstLimit": 1_000}
    assert stage["autoDeploy"] is True
    assert stage["accessLogSettings"]["destinationArn"].endswith(
        ":log-group:/aws/vendedlogs/tickwire-dev-api"
    )
    assert json.loads(stage["accessLogSettings"]["format"])["status"] == "$context.status"


def test_reads_and_writes_have_routes_of_their_own() -> None:
    """A function for each, so that a reader's role can't write; the reader answers what no route takes."""
    keys = {route.inputs["routeKey"] for route in world().of("aws:apigatewayv2/route:Route")}
    assert keys == {"GET /api/{proxy+}", "POST /api/ticks", "$default"}
