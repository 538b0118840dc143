"""What a guest may do on a stage, and what not: the same for the local platform and for one on AWS."""

from __future__ import annotations

import urllib.error

import pytest

from tests.guests.stock import WAIT_S, Guest, cognito, connected, crt_prices, moved, subscribed

SOME = 5  # messages heard after it, so a forged one would be among them


class GuestPromises:
    """Subclassed with a fixture `stage_url`; AAPL and MSFT are in the stage's universe and moving."""

    def test_paho_sees_prices_move(self, stage_url: str) -> None:
        """A signed address and a filter are all it takes; each message says where it stands."""
        guest = Guest.of(stage_url)
        with connected(guest) as (client, heard):
            assert heard.connected
            assert subscribed(client, heard, guest.topic("AAPL"))
            first, second = moved(heard.messages)
        assert first["symbol"] == second["symbol"] == "AAPL"
        assert second.get("first", second["seq"]) == first["seq"] + 1

    def test_awscrt_sees_prices_move(self, stage_url: str) -> None:
        """MQTT 5, signing by itself."""
        first, second = crt_prices(Guest.of(stage_url), "AAPL")
        assert (first["symbol"], second["symbol"]) == ("AAPL", "AAPL")
        assert second.get("first", second["seq"]) == first["seq"] + 1

    def test_the_board_moves(self, stage_url: str) -> None:
        """One topic, all symbols."""
        guest = Guest.of(stage_url)
        with connected(guest) as (client, heard):
            assert subscribed(client, heard, guest.found["topics"]["board"])
            symbols: set[str] = set()
            while not {"AAPL", "MSFT"} <= symbols:
                symbols |= {price["symbol"] for price in heard.messages.get(timeout=WAIT_S)["prices"]}

    @pytest.mark.parametrize("lane", ["board", "status", "bar", "alert"])
    def test_every_lane_of_the_stage_may_be_heard(self, stage_url: str, lane: str) -> None:
        """By the names that discovery gives."""
        guest = Guest.of(stage_url)
        topic = guest.found["topics"][lane].replace("{symbol}", "AAPL").replace("{interval}", "1m")
        with connected(guest) as (client, heard):
            assert subscribed(client, heard, topic)

    @pytest.mark.parametrize(
        "wanted", ["#", "{prices}/#", "{prices}/+", "{prices}/NOPE", "$aws/events/#", "+/AAPL"]
    )
    def test_a_filter_beyond_one_symbol_is_refused(self, stage_url: str, wanted: str) -> None:
        """Several price lanes by one filter, or a symbol that isn't the stage's."""
        guest = Guest.of(stage_url)
        with connected(guest) as (client, heard):
            assert heard.connected
            assert not subscribed(client, heard, wanted.format(prices=guest.topic("AAPL").rpartition("/")[0]))

    def test_anothers_client_id_is_refused(self, stage_url: str) -> None:
        """A guest is only itself: no other identity's name, no name at all."""
        guest, other = Guest.of(stage_url), Guest.of(stage_url)
        for client_id in (other.client_id, "tickwire", guest.identity):
            with connected(guest, client_id=client_id) as (_, heard):
                assert not heard.connected

    def test_a_forged_or_missing_signature_is_refused(self, stage_url: str) -> None:
        """At the upgrade, before MQTT is spoken."""
        guest = Guest.of(stage_url)
        good = guest.address()
        name = "X-Amz-Signature="
        start = good.index(name) + len(name)
        forged = good[:start] + ("0" if good[start] != "0" else "1") + good[start + 1 :]
        for address in (forged, good.partition("?")[0]):
            with connected(guest, address=address) as (_, heard):
                assert not heard.connected

    def test_a_guest_cannot_publish(self, stage_url: str) -> None:
        """What it says is heard by nobody."""
        guest, listener = Guest.of(stage_url), Guest.of(stage_url)
        with connected(listener) as (ear, heard), connected(guest) as (mouth, _):
            assert subscribed(ear, heard, listener.topic("MSFT"))
            mouth.publish(guest.topic("MSFT"), '{"symbol":"MSFT","price":0.01,"forged":true}')
            seen = [heard.messages.get(timeout=WAIT_S) for _ in range(SOME)]
        assert not any("forged" in message for message in seen)

    def test_an_unknown_pool_gives_no_identity(self, stage_url: str) -> None:
        """Nobody gets in by inventing one."""
        guest = Guest.of(stage_url)
        guest.found["identity"]["poolId"] = f"{guest.found['region']}:00000000-0000-0000-0000-000000000000"
        with pytest.raises(urllib.error.HTTPError):
            cognito(guest.found, "GetId", IdentityPoolId=guest.found["identity"]["poolId"])
