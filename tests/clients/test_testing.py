"""The test kit: the real client against the platform in memory, well and with each fault on demand."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.clients.stage import run, until
from tests.clients.test_cli import tickwire
from tickwire.tick import Tick
from tickwire_client import Client, Gap, Stream, UnknownSymbolError
from tickwire_client.testing import KEY, MemoryPlatform, replay
from tickwire_client.testing import _mqtt5 as mqtt5

pytest_plugins = ["tickwire_client.testing.fixture"]
SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture
def memory() -> Iterator[MemoryPlatform]:
    with MemoryPlatform("AAPL", "MSFT") as platform:
        platform.say("AAPL", "100")
        platform.say("MSFT", "400")
        yield platform


async def take(ticks: AsyncIterator[Tick], count: int) -> list[Tick]:
    return [await anext(ticks) for _ in range(count)]


async def begun(stream: Stream[Tick], ticks: int = 1) -> AsyncIterator[Tick]:
    """The stream's iterator after the snapshot: what is said from now on comes on the lane."""
    found = aiter(stream)
    await take(found, ticks)
    return found


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer, parse_float=Decimal)


def test_what_is_said_arrives_through_the_real_client(memory: MemoryPlatform) -> None:
    """Signed, subscribed and decoded as ever; the numbers rise by one from 1, of each symbol."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL", "MSFT") as stream:
            assert memory.subscribed >= {"prices/AAPL", "prices/MSFT"}
            ticks = await begun(stream, 2)
            sent = memory.say("AAPL", "189.450", 190) + memory.say("MSFT", "1")
            assert await take(ticks, 3) == sent
            assert [(tick.seq, str(tick.price)) for tick in sent] == [(2, "189.450"), (3, "190"), (2, "1")]

    run(go())


def test_the_snapshot_is_what_was_said_last(memory: MemoryPlatform) -> None:
    """A symbol that isn't carried is named."""
    memory.say("AAPL", "1", "2")

    async def go() -> None:
        async with Client(memory.url) as prices:
            found = {symbol: quote.tick.price for symbol, quote in (await prices.latest()).items()}
            assert found == {"AAPL": 2, "MSFT": 400}
            with pytest.raises(UnknownSymbolError):
                prices.ticks("APPL")

    run(go())


def test_what_is_published_through_the_door_is_said(memory: MemoryPlatform) -> None:
    """A feed can be tested as well: its ticks are numbered and come back on the lane."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL") as stream:
            ticks = await begun(stream)
            assert await prices.publish(Tick("AAPL", Decimal("7"), 0), key=KEY) == 1
            (tick,) = await take(ticks, 1)
            assert (tick.price, tick.seq) == (Decimal(7), 2)

    run(go())
    done = tickwire(memory.url, "publish", "AAPL", "1", "--key", "another")
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)


def test_a_dropped_message_leaves_a_hole_that_history_fills(memory: MemoryPlatform) -> None:
    """The reader's next tick shows it by its number; the ticks can be had by theirs."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL") as stream:
            ticks = await begun(stream)
            memory.drop()
            memory.say("AAPL", "2")
            memory.say("AAPL", "3")
            assert (await anext(ticks)).seq == 3

    run(go())
    page = fetched(f"{memory.url}/api/prices/AAPL?after_seq=1&limit=1")
    assert ([tick["seq"] for tick in page["ticks"]], page["cursor"] is None) == ([2], False)
    page = fetched(f"{memory.url}/api/prices/AAPL?cursor={page['cursor']}")
    assert ([tick["seq"] for tick in page["ticks"]], page["cursor"]) == ([3], None)


