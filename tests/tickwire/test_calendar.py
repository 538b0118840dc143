"""Sessions: what a calendar says of a moment, and what the library's sessions become."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from components import calendar as source
from components.calendar import _sessions
from tickwire.calendar import ALWAYS, Calendar, Market, encode
from tickwire.errors import ConfigError
from tickwire.tick import iso, parse_iso

NEW_YORK = Calendar.parse(_sessions("XNYS", 2026))


def at(time: str, calendar: Calendar = NEW_YORK) -> tuple[str, str | None]:
    """State and until when."""
    found = calendar.at(parse_iso(time))
    return found.state, None if found.until_ms is None else iso(found.until_ms)[:16]


def test_around_the_clock_is_always_open() -> None:
    """Without an end, and without a library."""
    assert source.sessions(ALWAYS) == ALWAYS
    assert Calendar.parse(ALWAYS).at(0) == Market(state="open")


@pytest.mark.parametrize(
    ("time", "state", "until"),
    [
        ("2026-11-20T14:29:59.999Z", "closed", "2026-11-20T14:30"),
        ("2026-11-20T14:30:00Z", "open", "2026-11-20T21:00"),
        ("2026-11-20T20:59:59.999Z", "open", "2026-11-20T21:00"),
        ("2026-11-20T21:00:00Z", "closed", "2026-11-23T14:30"),
    ],
)
def test_a_session_includes_its_opening_and_not_its_close(time: str, state: str, until: str) -> None:
    """Both sides of both boundaries; a Friday is followed by Monday."""
    assert at(time) == (state, until)


def test_a_holiday_is_closed() -> None:
    """Thanksgiving, a Thursday."""
    assert at("2026-11-26T16:00:00Z") == ("closed", "2026-11-27T14:30")


def test_a_half_day_closes_early() -> None:
    """The day after Thanksgiving ends at one o'clock in New York."""
    assert at("2026-11-27T17:59:00Z") == ("open", "2026-11-27T18:00")
    assert at("2026-11-27T18:00:00Z") == ("closed", "2026-11-30T14:30")


@pytest.mark.parametrize(
    ("before", "after"),
    [("2026-03-06T14:30", "2026-03-09T13:30"), ("2026-10-30T13:30", "2026-11-02T14:30")],
)
def test_summer_time_moves_the_sessions(before: str, after: str) -> None:
    """Half past nine in New York is an hour earlier in UTC, from one Monday to another."""
    friday = NEW_YORK.at(parse_iso(f"{before}:00Z"))
    assert friday.since_ms == parse_iso(f"{before}:00Z")
    assert friday.opens_ms == parse_iso(f"{after}:00Z")


def test_a_lunch_break_is_closed() -> None:
    """Hong Kong trades in two spans a day."""
    calendar = Calendar.parse(_sessions("XHKG", 2026))
    assert at("2026-11-20T03:59:00Z", calendar) == ("open", "2026-11-20T04:00")
    assert at("2026-11-20T04:30:00Z", calendar) == ("closed", "2026-11-20T05:00")
    assert at("2026-11-20T05:00:00Z", calendar) == ("open", "2026-11-20T08:00")


def test_sessions_that_touch_are_one() -> None:
    """A session that begins at a midnight goes on with the day before's; one may begin the evening before."""
    week = {date(2026, 1, 5 + day): ((0, 1440),) for day in range(5)}
    calendar = Calendar.parse(encode("X", week, date(2026, 1, 1), date(2026, 1, 31)))
    assert at("2026-01-07T00:00:00Z", calendar) == ("open", "2026-01-10T00:00")
    chicago = Calendar.parse(_sessions("CMES", 2026))
    assert at("2026-11-16T00:00:00Z", chicago)[0] == "open"


def test_beyond_what_it_knows_it_says_so() -> None:
    """Neither open nor closed, before its first day and after its last; the last evening has no known end."""
    assert at("2025-12-31T23:59:59Z")[0] == "unknown"
    assert at("2026-01-01T00:00:00Z") == ("closed", "2026-01-02T14:30")
    assert at("2027-12-31T20:59:59Z") == ("open", "2027-12-31T21:00")
    assert at("2027-12-31T23:00:00Z") == ("closed", None)
    assert at("2028-01-01T00:00:00Z") == ("unknown", None)


def test_an_exchange_that_announces_one_year_is_known_for_one() -> None:
    """Shanghai's holidays are the state's to say."""
    calendar = Calendar.parse(_sessions("XSHG", 2026))
    assert at("2026-12-31T02:00:00Z", calendar)[0] == "open"
    assert at("2027-01-04T02:00:00Z", calendar)[0] == "unknown"


def test_equal_years_give_equal_texts_that_a_functions_environment_has_room_for() -> None:
    """To the byte, with nothing remembered between the two."""
    text = _sessions("XNYS", 2026)
    _sessions.cache_clear()
    assert _sessions("XNYS", 2026) == text
    assert all(
        len(_sessions(name, 2026)) < 1_000 for name in ("XNYS", "XLON", "XTKS", "XHKG", "CMES", "XSGO")
    )


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XETR", "XTKS", "XHKG", "XASX", "CMES", "ASEX"])
def test_a_calendar_says_what_the_library_says(name: str) -> None:
    """At random minutes of both years."""
    import exchange_calendars

    library = exchange_calendars.get_calendar(name, start="2026-01-01", end="2027-12-31")
    calendar = Calendar.parse(_sessions(name, 2026))
    chance = random.Random(name)
    first = datetime(2026, 1, 6, tzinfo=UTC)  # the library answers within its sessions only
    for _ in range(300):
        moment = first + timedelta(minutes=chance.randrange(720 * 1440))
        held = calendar.at(parse_iso(moment.isoformat())).state == "open"
        assert held == library.is_open_on_minute(moment), moment


@pytest.mark.parametrize(
    ("name", "sentence"), [("XNYSE", "did you mean XNYS?"), ("QQQQQ", "expected 24/7, or an exchange's code")]
)
def test_an_unknown_calendar_is_one_sentence(name: str, sentence: str) -> None:
    """With the value and what was expected."""
    with pytest.raises(ConfigError) as refused:
        source.sessions(name)
    assert str(refused.value).startswith(f"calendar is '{name}', which exchange_calendars doesn't know; ")
    assert sentence in str(refused.value)


def test_a_year_that_the_library_does_not_know_is_one_sentence() -> None:
    """An old library would have to be renewed."""
    with pytest.raises(
        ConfigError, match=r"doesn't know the year 2090 .*; expected another calendar, or a newer"
    ):
        _sessions("XSHG", 2090)


def test_without_the_library_the_sentence_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't among what every stage installs."""
    monkeypatch.setitem(__import__("sys").modules, "exchange_calendars", None)
    _sessions.cache_clear()
    with pytest.raises(ConfigError, match=r"isn't installed; expected 24/7, or first: .*pip install"):
        source.sessions("XNYS")
