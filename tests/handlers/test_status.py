"""The minute's clock under moto: what it looks at, what it says, and how it meets the market's change."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from handlers import feed, ingest, status
from handlers.history import History
from tests.handlers.conftest import record, ticks
from tickwire.tick import iso, parse_iso

Published = list[tuple[str, dict[str, Any]]]

DAY = "X 2026-11-20 A A=870-1260"  # from 14:30 to 21:00, and nothing known beyond


class Time:
    """A clock that only sleeping moves."""

    def __init__(self, now: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms, self.slept_s = parse_iso(now), 0.0
        for module in (status, feed):
            monkeypatch.setattr(module, "_now_ms", lambda: self.now_ms)
            monkeypatch.setattr(module.time, "sleep", self.sleep)
        monkeypatch.setattr("handlers.broker.fresh_ms", lambda sent_ms: 5_000)

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.now_ms += round(seconds * 1000)


def woken(published: Published) -> list[dict[str, Any]]:
    """What a wake says on the status topic."""
    published.clear()
    status.handler({}, None)
    return [message for topic, message in published if topic == "status"]


def reasons(published: Published) -> list[str]:
    (message,) = woken(published)
    return [reason["what"] for reason in message["reasons"]]


def take(symbol: str) -> None:
    ingest.handler({"Records": [record(symbol, ticks(symbol, 1))]}, None)


def test_a_wake_says_how_the_market_and_the_platform_are(history: History, published: Published) -> None:
    """A stage that ticks around the clock is well."""
    take("AAPL")
    (message,) = woken(published)
    assert (message["market"], message["calendar"], message["degraded"]) == ("open", "24/7", False)


def test_a_wake_publishes_a_full_board(history: History, published: Published) -> None:
    """For whoever came since the last."""
    take("AAPL")
    take("MSFT")
    woken(published)
    (board,) = [message for topic, message in published if topic == "board"]
    assert board["full"] is True
    assert {price["symbol"] for price in board["prices"]} == {"AAPL", "MSFT"}


def test_a_stage_without_a_tick_is_degraded_unless_it_is_paused(
    history: History, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause is said, and is no fault."""
    assert reasons(published) == ["silence"]
    monkeypatch.setenv("PAUSED", "yes")
    status._clock.cache_clear()
    (message,) = woken(published)
    assert (message["paused"], message["degraded"]) == (True, False)


def test_a_pauses_last_word_is_kept_for_whoever_comes_later(history: History, published: Published) -> None:
    """The status only: no board, and nothing that looks like a fault of silence."""
    status.handler({"pause": True}, None)
    ((topic, message),) = published
    assert (topic, message["paused"], message["reasons"], message["retain"]) == ("status", True, [], True)
    assert "messageExpiry" not in message


@pytest.mark.parametrize("setting", ["no", "yes"])
def test_the_end_of_a_pause_is_kept_until_the_next_wake(
    history: History, published: Published, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """It replaces the last word, and says what the stage's own setting says of its feed."""
    monkeypatch.setenv("PAUSED", setting)
    status.handler({"pause": False}, None)
    ((topic, message),) = published
    assert (topic, message["paused"]) == ("status", setting == "yes")
    assert (message["retain"], message["messageExpiry"]) == (True, status.WAKE_MS / 1000)


def test_a_wake_is_not_kept(history: History, published: Published) -> None:
    """Else a viewer who comes would hear an old status before the next one."""
    take("AAPL")
    assert "retain" not in woken(published)[0]


@pytest.mark.parametrize("pause", [True, False])
def test_a_last_word_that_does_not_go_out_is_an_error(
    history: History, monkeypatch: pytest.MonkeyPatch, pause: bool
) -> None:
    """Whoever pauses is told, instead of believing that viewers were."""
    monkeypatch.setattr("handlers.broker.Broker.send", lambda *_, **__: False)
    with pytest.raises(RuntimeError, match="the broker didn't take the status"):
        status.handler({"pause": pause}, None)


def test_silence_is_measured(
    history: History,
    published: Published,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each minute, so that an alarm can tell silence from nobody looking."""
    take("AAPL")
    (head,) = history.newest(["AAPL"])
    assert head.newest is not None
    Time(iso(head.newest.time_ms + 900), monkeypatch)
    capsys.readouterr()
    woken(published)
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "Silence" in line]
    assert line["Silence"] == 0
    assert line["stage"] == "test"


def test_dead_letters_and_messages_that_wait_are_seen(history: History, published: Published) -> None:
    """Counted, not read: they are all still there."""
    sqs = boto3.client("sqs")
    for variable in ("QUEUE_URL", "DEAD_QUEUE_URL"):
        sqs.send_message(
            QueueUrl=os.environ[variable],
            MessageBody="x",
            MessageGroupId="AAPL",
            MessageDeduplicationId="1",
        )
    assert reasons(published) == ["queue", "dead-letters"]
    assert len(sqs.receive_message(QueueUrl=os.environ["DEAD_QUEUE_URL"])["Messages"]) == 1


def test_a_queue_that_does_not_answer_is_said(
    history: History,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message goes out all the same, and the log has the error."""
    take("AAPL")

    def refused(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetQueueAttributes")

    monkeypatch.setattr(status._clock().queues, "get_queue_attributes", refused)
    assert reasons(published) == ["blind"]
    assert '"event":"status_blind"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("woken_at", "states"),
    [
        ("2026-11-20T14:28:59.999Z", ["closed"]),
        ("2026-11-20T14:29:00Z", ["closed", "open"]),
        ("2026-11-20T20:59:59.500Z", ["open", "closed"]),
        ("2026-11-20T23:59:30Z", ["closed"]),
        ("2026-11-21T00:00:00Z", ["unknown"]),
    ],
)
def test_the_markets_change_is_said_when_it_comes(
    history: History,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
    woken_at: str,
    states: list[str],
) -> None:
    """If it's within the minute that a wake has; later, it's the next wake's."""
    monkeypatch.setenv("CALENDAR", DAY)
    Time(woken_at, monkeypatch)
    messages = woken(published)
    assert [message["market"] for message in messages] == states
    if len(states) == 2:
        assert messages[0]["until"] == messages[1]["time"]


@pytest.mark.parametrize(
    ("start", "windows"),
    [
        ("2026-11-20T14:00:00Z", 0),
        ("2026-11-20T14:29:59Z", 2),
        ("2026-11-20T20:59:59Z", 2),
        ("2026-11-20T21:00:00Z", 0),
    ],
)
def test_the_simulated_feed_rests_outside_the_calendar(
    aws: None, monkeypatch: pytest.MonkeyPatch, start: str, windows: int
) -> None:
    """Windows of half a second: of two seconds, those within the session. It doesn't wait for nothing."""
    monkeypatch.setenv("CALENDAR", DAY)
    clock = Time(start, monkeypatch)
    assert feed.handler({"run_ms": 2_000}, None) == {"sent": 3 * windows, "failed": 0}
    assert (clock.slept_s > 0) is (windows > 0)
