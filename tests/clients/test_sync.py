"""The blocking client: the suite of the asynchronous one, and what only a blocking one has to keep."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.clients import test_catching_up, test_client, test_faults, test_lanes, test_slow_readers
from tests.clients.stage import DEADLINE_S, run
from tests.clients.test_catching_up import *  # noqa: F403  # each of its tests is one of this file's, too
from tests.clients.test_cli import environment
from tests.clients.test_client import *  # noqa: F403
from tests.clients.test_faults import *  # noqa: F403
from tests.clients.test_lanes import *  # noqa: F403
from tests.clients.test_slow_readers import (  # noqa: F401  # but the floods': how the asynchronous one wakes
    test_a_lossless_slow_reader_gets_everything_from_a_bounded_buffer,
    test_a_slow_reader_gets_what_it_chose,
    test_a_slow_reader_that_chose_an_error_gets_it_with_the_counts,
    test_a_slow_reader_that_chose_to_block_gets_everything_late,
)
from tests.clients.twin import Twin
from tickwire_client import ClosedError, SyncClient, Tick, UnknownSymbolError, UnreachableError
from tickwire_client.testing import KEY, MemoryPlatform


@pytest.fixture(autouse=True)
def twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests of these files find the blocking client under the asynchronous one's name."""
    for suite in (test_catching_up, test_client, test_faults, test_lanes, test_slow_readers):
        monkeypatch.setattr(suite, "Client", Twin)


@pytest.fixture
def memory() -> Iterator[MemoryPlatform]:
    with MemoryPlatform("AAPL", "MSFT") as platform:
        platform.say("AAPL", "100")
        yield platform


def test_a_plain_loop_reads_ticks_until_it_is_left(memory: MemoryPlatform) -> None:
    """Subscribed when it starts and unsubscribed when it ends, however it ends."""
    with SyncClient(memory.url) as prices:
        for tick in prices.ticks("AAPL"):
            if tick.price == 101:
                break
            assert "prices/AAPL" in memory.subscribed
            memory.say("AAPL", "101")
        memory.wait(lambda it: "prices/AAPL" not in it.subscribed)


def test_history_and_bars_and_publishing_are_plain_calls(memory: MemoryPlatform) -> None:
    """Pages are fetched as the loop comes to them; what was sent is accepted when the block ends."""
    memory.say("AAPL", *range(1, 1500))
    with SyncClient(memory.url) as prices:
        assert [tick.seq for tick in prices.history("AAPL")] == list(range(1, 1501))
        assert [len(page) for page in prices.history("AAPL").pages()] == [1000, 500]
        with prices.publisher(key=KEY) as publisher:
            publisher.send("MSFT", "1.50")
            publisher.send("MSFT", Decimal("1.60"))
            publisher.flush()
            assert (publisher.accepted, publisher.pending, publisher.resent) == (2, (), 0)
        assert [str(tick.price) for tick in prices.history("MSFT")] == ["1.50", "1.60"]
        assert prices.publish(Tick("MSFT", Decimal(2), 0), key=KEY) == 1
        assert prices.latest("MSFT")["MSFT"].price == 2


def test_it_works_beside_a_running_loop(memory: MemoryPlatform) -> None:
    """As in Jupyter, where `asyncio.run` is refused."""

    async def cell() -> Decimal:
        with SyncClient(memory.url) as prices:
            return next(iter(prices.ticks("AAPL"))).price

    assert run(cell()) == 100


def test_threads_share_a_client(memory: MemoryPlatform) -> None:
    """Each reads a stream of its own, over one connection."""
    found: list[Tick] = []
    with SyncClient(memory.url) as prices:

        def read() -> None:
            for tick in prices.ticks("AAPL"):
                if tick.seq == 2:
                    found.append(tick)
                    return

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        memory.wait(lambda it: "prices/AAPL" in it.subscribed)
        memory.say("AAPL", "2")
        for thread in threads:
            thread.join(DEADLINE_S)
        assert [tick.seq for tick in found] == [2, 2, 2]
        assert memory.connections == 1


def test_a_stream_closed_from_another_thread_ends_its_reader(memory: MemoryPlatform) -> None:
    """With ClosedError, though nothing came."""
    with SyncClient(memory.url) as prices, prices.ticks("AAPL") as stream:
        ticks = iter(stream)
        next(ticks)
        threading.Timer(0.05, stream.close).start()
        with pytest.raises(ClosedError):
            next(ticks)


def test_errors_are_those_of_the_asynchronous_client(memory: MemoryPlatform) -> None:
    """Raised where they are made, and the thread ends with the block."""
    before = threading.active_count()
    with SyncClient(memory.url) as prices, pytest.raises(UnknownSymbolError, match=r"did you mean AAPL"):
        prices.ticks("APPL")
    with pytest.raises(UnreachableError):
        SyncClient("http://127.0.0.1:1").__enter__()
    for use in (prices.latest, lambda: prices.ticks("AAPL")):
        with pytest.raises(ClosedError):
            use()
    assert threading.active_count() == before


def test_an_interrupt_ends_a_wait(memory: MemoryPlatform) -> None:
    """Ctrl-C in a loop over a market that is silent: KeyboardInterrupt, and everything is closed."""
    code = (
        "from tickwire_client import SyncClient\n"
        "try:\n"
        "    with SyncClient() as prices:\n"
        "        for tick in prices.ticks('AAPL'): print(tick.price, flush=True)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(memory.url), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "100\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=DEADLINE_S)[0] == "interrupted\n"
    assert process.returncode == 0


def test_the_library_starts_no_loop_but_its_own() -> None:
    """`asyncio.run` and the caller's current loop are left alone."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        with MemoryPlatform("AAPL") as memory, SyncClient(memory.url) as prices:
            prices.latest()
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
