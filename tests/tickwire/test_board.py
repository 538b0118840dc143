"""The board: whole symbols in messages of at most 5,000 bytes."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.tickwire.test_schemas import validator
from tickwire import board
from tickwire.ledger import DAY_MS, Chunk, Head, advance
from tickwire.tick import Tick

AT_MS = 1_795_271_400_000


def head(symbol: str, price: str = "189.450") -> Head:
    tick = Tick(symbol, Decimal(price), AT_MS, series=7, seq=3)
    return Head(series=7, seq=3, newest=tick, close=Decimal("188.10"), open=Decimal("189.00"))


def test_a_price_stands_with_what_the_days_change_is_counted_from() -> None:
    """Decimals as they came; `full` says whether any symbol was left out."""
    (text,) = board.messages([head("AAPL"), Head(series=1)], at_ms=AT_MS, full=True)
    assert '"price":189.450,' in text
    message = json.loads(text)
    assert (message["full"], message["part"], message["parts"]) == (True, 1, 1)
    (price,) = message["prices"]
    assert (price["symbol"], price["seq"], price["series"]) == ("AAPL", 3, 7)
    assert (price["previousClose"], price["dayOpen"]) == (188.1, 189.0)
    validator("board").validate(message)


def test_a_hundred_symbols_are_split_between_symbols_at_five_thousand_bytes() -> None:
    """None is lost or cut, none comes twice, each part says how many there are."""
    heads = [head(f"SYMBOL-{number:05}", "123456789.123456789") for number in range(100)]
    texts = board.messages(heads, at_ms=AT_MS)
    assert len(texts) > 1
    assert all(len(text.encode()) <= 5_000 for text in texts)
    found = [json.loads(text) for text in texts]
    assert [message["part"] for message in found] == list(range(1, len(texts) + 1))
    assert {message["parts"] for message in found} == {len(texts)}
    symbols = [price["symbol"] for message in found for price in message["prices"]]
    assert symbols == [one.newest.symbol for one in heads if one.newest]
    for message in found:
        validator("board").validate(message)


def test_no_price_is_no_message() -> None:
    """A board of symbols that never had a tick would say nothing."""
    assert board.messages([Head(series=1)], at_ms=AT_MS) == []


def test_a_day_opens_with_its_first_price_and_the_day_before_closes_with_its_last() -> None:
    """An older tick that comes late changes neither."""
    stand = Head(series=1)
    times = [0, 5, DAY_MS, DAY_MS - 1, DAY_MS + 5]
    for seq, at in enumerate(times, start=1):
        tick = Tick("AAPL", Decimal(seq), AT_MS // DAY_MS * DAY_MS + at, series=1, seq=seq)
        stand = advance(stand, Chunk((tick,), seq, 0, 1))
    assert (stand.close, stand.open) == (Decimal(2), Decimal(3))
    assert stand.newest is not None
    assert stand.newest.price == 5
