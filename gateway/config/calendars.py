"""The site's working calendar as office.yaml says it: hours, breaks, Ramadan, holidays, notes.

The defaults are those of Indonesian civil servants (Perpres 21/2023): 37 h 30 min a week from 07.30, an hour's break,
ninety minutes on Friday; in Ramadan 32 h 30 min from 08.00, half an hour's break and an hour on Friday.
"""

from __future__ import annotations

from datetime import date, time
from typing import Literal

from gateway.config.types import Day, Model, Name, TimeOfDay, Weekday, Word

LONGEST_RAMADAN = 31
"""Days; a month of the moon has 29 or 30."""
MON_TO_THU: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu")


class Span(Model):
    """A part of some days; the site's local time."""

    days: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    start: TimeOfDay
    end: TimeOfDay


class Days(Model):
    """From a day to a day, both included."""

    first: Day
    last: Day


class Ramadan(Model):
    """Days with hours of their own. The dates are the operator's to set: computed calendars miss them by a day."""

    dates: tuple[Days, ...] = ()
    hours: tuple[Span, ...] = (
        Span(days=MON_TO_THU, start=time(8, 0), end=time(15, 0)),
        Span(days=("fri",), start=time(8, 0), end=time(15, 30)),
    )
    breaks: tuple[Span, ...] = (
        Span(days=MON_TO_THU, start=time(12, 0), end=time(12, 30)),
        Span(days=("fri",), start=time(11, 30), end=time(12, 30)),
    )


class DayOff(Model):
    """A day that the library of holidays does not know."""

    day: Day
    name: Name


class Holidays(Model):
    """Days on which nobody is expected."""

    country: Word | None = None
    """ISO 3166, `ID`: needs the package `holidays` (the extra `hadir[holidays]`) at the archive."""
    region: Word | None = None
    """Province or state, as the library knows it."""
    categories: tuple[Literal["public", "government"], ...] = ("public", "government")
    """`government`: cuti bersama."""
    add: tuple[DayOff, ...] = ()
    remove: tuple[Day, ...] = ()
    """Holidays of the library on which this site works."""


class Annotation(Days):
    """What is to be known of some days when figures are read: `masa WFA`. It changes no figure."""

    text: Name


class WorkingCalendar(Model):
    """When people are expected to work here."""

    hours: tuple[Span, ...] = (
        Span(days=MON_TO_THU, start=time(7, 30), end=time(16, 0)),
        Span(days=("fri",), start=time(7, 30), end=time(16, 30)),
    )
    breaks: tuple[Span, ...] = (
        Span(days=MON_TO_THU, start=time(12, 0), end=time(13, 0)),
        Span(days=("fri",), start=time(11, 30), end=time(13, 0)),
    )
    ramadan: Ramadan | None = Ramadan()
    """None: the site knows none, and `hadir check` does not ask for its dates."""
    holidays: Holidays = Holidays()
    notes: tuple[Annotation, ...] = ()


def notes_of(calendar: WorkingCalendar, day: date) -> list[str]:
    """What is to be known of `day`."""
    return [note.text for note in calendar.notes if note.first <= day <= note.last]
