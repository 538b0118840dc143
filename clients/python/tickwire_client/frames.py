"""Ticks and bars as pandas frames: `pip install tickwire-client[pandas]`.

In: an iterable of ticks or of bars, such as a list, a recording or a history. Out: a frame with a row each,
in the same order, indexed by the time in UTC. pandas is imported when a frame is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tickwire.tick import Tick

if TYPE_CHECKING:
    import pandas as pd

INDEX = ("timestamp", "start")
"""A tick's time, a bar's."""


def frame(items: Iterable[Any], *, exact: bool = False) -> pd.DataFrame:
    """A frame of ticks or of bars; an empty one has a tick's columns.

    Prices and volumes are floats, as pandas calculates with them; with `exact` they stay `Decimal`.
    """
    import pandas as pd

    rows = list(items)
    kind = type(rows[0]) if rows else Tick
    names = [field.name for field in dataclasses.fields(kind)]
    columns = {name: [_plain(getattr(row, name), exact=exact) for row in rows] for name in names}
    if "time_ms" in columns:
        columns = {"timestamp": [row.timestamp for row in rows]} | columns
        del columns["time_ms"]
    index = next(name for name in INDEX if name in columns)
    made = pd.DataFrame(columns)
    made[index] = pd.to_datetime(made[index], utc=True)
    return made.set_index(index)


async def collect(items: AsyncIterable[Any], *, exact: bool = False) -> pd.DataFrame:
    """The same of an asynchronous iterable that ends, such as `client.history(…)`."""
    return frame([item async for item in items], exact=exact)


def _plain(value: Any, *, exact: bool) -> Any:
    return float(value) if isinstance(value, Decimal) and not exact else value
