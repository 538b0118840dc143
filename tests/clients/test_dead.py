"""`tickwire dead`, against a real stage: what was set aside is listed with its reason, and sent again."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from typing import Any

from local.platform import Platform
from tests.clients.test_cli import tickwire
from tickwire.tick import iso

DEADLINE_S = 30


def put(stage: Platform, symbol: str, body: str, queue: str = "queueUrl", **attributes: str) -> None:
    stage.client("sqs").send_message(
        QueueUrl=stage.outputs[queue],
        MessageBody=body,
        MessageGroupId=symbol,
        MessageDeduplicationId=uuid.uuid4().hex,
        MessageAttributes={n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()},
    )


def listed(stage: Platform, *arguments: str) -> list[dict[str, Any]]:
    done = tickwire(stage.url, "dead", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ticks(stage: Platform, symbol: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{stage.url}/api/prices/{symbol}?limit=1000", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["ticks"]
    return found


def test_what_was_set_aside_is_listed_with_its_reason_and_sent_again(quiet: Platform) -> None:
    """It comes again with the time when it first came, and is not the newest."""
    days_ago_ms = (time.time_ns() // 1_000_000) - 3 * 86_400_000
    before = len(ticks(quiet, "TSLA"))
    put(quiet, "TSLA", '{"symbol":"TSLA","price":"dear"}')
    put(quiet, "TSLA", '{"symbol":"TSLA","price":250}')
    body = '{"symbol":"TSLA","price":99}'
    put(quiet, "TSLA", body, "deadQueueUrl", sent=str(days_ago_ms))
    deadline = time.monotonic() + DEADLINE_S
    while len(letters := listed(quiet)) < 2 or len(ticks(quiet, "TSLA")) == before:
        assert time.monotonic() < deadline, letters
    assert {(letter["symbol"], letter["reason"]) for letter in letters} == {
        ("TSLA", "price"),
        ("TSLA", "attempts"),
    }
    (old,) = [letter for letter in letters if letter["reason"] == "attempts"]
    (again,) = listed(quiet, "--resend", old["id"])
    assert again["resent"]
    assert [letter["reason"] for letter in listed(quiet)] == ["price"]
    while len(found := ticks(quiet, "TSLA")[before:]) < 2:
        assert time.monotonic() < deadline, found
    assert [(tick["price"], tick["timestamp"]) for tick in found[1:]] == [(99, iso(days_ago_ms))]
    with urllib.request.urlopen(f"{quiet.url}/api/prices?symbols=TSLA", timeout=10) as answer:
        assert json.load(answer)["prices"][0]["price"] == 250


def test_an_id_that_is_not_there_is_named(quiet: Platform) -> None:
    """One line, and the status for wrong usage."""
    done = tickwire(quiet.url, "dead", "--resend", "nonsense")
    assert done.returncode == 2
    assert "'nonsense' is not among the dead letters" in done.stderr
