"""The planner against bills worked out by hand, and its figures for three workloads."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from tickwire.assumed import RECEIVES, TILES
from tickwire.cost import Bill, bill, sentence
from tickwire.errors import ConfigError
from tickwire.flow import Flow, chunk_units, watched
from tickwire.prices import PRICES, charge
from tickwire.profiles import UNSAID
from tickwire.savings import beside, refuse_beyond_budget, savings, with_profile
from tickwire.stage import Stage
from tickwire.usage import uses

MONTH_S = 2_628_000  # 730 h


def stage(symbols: int, trades: float, count: int, lane: str, **more: Any) -> Stage:
    """Trades and viewers around the clock, each trade a message; `each` symbols watched by everybody."""
    hours = more.pop("hours", 730)
    viewers = [{"count": count, "lane": lane, "symbols": more.pop("each", 0), "hours": hours}]
    work = {"trades": trades, "messages": trades, "hours": hours, "viewers": viewers}
    return Stage.parse(
        {"symbols": [f"S{number}" for number in range(symbols)], "workload": work, **more}, name="hand"
    )


def fan_out(found: Bill, lane: str, *, publishes: bool = True) -> float:
    """One lane's publishes, deliveries and connections: what the hand-worked cases count."""
    whats = {"deliveries", "connections"} | ({"publishes"} if publishes else set())
    lines = [one for one in found.lines if one.service == "broker" and one.lane == lane]
    return sum(one.dollars for one in lines if one.what in whats and one.counted)


def of(found: Bill, service: str, what: str) -> float:
    return sum(one.dollars for one in found.lines if (one.service, one.what) == (service, what))


def alone(symbols: int, messages_s: float, deliveries_s: float, hours: float = 730) -> float:
    """The fan-out by hand: so many messages a second for so many hours, by the broker's tiers."""
    count = (messages_s + deliveries_s) * hours * 3600
    tiers = min(count, 1e9) * 1.00 + min(max(count - 1e9, 0), 4e9) * 0.80 + max(count - 5e9, 0) * 0.70
    return tiers / 1e6


# ---- tiers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "dollars"),
    [
        (0, 0),
        (1e9, 1_000),  # all at $1.00
        (1e9 + 1e6, 1_000.80),  # the next million at $0.80
        (5e9, 4_200),  # 1,000 + 4,000 at 0.80
        (5e9 + 1e6, 4_200.70),  # the next million at $0.70
    ],
)
def test_messages_get_cheaper_by_tiers(messages: float, dollars: float) -> None:
    """$1.00 a million up to a billion, $0.80 up to five, $0.70 above."""
    assert charge("iot.message", messages) == pytest.approx(dollars)


def test_an_accounts_free_part_is_taken_off_only_when_asked_for() -> None:
    """12 metrics at $0.30: 10 are free in an account, but its stages share them."""
    assert charge("metric", 12) == pytest.approx(3.60)
    assert charge("metric", 12, free=True) == pytest.approx(0.60)
    assert charge("metric", 9, free=True) == 0


# ---- by hand: the comparison of designs, rows of AWS IoT Core ------------------------------------------

# The three workloads there: (a) 4 symbols * 5 trades/s, 100 viewers of all 4; (b) 20 * 5, 1,000 viewers of 5;
# (c) 100 * 20, 100,000 viewers of 10. 730 h are 2,628,000 s.


@pytest.mark.parametrize(
    ("symbols", "trades", "viewers", "each", "dollars"),
    [
        # (20 in + 2,000 out) * 2.628 M s = 5.3086 B: 1,000 + 4 B * 0.80 + 0.3086 B * 0.70 = 4,416
        # and 100 * 43,800 min * $0.08/M = 0.35
        (4, 5, 100, 4, 4_416.35),
        # (100 + 25,000) * 2.628 M s = 65.963 B: 4,200 + 60.963 B * 0.70 = 46,874; 43.8 M min = 3.50
        (20, 5, 1_000, 5, 46_877.46),
        # (2,000 + 20 M) * 2.628 M s = 52,565 B: 4,200 + 52,560 B * 0.70 = 36,796,379; 4.38 B min = 350.40
        (100, 20, 100_000, 10, 36_796_379 + 350.40),
    ],
)
def test_one_message_a_tick(symbols: int, trades: float, viewers: int, each: int, dollars: float) -> None:
    """$4,420, $46,900 and $36.8 M a month."""
    found = bill(stage(symbols, trades, viewers, "price", each=each))
    assert fan_out(found, "price") == pytest.approx(dollars, rel=0.001)


