"""The board: many symbols' newest prices in one message.

In: where symbols' orders stand. Out: UTF-8 JSON texts of at most 5,000 bytes, split between symbols. Each
price stands with what a reader needs for the day's change: the close of the day before, or, on a symbol's
first day, the first price of the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tickwire.ledger import Head
from tickwire.tick import iso
from tickwire.wire import MESSAGE_BYTES_MAX, VERSION

_FRAME_BYTES = 120  # around the prices


def messages(heads: Iterable[Head], *, at_ms: int, full: bool = False) -> list[str]:
    """As few messages as hold every head that has a tick; `full` says that no symbol was left out."""
    parts: list[list[str]] = []
    left = 0
    for head in heads:
        if head.newest is None:
            continue
        price = _price(head)
        size = len(price.encode()) + 1
        if size > left:
            parts.append([])
            left = MESSAGE_BYTES_MAX - _FRAME_BYTES
        parts[-1].append(price)
        left -= size
    return [
        f'{{"time":"{iso(at_ms)}","full":{"true" if full else "false"},"part":{place},"parts":{len(parts)},'
        f'"prices":[{",".join(part)}],"v":{VERSION}}}'
        for place, part in enumerate(parts, start=1)
    ]


def _price(head: Head) -> str:
    tick = head.newest
    assert tick is not None
    return (
        f'{{"symbol":"{tick.symbol}","price":{tick.price:f},"timestamp":"{iso(tick.time_ms)}",'
        f'"seq":{tick.seq},"series":{tick.series},'
        f'"previousClose":{_json(head.close)},"dayOpen":{_json(head.open)}}}'
    )


def _json(value: Decimal | None) -> str:
    return "null" if value is None else f"{value:f}"
