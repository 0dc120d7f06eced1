"""Office time runs as fast as it is told to; what is promised by machine time is kept in it."""

from __future__ import annotations

from gateway.clock import SECOND, ManualClock, ScaledClock, SystemClock

START = 1_795_484_000 * SECOND


def test_so_many_machine_seconds_ahead_is_as_far_in_office_time_as_it_runs_meanwhile() -> None:
    scaled = ScaledClock(start=START, anchor=SystemClock().machine(), speed=60)
    for clock in (SystemClock(), ManualClock(START, SECOND), scaled):
        ahead = clock.office_in(90)
        left = clock.seconds_until(ahead)
        assert left <= 90
        assert clock.office_in(90) >= ahead
    assert ManualClock(START, SECOND).office_in(90) == START + 90 * SECOND
    before = scaled.office()
    assert scaled.office_in(90) - before >= 90 * 60 * SECOND
