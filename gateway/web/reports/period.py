"""A period of whole days in the site's time, with the working calendar and what is to be known of its days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from gateway.calendars import EPOCH, days_off, number, working_calendar
from gateway.config.model import Office
from rules.api import SECOND
from rules.calendar import WORK, Calendar

LONGEST_DAYS = 92
"""A quarter of a year: a question reads some 3,000 rows a desk and month."""
HOUR = 3600 * SECOND
QUARTER = 900 * SECOND
WEEK = 7


class BadPeriod(ValueError):
    """From and to that make no period, in words for who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is to be known of some days when figures are read. It changes no figure."""

    first: date
    last: date
    kind: str
    """holiday, ramadan, note."""
    text: str
    """Empty for ramadan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Local days `first` to `last`, both included, counted from 1970-01-01."""

    first: int
    last: int
    calendar: Calendar
    notes: tuple[Note, ...] = ()

    @property
    def start(self) -> int:
        """ns UTC."""
        return self.calendar.instant(self.first, 0)

    @property
    def end(self) -> int:
        """ns UTC, not included."""
        return self.calendar.instant(self.last + 1, 0)

    @property
    def days(self) -> range:
        """Local days."""
        return range(self.first, self.last + 1)

    def hours(self, until: int) -> Iterator[tuple[int, int, float, float]]:
        """(local day, hour of day, seconds, working seconds) of each local hour before `until`, in order.

        Where the clocks change, an hour is what they show: it has 7,200 s, or is not there.
        """
        found: dict[tuple[int, int], list[float]] = {}
        at = self.start
        end = min(self.end, until)
        while at < end:
            following = min(at + QUARTER, end)  # clocks change by quarter hours, and working hours rarely need less
            day, hour = hour_of(self.calendar, at)
            sums = found.setdefault((day, hour), [0.0, 0.0])
            sums[0] += (following - at) / SECOND
            at = following
        for begin, finish, kind in self.calendar.parts(self.start, max(end, self.start)):
            if kind == WORK:
                for key, seconds in _by_hour(self.calendar, begin, finish):
                    found[key][1] += seconds
        for (day, hour), (seconds, working) in found.items():
            yield day, hour, seconds, working


def period(office: Office, first: date, last: date) -> Period:
    """Raises BadPeriod; ConfigError: the calendar names a country whose holidays are not to be had here."""
    if last < first:
        raise BadPeriod("the period ends before it begins")
    if (last - first).days >= LONGEST_DAYS:
        raise BadPeriod(f"a period has at most {LONGEST_DAYS} days")
    if not date(2000, 1, 1) <= first <= last <= date(2199, 12, 31):
        raise BadPeriod("a period lies between 2000 and 2199")
    middle = (number(first) + number(last)) // 2 * 86_400 * SECOND
    return Period(
        first=number(first),
        last=number(last),
        calendar=working_calendar(office, middle),
        notes=tuple(_notes(office, first, last)),
    )


def date_of(day: int) -> date:
    """Of days since 1970-01-01."""
    return EPOCH + timedelta(days=day)


def weekday_of(day: int) -> int:
    """0 Monday .. 6 Sunday."""
    return (day + 3) % WEEK


def monday_of(day: int) -> int:
    """The Monday of the day's week."""
    return day - weekday_of(day)


def hour_of(calendar: Calendar, at: int) -> tuple[int, int]:
    """(local day, hour of day)."""
    hours = (at + calendar.offset(at)) // HOUR
    return hours // 24, hours % 24


def local(calendar: Calendar, at: int) -> datetime:
    """Wall clock of the site, without a zone."""
    return datetime.fromtimestamp((at + calendar.offset(at)) // SECOND, UTC).replace(tzinfo=None)


def _by_hour(calendar: Calendar, begin: int, end: int) -> Iterator[tuple[tuple[int, int], float]]:
    at = begin
    while at < end:
        shift = calendar.offset(at)
        following = min(end, (at + shift) // HOUR * HOUR + HOUR - shift)
        yield hour_of(calendar, at), (following - at) / SECOND
        at = following


def _notes(office: Office, first: date, last: date) -> Iterator[Note]:
    working = office.calendar
    for day, name in sorted(days_off(working.holidays, range(first.year, last.year + 1)).items()):
        if first <= day <= last:
            yield Note(first=day, last=day, kind="holiday", text=name)
    for dates in working.ramadan.dates if working.ramadan is not None else ():
        if dates.first <= last and first <= dates.last:
            yield Note(first=max(first, dates.first), last=min(last, dates.last), kind="ramadan", text="")
    for note in working.notes:
        if note.first <= last and first <= note.last:
            yield Note(first=max(first, note.first), last=min(last, note.last), kind="note", text=note.text)
