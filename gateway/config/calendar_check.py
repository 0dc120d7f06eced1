"""What is wrong with a working calendar: found in the file alone, without a library of holidays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time
from itertools import combinations

from gateway.config.calendars import LONGEST_RAMADAN, Days, Span, WorkingCalendar
from gateway.config.document import Where

HERE: Where = ("calendar",)
Mistake = tuple[Where, str]


def mistakes(calendar: WorkingCalendar) -> Iterator[Mistake]:
    """Every mistake: (where, what to do). Values that are no times or days are left to the model."""
    yield from _week((*HERE,), calendar.hours, calendar.breaks)
    if calendar.ramadan is not None:
        here = (*HERE, "ramadan")
        yield from _week(here, calendar.ramadan.hours, calendar.ramadan.breaks)
        yield from _ramadan((*here, "dates"), calendar.ramadan.dates)
    yield from _days_off(calendar)
    for i, note in enumerate(calendar.notes):
        if _turned(note):
            yield (*HERE, "notes", i, "last"), f'the last day of "{note.text}" is before its first'


def _week(here: Where, hours: Sequence[Span], breaks: Sequence[Span]) -> Iterator[Mistake]:
    for what, spans in (("hours", hours), ("breaks", breaks)):
        yield from _spans((*here, what), spans, "working hours" if what == "hours" else "a break")
    for i, one in enumerate(breaks):
        for day in one.days:
            of_day = [span for span in hours if day in span.days]
            if _sound(one, *of_day) and of_day and not any(span.start <= one.start < span.end for span in of_day):
                text = f"a break of {day} begins at {one.start:%H:%M}, outside that day's working hours"
                yield (*here, "breaks", i, "start"), text
                break


def _spans(here: Where, spans: Sequence[Span], what: str) -> Iterator[Mistake]:
    for i, span in enumerate(spans):
        if not span.days:
            yield (*here, i, "days"), f"{what} are of no day; name at least one, or leave them out"
        if _sound(span) and span.end <= span.start:
            yield (*here, i, "end"), f"{what} end after they start, on the same day"
    for (_, one), (j, other) in combinations(enumerate(spans), 2):
        both = [day for day in one.days if day in other.days]
        if both and _sound(one, other) and one.start < other.end and other.start < one.end:
            yield (*here, j), f"two stretches of {both[0]} overlap: {_clock(one)} and {_clock(other)}; keep one"


def _ramadan(here: Where, dates: Sequence[Days]) -> Iterator[Mistake]:
    for i, one in enumerate(dates):
        if _turned(one):
            yield (*here, i, "last"), "the last day of Ramadan is before its first"
        elif _dated(one) and (one.last - one.first).days >= LONGEST_RAMADAN:
            yield (*here, i, "last"), f"Ramadan has 29 or 30 days, and not {(one.last - one.first).days + 1}"
    for (_, one), (j, other) in combinations(enumerate(dates), 2):
        if _dated(one) and _dated(other) and one.first <= other.last and other.first <= one.last:
            yield (*here, j), "these dates overlap with others of the list; keep one"


def _days_off(calendar: WorkingCalendar) -> Iterator[Mistake]:
    here, holidays = (*HERE, "holidays"), calendar.holidays
    if holidays.remove and holidays.country is None:
        yield (*here, "remove"), "there is nothing to remove: name the country whose holidays are meant"
    if holidays.region is not None and holidays.country is None:
        yield (*here, "region"), "a region without its country; name the country"
    seen: dict[date, str] = {}
    for i, one in enumerate(holidays.add):
        if one.day in seen:
            yield (*here, "add", i, "day"), f'{one.day} stands twice, first as "{seen[one.day]}"; keep one'
        seen.setdefault(one.day, one.name)
    for i, day in enumerate(holidays.remove):
        if day in seen:
            yield (*here, "remove", i), f'{day} is added as "{seen[day]}" and removed; keep one'


def _sound(*spans: Span) -> bool:
    return all(isinstance(span.start, time) and isinstance(span.end, time) for span in spans)


def _dated(days: Days) -> bool:
    return isinstance(days.first, date) and isinstance(days.last, date)


def _turned(days: Days) -> bool:
    return _dated(days) and days.last < days.first


def _clock(span: Span) -> str:
    return f"{span.start:%H:%M} to {span.end:%H:%M}"
