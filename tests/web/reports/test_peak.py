"""Peaks are those of instants: compared with counting at every instant."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.stores.windows import QUARTER, use
from gateway.web.reports.peak import peaks
from gateway.web.reports.period import Period
from gateway.web.reports.store import Change, Quarter
from rules.api import SECOND
from rules.calendar import MAKASSAR
from tests.web.reports.world import MONDAY, MONDAY_NUMBER

START = MONDAY + 32 * QUARTER
QUARTERS = 4
STEP = 60 * SECOND
DAY = Period(first=MONDAY_NUMBER, last=MONDAY_NUMBER, calendar=MAKASSAR)
Moves = list[list[int]]


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, QUARTERS * 15 - 1), unique=True, max_size=8), min_size=1, max_size=6))
def test_the_peak_is_the_greatest_sum_of_an_instant(moves: Moves) -> None:
    """`moves`: per desk, minutes at which it turns, vacant first."""
    told = {desk: [START + minute * STEP for minute in sorted(turns)] for desk, turns in enumerate(moves)}
    changes = sorted(Change(at, desk, n % 2 == 0) for desk, turns in told.items() for n, at in enumerate(turns))
    quarters = []
    for start in range(START, START + QUARTERS * QUARTER, QUARTER):
        states = [
            [(START - QUARTER, "vacant"), *((at, "vacant" if n % 2 else "occupied") for n, at in enumerate(turns))]
            for turns in told.values()
        ]
        uses = [
            use(start, start + QUARTER, [change for change in one if change[0] < start + QUARTER], ()) for one in states
        ]
        used, known = sum(one.used_s for one in uses), sum(one.known_s for one in uses)
        quarters.append(Quarter(start, used, known, sum(one.ever for one in uses), 0.0, 0.0))
    found = peaks(quarters, (), changes, DAY)[MONDAY_NUMBER]

    def occupied(at: int) -> int:
        return sum(sum(turn <= at for turn in turns) % 2 for turns in told.values())

    assert found.desks == max(occupied(START + minute * STEP) for minute in range(QUARTERS * 15))
    assert any(occupied(at) == found.desks for at in range(found.time, found.time + QUARTER, STEP))


def test_without_the_states_the_mean_of_a_quarter_hour_is_a_lower_bound() -> None:
    quarter = Quarter(START, 2.5 * 900, 4 * 900, 4, 0.0, 0.0)
    assert peaks([quarter], (), (), DAY)[MONDAY_NUMBER] == (3, START)
    blind = Quarter(START, 0.0, 0.0, 0, 0.0, 0.0)
    assert peaks([blind], {1, 2}, (), DAY) == {}
