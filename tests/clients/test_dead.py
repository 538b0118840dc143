"""`tickwire dead`, against a real stage: what was set aside is listed with its reason, and sent again."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

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


def count(stage: Platform) -> int:
    found = stage.client("sqs").get_queue_attributes(
        QueueUrl=stage.outputs["deadQueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    return int(found["ApproximateNumberOfMessages"])


@pytest.fixture
def crowd(quiet: Platform) -> Iterator[list[str]]:
    """25 dead letters of one symbol, and nothing else: their bodies, in order."""
    quiet.client("sqs").purge_queue(QueueUrl=quiet.outputs["deadQueueUrl"])
    bodies = [f'{{"symbol":"MSFT","price":{price}}}' for price in range(101, 126)]
    for body in bodies:
        put(quiet, "MSFT", body, "deadQueueUrl")
    yield bodies
    quiet.client("sqs").purge_queue(QueueUrl=quiet.outputs["deadQueueUrl"])


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


def test_all_letters_of_a_symbol_are_sent_again(quiet: Platform, crowd: list[str]) -> None:
    """Though SQS shows ten of them at most: in order, to the last, or up to the limit."""
    done = tickwire(quiet.url, "dead", "--json", "--resend", "--limit", "12")
    assert [json.loads(line)["body"] for line in done.stdout.splitlines()] == crowd[:12]
    assert done.stderr == "tickwire: about 13 more are there, beyond --limit 12\n"
    done = tickwire(quiet.url, "dead", "--json", "--resend")
    assert [json.loads(line)["body"] for line in done.stdout.splitlines()] == crowd[12:]
    assert (done.returncode, done.stderr, count(quiet)) == (0, "", 0)
    assert tickwire(quiet.url, "dead").stdout == "nothing was set aside\n"


def test_letters_that_cannot_be_shown_are_counted(quiet: Platform, crowd: list[str]) -> None:
    """On standard error, with what to do; an id may be among them."""
    done = tickwire(quiet.url, "dead", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [letter["body"] for letter in found] == crowd[:10]
    assert "about 15 more are there, behind others of their symbol" in done.stderr
    assert "--resend without ids sends all" in done.stderr
    assert count(quiet) == 25
    done = tickwire(quiet.url, "dead", found[3]["id"])
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    done = tickwire(quiet.url, "dead", "nonsense")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'nonsense' is not among the dead letters that SQS shows: about 15 more are there" in done.stderr


def test_ids_that_stand_behind_each_other_are_all_reached(quiet: Platform, crowd: list[str]) -> None:
    """Those that are sent again make room for the next; those that aren't named stay."""
    first = [letter["id"] for letter in listed(quiet)]
    assert len(listed(quiet, "--resend", *first)) == 10
    assert [letter["body"] for letter in listed(quiet)] == crowd[10:20]


def test_what_is_set_aside_again_is_not_sent_in_circles(quiet: Platform, crowd: list[str]) -> None:
    """Once for each command, and it says so where it sees it."""
    put(quiet, "TSLA", '{"symbol":"TSLA","price":"dear"}', "deadQueueUrl")
    sent = listed(quiet, "--resend")
    assert sorted(letter["symbol"] for letter in sent) == ["MSFT"] * 25 + ["TSLA"]
    deadline = time.monotonic() + DEADLINE_S
    while not (back := listed(quiet)):
        assert time.monotonic() < deadline
    (bad,) = [letter for letter in sent if letter["symbol"] == "TSLA"]
    assert [(letter["reason"], letter["sent"]) for letter in back] == [("price", bad["sent"])]
