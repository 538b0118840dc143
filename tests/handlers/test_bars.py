"""What becomes of ticks in history: bars in the table, on the bar lane and in answers."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.stub import account
from handlers import bars, ingest, query
from handlers.barstore import DAY_MS, BarStore
from tests.handlers.conftest import record
from tickwire.bars import MINUTE_MS, Bar
from tickwire.tick import Tick, iso

# Half past two, far enough back that all of it is over, and near enough that input takes it.
START = (time.time_ns() // 1_000_000 // DAY_MS - 20) * DAY_MS + 52_200_000


@pytest.fixture(autouse=True)
def _fresh(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BAR_DAYS", "90")
    bars.bars.cache_clear()
    query._bar_store.cache_clear()
    yield
    bars.bars.cache_clear()


def put(*ticks: tuple[float, float], symbol: str = "AAPL", volume: float | None = None) -> None:
    """Ingest ticks: (seconds after START, price)."""
    body = [
        {
            "symbol": symbol,
            "price": price,
            "timestamp": iso(START + round(at * 1000)),
            **({"volume": volume} if volume is not None else {}),
        }
        for at, price in ticks
    ]
    event = {"Records": [record(symbol, body, sent_ms=START + round(max(at for at, _ in ticks) * 1000))]}
    assert ingest.handler(event, None) == {"batchItemFailures": []}


def stream(*symbols: str) -> dict[str, Any]:
    """The batch that the table's stream would hold now."""
    found = boto3.client("dynamodb").query(
        TableName="history",
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "newest"}},
    )["Items"]
    return {
        "Records": [
            {"dynamodb": {"NewImage": item, "SequenceNumber": str(number)}}
            for number, item in enumerate(found)
            if item["sk"]["S"] in (symbols or ("AAPL", "MSFT"))
        ]
    }


def follow() -> None:
    assert bars.handler(stream(), None) == {"batchItemFailures": []}


def kept(symbol: str = "AAPL", interval: str = "1m") -> list[Bar]:
    return BarStore("history").between(symbol, 0, 10**14, interval=interval)


def shown(bar: Bar) -> tuple[int, float, float, float, float, int]:
    return (
        (bar.start_ms - START) // MINUTE_MS,
        float(bar.open),
        float(bar.high),
        float(bar.low),
        float(bar.close),
        bar.count,
    )


def lane(published: list[tuple[str, dict[str, Any]]], topic: str = "bars/1m/AAPL") -> list[dict[str, Any]]:
    return [message for where, message in published if where == topic]


