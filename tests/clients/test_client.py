"""The client against a real broker: what a stream yields, what it survives, what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.clients import cloud as cloud_
from tests.clients.site import Site
from tests.clients.stage import ALLOWED, REFUSED, SERIES, TIME_MS, Stage, run, until
from tests.clients.wire import Wire
from tickwire import wire
from tickwire.tick import Tick
from tickwire_client import (
    AddressError,
    Client,
    ClosedError,
    Credentials,
    LaneOffError,
    NotTickwireError,
    TakenOverError,
    TooManyTopicsError,
    TopicRefusedError,
    UnauthorizedError,
    UnknownSymbolError,
    UnreachableError,
)
from tickwire_client._mqtt import Broken, Session, _answer
from tickwire_client.identity import Guest, guest


async def take(ticks: AsyncIterator[Tick], count: int) -> list[Tick]:
    return [await anext(ticks) for _ in range(count)]


def test_the_loop_of_the_example_yields_each_symbols_ticks(stage: Stage) -> None:
    """Prices arrive exactly as published, with their symbol, time and place in the order."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL", "MSFT") as stream:
            sent = stage.say("AAPL", "189.450") + stage.say("MSFT", "0.00000001")
            assert await take(aiter(stream), 2) == sent
            assert prices.stats().received == 2

    run(go())


def test_a_plain_loop_subscribes_by_itself(stage: Stage) -> None:
    """`async for` needs no `async with` on the stream: its first step waits for the broker's confirmation."""

    async def go() -> None:
        async with Client(stage.url) as prices:
            ticks = aiter(prices.ticks("AAPL"))
            publishing = asyncio.create_task(_publish_until_cancelled(stage))
            assert (await anext(ticks)).price == 1
            publishing.cancel()

    run(go())


def test_a_message_with_several_ticks_yields_each_in_order(stage: Stage) -> None:
    """Packing is the wire's affair: a reader sees single ticks, oldest first."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            sent = stage.say("AAPL", "1.1", "1.2", "1.3")
            assert await take(aiter(stream), 3) == sent

    run(go())


def test_what_a_stream_already_had_is_dropped_and_counted(stage: Stage) -> None:
    """Doubled and overtaken ticks never reach the reader, and a new series starts over."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            old, new = stage.say("AAPL", "1"), stage.say("AAPL", "2")
            stage.send(new)
            stage.send(old)
            reset = [Tick("AAPL", Decimal(3), TIME_MS, series=SERIES + 1, seq=1)]
            stage.send(reset)
            assert await take(aiter(stream), 3) == old + new + reset
            assert prices.stats().duplicates == 2

    run(go())


def test_a_payload_that_cannot_be_decoded_is_counted_and_passed_over(stage: Stage) -> None:
    """One publisher's mistake doesn't end a stream."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            huge = wire.encode(stage.say("MSFT", "7")).replace('"price":7', '"price":1e9999999999999999999')
            payloads = ("not JSON", "[]", '{"symbol":"AAPL"}', "", huge, huge.replace('"MSFT"', '["MSFT"]'))
            for payload in payloads:
                stage.publish("prices/AAPL", payload)
            sent = stage.say("AAPL", "1")
            assert await take(aiter(stream), 1) == sent
            assert prices.stats().undecodable == len(payloads)

    run(go())


def test_a_stream_goes_on_after_its_connection_was_cut(stage: Stage, link: Wire) -> None:
    """A broken connection is made anew, signed anew and subscribed anew, without the reader's doing."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks(*ALLOWED) as stream:
            ticks = aiter(stream)
            sent = stage.say("AAPL", "1")
            assert await take(ticks, 1) == sent
            link.down()
            await until(lambda: link.accepted >= 2)  # it has tried in vain
            link.up()
            again = asyncio.ensure_future(anext(ticks))
            while not again.done():
                stage.say(ALLOWED[-1], "2")
                await asyncio.wait([again], timeout=0.05)
            assert (await again).symbol == ALLOWED[-1]
            assert prices.stats().reconnects == 1

    run(go())


