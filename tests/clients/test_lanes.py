"""The lanes besides the price lane, and the way in: boards, bars, alerts, and a publisher."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.clients.feed import Feed, offered, take
from tests.clients.site import KEY, Site
from tests.clients.stage import SERIES, TIME_MS, Stage, run, until
from tests.clients.wire import Wire
from tickwire import bars, board, ledger
from tickwire.tick import Tick, iso, parse_iso
from tickwire_client import (
    Bar,
    Client,
    LaneError,
    RejectedError,
    Status,
    TickError,
    UnknownSymbolError,
    UnreachableError,
)
from tickwire_client import publisher as publisher_
from tickwire_client._buffer import Counters
from tickwire_client._catch_up import BarCatchUp
from tickwire_client._sieve import BarSieve
from tickwire_client.values import read_bar

MINUTE_MS = TIME_MS // 60_000 * 60_000


def on_board(*ticks: Tick, full: bool = False) -> str:
    heads = [ledger.Head(tick.series, newest=tick, close=Decimal(100)) for tick in ticks]
    (text,) = board.messages(heads, at_ms=TIME_MS, full=full)
    return text


def a_tick(symbol: str, seq: int, price: str = "189.450") -> Tick:
    return Tick(symbol, Decimal(price), TIME_MS + seq, series=SERIES, seq=seq)


def test_the_board_begins_whole_and_then_brings_what_changed(stage: Stage) -> None:
    """Exact prices with the change of the day; what is repeated is left out, as is another symbol."""
    feed = Feed(stage)
    feed.tick("AAPL", 3, say=False)
    feed.tick("TSLA", 3, say=False)

    async def go() -> None:
        async with Client(stage.url) as client, client.board("AAPL", "MSFT") as stream:
            updates = aiter(stream)
            first = await anext(updates)
            assert first.full
            assert [(quote.symbol, quote.tick.seq) for quote in first.prices] == [("AAPL", 3)]
            stage.publish("board", on_board(a_tick("AAPL", 3), a_tick("MSFT", 1), a_tick("TSLA", 9)))
            stage.publish("board", on_board(a_tick("AAPL", 3), a_tick("MSFT", 1), full=True))
            stage.publish("board", on_board(a_tick("AAPL", 7, "190.000")))
            second, third = await take(updates, 2)
            assert [(quote.symbol, str(quote.price)) for quote in second.prices] == [("MSFT", "189.450")]
            assert [(quote.symbol, str(quote.price)) for quote in third.prices] == [("AAPL", "190.000")]
            assert third.prices[0].change == 90
            assert (third.full, third.time.utcoffset()) == (False, first.time.utcoffset())

    run(go())


def test_conflated_board_updates_become_one(stage: Stage) -> None:
    """A reader that sleeps finds each symbol's newest, whichever message brought it."""

    async def go() -> None:
        async with Client(stage.url) as client, client.board(overflow="conflate") as stream:
            for symbol, seq in (("AAPL", 1), ("MSFT", 1), ("AAPL", 2)):
                stage.publish("board", on_board(a_tick(symbol, seq)))
            await offered(stream, 3)
            (update,) = await take(aiter(stream), 1)
            assert {quote.symbol: quote.tick.seq for quote in update.prices} == {"AAPL": 2, "MSFT": 1}

    run(go())


def test_ticks_by_way_of_the_board_need_one_topic(stage: Stage, link: Wire) -> None:
    """For more symbols than a connection has topics; the newest of each, in order, without gaps."""

    async def go() -> None:
        async with Client(stage.url) as client, client.ticks(lane="board", events=True) as stream:
            items = aiter(stream)
            assert await anext(items) == Status("connected", "subscribed to 1 topic")
            sent = [a_tick("AAPL", 1), a_tick("MSFT", 1), a_tick("AAPL", 50)]
            stage.publish("board", on_board(*sent[:2]))
            stage.publish("board", on_board(sent[2]))
            assert await take(items, 3) == sent

    run(go())


