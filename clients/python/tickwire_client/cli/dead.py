"""`tickwire dead`: the messages that ingest set aside or gave up on, and sending them again.

For whoever runs the platform: it asks SQS, with that person's own AWS credentials, and needs boto3
(`pip install tickwire-client[operate]`). A message sent again keeps the time when it first came; its ticks
are stored, and are not shown as new.
"""

from __future__ import annotations

import json
import uuid
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

    @property
    def message(self) -> tuple[str, int, str]:
        """The same each time that it's set aside; the id is another one then."""
        return self.symbol, self.sent_ms, self.body


@click.command()
@click.argument("ids", nargs=-1)
@click.option("--resend", is_flag=True, help="Send them to the queue again: those named, or all.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many to look at."
)
@platform_options
def dead(setting: Setting, ids: tuple[str, ...], resend: bool, limit: int) -> None:
    """List the messages that were set aside, with the reason, or send them again."""
    account = Account.of(setting)
    platform, sqs = account.platform, account.client("sqs")
    missing, looked = set(ids), 0
    held: list[Letter] = []
    sent: set[tuple[str, int, str]] = set()
    with account.refusals():
        dead_url, queue_url = (
            sqs.get_queue_url(QueueName=f"tickwire-{platform.stage}-{name}.fifo")["QueueUrl"]
            for name in ("dead", "ingest")
        )
        there = _there(sqs, dead_url)
        try:
            # What is sent again goes from its queue at once: while SQS has given out some of a symbol, it
            # gives out no more of that symbol.
            while looked < limit and (missing or not ids):
                batch = _letters(sqs, dead_url, min(AT_ONCE, limit - looked))
                if not batch:
                    break
                looked += len(batch)
                held += batch
                for letter in [letter for letter in batch if letter.message not in sent]:
                    if ids and letter.id not in missing:
                        continue
                    missing.discard(letter.id)
                    if resend:
                        _resend(sqs, dead_url, queue_url, letter)
                        sent.add(letter.message)
                        held.remove(letter)
                    click.echo(
                        _json(letter, resent=resend) if setting.as_json else _line(letter, resent=resend)
                    )
        finally:
            _let_go(sqs, dead_url, held)
    back = sum(letter.message in sent for letter in held)
    more = there - (looked - back)
    left = _left(more, limit=limit if looked >= limit else None, held=bool(held)) if more > 0 else ""
    if missing:
        told = f" that SQS shows: {left}" if left else "; expected an id as listed"
        raise click.BadParameter(f"{min(missing)!r} is not among the dead letters{told}")
    if back:
        click.echo(f"tickwire: {back} came back, set aside again: list them for the reasons", err=True)
    if left and not ids:
        click.echo(f"tickwire: {left}", err=True)
    if not looked and not left and not setting.as_json:
        click.echo("nothing was set aside")


def _there(sqs: Any, url: str) -> int:
    """About so many letters, also those that somebody looks at now."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def _left(more: int, *, limit: int | None, held: bool) -> str:
    """How many weren't looked at, why, and what to do."""
    if limit is not None:
        why = f"beyond --limit {limit}"
    elif held:
        why = (
            "behind others of their symbol, of which SQS shows ten at most: the next ones come when those are"
            " sent again; --resend without ids sends all"
        )
    else:
        why = "which somebody else looks at; try again in a minute"
    return f"about {more} more are there, {why}"


def _letters(sqs: Any, url: str, most: int) -> list[Letter]:
    """Some of those that nobody holds yet, oldest of each symbol first; none is left when there are none."""
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=most,
        VisibilityTimeout=HELD_S,
        WaitTimeSeconds=1,
        MessageAttributeNames=["All"],
        AttributeNames=["All"],
    )
    return [_letter(message) for message in answer.get("Messages", [])]


def _letter(message: dict[str, Any]) -> Letter:
    facts = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    about = message["Attributes"]
    return Letter(
        id=message["MessageId"],
        symbol=about["MessageGroupId"],
        reason=facts.get("reason", "attempts"),
        detail=facts.get("detail", "ingest failed on it each time; its log says why"),
        # Of one that was sent again and failed on again, "resent" is when it first came.
        sent_ms=int(facts.get("sent") or facts.get("resent") or about["SentTimestamp"]),
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