@pytest.mark.parametrize(
    ("symbols", "viewers", "each", "dollars"),
    [
        # (4 + 400) * 2.628 M s = 1.0617 B: 1,000 + 49.4 + 0.35
        (4, 100, 4, 1_049.73),
        # (20 + 5,000) * 2.628 M s = 13.193 B: 4,200 + 8.193 B * 0.70 = 9,935; + 3.50
        (20, 1_000, 5, 9_938.30),
        # (100 + 1 M) * 2.628 M s = 2,628.26 B: 4,200 + 1,836,284 + 350
        (100, 100_000, 10, 1_839_834),
    ],
)
def test_one_message_a_second_and_symbol(symbols: int, viewers: int, each: int, dollars: float) -> None:
    """$1,050, $9,940 and $1.84 M: the 1 s lane, of five trades a second."""
    found = bill(stage(symbols, 5, viewers, "price", each=each, priceLane="1s"))
    # The first case is just beyond a tier, and each minute's status has its part of what's cheaper there.
    assert fan_out(found, "price") == pytest.approx(dollars, rel=0.002)


@pytest.mark.parametrize(
    ("symbols", "viewers", "dollars"),
    [
        # (1 + 100) * 2.628 M s = 265.4 M, and 0.35
        (4, 100, 265.78),
        # (1 + 1,000) * 2.628 M s = 2.6306 B: 1,000 + 1,304.5, and 3.50
        (20, 1_000, 2_308),
    ],
)
def test_one_bundle_a_second(symbols: int, viewers: int, dollars: float) -> None:
    """$266 and $2,310: the board, less the full ones of each minute, which that comparison doesn't have."""
    plan = stage(symbols, 5, viewers, "board", boardWindow="1s")
    flow = Flow.of(plan)
    assert flow.board == 1
    messages = flow.board * MONTH_S + viewers * (watched(plan.workload.viewers[0], flow) - 43_800)
    minutes = of(bill(plan), "broker", "connections")
    assert charge("iot.message", messages) + minutes == pytest.approx(dollars, rel=0.0005)


def test_a_bundle_that_does_not_fit_in_one_unit_is_billed_as_several() -> None:
    """33 symbols of 146 bytes fit into 4,880, a 34th doesn't: from there on the board costs twice."""
    boards = [Flow.of(stage(symbols, 1, 0, "board")).board for symbols in (1, 33, 34, 66, 67, 100)]
    assert boards == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("symbols", "trades", "viewers", "each", "dollars"),
    [
        # 2,020 * 491,400 s = 992.6 M: $993
        (4, 5, 100, 4, 992.63 + 0.07),
        # 25,100 * 491,400 s = 12.334 B: 4,200 + 5,134 = $9.3k
        (20, 5, 1_000, 5, 9_334 + 0.66),
        # 20,002,000 * 491,400 s = 9,829 B: 4,200 + 6,876,788 = $6.9 M
        (100, 20, 100_000, 10, 6_880_988 + 65.5),
    ],
)
def test_market_hours_only(symbols: int, trades: float, viewers: int, each: int, dollars: float) -> None:
    """136.5 h a month are 491,400 s."""
    found = bill(stage(symbols, trades, viewers, "price", each=each, hours="market"))
    assert fan_out(found, "price") == pytest.approx(dollars, rel=0.001)


@pytest.mark.parametrize("lane", ["price", "bar"])
def test_who_watches_a_closed_market_is_only_connected(lane: str) -> None:
    """Around the clock or for the session alone: as many deliveries, but not as many minutes."""
    work = {"trades": 5, "hours": "market"}
    always, session = (
        bill(planned({**work, "viewers": [{"count": 10, "lane": lane, "hours": hours}]}))
        for hours in ("always", "market")
    )
    assert of(always, "broker", "deliveries") == pytest.approx(of(session, "broker", "deliveries"), rel=0.01)
    assert of(always, "broker", "connections") > 5 * of(session, "broker", "connections")


