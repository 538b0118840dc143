"""A program that uses only the public API. Two type checkers read it, strictly, against the wheel."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

import tickwire_client
from tickwire_client import (
    Bar,
    BoardUpdate,
    Client,
    Credentials,
    Dropped,
    Gap,
    Identity,
    Keys,
    Platform,
    Publisher,
    Quote,
    SignedAddress,
    Stats,
    Status,
    SyncClient,
    Tick,
    TickwireError,
    UnknownSymbolError,
    User,
)
from tickwire_client.recording import read, record, replay
from tickwire_client.testing import KEY, MemoryPlatform


class Mine:
    """A credential source of one's own."""

    def name(self) -> str:
        return "me"

    def credentials(self) -> Credentials:
        return Credentials(access_key="AKIA", secret_key="secret")

    def forget(self, refused: Credentials) -> None:
        print("refused", refused.access_key)


async def main(platform: MemoryPlatform, path: str) -> None:
    identity: Identity = Mine()
    try:
        Client(platform.url, identity=identity)
        Client(
            identity=lambda its: User(url=its.identity_url, pool_id=its.pool_id, logins=lambda: {"p": "t"})
        )
        async with Client(platform.url, timeout_s=5) as prices:
            assert_type(prices.platform, Platform)
            assert_type(await prices.latest("AAPL"), dict[str, Quote])
            async with prices.ticks("AAPL", maxsize=10) as stream:
                async for tick in stream:
                    assert_type(tick, Tick)
                    assert_type(tick.price, Decimal)
                    assert_type(tick.timestamp, datetime)
                    print(tick.timestamp.astimezone(UTC), tick.bid or tick.price)
                    break
                assert_type(await record(stream, path), int)
            async for item in prices.ticks("AAPL", lossless=True, events=True):
                assert_type(item, Tick | Gap | Dropped | Status)
                match item:
                    case Gap(symbol, first, last, filled=False):
                        print(symbol, last - first)
                    case Tick():
                        print(item.price)
                    case _:
                        break
            async for update in prices.board():
                assert_type(update, BoardUpdate)
            async for bar in prices.bars("AAPL"):
                assert_type(bar, Bar)
            async for tick in prices.history("AAPL", datetime(2026, 11, 21, tzinfo=UTC)):
                assert_type(tick, Tick)
            async for tick in replay(path, speed=2):
                assert_type(tick, Tick)
            async with prices.publisher(key=KEY) as publisher:
                assert_type(publisher, Publisher)
                await publisher.send("AAPL", "189.45")
            assert_type(await prices.publish(*read(path), key=KEY), int)
            assert_type(await prices.signed_address(), SignedAddress)
            assert_type(prices.stats(), Stats)
    except UnknownSymbolError as error:
        assert_type(error.near, tuple[str, ...])
    except TickwireError as error:
        print(error)


def plain(platform: MemoryPlatform) -> None:
    server = Keys(Credentials(access_key="AKIA", secret_key="secret"), name="server")
    SyncClient(platform.url, identity=lambda its: server)
    with SyncClient(platform.url) as prices:
        for tick in prices.ticks("AAPL", overflow="conflate"):
            assert_type(tick, Tick)
        for item in prices.ticks("AAPL", events=True):
            assert_type(item, Tick | Gap | Dropped | Status)
        with prices.board(events=False) as stream:
            for update in stream:
                assert_type(update, BoardUpdate)
        assert_type(prices.latest(), dict[str, Quote])
        assert_type(prices.bar_history("AAPL", interval="5m"), list[Bar])
        assert_type(list(prices.history("AAPL")), list[Tick])


if __name__ == "__main__":
    with MemoryPlatform("AAPL") as memory, asyncio.Runner() as runner:
        plain(memory)
        runner.run(main(memory, f"ticks-{tickwire_client.__version__}.jsonl"))
