"""Days, hours and weekdays are the site's, also where the clocks change."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.model import Office
from gateway.web.reports.asked import PRESETS, days
from gateway.web.reports.period import BadPeriod, date_of, monday_of, period, weekday_of
from rules.api import SECOND
from tests.web.reports.world import plan


def office(zone: str) -> Office:
    return Office.model_validate({**plan(), "timezone": zone}, context={"base": Path()})


BERLIN, MAKASSAR = office("Europe/Berlin"), office("Asia/Makassar")


@settings(max_examples=30)
@given(st.dates(date(2026, 3, 20), date(2026, 11, 5)), st.integers(0, 20), st.sampled_from([BERLIN, MAKASSAR]))
def test_hours_add_up_to_the_period_and_to_its_working_time(first: date, more: int, where: Office) -> None:
    asked = period(where, first, first + timedelta(days=more))
    cells = list(asked.hours(asked.end))
    assert sum(seconds for _, _, seconds, _ in cells) * SECOND == asked.end - asked.start
    working = sum(working for _, _, _, working in cells)
    assert working * SECOND == pytest.approx(asked.calendar.working(asked.start, asked.end))
    assert all(day in asked.days and working <= seconds for day, _, seconds, working in cells)


def test_an_hour_that_the_clocks_leave_out_or_show_twice() -> None:
    spring = {hour: s for _, hour, s, _ in period(BERLIN, date(2026, 3, 29), date(2026, 3, 29)).hours(2**62)}
    autumn = {hour: s for _, hour, s, _ in period(BERLIN, date(2026, 10, 25), date(2026, 10, 25)).hours(2**62)}
    assert (2 in spring, autumn[2]) == (False, 7200)


def test_weeks_begin_on_monday() -> None:
    monday = (date(2026, 11, 2) - date(1970, 1, 1)).days
    assert [weekday_of(monday + at) for at in range(7)] == list(range(7))
    assert {monday_of(monday + at) for at in range(7)} == {monday}
    assert date_of(monday) == date(2026, 11, 2)


def test_presets() -> None:
    now = date(2026, 3, 11)  # a Wednesday
    assert days("7-hari", now, None, None) == (date(2026, 3, 5), now)
    assert days("minggu-lalu", now, None, None) == (date(2026, 3, 2), date(2026, 3, 8))
    assert days("bulan-lalu", now, None, None) == (date(2026, 2, 1), date(2026, 2, 28))
    assert days("bulan-ini", now, None, None) == (date(2026, 3, 1), now)
    for preset in PRESETS:
        first, last = days(preset, now, now, now)
        assert first <= last
    with pytest.raises(BadPeriod):
        days("rentang", now, now, None)


def test_a_period_is_no_longer_than_a_quarter_of_a_year() -> None:
    with pytest.raises(BadPeriod):
        period(MAKASSAR, date(2026, 1, 1), date(2026, 4, 3))
    assert len(period(MAKASSAR, date(2026, 1, 1), date(2026, 4, 2)).days) == 92
