"""`tickwire dead`: the messages that ingest set aside or gave up on, and sending them again.

For whoever runs the platform: it asks SQS, with that person's own AWS credentials, and needs boto3
(`pip install tickwire-client[operate]`). A message sent again keeps the time when it first came; its ticks
are stored, and are not shown as new.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from tickwire.tick import iso
from tickwire_client.cli._account import Account
from tickwire_client.cli._shared import Setting, platform_options

AT_ONCE = 10
HELD_S = 60  # while this command looks at a message, nobody else gets it
BODY_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter."""

    id: str
    symbol: str
    reason: str
    detail: str
    sent_ms: int
    body: str
    handle: str


@click.command()
@click.argument("ids", nargs=-1)
@click.option("--resend", is_flag=True, help="Send them to the queue again: those named, or all listed.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many to list."
)
@platform_options
def dead(setting: Setting, ids: tuple[str, ...], resend: bool, limit: int) -> None:
    """List the messages that were set aside, with the reason, or send them again."""
    account = Account.of(setting)
    platform, sqs = account.platform, account.client("sqs")
    with account.refusals():
        dead_url, queue_url = (
            sqs.get_queue_url(QueueName=f"tickwire-{platform.stage}-{name}.fifo")["QueueUrl"]
            for name in ("dead", "ingest")
        )
        letters = list(_letters(sqs, dead_url, limit))
        chosen = [letter for letter in letters if not ids or letter.id in ids]
        try:
            for letter in chosen:
                if resend:
                    _resend(sqs, dead_url, queue_url, letter)
                click.echo(_json(letter, resent=resend) if setting.as_json else _line(letter, resent=resend))
        finally:
            _let_go(sqs, dead_url, letters)
    missing = sorted(set(ids) - {letter.id for letter in letters})
    if missing:
        raise click.BadParameter(f"{missing[0]!r} is not among the dead letters; expected an id as listed")
    if not letters and not setting.as_json:
        click.echo("nothing was set aside")


def _letters(sqs: Any, url: str, limit: int) -> Iterator[Letter]:
    count = 0
    while count < limit:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(AT_ONCE, limit - count),
            VisibilityTimeout=HELD_S,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        for message in messages:
            count += 1
            facts = {
                name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()
            }
            about = message["Attributes"]
            yield Letter(
                id=message["MessageId"],
                symbol=about["MessageGroupId"],
                reason=facts.get("reason", "attempts"),
                detail=facts.get("detail", "ingest failed on it each time; its log says why"),
                sent_ms=int(facts.get("sent", about["SentTimestamp"])),
                body=message["Body"],
                handle=message["ReceiptHandle"],
            )


def _resend(sqs: Any, dead_url: str, queue_url: str, letter: Letter) -> None:
    """First sent, then deleted: a letter may be sent twice, never lost."""
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=letter.body,
        MessageGroupId=letter.symbol,
        MessageDeduplicationId=uuid.uuid4().hex,
        MessageAttributes={"resent": {"DataType": "String", "StringValue": str(letter.sent_ms)}},
    )
    sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=letter.handle)


def _let_go(sqs: Any, url: str, letters: list[Letter]) -> None:
    """Those that are still there can be seen again at once."""
    for start in range(0, len(letters), AT_ONCE):
        sqs.change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(place), "ReceiptHandle": letter.handle, "VisibilityTimeout": 0}
                for place, letter in enumerate(letters[start : start + AT_ONCE])
            ],
        )


def _line(letter: Letter, *, resent: bool) -> str:
    body = letter.body if len(letter.body) <= BODY_SHOWN else letter.body[: BODY_SHOWN - 3] + "..."
    done = "sent again  " if resent else ""
    return (
        f"{done}{letter.id}  {iso(letter.sent_ms)}  {letter.symbol}  {letter.reason}: {letter.detail}  {body}"
    )


def _json(letter: Letter, *, resent: bool) -> str:
    facts = {
        "id": letter.id,
        "sent": iso(letter.sent_ms),
        "symbol": letter.symbol,
        "reason": letter.reason,
        "detail": letter.detail,
        "body": letter.body,
        "resent": resent,
    }
    return json.dumps(facts)
