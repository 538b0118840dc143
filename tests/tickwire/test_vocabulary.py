"""The vocabulary against the vectors that every language runs."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickwire import intake, wire
from tickwire.tick import Tick, iso, parse_iso
from tickwire.topic import Address, Topics

VECTORS = Path(__file__).parents[1] / "vectors"


def vectors(name: str, part: str) -> list[Any]:
    cases = json.loads((VECTORS / f"{name}.json").read_text())[part]
    return [pytest.param(case, id=case.get("name") or case["topic"]) for case in cases]


def tick(facts: dict[str, Any]) -> Tick:
    numeric = facts.keys() & {"price", "bid", "ask", "volume"}
    numbers: dict[str, Any] = {key: Decimal(facts[key]) for key in numeric}
    return Tick(**{**facts, **numbers})


def exact(ticks: list[Tick]) -> list[str]:
    """Decimals compare equal whatever their trailing zeros: their text doesn't."""
    return [repr(tick) for tick in ticks]


@pytest.mark.parametrize("case", vectors("topics", "build"))
def test_a_topic_is_built_from_its_parts(case: dict[str, Any]) -> None:
    """Prefix, lane, interval and symbol give one topic."""
    topics = Topics(case["prefix"])
    built = {
        "price": lambda: topics.price(case["symbol"]),
        "board": lambda: topics.board,
        "status": lambda: topics.status,
        "bar": lambda: topics.bar(case["interval"], case["symbol"]),
        "alert": lambda: topics.alert(case["symbol"]),
    }[case["lane"]]()
    assert built == case["topic"]


@pytest.mark.parametrize("case", vectors("topics", "parse"))
def test_a_topic_is_taken_apart_or_is_not_ours(case: dict[str, Any]) -> None:
    """What isn't one of this stage's topics means nothing."""
    expected = case["lane"] and Address(case["lane"], case.get("symbol"), case.get("interval"))
    assert Topics(case["prefix"]).parse(case["topic"]) == expected


@pytest.mark.parametrize(
    "prefix",
    ["#", "a/+", "/a", "a/", "a//b", "ä", "a b", "$aws", "a/b/c/d/e", "x" * 25, "prices", "dev/bars"],
)
def test_a_prefix_with_a_wildcard_or_an_empty_word_is_refused(prefix: str) -> None:
    """The sentence names the prefix."""
    with pytest.raises(ValueError, match="topic prefix is"):
        Topics(prefix)


@pytest.mark.parametrize("case", vectors("messages", "decode"))
def test_a_message_gives_its_ticks(case: dict[str, Any]) -> None:
    """Oldest first, each with its seq, decimals exact."""
    assert exact(wire.decode(case["payload"])) == exact([tick(facts) for facts in case["ticks"]])


@pytest.mark.parametrize("case", vectors("messages", "refused"))
def test_what_is_no_price_message_is_refused(case: dict[str, Any]) -> None:
    """One type of error, whatever is wrong."""
    with pytest.raises(wire.WireError):
        wire.decode(case["payload"])


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"[" * 100_000])
def test_bytes_that_are_no_text_and_nesting_without_end_are_refused(payload: bytes) -> None:
    """Neither escapes as another error."""
    with pytest.raises(wire.WireError):
        wire.decode(payload)


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("case", vectors("inputs", "taken"))
def test_input_gives_its_ticks(case: dict[str, Any]) -> None:
    """A tick without a time has the time of its arrival."""
    about = load("inputs")
    found = intake.ticks(case["body"], symbols=about["symbols"], arrived_ms=about["arrived_ms"])
    assert [f"{t.price:f}" for t in found] == [facts["price"] for facts in case["ticks"]]
    assert found == [tick(facts) for facts in case["ticks"]]


@pytest.mark.parametrize("case", vectors("inputs", "refused"))
def test_bad_input_is_refused_with_its_reason(case: dict[str, Any]) -> None:
    """The sentence gives the field, the value and what was expected."""
    about = load("inputs")
    with pytest.raises(intake.Refused) as caught:
        intake.ticks(case["body"], symbols=about["symbols"], arrived_ms=about["arrived_ms"])
    assert caught.value.reason == case["reason"]
    assert "; expected " in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"symbol":"AAPL","price":1}\xff', "encoding"),
        ("[" * 10_000, "json"),
        ('{"symbol":"AAPL","price":1,"x":"' + "x" * 200_000 + '"}', "size"),
        ("[" + ",".join(['{"symbol":"AAPL","price":1}'] * 1_001) + "]", "count"),
    ],
)
def test_input_beyond_every_bound_is_refused(body: str | bytes, reason: str) -> None:
    """Neither depth nor size nor count reaches anything behind the decoder."""
    with pytest.raises(intake.Refused) as caught:
        intake.ticks(body, symbols={"AAPL"}, arrived_ms=0)
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("zero", ["0", "-0", "0.00", "0e-99999999"])
def test_a_volume_of_nothing_is_written_as_0(zero: str) -> None:
    """However it was put: the exponent of a zero would be written out, all hundred million digits of it."""
    body = f'{{"symbol":"AAPL","price":1,"volume":{zero}}}'
    (found,) = intake.ticks(body, symbols={"AAPL"}, arrived_ms=0)
    assert '"volume":0}' in wire.encode_input([found])


def test_a_thousand_ticks_in_one_message_are_taken() -> None:
    """The bound itself is allowed."""
    body = "[" + ",".join(['{"symbol":"AAPL","price":1}'] * 1_000) + "]"
    assert len(intake.ticks(body, symbols={"AAPL"}, arrived_ms=0)) == 1_000


PRICES = st.decimals(min_value="0.000000000001", max_value="999999", places=6).filter(lambda d: d > 0)
TICKS = st.builds(
    Tick,
    symbol=st.just("AAPL"),
    price=PRICES,
    time_ms=st.integers(1_790_000_000_000, 1_790_000_100_000),
    bid=st.none() | PRICES,
    ask=st.none() | PRICES,
    volume=st.none() | PRICES,
    source=st.sampled_from([None, "a", "b\u00e9"]),
    series=st.just(3),
)


@given(st.lists(TICKS, min_size=1, max_size=250))
def test_ticks_survive_their_messages_exactly(ticks: list[Tick]) -> None:
    """Whatever the ticks: in order, nothing lost, each message within 5 KB and 100 ticks."""
    numbered = [Tick(**{**vars_of(t), "seq": place + 1}) for place, t in enumerate(ticks)]
    made = wire.messages(numbered)
    texts = [message.text for message in made]
    assert [message.ticks for message in made] == [len(wire.decode(text)) for text in texts]
    assert all(len(text.encode()) <= wire.MESSAGE_BYTES_MAX for text in texts)
    decoded = [wire.decode(text) for text in texts]
    assert all(len(message) <= wire.TICKS_MAX for message in decoded)
    assert exact([t for message in decoded for t in message]) == exact(numbered)


def vars_of(value: Tick) -> dict[str, Any]:
    return {name: getattr(value, name) for name in Tick.__dataclass_fields__}


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_survives_its_text(time_ms: int) -> None:
    """Milliseconds, to the last."""
    assert parse_iso(iso(time_ms)) == time_ms