@pytest.mark.parametrize(
    ("symbols", "connections", "packets"), [(7, 1, 1), (8, 1, 2), (49, 1, 7), (50, 2, 7), (100, 3, 13)]
)
def test_the_status_takes_a_subscription_of_each_viewer(symbols: int, connections: int, packets: int) -> None:
    """Eight are asked for at a time, fifty fit on a connection, with the status."""
    plan = stage(100, 1, 8, "price", each=symbols)  # of 91.25 sessions each: 730
    found = {use.what: use.quantity for use in uses(plan) if use.lane == "price"}
    assert found["connections"] == 8 * 43_800 * connections
    assert found["connects and subscribes"] == pytest.approx(730 * (connections + packets))


@pytest.mark.parametrize(
    ("count", "dollars"),
    [(100, 0.3504), (1_000, 3.504), (100_000, 350.4)],  # * 43,800 min * $0.08/M
)
def test_connections_cost_next_to_nothing(count: int, dollars: float) -> None:
    """Deliveries are what costs."""
    found = bill(stage(4, 5, count, "board"))
    assert of(found, "broker", "connections") == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("symbols", "trades", "dollars"),
    [
        (4, 5, 32.85),  # 20/s * 2.628 M s = 52.56 M units * $0.625/M
        (20, 5, 164.25),  # 262.8 M
        (100, 20, 3_285.0),  # 5,256 M
    ],
)
def test_history_of_single_ticks(symbols: int, trades: float, dollars: float) -> None:
    """One unit a tick; where the order stands costs as much again."""
    found = bill(stage(symbols, trades, 0, "board"))
    assert of(found, "table", "ticks") == pytest.approx(dollars, rel=0.001)
    assert of(found, "table", "the newest") == pytest.approx(dollars, rel=0.001)


@pytest.mark.parametrize(
    ("symbols", "trades", "dollars"),
    [
        (20, 5, 39.42),  # 262.8 M ticks * 3 requests for 10 * $0.50/M
        (100, 20, 788.4),  # 5,256 M ticks
    ],
)
def test_the_queue_in_batches_of_ten(symbols: int, trades: float, dollars: float) -> None:
    """Send, receive, delete are a third each of three requests for ten ticks; splitting adds to the latter.

    Of another source than the simulated feed, whose runs overlap.
    """
    found = bill(stage(symbols, trades, 0, "board", feed="off"))
    sends, receives, deletes = (of(found, "queue", what) for what in ("sends", "receives", "deletes"))
    assert 3 * sends == pytest.approx(dollars, rel=0.001)
    assert receives == deletes == pytest.approx(RECEIVES * sends)


def test_the_queue_of_one_and_of_four_symbols() -> None:
    """One: 5/s * 2.628 M s * 3 * $0.50/M = $19.71. Four in a call: as many sends, 1.3 times the rest.

    And 15 polls a minute * 43,800 = $0.33.
    """
    one, four = (bill(stage(symbols, 5, 0, "board", feed="off")) for symbols in (1, 4))
    assert sum(of(one, "queue", each) for each in ("sends", "receives", "deletes")) == pytest.approx(19.71)
    assert of(four, "queue", "sends") == pytest.approx(6.57)
    assert of(four, "queue", "receives") == pytest.approx(6.57 * 1.3)
    assert of(four, "queue", "idle polling") == pytest.approx(0.3285)


# ---- by hand: the rest -----------------------------------------------------------------------------------


def test_packing_makes_history_cheap() -> None:
    """105 bytes and 30.5 for each tick: 30 ticks are one unit, 31 two; an edge cuts a message in two."""
    assert chunk_units(1) == 1
    assert chunk_units(5) == pytest.approx(1.04)  # from 4 of 100 places it crosses an edge
    assert chunk_units(30) == pytest.approx(1.29)  # from 29
    assert chunk_units(31) == pytest.approx(2)  # one of two units, or two of one
    assert chunk_units(25, even=True) == 1  # four of them are a block
    assert chunk_units(50, even=True) == 2
    assert chunk_units(50) == pytest.approx((51 * 2 + 38 * 3 + 11 * 2) / 100)  # a part above 30 takes two