def test_every_tick_of_a_conflated_lane_is_more_than_it_can_promise(stage: Stage) -> None:
    """Asked for every tick, the client says no, with the lane; asked for the newest it serves."""
    stage.site.document = stage.document() | {"lanes": {"MSFT": "1s"}}

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(LaneError, match=r"price lane of MSFT is '1s'") as caught:
                client.ticks("AAPL", "MSFT", lossless=True)
            assert (caught.value.symbol, caught.value.lane) == ("MSFT", "1s")
            with pytest.raises(LaneError, match="MSFT"):
                client.ticks("MSFT", lane="live")
            with pytest.raises(LaneError, match="board"):
                client.ticks("AAPL", lane="board", lossless=True)
            async with client.ticks("MSFT", events=True) as stream:
                for seq in (3, 9):
                    stage.send([a_tick("MSFT", seq)])
                assert await take(aiter(stream), 3) == [
                    Status("connected", "subscribed to 1 topic"),
                    a_tick("MSFT", 3),
                    a_tick("MSFT", 9),
                ]
            assert client.stats().gaps == 0

    run(go())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lane": "lively"}, r"lane is 'lively'; expected one of 'price', 'live', 'board'"),
        ({"overflow": "lose"}, r"overflow is 'lose'; expected None or one of"),
        ({"lossless": True, "overflow": "conflate"}, r"overflow is 'conflate'; expected None or 'block'"),
        ({"since": datetime(2026, 11, 21)}, r"since is 2026-11-21 .*expected a time with a zone"),
        ({"maxsize": 0}, r"maxsize is 0; expected 1 or more"),
    ],
)
def test_an_option_that_cannot_be_is_named_with_what_was_expected(
    stage: Stage, options: dict[str, Any], sentence: str
) -> None:
    """At once, before anything is subscribed."""

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(ValueError, match=sentence):
                client.ticks("AAPL", **options)

    run(go())


def a_bar(minute: int, *prices: int, first: int = 1) -> bars.Bar:
    at_ms = MINUTE_MS + minute * 60_000
    found = [
        Tick("AAPL", Decimal(price), at_ms + seq, volume=Decimal(1), series=SERIES, seq=seq)
        for seq, price in enumerate(prices, first)
    ]
    return bars.of(found)


def encoded(bar: bars.Bar, **fields: object) -> str:
    text = bars.encode(bar).replace('"average5m":null', '"average5m":1.5')
    return json.dumps(json.loads(text) | fields)


def test_bars_come_when_they_close_and_again_when_they_are_corrected(stage: Stage, link: Wire) -> None:
    """Those since a time first; a repetition of nothing new doesn't come; after a cut, those of meanwhile."""
    kept = [encoded(a_bar(0, 1, 2)), encoded(a_bar(1, 3, first=3))]

    def api(path: str, query: dict[str, str]) -> tuple[int, object]:
        found = [json.loads(text) for text in kept]
        found = [bar for bar in found if parse_iso(bar["start"]) >= parse_iso(query["from"])]
        return 200, {"symbol": "AAPL", "interval": "1m", "bars": found}

    stage.site.api = api

    async def go() -> None:
        start = a_tick("AAPL", 0).timestamp.replace(second=0, microsecond=0)
        async with Client(stage.url) as client, client.bars("AAPL", since=start, events=True) as stream:
            items = aiter(stream)
            found = await take(items, 3)
            assert [(bar.open, bar.close, bar.volume) for bar in found[1:]] == [(1, 2, 2), (3, 3, 1)]
            stage.publish("bars/1m/AAPL", kept[1])
            stage.publish("bars/1m/AAPL", encoded(a_bar(1, 3, 9, first=3), corrected=True))
            (again,) = await take(items, 1)
            assert (again.corrected, again.high, again.start) == (True, 9, found[2].start)
            kept.append(encoded(a_bar(2, 5, first=5)))
            kept.append(encoded(a_bar(3, 6, first=6), closed=False))
            link.cut()
            while isinstance(item := await anext(items), Status):
                pass
            assert isinstance(item, Bar)
            assert (item.first, item.closed) == (5, True)

    run(go())


