"""What a benchmark hands back, and how it's printed: a claim, its figures, and whether the goal is met."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. Without a goal it's there to be read."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool | None:
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One claim and its figures; `notes` say how they came about."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)


def markdown(section: Section) -> str:
    """A table a section."""
    lines = [f"## {section.title}", "", "| | measured | goal | |", "|---|---:|---:|---|"]
    for row in section.rows:
        goal = (
            ""
            if row.met is None
            else (f"≤ {row.at_most:g}" if row.at_most is not None else f"≥ {row.at_least:g}")
        )
        verdict = {True: "met", False: "**missed**", None: ""}[row.met]
        lines.append(f"| {row.what} | {number(row.value)} {row.unit} | {goal} | {verdict} |")
    return "\n".join([*lines, "", *(f"- {note}" for note in section.notes), ""])


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 or value == int(value) else f"{value:.3g}"


def load() -> str:
    """The machine's load: figures mean little without it."""
    return f"load {' '.join(f'{part:.2f}' for part in os.getloadavg())} on {os.cpu_count()} cores"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all are at or below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 100 * len(ordered)) // 100) - 1))]