def test_the_clock_wakes_three_functions() -> None:
    """3 * 43,800 * $1/M; a feed that's off isn't woken."""
    assert of(bill(stage(4, 5, 0, "board")), "schedules", "functions woken each minute") == pytest.approx(
        0.1314
    )
    off = bill(stage(4, 5, 0, "board", feed="off"))
    assert of(off, "schedules", "functions woken each minute") == pytest.approx(0.0876)


def test_the_feed_costs_its_minutes() -> None:
    """63 s of each minute * 43,800 * 0.25 GB * $0.0000133334 = $9.20."""
    assert of(bill(stage(4, 5, 0, "board")), "functions", "feed at 256 MB") == pytest.approx(9.198, abs=0.001)


def test_every_part_of_the_bill_is_in_the_total_once() -> None:
    """By service and by lane alike, less what may not be charged at all."""
    found = bill(stage(4, 5, 100, "price", protected=True, tracing=True))
    assert sum(found.services.values()) == pytest.approx(found.total)
    assert sum(found.lanes.values()) == pytest.approx(found.total)
    egress = [one for one in found.lines if not one.counted]
    assert egress
    assert found.total == pytest.approx(
        sum(one.dollars for one in found.lines) - sum(one.dollars for one in egress)
    )


def test_what_is_not_known_is_marked() -> None:
    """Egress of deliveries, backups, traces and alarms: no source was found that confirms their prices."""
    found = bill(stage(4, 5, 100, "price", protected=True, tracing=True))
    assert {(one.service, one.counted) for one in found.uncertain} == {
        ("broker", False),
        ("table", True),
        ("traces", True),
        ("alarms", True),
    }
    assert all(price.source for price in PRICES.values())


def test_a_stage_at_rest_costs_what_it_keeps_ready() -> None:
    """No trade, nobody there: neither deliveries nor writes, and nothing divides by nought."""
    found = bill(stage(4, 0, 0, "board"))
    assert found.services["table"] < 0.1
    assert not [one for one in found.lines if one.what in ("deliveries", "ticks", "sends")]
    assert math.isfinite(found.total)


# ---- the figures ---------------------------------------------------------------------------------------

CLASSIC = 173.0  # API Gateway, Kinesis, Fargate and NAT
A: dict[str, Any] = {
    "trades": 5,
    "hours": "always",
    "viewers": [{"count": 5, "lane": "board", "hours": "office"}],
}
B: dict[str, Any] = {"trades": 5, "hours": "market", "viewers": [], "requests": 1_000_000}
C: dict[str, Any] = {
    "trades": 5,
    "hours": "market",
    "viewers": [{"count": 1_000, "lane": "board", "hours": "market"}],
}


def planned(workload: dict[str, Any], **settings: Any) -> Stage:
    return Stage.parse({"workload": workload, **settings}, name="plan")


def test_economy_costs_a_fifth_of_the_classic_design() -> None:
    """(a) 4 symbols * 5 trades/s around the clock, 5 board viewers in office hours."""
    economy, realtime = (bill(planned(A, profile=name)).total for name in ("economy", "realtime"))
    assert economy <= CLASSIC / 5
    assert economy < realtime < CLASSIC


def test_a_million_requests_cost_under_ten_dollars() -> None:
    """(b) 4 symbols in market hours, nobody watching; requests alone at most $0.005 a thousand."""
    assert bill(planned(B, profile="economy")).total < 10
    rest = bill(planned(B)).total - bill(planned({**B, "requests": 0})).total
    assert rest / 1_000 <= 0.005
    watched = {**B, "viewers": [{"count": 100, "lane": "board", "hours": "market"}]}
    lines = [one for one in bill(planned(watched)).lines if one.what == "deliveries" and one.counted]
    assert sum(one.dollars for one in lines) / sum(one.quantity for one in lines) == pytest.approx(1e-6)


def test_a_thousand_viewers_of_the_board_cost_a_fraction_of_price_lanes() -> None:
    """(c) 20 symbols * 5 trades/s: 491,400 boards and 8,190 full ones for each of 1,000, and 8,190 of the
    status: $508 for them all.

    On live lanes: 20 * 491,400 * 1,000 = 9.83 B deliveries, 4,200 + 4.83 B * 0.70 = $7,580.
    """
    found = {one.name: one for one in beside(planned(C, symbols=[f"S{n}" for n in range(20)]))}
    assert found["board, 1s"].audience == pytest.approx(508, rel=0.005)
    assert found["price, live"].audience == pytest.approx(7_580, rel=0.01)
    assert found["price, live"].audience > 10 * found["board, 1s"].audience