def test_bars_that_no_lane_carries_are_refused_with_where_they_are(stage: Stage) -> None:
    """Minutes and days are published; a stream of others would be silent for ever."""

    async def go() -> None:
        async with Client(stage.url) as client:
            for interval in ("5m", "1h", "2m"):
                sentence = rf"interval is '{interval}'; expected '1m' or '1d' on the bar lane: bar_history"
                with pytest.raises(ValueError, match=sentence):
                    client.bars("AAPL", interval=interval)
            client.bars("AAPL", interval="1d")  # is none

    run(go())


def test_a_bar_that_closed_during_an_outage_comes_though_none_was_seen_before(
    stage: Stage, link: Wire
) -> None:
    """The stream's own beginning is where bars may be missing from; at the beginning nothing is."""
    answers: list[object] = []

    def api(path: str, query: dict[str, str]) -> tuple[int, object]:
        return 200, {"bars": answers}

    stage.site.api = api

    async def go() -> None:
        async with Client(stage.url) as client, client.bars("AAPL") as stream:
            assert stage.site.got == []
            answers.append(json.loads(encoded(a_bar(0, 5))))
            link.cut()
            (bar,) = await take(aiter(stream), 1)
            assert bar.close == 5

    run(go())


def test_bars_of_an_outage_are_asked_for_from_where_it_began() -> None:
    """Not from the newest that has come, which may be one of after it."""
    asked: list[tuple[str, object]] = []

    class Api:
        async def bars(self, symbol: str, query: dict[str, object]) -> list[Bar]:
            asked.append((symbol, query["from"]))
            return []

    async def go() -> None:
        stream: Any = SimpleNamespace(symbols=("AAPL",), buffer=SimpleNamespace(lock=threading.Lock()))
        sieve, door = BarSieve(stream.symbols, counters=Counters()), cast("Any", Api())
        caught = BarCatchUp(stream, sieve, door, interval="1m", width=timedelta(minutes=1), since=None)
        task = asyncio.create_task(caught.run())
        caught.stood()
        sieve.sift(read_bar(encoded(a_bar(0, 1)).encode()))
        caught.fell()
        sieve.sift(read_bar(encoded(a_bar(5, 2, first=2)).encode()))
        caught.stood()
        await until(lambda: asked)
        task.cancel()
        assert asked == [("AAPL", iso(MINUTE_MS))]

    run(go())


def test_bars_over_http_are_of_any_interval(stage: Stage) -> None:
    """The one that is open says so."""
    stage.site.api = lambda path, query: (
        200,
        {"bars": [json.loads(encoded(a_bar(0, 7))), json.loads(encoded(a_bar(1, 8), closed=False))]},
    )

    async def go() -> None:
        async with Client(stage.url) as client:
            start = a_tick("AAPL", 0).timestamp
            found = await client.bar_history("AAPL", start, interval="5m")
            assert [(int(bar.high), bar.closed) for bar in found] == [(7, True), (8, False)]
            asked = ("/api/bars/AAPL", {"interval": "5m", "from": iso(TIME_MS)})
            assert stage.site.got == [asked]
            with pytest.raises(ValueError, match=r"interval is '2m'; expected one of 1m, 5m"):
                await client.bar_history("AAPL", interval="2m")

    run(go())


