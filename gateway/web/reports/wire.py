"""The bodies of /api/v1/reports, and a report made into them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from gateway.clock import rfc3339
from gateway.web.api.common import Wire
from gateway.web.reports.figures import Conduct, Figure, Use, Why
from gateway.web.reports.period import date_of
from gateway.web.reports.report import Report


class Number(Wire):
    """A figure: `value`, or `why` there is none."""

    value: float | None = Field(description="null: see `why`")
    coverage: float | None = Field(
        description="share of the desks' time of which something is known, 0 to 1; null: there was no such time"
    )
    why: Why | None = Field(
        None,
        description="no_data: nothing is known of the time; small_group: fewer than five people, or nobody;"
        " nothing: there was nothing of which it could be a share",
    )
    of: int | None = Field(None, description="how many it was computed of, where that is told")


class Remark(Wire):
    """What is to be known of some days. It changes no figure."""

    first: date
    last: date
    kind: Literal["holiday", "ramadan", "note"]
    text: str


class About(Wire):
    """What a report is about."""

    place: str
    first: date
    last: date
    until: str = Field(description="figures go up to this time, RFC 3339")
    timezone: str = Field(description="of days, weekdays and hours")
    units: list[str] | None = Field(description="whose people; null: everybody's. The use of places is everybody's")
    desks: int
    notes: list[Remark]
    statement: str = Field(
        "The use of places. No measure of anybody's performance, and no official attendance record.",
        description="belongs with the figures wherever they are shown",
    )


class HourCell(Wire):
    """An hour of the day on one weekday, over all its days of the period that are no days off."""

    weekday: int = Field(ge=0, le=6, description="0 Monday .. 6 Sunday")
    hour: int = Field(ge=0, le=23)
    utilization: Number


class Utilization(Wire):
    """Used time of known time."""

    about: About
    working_hours: Number
    all_hours: Number
    hours: list[HourCell] = Field(description="168, by weekday and hour")


class DayPeak(Wire):
    """One day."""

    day: date
    off: bool = Field(description="nobody was expected")
    peak: Number


class Peak(Wire):
    """Desks in use at the same time: summed at each instant, greatest after."""

    about: About
    peak: Number
    time: str | None = Field(description="begin of the quarter hour of the peak, RFC 3339")
    days: list[DayPeak]


class Dwell(Wire):
    """How long desks were held, seconds to the nearest quarter hour."""

    about: About
    checkins: Number
    p50: Number
    p90: Number = Field(description="of at least 20 check-ins")


class NoShow(Wire):
    """Reservations and releases; shares in whole percent."""

    about: About
    no_show: Number = Field(description="of reservations that were not cancelled: nobody came")
    expired: Number = Field(description="of the same: nobody knows whether somebody came")
    released: Number = Field(description="of check-ins that ended: released because nobody was there")
    walk_in: Number = Field(description="of check-ins: without a reservation")


class DayCoverage(Wire):
    """One day."""

    day: date
    coverage: float | None
    working_hours: float | None


class Coverage(Wire):
    """Of how much of the desks' time something is known."""

    about: About
    coverage: float | None
    working_hours: float | None
    known_s: float = Field(description="seconds of desks")
    total_s: float
    days: list[DayCoverage]


class UnitFigures(Wire):
    """One unit's people."""

    unit: str | None = Field(description="null: several units that had to be put together; `_`: none, or a small one")
    desks: int = Field(description="that the unit owns at the place")
    checkins: Number
    walk_in: Number
    dwell_p50: Number
    released: Number
    no_show: Number
    cross_unit: Number = Field(description="share of check-ins at desks of another unit")


class Visits(Wire):
    """Check-ins of people of a unit at desks of a unit."""

    unit: str
    owner: str = Field(description="`_`: nobody's desks")
    checkins: Number


class Units(Wire):
    """Who uses whose desks."""

    about: About
    total: UnitFigures
    units: list[UnitFigures]
    across: list[Visits] = Field(description="groups that were put together over units are not here")


def utilization(report: Report, zone: str) -> Utilization:
    """`zone`: the site's time zone, as in all of these."""
    use = report.places
    return Utilization(
        about=_about(report, zone),
        working_hours=_number(use.work.figure),
        all_hours=_number(use.whole.figure),
        hours=[
            HourCell(weekday=cell.weekday, hour=cell.hour, utilization=_number(cell.use.figure)) for cell in use.hours
        ],
    )


def peak(report: Report, zone: str) -> Peak:
    """See Peak."""
    use = report.places
    return Peak(
        about=_about(report, zone),
        peak=_number(use.peak),
        time=None if use.peak_time is None else rfc3339(use.peak_time),
        days=[DayPeak(day=date_of(day.day), off=day.off, peak=_number(day.peak)) for day in use.days],
    )


def dwell(report: Report, zone: str) -> Dwell:
    """See Dwell."""
    total = report.people.total
    return Dwell(
        about=_about(report, zone),
        checkins=_number(total.visits),
        p50=_number(total.dwell_p50),
        p90=_number(total.dwell_p90),
    )


def no_show(report: Report, zone: str) -> NoShow:
    """See NoShow."""
    total = report.people.total
    return NoShow(
        about=_about(report, zone),
        no_show=_number(total.no_show),
        expired=_number(total.expired),
        released=_number(total.released),
        walk_in=_number(total.walk_in),
    )


def coverage(report: Report, zone: str) -> Coverage:
    """See Coverage."""
    use = report.places
    return Coverage(
        about=_about(report, zone),
        coverage=_rounded(use.whole.coverage),
        working_hours=_rounded(use.work.coverage),
        known_s=round(use.whole.known_s, 3),
        total_s=round(use.whole.total_s, 3),
        days=[_day(day.day, day.whole, day.work) for day in use.days],
    )


def units(report: Report, zone: str) -> Units:
    """See Units."""
    people = report.people
    return Units(
        about=_about(report, zone),
        total=_unit(None, report.places.desks, people.total),
        units=[_unit(row.unit, row.desks, row.conduct) for row in people.units],
        across=[Visits(unit=row.unit, owner=row.host, checkins=_number(row.visits)) for row in people.hosts],
    )


def _about(report: Report, zone: str) -> About:
    asked = report.question
    return About(
        place=asked.place,
        first=asked.first,
        last=asked.last,
        until=rfc3339(report.until),
        timezone=zone,
        units=None if asked.units is None else sorted(asked.units),
        desks=report.places.desks,
        notes=[
            Remark.model_validate(
                {"first": note.first, "last": note.last, "kind": note.kind, "text": note.text or note.kind}
            )
            for note in report.period.notes
        ],
    )


def _day(day: int, whole: Use, work: Use) -> DayCoverage:
    return DayCoverage(day=date_of(day), coverage=_rounded(whole.coverage), working_hours=_rounded(work.coverage))


def _unit(unit: str | None, desks: int, conduct: Conduct) -> UnitFigures:
    return UnitFigures(
        unit=unit,
        desks=desks,
        checkins=_number(conduct.visits),
        walk_in=_number(conduct.walk_in),
        dwell_p50=_number(conduct.dwell_p50),
        released=_number(conduct.released),
        no_show=_number(conduct.no_show),
        cross_unit=_number(conduct.cross),
    )


def _number(figure: Figure) -> Number:
    return Number(value=_rounded(figure.value), coverage=_rounded(figure.coverage), why=figure.why, of=figure.of)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
