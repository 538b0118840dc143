"""What a stage costs a month at its workload: a bill by service and lane, and one line that tells it.

In: a stage, with its workload. Out: uses (`tickwire.usage`) at their prices (`tickwire.prices`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tickwire.prices import PRICES, charge
from tickwire.stage import Stage
from tickwire.usage import uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One use, and its part of the bill."""

    service: str
    lane: str
    what: str
    quantity: float
    unit: str
    dollars: float
    known: bool
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        return sum(line.dollars for line in self.lines if line.counted)

    @property
    def services(self) -> dict[str, float]:
        return self._by("service")

    @property
    def lanes(self) -> dict[str, float]:
        return self._by("lane")

    @property
    def uncertain(self) -> tuple[Line, ...]:
        """Lines that cost, or might cost, something, at a price that wasn't confirmed."""
        return tuple(line for line in self.lines if not line.known and line.dollars)

    def _by(self, part: str) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for line in self.lines:
            if line.counted:
                found[getattr(line, part)] += line.dollars
        return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def bill(stage: Stage, *, free: bool = False) -> Bill:
    """The month's bill; with `free`, less what an account gets for nothing. Lanes share tiers evenly."""
    found = uses(stage)
    sums: dict[str, float] = defaultdict(float)
    for use in found:
        sums[use.of] += use.quantity
    each = {name: charge(name, quantity, free=free) / quantity for name, quantity in sums.items()}
    return Bill(
        lines=tuple(
            Line(
                service=PRICES[use.of].service,
                lane=use.lane,
                what=use.what,
                quantity=use.quantity,
                unit=PRICES[use.of].unit,
                dollars=use.quantity * each[use.of],
                known=PRICES[use.of].known,
                counted=PRICES[use.of].counted,
            )
            for use in found
        )
    )


def sentence(stage: Stage) -> str:
    """The estimate in one line."""
    found = bill(stage)
    parts = ", ".join(
        f"{name} ${dollars:,.2f}" for name, dollars in found.services.items() if dollars >= 0.005
    )
    viewers = sum(one.count for one in stage.workload.viewers)
    audience = f"{viewers:,} viewer{'' if viewers == 1 else 's'} and {stage.workload.requests:,} requests"
    return f"Estimate on AWS for {audience}: ${found.total:,.2f} a month ({parts})"
