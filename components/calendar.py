"""When the stage's market is open, from a library that knows exchanges' holidays, half days and breaks.

In: an exchange's code. Out: the sessions of this calendar year and the next as `tickwire.calendar` reads it:
small enough for a function's environment, and the same for every evaluation within a year. The library is
only imported for a stage that names an exchange; the functions never see it.
"""

from __future__ import annotations

import difflib
import warnings
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from tickwire.calendar import ALWAYS, MINUTE_MS, Spans, encode
from tickwire.errors import ConfigError

LIBRARY = "exchange_calendars"
INSTALL = ".venv/bin/python -m pip install -r requirements-dev.txt"


def sessions(name: str) -> str:
    """The text for a stage's functions. Raises ConfigError for a calendar that there isn't."""
    return ALWAYS if name == ALWAYS else _sessions(name, datetime.now(UTC).year)


@cache
def _sessions(name: str, year: int) -> str:
    try:
        import exchange_calendars as library
    except ImportError:
        raise ConfigError(
            f"calendar is {name!r} and {LIBRARY} isn't installed; expected {ALWAYS}, or first: {INSTALL}"
        ) from None
    known = library.get_calendar_names(include_aliases=True)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = (
            f"did you mean {near[0]}?" if near else f"expected {ALWAYS}, or an exchange's code such as XNYS"
        )
        raise ConfigError(f"calendar is {name!r}, which {LIBRARY} doesn't know; {hint}")
    fault: Exception | None = None
    for last in (date(year + 1, 12, 31), date(year, 12, 31)):  # some exchanges announce one year at a time
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the library's own, about its use of pandas
                found = library.get_calendar(name, start=date(year, 1, 1), end=last)
            return encode(name, dict(map(_session, found.schedule.itertuples())), date(year, 1, 1), last)
        except (ValueError, NotImplementedError) as error:
            fault = error
    raise ConfigError(
        f"calendar is {name!r}, of which {LIBRARY} {library.__version__} doesn't know the year {year} "
        f"({str(fault)[:80]}); expected another calendar, or a newer {LIBRARY}"
    )


def _session(row: Any) -> tuple[date, Spans]:
    """A day of the library's schedule: open, start and end of the break (or not a time), close."""
    day, opens, breaks, resumes, closes = row
    times = [opens, closes] if breaks != breaks else [opens, breaks, resumes, closes]  # NaT is unlike itself
    midnight = day.tz_localize("UTC")
    minutes = [(time - midnight) // timedelta(milliseconds=MINUTE_MS) for time in times]
    return day.date(), tuple(zip(minutes[::2], minutes[1::2], strict=True))
