"""Limits and headroom: what a stage takes of each limit at its workload, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tickwire import headroom, limits, wire
from tickwire.errors import ConfigError
from tickwire.headroom import Use
from tickwire.limits import Quota
from tickwire.stage import Stage
from tickwire.workload import Viewers

PRICE = Viewers(count=1, lane="price")
HOME, SMALL = "us-east-1", "eu-north-1"


def stage(count: int = 4, **settings: Any) -> Stage:
    return Stage.parse({"symbols": [f"SYM{place}" for place in range(count)], **settings}, name="dev")


def watching(count: int, **viewers: Any) -> dict[str, Any]:
    return {"viewers": [{"count": count, **viewers}]}


def use(of: Quota, found: Stage, region: str = HOME) -> Use:
    (one,) = (use for use in headroom.uses(found, region=region) if use.quota is of)
    return one


@pytest.mark.parametrize(
    ("count", "trades", "viewers", "watch", "outbound", "subscriptions", "connection"),
    [
        (4, 5, 100, 4, 2_000, 500, 20),
        (20, 5, 1_000, 5, 25_000, 6_000, 25),
        (100, 20, 100_000, 10, 20_000_000, 1_100_000, 200),
    ],
    ids=["a", "b", "c"],
)
def test_three_audiences_worked_by_hand_on_the_price_lane(
    count: int, trades: int, viewers: int, watch: int, outbound: int, subscriptions: int, connection: int
) -> None:
    """One message a trade; so many deliveries a second in all and on a connection, so many subscriptions:
    one for each symbol and one for the status.
    """
    workload = {
        "trades": trades,
        "messages": trades,
        **watching(viewers, lane="price", symbols=watch),
    }
    found = stage(count, workload=workload)
    assert use(limits.OUTBOUND, found).use == outbound
    assert use(limits.ALL_SUBSCRIPTIONS, found).use == subscriptions
    assert use(limits.CONNECTION_MESSAGES, found).use == connection
    assert use(limits.OUTBOUND, found).over is (outbound > 20_000)


def test_an_audience_of_a_hundred_thousand_takes_over_an_hour_to_arrive() -> None:
    """Cognito lets 25 new guests a second in: 67 minutes; 1.1 million subscriptions at 500 are 37."""
    found = stage(100, workload=watching(100_000, lane="price", symbols=10))
    assert use(limits.IDENTITIES, found).takes_s == 4_000
    assert use(limits.SUBSCRIBES, found).takes_s == 2_200
    assert use(limits.CONNECTS, found, SMALL).takes_s == 1_000
    assert headroom.arrival_s(headroom.uses(found, region=HOME)) == 4_000


def test_a_small_region_gives_less() -> None:
    """2,000 deliveries a second are exactly what it has, and a tenth of what the others have."""
    found = stage(4, workload={"trades": 5, "messages": 5, **watching(100, lane="price")})
    assert use(limits.OUTBOUND, found, HOME).headroom == 18_000
    assert (use(limits.OUTBOUND, found, SMALL).headroom, use(limits.OUTBOUND, found, SMALL).over) == (
        0,
        False,
    )


def test_every_limit_is_told_of_every_stage() -> None:
    """In the order of the table, also where nobody watches."""
    for said in ([{"count": 0}], [{"count": 7}], []):
        found = headroom.uses(stage(workload={"viewers": said}), region=HOME)
        assert [use.quota for use in found] == list(limits.QUOTAS)
    assert use(limits.OUTBOUND, stage(workload=watching(0))).use == 0


def test_only_an_accounts_limits_can_be_raised() -> None:
    """The command's headings say so, and what `pulumi up` refuses stands on it."""
    assert all(quota.adjustable is (quota.of == "account") for quota in limits.QUOTAS)
    assert all(quota.beyond and quota.value > 0 for quota in limits.QUOTAS)
    assert len({quota.noun for quota in limits.QUOTAS}) == len(limits.QUOTAS)


