"""How a place was used, from its desks' quarter hours: who used it is nowhere in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.web.reports.figures import Day, Figure, Hour, PlaceUse, Use, Why, total
from gateway.web.reports.peak import Peak
from gateway.web.reports.period import Period, hour_of, weekday_of
from gateway.web.reports.store import Quarter

HOURS, WEEKDAYS = 24, 7
_Hours = dict[tuple[int, int], list[float]]


def place_use(
    desks: int, quarters: Sequence[Quarter], peaks: Mapping[int, Peak], period: Period, until: int
) -> PlaceUse:
    """`desks`: how many. `until`: now, or the end of what was computed: time after it is nobody's loss.

    A quarter hour that is missing lowers the coverage.
    """
    known: dict[tuple[int, int], list[float]] = {}
    for quarter in quarters:
        sums = known.setdefault(hour_of(period.calendar, quarter.time), [0.0, 0.0, 0.0, 0.0])
        for at, value in enumerate(quarter[1:3] + quarter[4:6]):
            sums[at] += value
    cells: dict[tuple[int, int], Use] = {}
    work_of: dict[int, Use] = {}
    whole_of: dict[int, Use] = {}
    for day, hour, seconds, working in period.hours(until):
        used_s, known_s, work_used_s, work_known_s = known.get((day, hour), (0.0, 0.0, 0.0, 0.0))
        whole = Use(used_s, known_s, seconds * desks)
        whole_of[day] = whole_of.get(day, Use()) + whole
        work_of[day] = work_of.get(day, Use()) + Use(work_used_s, work_known_s, working * desks)
        if day not in period.calendar.days_off:
            cell = (weekday_of(day), hour)
            cells[cell] = cells.get(cell, Use()) + whole
    work, whole = total(work_of.values()), total(whole_of.values())
    best = max(peaks.values(), key=lambda peak: (peak.desks, -peak.time), default=None)
    return PlaceUse(
        desks=desks,
        work=work,
        whole=whole,
        peak=_peak(best, whole),
        peak_time=None if best is None or best.desks == 0 else best.time,
        hours=tuple(
            Hour(weekday=weekday, hour=hour, use=cells.get((weekday, hour), Use()))
            for weekday in range(WEEKDAYS)
            for hour in range(HOURS)
        ),
        days=tuple(
            Day(
                day=day,
                off=period.calendar.is_day_off(day),
                work=work_of.get(day, Use()),
                whole=whole_of.get(day, Use()),
                peak=_peak(peaks.get(day), whole_of.get(day, Use())),
            )
            for day in period.days
        ),
    )


def _peak(peak: Peak | None, use: Use) -> Figure:
    if peak is None:
        return Figure(None, use.coverage, Why.NO_DATA)
    return Figure(float(peak.desks), use.coverage)