def test_alerts_come_as_they_are_raised(stage: Stage) -> None:
    """With the whole message, as a later platform may say more than this version knows."""
    told = {"symbol": "AAPL", "timestamp": iso(TIME_MS), "kind": "rise", "text": "AAPL +2 %", "new": 1}

    async def go() -> None:
        async with Client(stage.url) as client, client.alerts("AAPL") as stream:
            stage.publish("alerts/AAPL", "{}")
            stage.publish("alerts/AAPL", json.dumps(told | {"price": 189.45}))
            (alert,) = await take(aiter(stream), 1)
            assert (alert.symbol, alert.kind, alert.text) == ("AAPL", "rise", "AAPL +2 %")
            assert (alert.price, alert.fields["new"]) == (Decimal("189.45"), 1)
            assert client.stats().undecodable == 1

    run(go())


def posted(site: Site) -> list[list[str]]:
    """What came through the door, by request: `AAPL 1`."""
    return [[f"{t['symbol']} {t['price']}" for t in json.loads(body)] for body in site.posted]


def test_a_publisher_packs_what_comes_together_and_keeps_the_order(stage: Stage) -> None:
    """One request for what was sent within a moment; decimals arrive as they are."""

    async def go() -> None:
        async with Client(stage.url) as client, client.publisher(key=KEY, linger_s=60) as publisher:
            for seq in range(1, 6):
                await publisher.send("AAPL", str(seq))
                await publisher.send("MSFT", Decimal("0.10"))
            await publisher.flush()
            assert publisher.accepted == 10
            assert b'"price":0.10' in stage.site.posted[0]
        found = [text for request in posted(stage.site) for text in request if text.startswith("AAPL")]
        assert found == [f"AAPL {seq}" for seq in range(1, 6)]
        assert len(stage.site.posted) == 1

    run(go())


def test_leaving_a_publisher_sends_what_is_left(stage: Stage) -> None:
    """More than a request takes goes in several, one after the other."""

    async def go() -> None:
        async with Client(stage.url) as client, client.publisher(key=KEY, linger_s=60) as publisher:
            for seq in range(1, 501):
                await publisher.send("AAPL", seq)
        assert [len(request) for request in posted(stage.site)] == [250, 250]
        assert [text for request in posted(stage.site) for text in request] == [
            f"AAPL {seq}" for seq in range(1, 501)
        ]

    run(go())


def test_who_waits_for_what_was_sent_does_not_wait_for_more_to_come(stage: Stage) -> None:
    """A flush ends the lingering, whenever it began; so does a request that is full."""

    async def go() -> None:
        async with Client(stage.url) as client, client.publisher(key=KEY, linger_s=60) as publisher:
            for count in (1, 2):
                await publisher.send("AAPL", count)
                await asyncio.sleep(0.01)  # it lingers
                await publisher.flush()
                assert publisher.accepted == count
            for seq in range(249):
                await publisher.send("AAPL", seq + 1)
            await asyncio.sleep(0.01)
            await publisher.send("AAPL", 250)
            while publisher.accepted < 252:
                await asyncio.sleep(0.01)

    run(go())


def test_a_publisher_waits_out_what_may_pass_and_sends_again_what_was_not_taken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that took one symbol and not the other gets only that one again."""
    monkeypatch.setattr(publisher_, "ceiling_s", lambda *_: 0.01)
    stage.site.doors = [
        (503, {"title": "The queue did not take all", "symbols": ["MSFT"]}),
        (429, {"title": "Too many requests"}),
    ]

    async def go() -> None:
        async with Client(stage.url) as client, client.publisher(key=KEY, linger_s=60) as publisher:
            for seq in range(1, 4):
                await publisher.send("AAPL", seq)
                await publisher.send("MSFT", seq)
            await publisher.flush()
            assert (publisher.accepted, publisher.resent, publisher.pending) == (6, 2, ())
        assert posted(stage.site) == [["MSFT 1", "MSFT 2", "MSFT 3"]]

    run(go())


def test_a_refusal_ends_a_publisher_and_leaves_what_was_not_taken(stage: Stage) -> None:
    """A wrong key isn't mended by trying; nothing that was sent is forgotten."""

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(RejectedError, match=r"answered 401"):
                async with client.publisher(key="wrong") as publisher:
                    await publisher.send("AAPL", "1")
            assert [tick.price for tick in publisher.pending] == [1]
            with pytest.raises(RejectedError):
                await publisher.send("AAPL", "2")

    run(go())