def test_a_stream_is_unsubscribed_when_its_loop_ends(stage: Stage, link: Wire) -> None:
    """`break` is enough, within `async with` or without: the broker stops sending."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("MSFT") as other:
            others = aiter(other)

            async def heard() -> bool:
                """Whether the broker still sends AAPL: what it sent of it came before MSFT's next tick."""
                link.heard.clear()
                stage.say("AAPL", "222.22")
                stage.say("MSFT", "333.33")
                await anext(others)
                return b"222.22" in link.heard

            async with prices.ticks("AAPL") as stream:
                stage.say("AAPL", "1")
                async for _ in stream:
                    assert await heard()
                    break
            while await heard():
                pass
            async with prices.ticks("AAPL"):  # keeps it subscribed until the plain loop has begun
                plain = prices.ticks("AAPL")
                publishing = asyncio.create_task(_publish_until_cancelled(stage))
                async for _ in plain:
                    publishing.cancel()
                    break
            while await heard():
                pass

    run(go())


async def _publish_until_cancelled(stage: Stage, price: str = "1") -> None:
    while True:
        stage.say("AAPL", price)
        await asyncio.sleep(0.02)


def test_streams_share_a_topic_and_each_gets_every_tick(stage: Stage) -> None:
    """Topics are counted: one stream's end leaves another's subscription alone."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as one:
            async with prices.ticks("AAPL", "MSFT") as two:
                sent = stage.say("AAPL", "1")
                assert await take(aiter(one), 1) == await take(aiter(two), 1) == sent
            sent = stage.say("AAPL", "2")
            assert await take(aiter(one), 1) == sent

    run(go())


def test_a_refused_topic_raises_and_names_it_while_others_go_on(stage: Stage) -> None:
    """Each code of the broker's answer is read: a refusal among granted topics isn't lost."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            with pytest.raises(TopicRefusedError, match=r"prices/NOPE.*not authorized") as caught:
                async for _ in prices.ticks("MSFT", REFUSED):
                    pass
            assert caught.value.topics == ("prices/NOPE",)
            sent = stage.say("AAPL", "1")
            assert await take(aiter(stream), 1) == sent

    run(go())


