"""A whole stage on this machine with a proxy between its ingest function and table and broker.

A tick's price is its place among its symbol's ticks, 1, 2, 3, …, so that history is right when each price is
its `seq`. Each test takes symbols that no other uses.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from local.platform import Platform
from tests.faults.ear import Ear
from tests.faults.proxy import Proxy

UNIVERSE = tuple(f"S{number}" for number in range(100))
CONFLATED = UNIVERSE[-2:]  # the others' price lane is live
FUNCTION = "tickwire-local-ingest"
BARS = "tickwire-local-bars"
FOLLOWERS = ("tickwire-local-board", BARS)
BATCH_MAX = 10
AT_ONCE = 4  # symbols that a feed sends together, so that a batch holds few
WAIT_S = 60.0
POLL_S = 0.05

Record = dict[str, Any]


class Lab:
    def __init__(self, platform: Platform, proxy: Proxy) -> None:
        self.platform, self.proxy = platform, proxy
        self.queue, self.dead_queue = platform.outputs["queueUrl"], platform.outputs["deadQueueUrl"]
        self.sqs, self.functions = platform.client("sqs"), platform.client("lambda")
        self.sent: Counter[str] = Counter()
        """Ticks of each symbol that a test has sent and expects in history."""
        self._unused = [symbol for symbol in UNIVERSE if symbol not in CONFLATED]

    def symbols(self, count: int) -> list[str]:
        """Live ones that no other test has."""
        assert len(self._unused) >= count, f"{len(self._unused)} symbols are left; expected {count}"
        taken, self._unused = self._unused[:count], self._unused[count:]
        return taken

    # -- sending

    def ticks(self, symbol: str, count: int, **more: object) -> str:
        """The body of a message with the symbol's next ticks."""
        start = self.sent[symbol]
        self.sent[symbol] += count
        prices = range(start + 1, start + count + 1)
        return json.dumps([{"symbol": symbol, "price": price, **more} for price in prices])

    def send(self, messages: Sequence[tuple[str, str]]) -> None:
        """Put messages on the queue, (symbol, body) each, in order."""
        for start in range(0, len(messages), BATCH_MAX):
            entries = [
                {
                    "Id": str(place),
                    "MessageBody": body,
                    "MessageGroupId": symbol,
                    "MessageDeduplicationId": uuid.uuid4().hex,
                }
                for place, (symbol, body) in enumerate(messages[start : start + BATCH_MAX])
            ]
            assert not self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries).get("Failed")

    def feed(self, symbols: Sequence[str], *, ticks: int, every_s: float, until: Callable[[], bool]) -> None:
        """One message of so many ticks for each symbol in each `every_s`, until the condition holds."""
        groups = [symbols[start : start + AT_ONCE] for start in range(0, len(symbols), AT_ONCE)]
        due = time.monotonic()
        deadline = due + WAIT_S
        for group in itertools.cycle(groups):
            if until():
                return
            assert time.monotonic() < deadline, "fed for too long"
            self.send([(symbol, self.ticks(symbol, ticks)) for symbol in group])
            due += every_s * len(group) / len(symbols)
            time.sleep(max(0.0, due - time.monotonic()))

    # -- the queue by hand

    @contextlib.contextmanager
    def by_hand(self) -> Iterator[None]:
        """Lambda's own poller rests; the test takes messages from the queue and calls the function."""
        (mapping,) = self.functions.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
        self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def receive(self) -> list[Record]:
        """Messages as Lambda's poller takes them, ten at most."""
        found = self.sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=BATCH_MAX,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
            }
            for message in found.get("Messages", [])
        ]

    def call(self, records: Sequence[Record]) -> list[str]:
        """Call the deployed function with a batch; the ids that it hands back."""
        answer = self.functions.invoke(FunctionName=FUNCTION, Payload=json.dumps({"Records": list(records)}))
        told = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return [failure["itemIdentifier"] for failure in told["batchItemFailures"]]

    def hand_back(self, records: Sequence[Record]) -> None:
        for record in records:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )

    def delete(self, records: Sequence[Record]) -> None:
        for record in records:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=record["receiptHandle"])

    # -- what came of it

    def settle(self, symbols: Sequence[str]) -> None:
        """Wait until the queue is empty and history has as many ticks of each symbol as were sent."""
        until(self._is_empty, "the queue is not empty")
        for symbol in symbols:
            assert len(self.stored(symbol)) == self.sent[symbol], symbol

    def stored(self, symbol: str) -> list[tuple[int, Decimal]]:
        """`seq` and price of all that history has of a symbol, read as a client reads."""
        found: list[tuple[int, Decimal]] = []
        query = "after_seq=0"
        while query:
            page = self.get(f"/prices/{symbol}?limit=1000&{query}")
            found += [(tick["seq"], tick["price"]) for tick in page["ticks"]]
            query = f"cursor={page['cursor']}" if page["cursor"] else ""
        return found

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.platform.url}/api{path}", timeout=10) as answer:
            return json.loads(answer.read(), parse_float=Decimal, parse_int=lambda text: int(text))

    def check(self, symbols: Sequence[str], ear: Ear) -> None:
        """History holds exactly what was sent, and the subscriber heard nothing else, in order."""
        self.settle(symbols)
        for symbol in symbols:
            everything = [(seq, Decimal(seq)) for seq in range(1, self.sent[symbol] + 1)]
            assert self.stored(symbol) == everything, symbol
            seen: set[int] = set()
            for message in ear.heard(symbol):
                assert message.prices == tuple(range(message.first, message.seq + 1)), symbol
                anew = [seq for seq in message.prices if seq not in seen]
                assert not anew or anew[0] > max(seen, default=0), (symbol, message, sorted(seen))
                seen.update(anew)
            assert max(seen, default=0) <= self.sent[symbol], symbol

    def dead(self) -> list[tuple[str, str]]:
        """Group and reason of each message that was set aside since the last look; none for redriven ones."""
        found: list[tuple[str, str]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.dead_queue,
            MaxNumberOfMessages=BATCH_MAX,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages"):
            for message in messages:
                about = message.get("MessageAttributes", {})
                reason = about.get("reason", {}).get("StringValue", "")
                found.append((message["Attributes"]["MessageGroupId"], reason))
                self.sqs.delete_message(QueueUrl=self.dead_queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def lines(self, since_ms: int) -> list[dict[str, Any]]:
        """What the function logged of its own since then."""
        pages = (
            self.platform.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/aws/lambda/{FUNCTION}", startTime=since_ms)
        )
        texts = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(text) for text in texts if text.startswith("{")]

    def counted(self, metric: str, since_ms: int) -> float:
        """The sum of a metric of the function since then."""
        return sum(float(line.get(metric, 0)) for line in self.lines(since_ms))

    def newest(self, symbol: str) -> Any:
        """What the snapshot shows of it."""
        return next(price for price in self.get("/prices")["prices"] if price["symbol"] == symbol)

    @staticmethod
    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    def _is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found: Mapping[str, str] = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)[
            "Attributes"
        ]
        return all(found[name] == "0" for name in names)


def until(condition: Callable[[], object], otherwise: str, *, within_s: float = WAIT_S) -> None:
    """Wait for a condition; the test fails when it doesn't hold in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{otherwise} after {within_s:g} s"
        time.sleep(POLL_S)
