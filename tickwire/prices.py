"""What AWS charges in us-east-1: the one table of list prices, each with where it's from.

In: quantities by the name of what is charged, a month's. Out: dollars. Nobody read AWS's own page for this:
`source` says where a figure comes from, and `known` is False where nothing but hearsay was found. `free` is
what an account, not a stage, gets each month for nothing; it's only taken off when asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

REGION = "us-east-1"
DATED = "2026-09-21"
"""The newest of the sources; most are of that month."""

_LIST = "AWS Price List of September 2026, as quoted by a third party"
_PAGE = "AWS's pricing page, undated"
_NOTES = "several third-party notes of 2026"
_HEARSAY = "general knowledge; not found in any source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for one unit, by tiers: up to which quantity, and what each costs."""

    service: str
    unit: str
    tiers: tuple[tuple[float, float], ...]
    source: str
    known: bool = True
    free: float = 0.0
    counted: bool = True
    """False for what may not be charged at all: it's shown beside the total."""

    @property
    def first(self) -> float:
        """What the first unit costs."""
        return self.tiers[0][1]


def _flat(dollars: float) -> tuple[tuple[float, float], ...]:
    return ((math.inf, dollars),)


_M, _B = 1e6, 1e9

PRICES: Mapping[str, Price] = {
    "iot.message": Price(
        service="broker",
        unit="messages of 5 KB",
        tiers=((1 * _B, 1.00 / _M), (5 * _B, 0.80 / _M), (math.inf, 0.70 / _M)),
        source=_LIST,
    ),
    "iot.minute": Price(service="broker", unit="minutes", tiers=_flat(0.08 / _M), source=_LIST),
    "iot.egress": Price(
        service="broker",
        unit="GB",
        tiers=_flat(0.09),
        source="whether deliveries pay for internet traffic at all wasn't found",
        known=False,
        counted=False,
    ),
    "lambda.request": Price(
        service="functions", unit="requests", tiers=_flat(0.20 / _M), source=_LIST, free=1 * _M
    ),
    "lambda.gbs": Price(
        service="functions", unit="GB-s, arm64", tiers=_flat(0.0000133334), source=_LIST, free=400_000
    ),
    "sqs.fifo": Price(
        service="queue", unit="requests of 64 KB", tiers=_flat(0.50 / _M), source=_NOTES, free=1 * _M
    ),
    "dynamodb.write": Price(service="table", unit="units of 1 KB", tiers=_flat(0.625 / _M), source=_LIST),
    "dynamodb.read": Price(service="table", unit="units of 4 KB", tiers=_flat(0.125 / _M), source=_LIST),
    "dynamodb.stored": Price(service="table", unit="GB", tiers=_flat(0.25), source=_LIST, free=25),
    "dynamodb.backup": Price(service="table", unit="GB", tiers=_flat(0.20), source=_HEARSAY, known=False),
    "dynamodb.stream": Price(
        service="stream",
        unit="reads",
        tiers=_flat(0.0),
        source="AWS's text, as quoted twice: Lambda reads free",
    ),
    "api.request": Price(
        service="api",
        unit="requests",
        tiers=((300 * _M, 1.00 / _M), (math.inf, 0.90 / _M)),
        source=_LIST,
    ),
    "cdn.request": Price(
        service="cdn", unit="HTTPS requests", tiers=_flat(1.00 / _M), source=_NOTES, free=10 * _M
    ),
    "cdn.traffic": Price(service="cdn", unit="GB", tiers=_flat(0.085), source=_PAGE, free=1_000),
    "s3.stored": Price(service="site", unit="GB", tiers=_flat(0.023), source=_LIST),
    "s3.put": Price(service="site", unit="requests", tiers=_flat(5.00 / _M), source=_NOTES),
    "s3.get": Price(service="site", unit="requests", tiers=_flat(0.40 / _M), source=_NOTES),
    "logs.written": Price(service="logs", unit="GB", tiers=_flat(0.50), source=_LIST, free=5),
    "logs.stored": Price(service="logs", unit="GB", tiers=_flat(0.03), source=_LIST, free=5),
    "alarm.metric": Price(
        service="alarms", unit="metrics", tiers=_flat(0.10), source=_HEARSAY, known=False, free=10
    ),
    "dashboard": Price(service="alarms", unit="dashboards", tiers=_flat(3.00), source=_NOTES, free=3),
    "metric": Price(service="alarms", unit="metrics", tiers=_flat(0.30), source=_NOTES, free=10),
    "schedule.run": Price(
        service="schedules", unit="runs", tiers=_flat(1.00 / _M), source=_NOTES, free=14 * _M
    ),
    "xray.trace": Price(
        service="traces", unit="traces", tiers=_flat(5.00 / _M), source=_HEARSAY, known=False, free=100_000
    ),
    "identity": Price(service="identity", unit="guests", tiers=_flat(0.0), source=_HEARSAY, known=False),
}

DELIVERY_BYTES = 5_000
"""What one message of the broker may hold; if AWS's 5 KB are 5,120 bytes, there's room to spare."""


def charge(name: str, quantity: float, *, free: bool = False) -> float:
    """A month's dollars for so much of it; with `free`, less what an account gets for nothing."""
    price = PRICES[name]
    left = max(0.0, quantity - (price.free if free else 0.0))
    dollars, below = 0.0, 0.0
    for upto, each in price.tiers:
        part = min(left, upto - below)
        dollars += part * each
        left, below = left - part, upto
    return dollars


def shown() -> dict[str, object]:
    """What a page needs to tell its viewer what it costs; part of `tickwire.json`."""
    return {
        "delivery": PRICES["iot.message"].first,
        "deliveryBytes": DELIVERY_BYTES,
        "connectionMinute": PRICES["iot.minute"].first,
        "currency": "USD",
        "region": REGION,
        "dated": DATED,
    }