def test_a_broker_that_hangs_up_at_a_topic_costs_that_topic_only(
    stage: Stage, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It doesn't say which of eight it meant: each is asked for by itself then, and the others go on."""
    subscribe = Session.subscribe

    async def hung_up(self: Session, topics: Sequence[str]) -> list[int]:
        if f"prices/{REFUSED}" in topics:
            link.cut()
            raise ConnectionError
        return await subscribe(self, topics)

    monkeypatch.setattr(Session, "subscribe", hung_up)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            with pytest.raises(TopicRefusedError, match=r"hung up or stayed silent") as caught:
                async for _ in prices.ticks("MSFT", "NVDA", REFUSED):
                    pass
            assert caught.value.topics == ("prices/NOPE",)
            publishing = asyncio.create_task(_publish_until_cancelled(stage))
            assert (await anext(aiter(stream))).symbol == "AAPL"
            publishing.cancel()

    run(go())


def test_a_broker_that_says_why_it_hangs_up_at_a_topic_costs_that_topic_only(
    stage: Stage, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the SUBSCRIBE is given up before the DISCONNECT is told: it isn't the identity's refusal."""
    subscribe = Session.subscribe

    async def hung_up(self: Session, topics: Sequence[str]) -> list[int]:
        if f"prices/{REFUSED}" in topics:
            broken = Broken("refused", "DISCONNECT 0x87 not authorized")
            asyncio.get_running_loop().call_soon(self._break, broken)
            raise ConnectionError
        return await subscribe(self, topics)

    monkeypatch.setattr(Session, "subscribe", hung_up)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            with pytest.raises(TopicRefusedError, match=r"DISCONNECT 0x87") as caught:
                async for _ in prices.ticks("MSFT", REFUSED):
                    pass
            assert caught.value.topics == ("prices/NOPE",)
            publishing = asyncio.create_task(_publish_until_cancelled(stage))
            assert (await anext(aiter(stream))).symbol == "AAPL"
            publishing.cancel()

    run(go())


def test_an_answer_that_is_there_before_it_is_waited_for_is_taken() -> None:
    """The broker's may come at any moment, also before its future is looked at."""

    class Late(Future[int]):
        def set_running_or_notify_cancel(self) -> bool:
            self.set_result(8)
            return super().set_running_or_notify_cancel()

    answered: Future[int] = Future()
    answered.set_result(7)

    async def go() -> None:
        assert [await _answer(answered), await _answer(Late())] == [7, 8]

    run(go())


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/…", "https://prices.example…", "http://a/\u00a0"])
def test_an_address_that_was_pasted_with_more_than_ascii_is_refused_at_once(url: str) -> None:
    """No request could be made of it."""
    with pytest.raises(AddressError, match=r"expected http://… or https://…"):
        Client(url)


def test_an_unknown_symbol_is_named_with_near_ones_before_anything_is_sent(stage: Stage, link: Wire) -> None:
    """The mistake is found in the discovery document; the broker never hears of it."""

    async def go() -> None:
        async with Client(stage.url) as prices:
            with pytest.raises(UnknownSymbolError, match=r"'APPL'.*did you mean AAPL") as caught:
                prices.ticks("MSFT", "APPL")
            assert (caught.value.symbol, caught.value.near) == ("APPL", ("AAPL",))
            with pytest.raises(UnknownSymbolError, match=r"'aapl'.*AAPL"):
                await prices.latest("aapl")
        assert link.accepted == 0

    run(go())


def test_a_price_lane_that_is_off_is_an_error_instead_of_silence(stage: Stage, link: Wire) -> None:
    """Named, it's refused; unnamed, it's left out of all; nothing is sent for it."""
    stage.site.document = stage.document() | {"lanes": {"MSFT": "off"}}

    async def go() -> None:
        async with Client(stage.url) as prices:
            with pytest.raises(LaneOffError, match=r"price lane of MSFT is off .*latest\(\)") as caught:
                prices.ticks("AAPL", "MSFT")
            assert caught.value.symbol == "MSFT"
            assert prices.platform.audible(()) == tuple(s for s in stage.symbols if s != "MSFT")
        stage.site.document = stage.document() | {"lanes": dict.fromkeys(stage.symbols, "off")}
        async with Client(stage.url) as prices:
            with pytest.raises(LaneOffError):
                prices.ticks()
        assert link.accepted == 0

    run(go())


def test_more_topics_than_a_connection_may_have_take_a_second_one(
    stage: Stage, link: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker would go silent past its limit; the client spreads them, eight in each SUBSCRIBE."""
    stage.site.document = stage.document() | {"symbols": cloud_.CROWD}
    subscribe, asked = Session.subscribe, list[int]()

    async def counted(self: Session, topics: Sequence[str]) -> list[int]:
        asked.append(len(topics))
        return await subscribe(self, topics)

    monkeypatch.setattr(Session, "subscribe", counted)

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks() as stream:
            sent = [stage.say(symbol, "1")[0] for symbol in cloud_.CROWD]
            assert sorted(await take(aiter(stream), 60), key=lambda tick: tick.seq) == sent
            assert link.accepted == 2
            assert (max(asked), sum(asked)) == (8, 61)  # with the status lane

    run(go())


def test_more_topics_than_a_clients_connections_may_have_is_an_error(stage: Stage, link: Wire) -> None:
    """Named with the remedy, before anything is sent for them."""
    stage.site.document = stage.document() | {"symbols": [f"S{n}" for n in range(200)]}

    async def go() -> None:
        async with Client(stage.url) as prices:
            with pytest.raises(TooManyTopicsError, match=r"201 topics.*carry 200.*lane='board'"):
                await anext(aiter(prices.ticks()))
        assert link.accepted == 0

    run(go())


def test_a_closed_port_of_the_site_is_unreachable() -> None:
    """Entering the client tells: nothing is retried behind the caller's back."""

    async def go() -> None:
        with pytest.raises(UnreachableError, match=r"127.0.0.1:1/tickwire.json: connection refused"):
            async with Client("http://127.0.0.1:1"):
                pass

    run(go())


def test_a_platform_on_this_machine_is_reached_past_a_proxy(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for the world outside has no way to 127.0.0.1."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def go() -> None:
        async with Client(stage.url) as prices:
            assert prices.platform.symbols

    run(go())


def test_a_closed_port_of_the_broker_is_unreachable_within_the_time_given(stage: Stage) -> None:
    """A first connection that can't be made is an error that names the broker."""
    document = stage.document()
    document["iot"]["url"] = "ws://127.0.0.1:1/mqtt"
    stage.site.document = document

    async def go() -> None:
        async with Client(stage.url, timeout_s=2) as prices:
            with pytest.raises(UnreachableError, match=r"ws://127.0.0.1:1/mqtt: socket connection refused"):
                await anext(aiter(prices.ticks("AAPL")))

    run(go())


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ((404, "text/html; charset=utf-8", b"<h1>Hello</h1>"), "404 Not Found .text/html."),
        ((200, "text/html", b"<h1>Hello</h1>"), "text/html, not JSON"),
        ((200, "application/json", b'{"name": "something else"}'), "JSON without a list of symbols"),
        ((200, "application/json", b"[" * 100_000), "not JSON"),
    ],
)
def test_an_address_that_is_not_a_tickwire_says_what_is_there(
    site: Site, raw: tuple[int, str, bytes], found: str
) -> None:
    """The error tells a wrong address from a broken platform."""
    site.raw = raw

    async def go() -> None:
        with pytest.raises(NotTickwireError, match=found):
            async with Client(site.url):
                pass

    run(go())


def test_a_discovery_document_with_a_bad_field_names_the_field(stage: Stage) -> None:
    """What a newer or a broken platform lacks is said by name."""
    document = stage.document()
    document["iot"]["url"] = "mqtt://127.0.0.1"
    stage.site.document = document

    async def go() -> None:
        with pytest.raises(NotTickwireError, match=r"iot\.url is 'mqtt://127.0.0.1'"):
            async with Client(stage.url):
                pass

    run(go())


class Forged:
    """Gives a guest's credentials with a wrong secret, until told that they were refused."""

    def __init__(self, true: Guest, *, learns: bool) -> None:
        self._true, self._learns, self._wrong = true, learns, True

    def name(self) -> str:
        return self._true.name()

    def credentials(self) -> Credentials:
        given = self._true.credentials()
        return replace(given, secret_key="wrong") if self._wrong else given

    def forget(self, refused: Credentials) -> None:
        self._wrong = not self._learns


def my_guest(stage: Stage) -> Guest:
    return guest(url=stage.document()["identity"]["url"], pool_id=stage.broker.pool_id, timeout_s=5)


def test_a_forged_signature_is_final(stage: Stage) -> None:
    """Refused, refused again with everything fetched anew: raised, not retried for ever."""

    async def go() -> None:
        async with Client(stage.url, identity=Forged(my_guest(stage), learns=False)) as prices:
            with pytest.raises(UnauthorizedError, match=r"the handshake got 403"):
                await anext(aiter(prices.ticks("AAPL")))

    run(go())


def test_credentials_that_went_stale_are_replaced(stage: Stage) -> None:
    """A platform that lost its sessions refuses old credentials: the client fetches new ones and goes on."""

    async def go() -> None:
        me = Forged(my_guest(stage), learns=True)
        async with Client(stage.url, identity=me) as prices, prices.ticks("AAPL") as stream:
            sent = stage.say("AAPL", "1")
            assert await take(aiter(stream), 1) == sent

    run(go())


def test_a_stream_outlives_its_platform_and_finds_the_next_one(stage: Stage, link: Wire) -> None:
    """Deployed anew with another pool, and again: credentials refused, everything fetched, on it goes."""

    async def go() -> None:
        async with Client(stage.url) as prices, prices.ticks("AAPL") as stream:
            ticks, first = aiter(stream), stage.broker
            with cloud_.broker(ALLOWED) as second:
                for broker, price in ((second, "2"), (first, "3")):
                    stage.move(broker)
                    link.cut()
                    publishing = asyncio.create_task(_publish_until_cancelled(stage, price))
                    while (await anext(ticks)).price != Decimal(price):
                        pass
                    publishing.cancel()

    run(go())


def test_a_client_id_that_the_role_does_not_allow_is_final(stage: Stage) -> None:
    """The broker's refusal of CONNECT is told with its reason."""
    stage.site.document = stage.document() | {"clientId": "somebody-else"}

    async def go() -> None:
        async with Client(stage.url) as prices:
            with pytest.raises(
                UnauthorizedError, match=r"client id somebody-else: CONNACK 0x87 not authorized"
            ):
                await anext(aiter(prices.ticks("AAPL")))

    run(go())


def test_an_identity_pool_that_is_gone_is_final(stage: Stage) -> None:
    """A discovery document that names no live pool can't be mended by trying."""
    document = stage.document()
    document["identity"]["poolId"] = "us-east-1:00000000-0000-0000-0000-000000000000"
    stage.site.document = document

    async def go() -> None:
        async with Client(stage.url) as prices:
            with pytest.raises(
                UnauthorizedError, match=r"GetId of guest identity us-east-1:0.* gave ResourceNotFound"
            ):
                await anext(aiter(prices.ticks("AAPL")))

    run(go())


def test_a_client_id_taken_over_elsewhere_is_told_apart(stage: Stage) -> None:
    """Reconnecting would throw the other one out in turn: the stream ends and says why."""
    stage.site.document = stage.document() | {"clientId": "{identityId}-fixed"}

    async def go() -> None:
        async with Client(stage.url) as first, first.ticks("AAPL") as stream:
            waiting = asyncio.ensure_future(anext(aiter(stream)))
            async with Client(stage.url) as second, second.ticks("AAPL"):
                with pytest.raises(TakenOverError, match=r"-fixed"):
                    await waiting

    run(go())


def test_clients_of_one_process_share_the_guest_and_not_the_client_id(stage: Stage) -> None:
    """Identities are rationed by Cognito, and two connections under one id would throw each other out."""

    async def go() -> None:
        async with Client(stage.url) as one, Client(stage.url) as two:
            ids = [(await client.signed_address()).client_id for client in (one, two, two)]
        assert len(set(ids)) == 3
        assert len({name.rpartition("-")[0] for name in ids}) == 1

    run(go())


def test_latest_gives_the_newest_price_and_the_change(stage: Stage) -> None:
    """The snapshot needs no connection to the broker; a symbol without a tick is left out."""
    row = {"symbol": "AAPL", "price": 189.45, "timestamp": "2026-11-21T14:30:00.123Z", "seq": 7, "series": 9}
    stage.site.prices = [row | {"bid": 189.4, "previousClose": 180, "extra": []}]

    async def go() -> None:
        async with Client(stage.url) as prices:
            found = await prices.latest("AAPL", "MSFT")
        assert list(found) == ["AAPL"]
        quote = found["AAPL"]
        assert (quote.tick.price, quote.tick.bid, quote.change) == (
            Decimal("189.45"),
            Decimal("189.4"),
            Decimal("9.45"),
        )
        assert (quote.tick.series, quote.tick.seq, quote.tick.timestamp.isoformat()[:19]) == (
            9,
            7,
            "2026-11-21T14:30:00",
        )

    run(go())


def test_a_client_that_is_not_open_says_so(stage: Stage) -> None:
    """Before `async with` and after it, and for a stream that outlives its client."""

    async def go() -> None:
        client = Client(stage.url)
        with pytest.raises(ClosedError):
            client.ticks("AAPL")
        async with client, client.ticks("AAPL") as stream:
            await client.__aexit__(None, None, None)
            with pytest.raises(ClosedError):
                await anext(aiter(stream))
        with pytest.raises(ClosedError):
            await client.latest()

    run(go())