def get(path: str, **parameters: str) -> tuple[int, dict[str, Any]]:
    answer = query.handler({"rawPath": f"/api/{path}", "queryStringParameters": parameters or None}, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_minute_closes_with_the_first_tick_of_a_later_one(published: list[Any]) -> None:
    """Until then nothing is written; then one bar is, and goes out on the bar lane."""
    put((0, 10), (20, 12), (59.999, 11), volume=2)
    follow()
    assert kept() == []
    put((60, 9))
    follow()
    (bar,) = kept()
    assert shown(bar) == (0, 10, 12, 10, 11, 3)
    assert (bar.first, bar.last, bar.through) == (1, 3, 3)
    assert (bar.volume, bar.vwap) == (Decimal(6), Decimal(11))
    (message,) = lane(published)
    assert (message["open"], message["close"], message["start"]) == (10, 11, iso(START))
    assert "closed" not in message
    assert "corrected" not in message


def test_a_late_tick_corrects_its_bar_and_says_so(published: list[Any]) -> None:
    """Open and close go by time: a late tick may be either. A minute that had no bar gets one."""
    put((5, 10), (50, 11))
    put((180, 20))
    put((2, 9), (58, 12), (65, 15))
    put((240, 21))
    follow()
    assert [shown(bar) for bar in kept()] == [
        (0, 9, 12, 9, 12, 4),
        (1, 15, 15, 15, 15, 1),
        (3, 20, 20, 20, 20, 1),
    ]
    assert [bar.corrected for bar in kept()] == [True, True, False]
    assert [m.get("corrected", False) for m in lane(published)] == [False, True, True, False]


def test_a_batch_that_comes_again_makes_nothing_new(published: list[Any]) -> None:
    """Neither in the table nor on the lane, whether by the same instance or another."""
    put((0, 10), (61, 11), (122, 12))
    follow()
    once = kept()
    follow()
    bars.bars.cache_clear()
    follow()
    assert kept() == once
    assert len(lane(published)) == 2


def test_a_quiet_symbols_minute_is_closed_by_the_clock(published: list[Any]) -> None:
    """It ended over 60 s ago; a tick that comes after all corrects it."""
    put((0, 10), (30, 11))
    assert bars.handler({"close": True}, None) == {"failed": []}
    assert [(shown(bar), bar.through) for bar in kept()] == [((0, 10, 11, 10, 11, 2), 2)]
    put((45, 14))
    bars.bars.cache_clear()
    assert bars.handler({"close": True}, None) == {"failed": []}
    assert [(shown(bar), bar.through, bar.corrected) for bar in kept()] == [((0, 10, 14, 10, 14, 3), 3, True)]


def test_the_clock_leaves_a_minute_alone_that_may_still_go_on(published: list[Any]) -> None:
    """The minute that is, and the one just gone."""
    now_ms = time.time_ns() // 1_000_000
    put(((now_ms - START) / 1000, 10))
    bars.handler({"close": True}, None)
    assert kept() == []


def test_a_day_is_closed_once_and_a_late_tick_corrects_it(published: list[Any]) -> None:
    """With the first bar of a later day; the day's bar never expires."""
    put((0, 10), (60, 20), (120, 15))
    tomorrow = DAY_MS / 1000
    put((tomorrow, 30))
    follow()
    assert kept(interval="1d") == []
    put((tomorrow + 60, 31))
    follow()
    (day,) = kept(interval="1d")
    assert shown(day)[1:] == (10, 20, 10, 15, 3)
    put((90, 40))
    put((tomorrow + 120, 32))
    follow()
    (day,) = kept(interval="1d")
    assert shown(day)[1:] == (10, 40, 10, 15, 4)
    assert [message["count"] for message in lane(published, "bars/1d/AAPL")] == [3, 4]
    items = boto3.client("dynamodb").scan(TableName="history")["Items"]
    assert all(("expires" in item) == (item["pk"]["S"] != "days#AAPL") for item in items if "b" in item)


def test_the_clock_closes_a_day_that_no_tick_ends(published: list[Any]) -> None:
    """Once it's over by the clock."""
    put((0, 10))
    bars.handler({"close": True}, None)
    (day,) = kept(interval="1d")
    assert day.count == 1


def test_a_tick_later_than_bars_are_kept_changes_nothing(
    published: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left of its bars may be gone already: it's counted, and its bar stays as it was."""
    monkeypatch.setattr(BarStore, "is_kept", lambda self, time_ms: time_ms >= START)
    put((0, 10))
    put((-60, 11))
    put((60, 12))
    follow()
    assert [shown(bar)[0] for bar in kept()] == [0]
    assert '"TicksTooLate":1' in capsys.readouterr().out


def test_a_symbol_that_fails_comes_again_and_harms_no_other(
    published: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer names its newest record."""
    for symbol in ("AAPL", "MSFT"):
        put((0, 10), (61, 11), symbol=symbol)
    whole = BarStore.put

    def broken(self: BarStore, bar: Bar) -> bool:
        if bar.symbol == "AAPL":
            raise bars.Unfinished("for once")
        return whole(self, bar)

    monkeypatch.setattr(BarStore, "put", broken)
    assert bars.handler(stream(), None) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert [shown(bar)[0] for bar in kept("MSFT")] == [0]
    assert kept() == []


def test_a_broker_that_takes_nothing_stops_no_bar(
    published: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is tried for, the others are counted; all are in the table."""
    tries: list[str] = []

    def refuse(self: object, topic: str, text: str, *, sent_ms: int) -> bool:
        tries.append(topic)
        return False

    monkeypatch.setattr("handlers.broker.Broker.send", refuse)
    put((0, 10), (61, 11), (122, 12))
    follow()
    assert len(kept()) == 2
    assert len(tries) == 1


def test_the_answer_ends_with_the_open_bar(published: list[Any]) -> None:
    """Closed ones come from the table, the open one from the ticks; it says so."""
    put((0, 10), (61, 11))
    follow()
    put((90, 13))
    begin, end = iso(START), iso(START + 10 * MINUTE_MS)
    now_ms = START + 100_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time_ns", lambda: now_ms * 1_000_000)
        status, body = get("bars/AAPL", **{"from": begin, "to": end})
    assert status == 200
    assert [(b["close"], b["count"], b.get("closed", True)) for b in body["bars"]] == [
        (10, 1, True),
        (13, 2, False),
    ]
    assert body["bars"][1]["average5m"] == pytest.approx(34 / 3)


def test_bars_that_are_not_recorded_yet_are_shown_all_the_same(published: list[Any]) -> None:
    """The ticks make them, a late one included."""
    put((0, 10), (61, 11), (125, 12), (30, 9), (190, 13))
    _, unrecorded = get("bars/AAPL", **{"from": iso(START), "to": iso(START + 3 * MINUTE_MS)})
    follow()
    _, recorded = get("bars/AAPL", **{"from": iso(START), "to": iso(START + 3 * MINUTE_MS)})
    assert unrecorded == recorded
    assert [bar["count"] for bar in recorded["bars"]] == [2, 1, 1]


def test_a_bar_only_gives_way_to_one_that_holds_more(published: list[Any]) -> None:
    """Two writers at once: whoever stands further back writes nothing. A new series takes its place."""
    put((0, 10), (30, 11), (61, 12))
    follow()
    (bar,) = kept()
    store = BarStore("history")
    assert not store.put(bar)
    assert not store.put(replace(bar, count=1, last=1, through=99))
    assert kept() == [bar]
    assert store.put(replace(bar, through=bar.through + 1))
    assert store.put(replace(bar, count=1, last=1, series=bar.series + 1))


@pytest.mark.parametrize(("interval", "counts"), [("5m", [5, 4]), ("15m", [9]), ("1h", [9]), ("1d", [9])])
def test_wider_bars_are_derived(published: list[Any], interval: str, counts: list[int]) -> None:
    """From the minutes of theirs; a bar that starts before `to` is shown whole."""
    put(*[(60 * n, 10 + n) for n in range(9)])
    follow()
    limits = {"from": iso(START // DAY_MS * DAY_MS), "to": iso(START + 8 * MINUTE_MS)}
    _, body = get("bars/AAPL", interval=interval, **limits)
    assert [bar["count"] for bar in body["bars"]] == counts
    assert (body["bars"][0]["open"], body["bars"][-1]["close"]) == (10, 18)


@pytest.mark.parametrize(
    ("parameters", "status", "field"),
    [
        ({"interval": "7m"}, 400, "interval"),
        ({"from": "2026-11-20T15:00:00Z", "to": "2026-11-20T14:00:00Z"}, 400, "from"),
        ({"from": "yesterday"}, 400, "from"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-11-20T14:00:00Z"}, 400, "from"),
        ({"limit": "3"}, 400, "limit"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_field(
    aws: None, parameters: dict[str, str], status: int, field: str
) -> None:
    """A problem document that gives the value and what was expected."""
    found, problem = get("bars/AAPL", **parameters)
    assert (found, problem["field"]) == (status, field)
    assert "; expected " in problem["detail"]


def test_an_unknown_symbol_has_no_bars(aws: None) -> None:
    """404, with the nearest."""
    status, problem = get("bars/APPL")
    assert (status, problem["expected"]) == (404, "AAPL")


def test_a_symbol_without_ticks_has_an_empty_list(aws: None) -> None:
    """It's known all the same."""
    assert get("bars/MSFT") == (200, {"symbol": "MSFT", "interval": "1m", "bars": []})


# -- the same bars whatever happens


class Crash(BaseException):
    """The function is killed here."""


def plain(ticks: Sequence[Tick], *, over_ms: int) -> list[tuple[Any, ...]]:
    """Bars by the book: each closed minute's ticks, all at once."""
    out = []
    for start in sorted({tick.time_ms // MINUTE_MS for tick in ticks}):
        own = [tick for tick in ticks if tick.time_ms // MINUTE_MS == start]
        if start * MINUTE_MS < over_ms:
            by_time = sorted(own, key=lambda tick: (tick.time_ms, tick.seq))
            prices = [tick.price for tick in own]
            out.append(
                (
                    start * MINUTE_MS,
                    by_time[0].price,
                    max(prices),
                    min(prices),
                    by_time[-1].price,
                    sum(tick.volume or 0 for tick in own),
                    sum(tick.price * (tick.volume or 0) for tick in own),
                    len(own),
                    own[0].seq,
                    own[-1].seq,
                )
            )
    return out


def facts(bar: Bar) -> tuple[Any, ...]:
    return (
        *(bar.start_ms, bar.open, bar.high, bar.low, bar.close),
        *(bar.volume, bar.turnover, bar.count, bar.first, bar.last),
    )


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Kills the function before or after a random step: a publish or a put."""
    chance: dict[str, Any] = {"random": random.Random(0), "share": 0.0}
    put_bar = BarStore.put

    def perhaps() -> None:
        if chance["random"].random() < chance["share"]:
            raise Crash

    def put(self: BarStore, bar: Bar) -> bool:
        perhaps()
        done = put_bar(self, bar)
        perhaps()
        return done

    def send(self: object, topic: str, text: str, *, sent_ms: int) -> bool:
        perhaps()
        return True

    monkeypatch.setattr(BarStore, "put", put)
    monkeypatch.setattr("handlers.broker.Broker.send", send)
    return chance


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(
            # seconds on from the newest so far, or back: within the minute, to late ones, and over midnight
            st.sampled_from([0, 1, 7, 20, 31, 61, 130, 400, -3, -50, -90, -200, -700, 43_200]),
            st.integers(1, 9),
            st.sampled_from([None, 0, 3, 5]),
            st.sampled_from(["go on", "go on", "stream", "stream", "clock", "restart"]),
        ),
        min_size=1,
        max_size=30,
    ),
    seed=st.integers(0, 2**32),
)
def test_bars_are_the_same_whatever_the_batches_and_crashes(
    steps: list[tuple[int, int, int | None, str]], seed: int, crashes: dict[str, Any]
) -> None:
    """Any order of ticks, cut in any way, with batches again and again and kills between any two steps."""
    with account():
        ingest.ingest.cache_clear()
        bars.bars.cache_clear()
        crashes.update(random=random.Random(seed), share=0.15)
        newest_ms = START
        for shift_s, price, volume, then in steps:
            at_ms = newest_ms + shift_s * 1000
            newest_ms = max(newest_ms, at_ms)
            tick = {"symbol": "AAPL", "price": price, "timestamp": iso(at_ms), "volume": volume}
            ingest.handler({"Records": [record("AAPL", [tick], sent_ms=newest_ms)]}, None)
            if then != "go on":
                _until_it_ends({"close": True} if then == "clock" else stream())
            if then == "restart":
                bars.bars.cache_clear()
        _until_it_ends(stream())
        (head,) = bars.bars().history.newest(["AAPL"])
        ticks = list(bars.bars().history.since("AAPL", head, 0))
        assert len(ticks) == len(steps)
        if all(then != "clock" for *_, then in steps):  # it closes the last minute early
            over_ms = max(tick.time_ms for tick in ticks) // MINUTE_MS * MINUTE_MS
            before = [facts(bar) for bar in kept() if bar.start_ms < over_ms]
            # A late tick waits for the close of the minute that is open.
            late = {tick.time_ms // MINUTE_MS * MINUTE_MS for tick in _since_open(ticks)}
            assert [bar for bar in before if bar[0] not in late] == [
                bar for bar in plain(ticks, over_ms=over_ms) if bar[0] not in late
            ]
        _until_it_ends({"close": True})
        assert [facts(bar) for bar in kept()] == plain(ticks, over_ms=10**15)
        days = {bar.start_ms: (bar.count, bar.volume, bar.high) for bar in kept(interval="1d")}
        by_day: dict[int, list[Tick]] = {}
        for one in ticks:
            by_day.setdefault(one.time_ms // DAY_MS * DAY_MS, []).append(one)
        assert days == {
            day: (len(own), sum(one.volume or 0 for one in own), max(one.price for one in own))
            for day, own in by_day.items()
        }
    bars.bars.cache_clear()
    ingest.ingest.cache_clear()


def _since_open(ticks: Sequence[Tick]) -> Sequence[Tick]:
    """The ticks from the one that opened the last minute."""
    last = max(tick.time_ms // MINUTE_MS for tick in ticks)
    place = next(place for place, tick in enumerate(ticks) if tick.time_ms // MINUTE_MS == last)
    return ticks[place:]


def _until_it_ends(event: dict[str, Any]) -> None:
    """The platform calls again what was killed, and a restarted function remembers nothing."""
    for _ in range(200):
        try:
            bars.handler(event, None)
        except Crash:
            bars.bars.cache_clear()
        else:
            return
    raise AssertionError("it was killed 200 times")