@pytest.mark.parametrize("key", ["secret\n", "se\r\ncret", "secret…", "sécret"])
def test_a_key_that_no_header_can_carry_is_said_and_not_shown(stage: Stage, key: str) -> None:
    """Before anything is sent: it was read from a file with its line's end, or pasted with more."""

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(ValueError, match=r"^the key holds .*; expected printable ASCII$"):
                client.publisher(key=key)
            with pytest.raises(ValueError, match=r"^the key holds .*; expected printable ASCII$"):
                await client.publish(a_tick("AAPL", 1), key=key)
        assert stage.site.posted == []

    run(go())


def test_what_a_queue_took_of_a_request_waits_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends `pending` again after a refusal doesn't send it twice."""
    monkeypatch.setattr(publisher_, "ceiling_s", lambda *_: 0.01)
    stage.site.doors = [
        (503, {"title": "The queue did not take all", "symbols": ["MSFT"]}),
        (401, {"title": "Unauthorized"}),
    ]

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(RejectedError, match=r"answered 401"):
                async with client.publisher(key=KEY, linger_s=60) as publisher:
                    await asyncio.gather(*(publisher.send(one, "1") for one in ("AAPL", "MSFT", "AAPL")))
            assert (publisher.accepted, [tick.symbol for tick in publisher.pending]) == (2, ["MSFT"])

    run(go())


def test_a_door_that_is_closed_for_good_is_said_to_be(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded number of tries."""
    monkeypatch.setattr(publisher_, "ceiling_s", lambda *_: 0.01)
    stage.site.document = stage.document() | {"api": "http://127.0.0.1:1/api"}

    async def go() -> None:
        async with Client(stage.url) as client:
            with pytest.raises(UnreachableError, match=r"127.0.0.1:1/api/ticks: connection refused"):
                async with client.publisher(key=KEY) as publisher:
                    await publisher.send("AAPL", "1")
            assert publisher.resent == publisher_.TRIES_MAX - 1

    run(go())


def test_a_publisher_that_is_full_waits(stage: Stage) -> None:
    """What is in line is bounded; whoever sends more is held up, not what came before thrown away."""

    async def go() -> None:
        async with (
            Client(stage.url) as client,
            client.publisher(key=KEY, maxsize=2, linger_s=60) as publisher,
        ):
            stage.site.open.clear()
            await publisher.send("AAPL", 1)
            await publisher.send("AAPL", 2)
            third = asyncio.create_task(publisher.send("AAPL", 3))
            await asyncio.sleep(0)
            flushed = asyncio.create_task(publisher.flush())
            await until(stage.site.knocked.is_set)
            assert (third.done(), len(publisher.pending), publisher.accepted) == (False, 2, 0)
            stage.site.open.set()
            await third
            assert publisher.accepted >= 2
            await flushed
        assert posted(stage.site) == [["AAPL 1", "AAPL 2"], ["AAPL 3"]]

    run(go())


def test_what_can_never_be_a_tick_is_refused_before_it_is_in_line(stage: Stage) -> None:
    """By name; a binary float has other digits than were meant."""

    async def go() -> None:
        async with Client(stage.url) as client, client.publisher(key=KEY) as publisher:
            for price in (189.45, "dear", -1, "NaN", None, True):
                with pytest.raises(TickError, match=r"price is .*; expected a positive"):
                    await publisher.send("AAPL", price)  # type: ignore[arg-type]
            with pytest.raises(UnknownSymbolError, match=r"'APPL'.*AAPL"):
                await publisher.send("APPL", "1")
            with pytest.raises(TickError, match=r"timestamp is .*; expected a time with a zone"):
                await publisher.send("AAPL", "1", timestamp=datetime(2026, 11, 21))
            assert publisher.pending == ()

    run(go())