# ---- what would save, and what is refused ------------------------------------------------------------


def test_savings_are_the_same_bill_tried_again_the_most_first() -> None:
    """Each is what the bill falls by, and none raises it."""
    plan = planned(A)
    found = savings(plan)
    assert found == sorted(found, key=lambda one: -one.saved)
    for one in found:
        assert one.total == pytest.approx(bill(one.change.stage).total)
        assert one.saved == pytest.approx(bill(plan).total - one.total)
        assert one.saved > 0
    settings = {one.change.setting for one in found}
    assert {"profile", "priceLane", "feedPackMs", "monitoring", "boardWindow"} <= settings


def test_nobody_is_told_to_switch_off_the_lane_that_viewers_watch() -> None:
    """Off is only for a price lane that has no viewer; another lane is then offered instead."""
    plan = stage(4, 5, 100, "price")
    found = [str(one.change) for one in savings(plan)]
    assert "priceLane: off" not in found
    assert "viewers' lane: board" in found


def test_a_budget_that_holds_is_no_matter() -> None:
    """Up to the last cent; and 0 is none."""
    total = bill(planned(A)).total
    refuse_beyond_budget(planned(A, monthlyBudget=math.ceil(total)))
    refuse_beyond_budget(planned(A))


def test_a_budget_that_is_exceeded_names_the_least_change_that_fits() -> None:
    """It takes the least away; the sentence has budget, estimate, change and what it comes to."""
    plan = planned(A, monthlyBudget=50)
    with pytest.raises(ConfigError) as refused:
        refuse_beyond_budget(plan)
    fitting = [one for one in savings(plan) if one.total <= 50]
    least = max(fitting, key=lambda one: one.total)
    total = bill(plan).total
    text = str(refused.value)
    assert f"monthlyBudget is $50 and the estimate ${total:,.2f}; {least.change} would fit" in text
    assert "\n" not in text
    changed = Stage.parse({"workload": A, least.change.setting: least.change.value}, name="plan")
    assert bill(changed).total == pytest.approx(least.total)


def test_a_budget_that_nothing_fits_says_so() -> None:
    """With the change that comes nearest."""
    with pytest.raises(ConfigError, match=r"no single setting would fit: .* comes to \$"):
        refuse_beyond_budget(planned(A, monthlyBudget=1))


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "lots", 2.5, True, [5], 1_000_001])
def test_a_budget_that_is_no_number_of_dollars_is_refused(value: Any) -> None:
    """One sentence with the value and what was expected."""
    with pytest.raises(ConfigError, match=r"monthlyBudget is .*; expected 0 to 1000000 whole dollars"):
        Stage.parse({"monthlyBudget": value}, name="dev")


@pytest.mark.parametrize("value", ["cheap", 5, True, ["economy"]])
def test_a_profile_that_there_is_not_is_refused(value: Any) -> None:
    """The sentence names those that there are."""
    with pytest.raises(ConfigError, match=r"profile is .*; expected nothing, realtime or economy"):
        Stage.parse({"profile": value}, name="dev")


def test_what_a_stage_says_is_stronger_than_its_profile() -> None:
    """Every other setting of the profile stays."""
    found = Stage.parse({"profile": "economy", "priceLane": "live", "logRetentionDays": 14}, name="dev")
    assert (found.price_lane, found.log_retention_days) == ("live", 14)
    assert (found.board_window, found.feed_pack_ms, found.monitoring) == ("5s", 5_000, "essential")


def test_the_estimate_in_one_line() -> None:
    """Audience, total, and what it's for."""
    text = sentence(planned(A))
    assert text.startswith("Estimate on AWS for 5 viewers and 0 requests: $")
    assert "broker $" in text
    assert "\n" not in text


# ---- docs/cost.md ----------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cost.md").read_text()


