"""Everything that a queue can hold and that no tick is: counted with its reason, in nobody's way."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ear import Ear
from tests.faults.lab import FUNCTION, Lab

pytestmark = pytest.mark.slow

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "inputs.json").read_text())


def bodies(symbol: str, other: str) -> list[tuple[str, str]]:
    """Each with the reason that it's to be counted for."""
    cases = [(case["body"], case["reason"]) for case in VECTORS["refused"] if case["body"]]
    named = [(body.replace("AAPL", symbol).replace("MSFT", other), reason) for body, reason in cases]
    one = {"symbol": symbol, "price": 1}
    return [
        *named,
        (json.dumps({**one, "source": "x" * 200_000}), "size"),
        (json.dumps([one] * 10_000), "size"),
        ("[" * 10_000 + "]" * 10_000, "json"),
        ('{"symbol":"' + symbol + '","price":1,"source":"\\ud800"}', "source"),
        (json.dumps({**one, "symbol": other}), "group"),
    ]


def test_bad_input_is_counted_and_stops_nobody(lab: Lab) -> None:
    """Through the real queue, each between two good messages of its symbol."""
    symbol, other = lab.symbols(2)
    began_ms = lab.now_ms()
    wanted: Counter[str] = Counter()
    with Ear(lab.platform, [symbol]) as ear:
        for body, reason in bodies(symbol, other):
            lab.send([(symbol, lab.ticks(symbol, 1)), (symbol, body), (symbol, lab.ticks(symbol, 1))])
            wanted[reason] += 1
        lab.check([symbol], ear)
    assert lab.stored(other) == []
    aside = lab.dead()
    assert Counter(reason for _, reason in aside) == wanted
    assert {group for group, _ in aside} == {symbol}
    counted: Counter[str] = Counter()
    for line in lab.lines(began_ms):
        if "MessagesRefused" in line:
            counted[line["reason"]] += line["MessagesRefused"]
    assert counted == wanted
    assert errors(lab) == 0


def errors(lab: Lab) -> float:
    """The function's own, by what it logged: an exception that escapes is on the record."""
    lines: list[Any] = lab.platform.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{FUNCTION}", filterPattern="Traceback"
    )["events"]
    return len(lines)
