"""What the API's readers see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers import ingest, query
from handlers.history import History
from tests.handlers.conftest import record, ticks
from tickwire.tick import iso, parse_iso

START = "2026-11-21T14:00:00Z"


def get(path: str, **parameters: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    answer = query.handler({"rawPath": f"/api/{path}", "queryStringParameters": parameters or None}, None)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


@pytest.fixture
def filled(history: History, published: list[Any]) -> History:
    """AAPL with 250 ticks, one a second, priced by their seq; MSFT with one."""
    start_ms = parse_iso(START)
    for number in range(1, 251, 10):
        body = [
            {"symbol": "AAPL", "price": n, "timestamp": iso(start_ms + n * 1_000)}
            for n in range(number, number + 10)
        ]
        event = {"Records": [record("AAPL", body, sent_ms=start_ms + number * 1_000)]}
        assert ingest.handler(event, None) == {"batchItemFailures": []}
    ingest.handler({"Records": [record("MSFT", ticks("MSFT", 420.10))]}, None)
    return history


def test_health_says_what_this_is(filled: History) -> None:
    """Stage, history and the newest tick's time."""
    status, body, _ = get("health")
    assert status == 200
    assert (body["status"], body["stage"], body["history"], body["symbols"]) == ("ok", "test", "on", 3)
    assert (body["market"], body["until"]) == ("open", None)


def test_stocks_lists_the_universe(aws: None) -> None:
    """In the stage's own order."""
    assert get("stocks")[1] == {"stocks": [{"symbol": s} for s in ("AAPL", "MSFT", "BTC-USD")]}


def test_the_snapshot_has_the_newest_of_each_symbol(filled: History) -> None:
    """A symbol without a tick is left out; decimals stay exact."""
    answer = query.handler({"rawPath": "/api/prices"}, None)
    assert '"price":420.1' in answer["body"]
    body = json.loads(answer["body"])
    assert [(p["symbol"], p["seq"]) for p in body["prices"]] == [("AAPL", 250), ("MSFT", 1)]
    assert (body["prices"][0]["previousClose"], body["prices"][0]["dayOpen"]) == (None, 1)
    assert get("prices", symbols="MSFT")[1]["prices"][0]["symbol"] == "MSFT"


def test_ticks_after_a_seq_come_in_order_and_pages_follow_on(filled: History) -> None:
    """The cursor ends with the last page."""
    status, page, _ = get("prices/AAPL", after_seq="95", limit="100")
    assert status == 200
    assert [t["seq"] for t in page["ticks"]] == list(range(96, 196))
    _, rest, _ = get("prices/AAPL", cursor=page["cursor"], limit="100")
    assert [t["seq"] for t in rest["ticks"]] == list(range(196, 251))
    assert rest["cursor"] is None


def test_without_a_place_to_begin_the_newest_come(filled: History) -> None:
    """In order all the same."""
    assert [t["seq"] for t in get("prices/AAPL", limit="30")[1]["ticks"]] == list(range(221, 251))


def test_a_range_includes_from_and_excludes_to(filled: History) -> None:
    """Half-open, as everywhere."""
    _, page, _ = get("prices/AAPL", **{"from": "2026-11-21T14:00:10Z", "to": "2026-11-21T14:00:20Z"})
    assert [t["seq"] for t in page["ticks"]] == list(range(10, 20))


def test_a_range_is_paged_to_its_end(filled: History) -> None:
    """The cursor remembers the range."""
    bounds = {"from": "2026-11-21T14:00:10Z", "to": "2026-11-21T14:03:00Z"}
    _, page, _ = get("prices/AAPL", limit="100", **bounds)
    seen = [t["seq"] for t in page["ticks"]]
    while page["cursor"]:
        _, page, _ = get("prices/AAPL", limit="100", cursor=page["cursor"])
        seen += [t["seq"] for t in page["ticks"]]
    assert seen == list(range(10, 180))


def test_a_full_aligned_block_may_be_kept_for_ever(filled: History) -> None:
    """An open block, another edge or no series named may not."""
    series = str(get("prices/AAPL")[1]["series"])
    assert "immutable" in get("prices/AAPL", series=series, after_seq="100", limit="100")[2]["cache-control"]
    for other in ({"after_seq": "200"}, {"after_seq": "101"}, {"after_seq": "100", "limit": "50"}):
        parameters = {"series": series, "limit": "100", **other}
        assert get("prices/AAPL", **parameters)[2]["cache-control"] == "no-cache"
    assert get("prices/AAPL", after_seq="100", limit="100")[2]["cache-control"] == "no-cache"


def test_a_series_that_is_gone_is_said(filled: History) -> None:
    """A gap filler learns that it must begin anew."""
    status, body, _ = get("prices/AAPL", series="1", after_seq="0")
    assert status == 410
    assert body["field"] == "series"


@pytest.mark.parametrize(
    ("path", "parameters", "status", "field"),
    [
        ("prices/APPL", {}, 404, "symbol"),
        ("prices", {"symbols": "AAPL,NOPE"}, 404, "symbol"),
        ("prices", {"symbol": "AAPL"}, 400, "symbol"),
        ("prices/AAPL", {"limit": "0"}, 400, "limit"),
        ("prices/AAPL", {"limit": "1001"}, 400, "limit"),
        ("prices/AAPL", {"after_seq": "-1"}, 400, "after_seq"),
        ("prices/AAPL", {"from": "yesterday"}, 400, "from"),
        ("prices/AAPL", {"from": "2026-11-21T15:00:00Z", "to": "2026-11-21T14:00:00Z"}, 400, "from"),
        ("prices/AAPL", {"cursor": "%%%"}, 400, "cursor"),
        ("prices/AAPL", {"cursor": "MSwy"}, 400, "cursor"),
        ("prices/AAPL", {"colour": "red"}, 400, "colour"),
        ("nothing", {}, 404, None),
        ("prices/AAPL/x", {}, 404, None),
    ],
)
def test_a_wrong_request_is_a_problem_that_names_it(
    aws: None, path: str, parameters: dict[str, str], status: int, field: str | None
) -> None:
    """RFC 9457, with the field, its value and what was expected."""
    got, body, headers = get(path, **parameters)
    assert (got, body["status"], body.get("field")) == (status, status, field)
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_can_only_be_read_says_so(aws: None, method: str) -> None:
    """The API has a route for all that no other takes."""
    event = {"rawPath": "/api/prices", "requestContext": {"http": {"method": method}}}
    answer = query.handler(event, None)
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["field"], body["value"]) == (405, "method", method)
    assert query.handler({**event, "requestContext": {"http": {"method": "HEAD"}}}, None)["statusCode"] == 200


def test_with_history_off_the_snapshot_answers_and_ranges_say_why_not(
    filled: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live goes on; the API says that history is off."""
    monkeypatch.setenv("KEEP_S", "0")
    assert get("health")[1]["history"] == "off"
    assert len(get("prices")[1]["prices"]) == 2
    status, body, _ = get("prices/AAPL")
    assert (status, body["title"]) == (404, "History is off")