@pytest.mark.parametrize(("letter", "workload", "symbols"), [("a", A, 4), ("b", B, 4), ("c", C, 20)])
def test_the_page_has_the_planners_figures(letter: str, workload: dict[str, Any], symbols: int) -> None:
    """In whole dollars, of each profile."""
    (row,) = re.findall(rf"^\| \({letter}\) .*$", PAGE, re.MULTILINE)
    said = [int(one) for one in re.findall(r"\$(\d+) \|", row)]
    names = [f"S{number}" for number in range(symbols)]
    bills = [bill(planned(workload, profile=name, symbols=names)) for name in ("economy", "", "realtime")]
    assert said == [round(one.total) for one in bills]


@pytest.mark.parametrize(("symbols", "each", "tiles"), [(4, 0, 4), (100, 7, 7), (100, 0, 20)])
def test_a_page_load_asks_for_the_last_hour_of_each_tile(symbols: int, each: int, tiles: int) -> None:
    """Beside the snapshot: each is a request of its own, which nothing caches, and reads four units."""
    plan = stage(symbols, 1, 8, "price", each=each)  # of 91.25 sessions each: 730
    found = {(use.of, use.what): use.quantity for use in uses(plan) if use.lane == "rest"}
    for what in (("lambda.request", "query runs"), ("api.request", "requests"), ("cdn.request", "requests")):
        assert found[what] == pytest.approx(730 * (1 + tiles))
    # 65 bars of 230 bytes, half a unit for each 4 KB; where the symbol stands; some 85 ticks.
    assert found["dynamodb.read", "hours of bars"] == pytest.approx(730 * tiles * (4 + 1 + 3) / 2)
    assert found["dynamodb.read", "snapshots"] == pytest.approx(730 * math.ceil(symbols * 256 / 4096) / 2)


def test_the_planner_counts_as_many_tiles_as_the_dashboard_shows() -> None:
    """The page has its own number, and asks for the bars of each."""
    source = (ROOT / "clients" / "browser" / "dashboard" / "choice.ts").read_text()
    assert f"SHOWN_MAX = {TILES};" in source


def test_the_page_has_each_lanes_price() -> None:
    """(c) on each lane: total and a viewer's part."""
    found = {one.name: one for one in beside(planned(C, symbols=[f"S{n}" for n in range(20)]))}
    rows = {"price, `live`": "price, live", "price, `5s`": "price, 5s", "board": "board, 1s", "bar": "bar"}
    for start, name in rows.items():
        (row,) = re.findall(rf"^\| {start}.*\| ([\d,]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
        assert int(row[0].replace(",", "")) == round(found[name].total)
        assert float(row[1]) == round(found[name].audience / 1_000, 2)


def test_the_page_says_what_egress_would_add() -> None:
    """To (c), if deliveries should pay for internet traffic."""
    lines = bill(planned(C, symbols=[f"S{n}" for n in range(20)])).lines
    egress = sum(line.dollars for line in lines if not line.counted)
    assert f"For (c) it's ${egress:.0f} on the board" in PAGE


def test_the_page_says_what_profiles_set() -> None:
    """Every setting of a profile is in the table."""
    assert set(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)) == set(UNSAID)


def test_anothers_feed_sends_each_trade_by_itself() -> None:
    """`feedPackMs` packs what the simulated feed makes, and nothing else."""
    stage = Stage.parse({"feed": "off", "workload": {"trades": 20}}, name="dev")
    assert Flow.of(stage).messages == 20 * len(stage.symbols)


def test_a_profile_leaves_what_a_stage_says_for_itself() -> None:
    """So what it's said to save is what it saves."""
    stage = Stage.parse({"logRetentionDays": 90, "priceLanes": {"AAPL": "off"}}, name="dev")
    named = with_profile(stage, "economy")
    said = {"profile": "economy", "logRetentionDays": 90, "priceLanes": {"AAPL": "off"}}
    assert named == Stage.parse(said, name="dev")


def test_no_change_is_offered_that_would_be_refused() -> None:
    """A window of its own doesn't go with the profile's; the board's takes the lanes' along, and says so."""
    stage = Stage.parse({"priceLanes": {"AAPL": "1s"}}, name="dev")
    offered = [str(saving.change) for saving in savings(stage)]
    assert "profile: economy" not in offered
    assert "boardWindow: 5s (the price lanes too)" in offered
