"""A stage's traffic, a second: what comes in, and what each lane makes of it.

In: a stage with its workload. Out: a `Flow`. Sizes are those of the simulated market's ticks, and tests hold
them against the program's own messages and items.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tickwire.assumed import RECEIVES
from tickwire.calendar import ALWAYS
from tickwire.prices import DELIVERY_BYTES
from tickwire.stage import Stage
from tickwire.workload import ALWAYS_H, MARKET_H, Viewers

GROUP = 10  # messages of one call
BLOCK = 100  # ticks; no item of history crosses its edge
CHUNK_BYTES, ROW_BYTES = 105, 30.5  # an item of history: without ticks, and each
PRICE_BYTES, OLDER_BYTES = 160, 32  # a price message: with one tick, and each older one
BOARD_BYTES, BOARD_FRAME_BYTES = 146, 120  # of a symbol on the board; around them


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A stage's traffic while the market is open, a second."""

    symbols: int
    open_s: float
    """Seconds a month."""
    ticks: float
    """In each message of the queue."""
    messages: float
    """On the queue, of all symbols."""
    calls: float
    """That put them there."""
    batches: float
    """In which ingest gets them."""
    windows: float
    """In which the board and the conflated lanes are made."""
    board: float
    """Messages."""
    full: int
    """Messages of a full board, each minute at any time."""
    live: float
    conflated: float
    """Messages of the price lanes, of all symbols."""

    @classmethod
    def of(cls, stage: Stage) -> Flow:
        work, symbols = stage.workload, len(stage.symbols)
        fed = stage.feed == "simulated"
        made = (0.0 if stage.feed_paused else float(stage.feed_rate)) if fed else 1.0
        trades = made if work.trades is None else work.trades
        alone = 1000 / stage.feed_pack_ms if fed else trades  # another's feed: each trade comes by itself
        packed = alone if work.messages is None else work.messages
        rate = min(trades, packed)
        ticks = trades / rate if rate else 1.0
        calls = rate * math.ceil(symbols / GROUP)
        windows = min(1 / stage.window_s, calls)
        heads = min(symbols, rate * symbols / windows) if windows else 0.0
        parts = math.ceil(heads * BOARD_BYTES / (DELIVERY_BYTES - BOARD_FRAME_BYTES))
        size = PRICE_BYTES + OLDER_BYTES * (ticks - 1)
        return cls(
            symbols=symbols,
            open_s=3600 * open_h(stage),
            ticks=ticks,
            messages=rate * symbols,
            calls=calls,
            batches=calls * (RECEIVES if symbols > 1 else 1.0),
            windows=windows,
            board=windows * parts,
            full=math.ceil(symbols * BOARD_BYTES / (DELIVERY_BYTES - BOARD_FRAME_BYTES)),
            live=rate * len(stage.live) * math.ceil(size / DELIVERY_BYTES),
            conflated=windows * heads * len(stage.conflated) / symbols,
        )

    @property
    def price(self) -> float:
        """Messages of one symbol's price lane, on average."""
        return (self.live + self.conflated) / self.symbols


def open_h(stage: Stage) -> float:
    """Hours a month in which trades come."""
    if stage.workload.hours is not None:
        return stage.workload.hours
    return ALWAYS_H if stage.calendar == ALWAYS else MARKET_H


def watched(viewers: Viewers, flow: Flow) -> float:
    """Messages that one of these viewers gets in a month."""
    seen_s = min(viewers.hours * 3600, flow.open_s)
    symbols = min(viewers.symbols or flow.symbols, flow.symbols)
    match viewers.lane:
        case "board":
            return flow.board * seen_s + flow.full * viewers.hours * 60
        case "bar":
            return symbols * seen_s / 60 * min(1.0, 60 * flow.messages / flow.symbols)
    return symbols * flow.price * seen_s


def chunk_bytes(ticks: float) -> float:
    return CHUNK_BYTES + ROW_BYTES * ticks


def chunk_units(ticks: float, *, even: bool = False) -> float:
    """Write units for one message's ticks, on average over where in its block it begins.

    `even`: each message has as many, from the first on, so some of those places never come.
    """
    count = max(1, round(ticks))
    places = range(0, BLOCK, math.gcd(count, BLOCK) if even else 1)
    total = 0
    for start in places:
        left, room = count, BLOCK - start
        while left:
            part = min(left, room)
            total += math.ceil(chunk_bytes(part) / 1024)
            left, room = left - part, BLOCK
    return total / len(places)