@pytest.mark.parametrize(("count", "fits"), [(20, True), (21, False)])
def test_more_than_a_hundred_messages_a_second_on_one_connection_are_refused(count: int, fits: bool) -> None:
    """Five a second of 20 symbols are a hundred; of 21, more. The sentence has what would fit."""
    found = stage(count, feedPackMs=200, workload=watching(1, lane="price"))
    if fits:
        headroom.refuse(found, region=HOME)
        return
    with pytest.raises(ConfigError) as refused:
        headroom.refuse(found, region=HOME)
    assert not any("in and out together" in said for said in headroom.warnings(found, region=HOME))
    said = str(refused.value)
    assert "workload.viewers[0] watches the price lane of 21 symbols, 105 messages a second" in said
    assert "expected at most 100" in said
    assert (
        "set feedPackMs: 1000, or set a price lane of 1s, or let each watch 20 symbols, or the board" in said
    )


@pytest.mark.parametrize(
    "way",
    [{"feedPackMs": 1000}, {"priceLane": "1s"}, {"workload": watching(9)}],
    ids=["packed", "conflated", "board"],
)
def test_each_remedy_that_the_sentence_names_helps(way: dict[str, Any]) -> None:
    """What was refused passes with any one of them, for fifty symbols and more."""
    refused = {"feedRate": 100, "feedPackMs": 100, "workload": watching(9, lane="price")}
    with pytest.raises(ConfigError):
        headroom.refuse(stage(50, **refused), region=HOME)
    headroom.refuse(stage(100, **refused | way), region=HOME)


@pytest.mark.parametrize(
    ("symbols", "held", "connections", "subscriptions"),
    [(49, 50, 10, 500), (50, 50, 20, 510), (99, 50, 20, 1_000), (100, 50, 30, 1_010)],
)
def test_a_viewer_of_fifty_symbols_needs_a_second_connection(
    symbols: int, held: int, connections: int, subscriptions: int
) -> None:
    """No connection has more than fifty subscriptions, and the status is one; each counts as a connection."""
    found = stage(symbols, workload=watching(10, lane="price"))
    assert use(limits.SUBSCRIPTIONS, found).use == held
    each = connections // 10
    assert use(limits.SUBSCRIPTIONS, found).what.endswith("connections each") is (each > 1)
    assert use(limits.CONNECTIONS, found).use == connections
    assert use(limits.ALL_SUBSCRIPTIONS, found).use == subscriptions


def test_a_viewer_of_the_board_subscribes_to_the_status_as_well() -> None:
    """Two subscriptions each, on one connection, and in after two seconds for each five hundred."""
    found = stage(workload=watching(1_000))
    assert use(limits.SUBSCRIPTIONS, found).use == 2
    assert use(limits.CONNECTIONS, found).use == 1_000
    assert use(limits.ALL_SUBSCRIPTIONS, found).use == 2_000
    assert use(limits.SUBSCRIBES, found).takes_s == 4


def test_what_can_be_raised_is_a_warning() -> None:
    """25 a second for a thousand viewers are more than an account's 20,000, until it has asked."""
    found = stage(25, workload=watching(1_000, lane="price"))
    headroom.refuse(found, region=HOME)
    (said,) = headroom.warnings(found, region=HOME)
    assert "25,000 a second" in said
    assert "20,000" in said
    assert "Service Quotas" in said
    assert headroom.warnings(stage(), region=HOME) == []


def test_a_stage_warns_of_price_lanes_that_nobody_could_watch_at_once() -> None:
    """Its workload says board, but the page may be asked for all symbols."""
    found = stage(40, feedPackMs=200)
    headroom.refuse(found, region=HOME)
    (said,) = headroom.warnings(found, region=HOME)
    assert "price lane of 40 symbols gets 200 messages a second" in said


