"""A program that uses only the public API. Two type checkers read it, strictly, against the wheel."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

import tickwire_client
from tickwire_client import (
    Client,
    Credentials,
    Identity,
    Platform,
    Quote,
    SignedAddress,
    Stats,
    Tick,
    TickwireError,
    UnknownSymbolError,
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
            async for tick in replay(path, speed=2):
                assert_type(tick, Tick)
            assert_type(await prices.publish(*read(path), key=KEY), int)
            assert_type(await prices.signed_address(), SignedAddress)
            assert_type(prices.stats(), Stats)
    except UnknownSymbolError as error:
        assert_type(error.near, tuple[str, ...])
    except TickwireError as error:
        print(error)


if __name__ == "__main__":
    with MemoryPlatform("AAPL") as memory, asyncio.Runner() as runner:
        runner.run(main(memory, f"ticks-{tickwire_client.__version__}.jsonl"))