def test_a_request_that_can_not_be_read_gets_a_problem_document(memory: MemoryPlatform) -> None:
    """As from the real API, so that a program's handling of it can be tried."""
    for path, status in (("prices/AAPL?limit=ten", 400), ("prices/APPL", 404), ("bars/AAPL", 404)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetched(f"{memory.url}/api/{path}")
        assert caught.value.code == status
        assert caught.value.headers["content-type"] == "application/problem+json"
        assert json.load(caught.value)["status"] == status


def test_a_lost_message_is_nowhere(memory: MemoryPlatform) -> None:
    """Its ticks have numbers, and that's all that is left of them."""
    memory.lose()
    assert [tick.seq for tick in memory.say("AAPL", "2")] == [2]
    memory.say("AAPL", "3")
    assert [tick["seq"] for tick in fetched(f"{memory.url}/api/prices/AAPL?after_seq=0")["ticks"]] == [1, 3]


def test_a_lossless_stream_gets_what_was_dropped_and_is_told_what_was_lost(memory: MemoryPlatform) -> None:
    """The fault that a lossless consumer is for, and the one that it must be told of."""

    async def go() -> None:
        async with (
            Client(memory.url) as prices,
            prices.ticks("AAPL", lossless=True, events=True) as stream,
        ):
            seqs, gaps = [], []
            async for item in stream:
                if isinstance(item, Tick) and item.seq == 1:
                    memory.drop()
                    memory.say("AAPL", "1")
                    memory.say("AAPL", "2")
                    memory.lose()
                    memory.say("AAPL", "3")
                    memory.say("AAPL", "4")
                if isinstance(item, Gap) and not item.filled:
                    gaps.append((item.first, item.last))
                if isinstance(item, Tick):
                    seqs.append(item.seq)
                    if item.seq == 5:
                        break
            assert (seqs, gaps) == ([1, 2, 3, 5], [(4, 4)])

    run(go())


def test_a_doubled_and_an_overtaken_message_yield_rising_ticks(memory: MemoryPlatform) -> None:
    """The client's promise, seen from its user's tests."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL") as stream:
            ticks = await begun(stream)
            memory.duplicate()
            memory.say("AAPL", "2")
            assert (await anext(ticks)).seq == 2
            memory.reorder()
            memory.say("AAPL", "3")
            memory.say("AAPL", "4")
            memory.say("AAPL", "5")
            seqs = [(await anext(ticks)).seq]
            while seqs[-1] < 5:
                seqs.append((await anext(ticks)).seq)
            assert seqs == sorted(set(seqs))
            assert prices.stats().duplicates >= 1

    run(go())


def test_a_cut_connection_is_made_anew(memory: MemoryPlatform) -> None:
    """And what is said after it comes."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL") as stream:
            ticks = await begun(stream)
            memory.cut()
            assert not memory.subscribed
            memory.say("AAPL", "1")
            await until(lambda: "prices/AAPL" in memory.subscribed)
            assert (await anext(ticks)).price == 1
            assert memory.connections == 2

    run(go())


def test_expired_credentials_are_replaced(memory: MemoryPlatform) -> None:
    """Nothing given before is let in again; the client fetches anew and goes on."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL") as stream:
            ticks = await begun(stream)
            before = await prices.signed_address()
            memory.expire()
            await until(lambda: "prices/AAPL" in memory.subscribed)
            memory.say("AAPL", "1")
            assert (await anext(ticks)).price == 1
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(before.url.replace("ws://", "http://"), timeout=10)
            after = await prices.signed_address()
            assert after.client_id.rpartition("-")[0] != before.client_id.rpartition("-")[0]

    run(go())


def test_a_frozen_connection_is_open_and_silent(memory: MemoryPlatform) -> None:
    """Nothing comes and nothing breaks; after the thaw, what is said comes."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL") as stream:
            ticks = await begun(stream)
            memory.freeze()
            memory.say("AAPL", "1")
            memory.thaw()
            memory.say("AAPL", "2")
            assert (await anext(ticks)).seq == 3
            assert memory.connections == 1

    run(go())


def test_a_wiped_history_is_a_new_series(memory: MemoryPlatform) -> None:
    """A reset: numbers from 1 on, above those of the series before."""

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("AAPL") as stream:
            ticks = await begun(stream)
            (first,) = memory.say("AAPL", "1")
            memory.wipe()
            (second,) = memory.say("AAPL", "3")
            assert await take(ticks, 2) == [first, second]
            assert (second.seq, second.series > first.series) == (1, True)

    run(go())


def test_a_tampered_signature_and_anothers_client_id_are_refused(memory: MemoryPlatform) -> None:
    """Signing is tested too: a mistake there doesn't pass here and fail on AWS."""

    async def signed() -> str:
        async with Client(memory.url) as prices:
            return (await prices.signed_address()).url

    url = run(signed()).replace("ws://", "http://")
    name, _, signature = url.partition("X-Amz-Signature=")
    for tampered in (f"{name}X-Amz-Signature=0{signature[1:]}x", url.replace("X-Amz-Date=2", "X-Amz-Date=1")):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(tampered, timeout=10)


