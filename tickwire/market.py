"""A simulated market: the trades of a symbol as a pure function of time.

In: a symbol, a rate and a span of time. Out: the same ticks for the same span, whoever asks and how often, so
the feed keeps no state, and two feeds that overlap say the same. Prices wander on several time scales at once
and come back; sums of smooth noise, made without a history.
"""

from __future__ import annotations

import math
from decimal import Decimal
from hashlib import blake2b

from tickwire.tick import Tick

SOURCE = "simulated"
_SCALES = (  # milliseconds, share of the price
    (21_600_000, 0.02),
    (3_600_000, 0.008),
    (600_000, 0.004),
    (120_000, 0.002),
    (20_000, 0.001),
    (2_000, 0.0004),
)
_BOUNCE = 0.0003  # from one trade to the next
_KNOWN = {
    "AAPL": 190,
    "MSFT": 420,
    "NVDA": 130,
    "AMZN": 185,
    "GOOGL": 170,
    "META": 560,
    "TSLA": 250,
    "BTC-USD": 64_000,
}


def trades(symbol: str, from_ms: int, to_ms: int, *, rate: int) -> list[Tick]:
    """The trades with `from_ms` <= time < `to_ms`, about `rate` a second."""
    gap_ms = 1000 / rate
    first, last = math.floor(from_ms / gap_ms) - 1, math.ceil(to_ms / gap_ms) + 1
    ticks = []
    for number in range(first, last):
        time_ms = math.floor((number + _chance(symbol, "when", number)) * gap_ms)
        if from_ms <= time_ms < to_ms:
            ticks.append(_trade(symbol, time_ms, number))
    return ticks


def _trade(symbol: str, time_ms: int, number: int) -> Tick:
    drift = sum(size * _noise(symbol, width, time_ms) for width, size in _SCALES)
    level = _base(symbol) * math.exp(drift + _BOUNCE * (_chance(symbol, "bounce", number) - 0.5))
    cent = Decimal("0.0001") if level < 1 else Decimal("0.01")
    price = max(Decimal(level).quantize(cent), cent)
    spread = max(cent, (price / 10_000).quantize(cent))
    volume = int(10 ** (1 + 2 * _chance(symbol, "volume", number) ** 3))
    bid = max(price - spread, cent)
    return Tick(symbol, price, time_ms, bid, price + spread, Decimal(volume), SOURCE)


def _base(symbol: str) -> float:
    return _KNOWN.get(symbol) or 20 + 480 * _chance(symbol, "base", 0)


def _noise(symbol: str, width_ms: int, time_ms: int) -> float:
    """Smooth noise from -1 to 1 with a new direction each `width_ms`."""
    place, rest = divmod(time_ms, width_ms)
    left, right = (2 * _chance(symbol, str(width_ms), place + side) - 1 for side in (0, 1))
    share = (1 - math.cos(math.pi * rest / width_ms)) / 2
    return left + (right - left) * share


def _chance(symbol: str, about: str, number: int) -> float:
    """A number from 0 to 1 that is always the same for the same question."""
    digest = blake2b(f"{symbol}/{about}/{number}".encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48
