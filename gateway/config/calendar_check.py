"""What is wrong with a working calendar: found in the file alone, without a library of holidays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time
from itertools import combinations

from gateway.config.calendars import LONGEST_RAMADAN, Days, Span, WorkingCalendar
from gateway.config.document import Where
from gateway.config.types import day, time_of_day

HERE: Where = ("calendar",)
Mistake = tuple[Where, str]


def mistakes(calendar: WorkingCalendar) -> Iterator[Mistake]:
    """Every mistake: (where, what to do). What is no time or day is left to the model, and not compared."""
    yield from _week((*HERE,), calendar.hours, calendar.breaks)
    if calendar.ramadan is not None:
        here = (*HERE, "ramadan")
        yield from _week(here, calendar.ramadan.hours, calendar.ramadan.breaks)
        yield from _ramadan((*here, "dates"), calendar.ramadan.dates)
    yield from _days_off(calendar)
    for i, note in enumerate(calendar.notes):
        days = _dates(note)
        if days and days[1] < days[0]:
            yield (*HERE, "notes", i, "last"), f'the last day of "{note.text}" is before its first'


def _week(here: Where, hours: Sequence[Span], breaks: Sequence[Span]) -> Iterator[Mistake]:
    yield from _spans((*here, "hours"), hours, "working hours end", "working hours are")
    yield from _spans((*here, "breaks"), breaks, "a break ends", "a break is")
    for i, one in enumerate(breaks):
        for of_week in one.days:
            worked = [clock for span in hours if of_week in span.days and (clock := _clock(span)) is not None]
            pause = _clock(one)
            if pause and worked and not any(begin <= pause[0] < end for begin, end in worked):
                text = f"a break of {of_week} begins at {pause[0]:%H:%M}, outside that day's working hours"
                yield (*here, "breaks", i, "start"), text
                break


def _spans(here: Where, spans: Sequence[Span], ends: str, are: str) -> Iterator[Mistake]:
    for i, span in enumerate(spans):
        if not span.days:
            yield (*here, i, "days"), f"{are} of no day; name at least one, or leave it out"
        clock = _clock(span)
        if clock and clock[1] <= clock[0]:
            yield (*here, i, "end"), f"{ends} after the start, on the same day"
    for (_, one), (j, other) in combinations(enumerate(spans), 2):
        both = [of_week for of_week in one.days if of_week in other.days]
        first, second = _clock(one), _clock(other)
        if both and first and second and first[0] < second[1] and second[0] < first[1]:
            yield (*here, j), f"two stretches of {both[0]} overlap: {_words(first)} and {_words(second)}; keep one"


def _ramadan(here: Where, dates: Sequence[Days]) -> Iterator[Mistake]:
    for i, one in enumerate(dates):
        days = _dates(one)
        if days and days[1] < days[0]:
            yield (*here, i, "last"), "the last day of Ramadan is before its first"
        elif days and (days[1] - days[0]).days >= LONGEST_RAMADAN:
            yield (*here, i, "last"), f"Ramadan has 29 or 30 days, and not {(days[1] - days[0]).days + 1}"
    for (_, one), (j, other) in combinations(enumerate(dates), 2):
        first, second = _dates(one), _dates(other)
        if first and second and first[0] <= second[1] and second[0] <= first[1]:
            yield (*here, j), "these dates overlap with others of the list; keep one"


def _days_off(calendar: WorkingCalendar) -> Iterator[Mistake]:
    here, holidays = (*HERE, "holidays"), calendar.holidays
    if holidays.remove and holidays.country is None:
        yield (*here, "remove"), "there is nothing to remove: name the country whose holidays are meant"
    if holidays.region is not None and holidays.country is None:
        yield (*here, "region"), "a region without its country; name the country"
    seen: dict[date, str] = {}
    for i, one in enumerate(holidays.add):
        added = _date(one.day)
        if added in seen:
            yield (*here, "add", i, "day"), f'{added} stands twice, first as "{seen[added]}"; keep one'
        elif added is not None:
            seen[added] = one.name
    for i, value in enumerate(holidays.remove):
        removed = _date(value)
        if removed in seen:
            yield (*here, "remove", i), f'{removed} is added as "{seen[removed]}" and removed; keep one'


def _clock(span: Span) -> tuple[time, time] | None:
    """Start and end; None where the file has no times there."""
    try:
        start, end = time_of_day(span.start), time_of_day(span.end)
    except ValueError:
        return None
    return (start, end) if isinstance(start, time) and isinstance(end, time) else None


def _dates(days: Days) -> tuple[date, date] | None:
    first, last = _date(days.first), _date(days.last)
    return None if first is None or last is None else (first, last)


def _date(value: object) -> date | None:
    try:
        found = day(value)
    except ValueError:
        return None
    return found if isinstance(found, date) else None


def _words(clock: tuple[time, time]) -> str:
    return f"{clock[0]:%H:%M} to {clock[1]:%H:%M}"