def test_its_documents_and_messages_are_as_the_schemas_say(memory: MemoryPlatform) -> None:
    """What it makes up has the form of what a platform says."""
    heard: list[tuple[str, bytes]] = []
    memory._server.send = lambda topic, payload: heard.append((topic, payload))  # type: ignore[method-assign]
    memory.say("AAPL", "1.10", "1.2")
    memory.beat(market="closed", until="2026-11-23T14:30:00.000Z")
    for topic, payload in heard:
        name = topic.partition("/")[0].replace("prices", "price")
        jsonschema.validate(json.loads(payload), json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
    assert [topic for topic, _ in heard] == ["prices/AAPL", "board", "status"]
    document = fetched(f"{memory.url}/tickwire.json")
    jsonschema.validate(document, json.loads((SCHEMAS / "discovery.schema.json").read_text()))


def test_the_command_works_against_it(memory: MemoryPlatform) -> None:
    """`doctor` finds nothing but the heartbeat missing, which comes each minute or when it is said."""
    done = tickwire(memory.url, "doctor", "--wait", "0.2", "--json")
    states = {fact["check"]: fact["state"] for fact in map(json.loads, done.stdout.splitlines())}
    assert {check for check, state in states.items() if state != "OK"} == {"heartbeat", "latency"}


def test_the_fixture_gives_each_test_a_platform_of_its_own(tickwire_platform: MemoryPlatform) -> None:
    """`Client()` finds it."""

    async def go() -> None:
        async with Client() as prices:
            assert prices.platform.symbols == ("AAPL", "MSFT", "BTC-USD")

    run(go())


def test_a_recording_can_be_played_into_it(memory: MemoryPlatform, tmp_path: Path) -> None:
    """Yesterday's ticks through today's code, after hours."""
    path = tmp_path / "r.jsonl"
    line = '{"symbol":"MSFT","price":410.5,"timestamp":"2026-11-21T14:30:00.123Z","seq":8,"series":9}\n'
    path.write_text(line * 3)

    async def go() -> None:
        async with Client(memory.url) as prices, prices.ticks("MSFT") as stream:
            ticks = await begun(stream)
            async for tick in replay(path, speed=0):
                memory.take([tick])
            assert [tick.seq for tick in await take(ticks, 3)] == [2, 3, 4]

    run(go())


def test_a_condition_that_never_comes_true_is_a_timeout_that_says_what_was(memory: MemoryPlatform) -> None:
    """A test that waits fails with the reason."""
    began_s = time.monotonic()
    with pytest.raises(TimeoutError, match=r"subscribed are \[\]"):
        memory.wait(lambda it: it.subscribed, timeout_s=0.05)
    assert time.monotonic() - began_s >= 0.05


def test_packets_may_come_in_pieces_of_any_size() -> None:
    """The parser keeps what isn't whole yet."""
    connect = bytes.fromhex("1015 0004 4d515454 05 02 001e 00 0008".replace(" ", "")) + b"client-1"
    subscribe = bytes.fromhex("8208 0007 00 0002 6162 00".replace(" ", ""))
    for size in (1, 2, 3, 100):
        parser, data = mqtt5.Parser(), connect + subscribe
        found: list[mqtt5.Packet] = []
        for at in range(0, len(data), size):
            found += parser.feed(data[at : at + size])
        assert [(packet.kind, packet.client_id, packet.filters) for packet in found] == [
            (mqtt5.CONNECT, "client-1", ()),
            (mqtt5.SUBSCRIBE, "", ("ab",)),
        ]


@pytest.mark.parametrize("text", ["100c00044d5154540402001e0000", "30ffffffffff", "8203000705"])
def test_bytes_that_are_not_mqtt_5_are_refused(text: str) -> None:
    """MQTT 3.1.1, a length without an end, properties that are cut."""
    with pytest.raises(mqtt5.Malformed):
        list(mqtt5.Parser().feed(bytes.fromhex(text)))