@pytest.mark.parametrize(("messages", "fits"), [(100, True), (101, False)])
def test_a_price_lane_that_no_viewer_could_follow_is_refused(messages: int, fits: bool) -> None:
    """Whoever is expected to watch; that several together are too much stays a warning."""
    found = stage(2, feed="off", workload={"trades": 200, "messages": messages})
    if fits:
        headroom.refuse(found, region=HOME)
        assert len(headroom.warnings(found, region=HOME)) == 1
        return
    with pytest.raises(
        ConfigError, match=r"price lane of SYM0 is 101 messages a second; expected at most 100"
    ) as refused:
        headroom.refuse(found, region=HOME)
    assert "set a price lane of 1s, or off and watch the board, or put more trades" in str(refused.value)
    assert headroom.warnings(found, region=HOME) == []


@pytest.mark.parametrize("way", [{"priceLane": "1s"}, {"priceLane": "off"}, {"messages": 100}])
def test_each_remedy_for_a_single_lane_helps(way: dict[str, Any]) -> None:
    """As the sentence says."""
    workload = {"trades": 200, "messages": way.get("messages", 200)}
    lanes = {name: value for name, value in way.items() if name != "messages"}
    headroom.refuse(stage(1, feed="off", workload=workload, **lanes), region=HOME)


def test_a_message_that_no_broker_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board cut at more than the payload's limit would never arrive."""
    monkeypatch.setattr(wire, "MESSAGE_BYTES_MAX", limits.PAYLOAD.value)
    headroom.refuse(stage(), region=HOME)
    monkeypatch.setattr(wire, "MESSAGE_BYTES_MAX", limits.PAYLOAD.value + 1)
    with pytest.raises(ConfigError, match=r"payload: 131,073 bytes; expected at most 131,072"):
        headroom.refuse(stage(), region=HOME)


@pytest.mark.parametrize(
    ("settings", "rate"),
    [
        ({}, 1),
        ({"feedPackMs": 200}, 5),
        ({"feedPackMs": 100, "feedRate": 2}, 2),
        ({"workload": {"trades": 7, "messages": 3}}, 3),
        ({"workload": {"trades": 0}}, 0),
        ({"priceLane": "5s"}, 0.2),
        ({"priceLane": "off"}, 0),
        ({"priceLanes": {"SYM0": "2s"}}, 0.5),
    ],
)
def test_a_viewer_of_one_symbol_gets_what_its_lane_says(settings: dict[str, Any], rate: float) -> None:
    """Live: each message that came in. Conflated: one a window at most."""
    found = stage(1, **settings)
    (group,) = headroom.groups(replace(found, workload=replace(found.workload, viewers=(PRICE,))))
    assert group.received == pytest.approx(rate)


def test_a_viewer_of_some_symbols_is_thought_to_watch_those_that_move_most() -> None:
    """The worst case counts: two live ones, though three of five are conflated."""
    lanes = dict.fromkeys(["SYM0", "SYM1", "SYM2"], "5s")
    found = stage(5, priceLanes=lanes, workload=watching(1, lane="price", symbols=2))
    (group,) = headroom.groups(found)
    assert group.received == pytest.approx(2)


def test_the_board_says_one_message_a_window_and_a_full_one_a_minute() -> None:
    """Several parts where one doesn't hold all that changed."""
    (group,) = headroom.groups(stage())
    assert group.received == pytest.approx(1 + 1 / 60)
    (group,) = headroom.groups(stage(100, boardWindow="2s"))
    parts = group.received / (1 / 2 + 1 / 60)
    assert parts == pytest.approx(round(parts))
    assert round(parts) in (3, 4)


def test_bars_come_once_a_minute_and_symbol() -> None:
    """A viewer of the bars of 30 symbols hears one every two seconds."""
    (group,) = headroom.groups(stage(40, workload=watching(1, lane="bar", symbols=30)))
    assert group.received == pytest.approx(0.5)
