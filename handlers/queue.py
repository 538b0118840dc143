"""The queue: send messages of one symbol or several, in order within each symbol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

BATCH_MAX = 10
BATCH_BYTES_MAX = 262_144


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its group keeps order, its id tells a repetition from a new observation."""

    group: str
    id: str
    body: str


class Queue:
    """Sends to one FIFO queue."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sqs: Any = boto3.client("sqs")

    def send(self, messages: Sequence[Message]) -> list[Message]:
        """Send all, ten a call; return those that the queue refused."""
        refused: list[Message] = []
        for batch in _batches(messages):
            answer = self._sqs.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(place),
                        "MessageBody": message.body,
                        "MessageGroupId": message.group,
                        "MessageDeduplicationId": message.id,
                    }
                    for place, message in enumerate(batch)
                ],
            )
            refused += [batch[int(failed["Id"])] for failed in answer.get("Failed", [])]
        return refused

    def send_aside(self, message: Message, **facts: str) -> None:
        """Send one message with what is to be known of it, such as the reason why it was set aside."""
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=message.body,
            MessageGroupId=message.group,
            MessageDeduplicationId=message.id,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in facts.items()
            },
        )


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    start = size = 0
    for place, message in enumerate(messages):
        length = len(message.body.encode())
        if place - start == BATCH_MAX or (place > start and size + length > BATCH_BYTES_MAX):
            yield messages[start:place]
            start, size = place, 0
        size += length
    if start < len(messages):
        yield messages[start:]
