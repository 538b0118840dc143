"""Twelve hours of the local stage's ticks in two minutes: how much memory the local AWS ends up with.

In: hours to go through. Out: the server's memory after each hour, its peak, and the bound it has to keep.
Always: the whole server is in one process, as in `make run`, with a clock that runs ahead; what is stored
goes in below the request parsing, because that keeps nothing. Eight symbols send two messages a second
each; an item lives an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.memory import now_mb, peak_mb
from benchmarks.report import Row, Section

SYMBOLS = ("AAPL", "MSFT", "AMZN", "NVDA", "GOOGL", "META", "TSLA", "BTC-USD")
MESSAGES_A_SECOND = 2
LIVES_S = 3_600
SWEEP_S = 60
GUEST_S = 60  # a new browser tab this often
PEAK_MB = 500
HOURS = 12

TABLE, QUEUE = "tickwire-local-history", "tickwire-local-ingest.fifo"


class Clock:
    """Time as the server sees it; the sweeper of expired items sleeps on it too."""

    def __init__(self) -> None:
        self.now_s = time.time()
        self._real_sleep = time.sleep
        self._sweeping, self._swept = threading.Event(), threading.Event()

    def install(self) -> None:
        time.time = lambda: self.now_s
        time.sleep = self._sleep  # type: ignore[assignment]

    def _sleep(self, seconds: float) -> None:
        if threading.current_thread().name != "dynamodb-ttl-reaper":
            self._real_sleep(seconds)
            return
        self._swept.set()
        self._sweeping.wait()
        self._sweeping.clear()

    def sweep(self) -> None:
        """Let the sweeper go round once."""
        self._swept.clear()
        self._sweeping.set()
        self._swept.wait()


def run() -> list[Section]:
    """Go through the hours in a process of its own, and hand back its figures."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak"], capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        raise RuntimeError(f"the soak failed: {done.stderr.strip().splitlines()[-1:]}")
    hours = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        Section(
            title="Memory: twelve hours of the local stage's ticks",
            rows=[
                Row(
                    what="the local AWS, at its largest",
                    value=hours[-1]["peak_mb"],
                    unit="MB",
                    at_most=PEAK_MB,
                ),
                Row(what="after the second hour", value=hours[1]["mb"], unit="MB"),
                Row(what="after the last hour", value=hours[-1]["mb"], unit="MB"),
                Row(what="items then", value=hours[-1]["items"], unit=""),
            ],
            notes=[
                "8 symbols, 2 messages a second each, items live an hour.",
                "Each function's worker is a process of its own besides, of about 48 MB.",
                "The clock runs ahead: the twelve hours take some three minutes.",
            ],
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=int, default=HOURS)
    hours = parser.parse_args().hours
    clock = Clock()
    clock.install()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            AUTH="true",
            LOG_LEVEL="WARNING",
            PERSIST_STATE="1",
            STATE_DIR=f"{folder}/services",
            TMPDIR=folder,
        )
        from local.ministack.server import mended

        _, keeper = mended(Path(folder))
        asyncio.run(_soak(clock, keeper, hours))


async def _soak(clock: Clock, keeper: Any, hours: int) -> None:
    from local.ministack.patch import module

    keeper.load()
    server = Server(module)
    server.make()
    for second in range(hours * 3_600):
        clock.now_s += 1
        for symbol in SYMBOLS:
            for half in range(MESSAGES_A_SECOND):
                await server.message(symbol, second * MESSAGES_A_SECOND + half, int(clock.now_s))
        if second % GUEST_S == 0:
            server.guest(second)
        if second % SWEEP_S == 0:
            clock.sweep()
        if second % 30 == 0:
            await keeper.save()
        if second % 3_600 == 3_599:
            figures = {"mb": now_mb(), "peak_mb": peak_mb(), "items": server.items()}
            print(json.dumps(figures), flush=True)


class Server:
    """What one message does to the server: queue, function, history and its stream, logs, broker."""

    def __init__(self, module: Any) -> None:
        self.tables, self.queues, self.iot = (
            module("services.dynamodb"),
            module("services.sqs"),
            module("services.iot"),
        )
        self.functions, self.pools = module("services.lambda_svc"), module("services.cognito")

    def make(self) -> None:
        key = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        self.tables._create_table(
            {
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": key,
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            }
        )
        self.tables._update_ttl(
            {"TableName": TABLE, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires"}}
        )
        self.queues._act_create_queue({"QueueName": QUEUE, "Attributes": {"FifoQueue": "true"}}, "")
        self.url = self.queues._queue_url(QUEUE)
        answer = self.pools._create_identity_pool(
            {"IdentityPoolName": "soak", "AllowUnauthenticatedIdentities": True}
        )
        self.pool = next(iter(self.pools._identity_pools.keys()))
        assert answer[0] == 200

    async def message(self, symbol: str, number: int, now_s: int) -> None:
        body = (
            f'[{{"symbol":"{symbol}","price":189.45,"timestamp":{now_s}000}}' + ',{"price":189.46}' * 2 + "]"
        )
        self.queues._act_send_message(
            {
                "QueueUrl": self.url,
                "MessageBody": body,
                "MessageGroupId": symbol,
                "MessageDeduplicationId": f"{symbol}-{number}",
            },
            "",
        )
        batch = self.queues._receive_messages_for_esm(self.url, 10)
        self.functions._emit_lambda_logs(
            {"config": {"FunctionName": "tickwire-local-ingest"}},
            f"{symbol}-{number}",
            '{"event":"ingested","ticks":3}',
            False,
            12,
        )
        self.functions._emit_lambda_metrics("tickwire-local-ingest", 12.0, False, False)
        expires = {"N": str(now_s + LIVES_S)}
        self._put(
            {
                "pk": {"S": f"{symbol}#1790000000123#{number // 1_000}"},
                "sk": {"S": f"{number:020}"},
                "t": {"N": f"{now_s}000"},
                "r": {"S": '[[0,"189.45","189.44","189.46","100"],' * 3 + "]"},
                "m": {"S": f"{number}:{now_s}:3"},
                "expires": expires,
            }
        )
        self._put(
            {
                "pk": {"S": "newest"},
                "sk": {"S": symbol},
                "series": {"N": "1790000000123"},
                "seq": {"N": str(number)},
                "tick": {"S": body},
            }
        )
        await self.iot.broker_publish("000000000000", "us-east-1", f"prices/{symbol}", body.encode())
        self.queues._delete_messages_for_esm(self.url, {message["receipt_handle"] for message in batch})

    def _put(self, item: dict[str, Any]) -> None:
        table = self.tables._tables[TABLE]
        before = self.tables._set_item(table, item["pk"]["S"], item["sk"]["S"], item)
        self.tables._emit_stream_event(TABLE, "MODIFY" if before else "INSERT", before, item)

    def guest(self, number: int) -> None:
        self.pools._get_id({"IdentityPoolId": self.pool})
        identity = next(reversed(self.pools._identity_pools[self.pool]["_identities"]))
        self.pools._get_credentials_for_identity({"IdentityId": identity})
        self.iot._next_presence_version("000000000000", "us-east-1", f"{identity}-{number}")
        self.iot._deregister_client("000000000000", "us-east-1", f"{identity}-{number}")

    def items(self) -> int:
        return int(self.tables._tables[TABLE]["ItemCount"])


if __name__ == "__main__":
    main()
