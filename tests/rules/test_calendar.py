"""The site's day: offsets, breaks, ends of day."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from rules.api import SECOND
from rules.calendar import MAKASSAR, Break, Calendar

FRIDAY = frozenset({4})


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def test_the_day_ends_in_local_time() -> None:
    assert MAKASSAR.end_of_day(utc("2026-11-24T01:30:00")) == utc("2026-11-24T11:00:00")
    assert MAKASSAR.end_of_day(utc("2026-11-24T11:00:00")) == utc("2026-11-25T11:00:00")
    assert MAKASSAR.end_of_day(utc("2026-11-24T17:00:00")) == utc("2026-11-25T11:00:00")


def test_days_that_never_end() -> None:
    assert Calendar(end_of_day_s=None).end_of_day(0) is None


def test_where_the_clocks_change() -> None:
    zone = ZoneInfo("Europe/Berlin")
    change = utc("2026-10-25T01:00:00")
    berlin = Calendar(offsets=((0, 7200), (change, 3600)), end_of_day_s=19 * 3600)
    for day in (24, 25, 26):
        expected = datetime(2026, 10, day, 19, tzinfo=zone).timestamp() * SECOND
        assert berlin.end_of_day(utc(f"2026-10-{day}T08:00:00")) == expected


def test_breaks_are_of_weekdays_and_of_profiles() -> None:
    day = MAKASSAR.day(utc("2026-11-27T04:00:00"))  # a Friday
    calendar = Calendar(
        breaks=(
            Break(start_s=43_200, end_s=46_800),
            Break(weekdays=FRIDAY, start_s=41_400, end_s=46_800),
            Break(start_s=60_000, end_s=61_000, first_day=day, last_day=day),
        )
    )
    whole_day = 86_400 * SECOND
    start = calendar.instant(day - 1, 0)
    assert calendar.elapsed(start, start + whole_day) == whole_day - 3600 * SECOND
    assert calendar.elapsed(start + whole_day, start + 2 * whole_day) == whole_day - 6400 * SECOND
    assert calendar.elapsed(start + 2 * whole_day, start + 3 * whole_day) == whole_day - 3600 * SECOND


seconds = st.integers(0, 86_400)
breaks = st.lists(
    st.builds(
        lambda days, a, b: Break(weekdays=frozenset(days), start_s=min(a, b), end_s=max(a, b)),
        st.sets(st.integers(0, 6)),
        seconds,
        seconds,
    ),
    max_size=4,
)


@given(chosen=breaks, start=st.integers(0, 10**6), amount=st.integers(1, 200_000))
def test_after_is_the_inverse_of_elapsed(chosen: list[Break], start: int, amount: int) -> None:
    calendar = Calendar(breaks=tuple(chosen))
    begin = utc("2026-11-24T00:00:00") + start * SECOND
    end = calendar.after(begin, amount * SECOND)
    assert end >= begin + amount * SECOND
    if end < begin + 29 * 86_400 * SECOND:
        assert calendar.elapsed(begin, end) == amount * SECOND


@given(chosen=breaks, start=st.integers(0, 10**6), first=st.integers(0, 200_000), second=st.integers(0, 200_000))
def test_elapsed_adds_up(chosen: list[Break], start: int, first: int, second: int) -> None:
    calendar = Calendar(breaks=tuple(chosen))
    one = utc("2026-11-24T00:00:00") + start * SECOND
    two, three = one + first * SECOND, one + (first + second) * SECOND
    assert calendar.elapsed(one, two) + calendar.elapsed(two, three) == calendar.elapsed(one, three)
