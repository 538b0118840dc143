"""Run where the wheel is installed and nothing of the repository is: the whole way of a tick, and back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import tickwire_client
from tickwire_client import Client, Tick
from tickwire_client.testing import KEY, MemoryPlatform


async def main(platform: MemoryPlatform) -> None:
    platform.say("AAPL", "189")
    async with Client(platform.url) as prices, prices.ticks("AAPL") as stream:
        async for tick in stream:
            if tick.seq == 2:
                assert tick.price == Decimal("189.450")
                break
            platform.say("AAPL", "189.450")
        assert await prices.publish(Tick("AAPL", Decimal("190"), 0), key=KEY) == 1
        assert (await prices.latest("AAPL"))["AAPL"].tick.price == Decimal("190")


def command(*arguments: str) -> str:
    tickwire = Path(sys.executable).with_name("tickwire")
    return subprocess.run(
        [tickwire, *arguments], capture_output=True, text=True, check=True, timeout=60
    ).stdout


with MemoryPlatform() as memory:
    os.environ["TICKWIRE_URL"] = memory.url
    with asyncio.Runner() as runner:
        runner.run(main(memory))
    assert command("publish", "MSFT", "1.5", "--key", KEY) == "accepted 1 tick: MSFT 1.5\n"
    assert tickwire_client.__version__ in command("--version")
print("whole", tickwire_client.__file__)
