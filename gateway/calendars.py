"""The site's calendar made of its configuration: time zone, hours, breaks, Ramadan, holidays.

The library of holidays is imported here, and only where days off are counted: at the archive and by the command line.
Rules need none: nobody is released from a desk because of a holiday.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config.calendars import Holidays, Ramadan, Span, WorkingCalendar
from gateway.config.document import did_you_mean
from gateway.config.model import Office
from gateway.errors import ConfigError, Problem
from rules.api import SECOND
from rules.calendar import Break, Calendar, Hours, Season

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = date(1970, 1, 1)
STEP_S = 7 * 86_400
"""No zone changes its clocks twice within a week."""
YEARS_BACK, YEARS_AHEAD = 2, 10
"""Around `now`: how far changes of the clocks and holidays are looked for."""
INDONESIAN = frozenset({"Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"})
WANTED = "needs the package `holidays`: pip install 'hadir[holidays]'"
EIDS = ("Hari Raya Idul Fitri", "Hari Raya Puasa", "Eid al-Fitr")


def calendar(office: Office, now: int) -> Calendar:
    """The site's day around `now`, ns UTC, without holidays: what rules need."""
    working, desk = office.calendar, office.rules.desk
    ramadan = working.ramadan or Ramadan()
    return Calendar(
        offsets=offsets(ZoneInfo(office.timezone), now),
        hours=tuple(_hours(working.hours)),
        breaks=tuple(_breaks(working.breaks)),
        pauses=tuple(
            replace(found, first_day=day_of(pause.first), last_day=day_of(pause.last))
            for pause in desk.breaks
            for found in _breaks((pause,))
        ),
        seasons=tuple(
            Season(
                first_day=number(dates.first),
                last_day=number(dates.last),
                hours=tuple(_hours(ramadan.hours)),
                breaks=tuple(_breaks(ramadan.breaks)),
            )
            for dates in ramadan.dates
        ),
        end_of_day_s=seconds(desk.end_of_day),
    )


def working_calendar(office: Office, now: int) -> Calendar:
    """The same with the days on which nobody is expected. Raises ConfigError: no library, or no such country."""
    days = days_off(office.calendar.holidays, years_around(now))
    return replace(calendar(office, now), days_off=frozenset(number(day) for day in days))


def offsets(zone: ZoneInfo, now: int) -> tuple[tuple[int, int], ...]:
    """(from, ns UTC; seconds east of UTC) of a zone for the years around `now`, exact to the second."""

    def shift(second: int) -> int:
        found = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        return int((found or timedelta()).total_seconds())

    year = 366 * 86_400
    first = max(0, now // SECOND - YEARS_BACK * year)
    found = [(0, shift(first))]
    for before in range(first, now // SECOND + YEARS_AHEAD * year, STEP_S):
        after = before + STEP_S
        if shift(after) == found[-1][1]:
            continue
        earlier = before
        while after - earlier > 1:
            middle = (earlier + after) // 2
            same = shift(middle) == found[-1][1]
            earlier, after = (middle, after) if same else (earlier, middle)
        found.append((after * SECOND, shift(after)))
    return tuple(found)


def years_around(now: int) -> range:
    """Years for which holidays are wanted."""
    year = datetime.fromtimestamp(now // SECOND, UTC).year
    return range(year - YEARS_BACK, year + 2)


def days_off(holidays: Holidays, years: Iterable[int]) -> dict[date, str]:
    """Days on which nobody is expected, and what they are called. Raises ConfigError."""
    found = {} if holidays.country is None else dict(_of_country(holidays, years))
    for day in holidays.remove:
        found.pop(day, None)
    found.update((one.day, one.name) for one in holidays.add)
    return found


def eids(holidays: Holidays, year: int) -> list[date]:
    """Days of a year on which the library has the feast that ends Ramadan: a suggestion, and no more."""
    return sorted(day for day, name in _of_country(holidays, (year,)) if any(name.startswith(eid) for eid in EIDS))


def problems(holidays: Holidays) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What the library has against a configuration: (where below `holidays`, what to do)."""
    if holidays.country is None:
        return
    try:
        known = _library().list_supported_countries()
    except ConfigError:
        return  # a note says so: it is the archive that needs it
    if holidays.country not in known:
        text = f'the library of holidays does not know country "{holidays.country}"'
        yield ("country",), text + did_you_mean(holidays.country, known) + "; write a code as ID"
    elif holidays.region is not None and holidays.region not in known[holidays.country]:
        text = f'{holidays.country} has no region "{holidays.region}" in the library of holidays'
        yield ("region",), text + did_you_mean(holidays.region, known[holidays.country])
    else:
        for i, day in enumerate(holidays.remove):
            if day not in dict(_of_country(holidays, (day.year,))):
                yield ("remove", i), f"{day} is no holiday of {holidays.country}: there is nothing to remove"


def notes(office: Office, now: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is no mistake and worth a look: (where below `calendar`, what)."""
    working = office.calendar
    library = True
    if working.holidays.country is not None:
        try:
            _library()
        except ConfigError:
            library = False
            yield ("holidays", "country"), f"{WANTED}; the archive does not start without it"
    ramadan = working.ramadan
    local = datetime.fromtimestamp(now // SECOND, ZoneInfo(office.timezone)).date()
    concerned = ramadan is not None and (
        bool(ramadan.dates) or office.timezone in INDONESIAN or working.holidays.country == "ID"
    )
    if ramadan is None or not concerned or _has_year(working, local.year):
        return
    text = f"the dates of Ramadan {local.year} are not set: its hours and breaks are those of other months"
    feasts = eids(working.holidays, local.year) if library and working.holidays.country else []
    if feasts:
        last = feasts[0] - timedelta(days=1)
        text += (
            f". The library has Eid on {feasts[0]}; then it may be {last - timedelta(days=29)} or a day later to {last}"
        )
    yield ("ramadan", "dates"), f"{text}. Set calendar.ramadan.dates when they are announced, or calendar.ramadan: null"


def number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(day: date | None) -> int | None:
    """`number`, of a day that may be missing."""
    return None if day is None else number(day)


def seconds(of_day: time) -> int:
    """Seconds since midnight."""
    return of_day.hour * 3600 + of_day.minute * 60 + of_day.second


def _has_year(working: WorkingCalendar, year: int) -> bool:
    dates = working.ramadan.dates if working.ramadan is not None else ()
    return any(year in (one.first.year, one.last.year) for one in dates)


def _hours(spans: Sequence[Span]) -> Iterator[Hours]:
    for span in spans:
        yield Hours(weekdays=_weekdays(span), start_s=seconds(span.start), end_s=seconds(span.end))


def _breaks(spans: Sequence[Span]) -> Iterator[Break]:
    for span in spans:
        yield Break(weekdays=_weekdays(span), start_s=seconds(span.start), end_s=seconds(span.end))


def _weekdays(span: Span) -> frozenset[int]:
    return frozenset(WEEKDAYS.index(day) for day in span.days)


def _library() -> Any:
    try:
        import holidays
    except ImportError as error:
        raise ConfigError(
            Problem(file="installation", line=None, text=f"calendar.holidays.country {WANTED}")
        ) from error
    return holidays


def _of_country(chosen: Holidays, years: Iterable[int]) -> Iterator[tuple[date, str]]:
    """Raises ConfigError for what the library does not know."""
    try:
        kind = _library().country_holidays(chosen.country)
        known: Mapping[date, str] = _library().country_holidays(
            chosen.country,
            subdiv=chosen.region,
            years=list(years),
            categories=tuple(name for name in chosen.categories if name in kind.supported_categories),
            language=kind.default_language,  # else that of whoever runs this
        )
    except (NotImplementedError, ValueError) as error:
        text = f"calendar.holidays: {error}"
        raise ConfigError(Problem(file="office.yaml", line=None, text=text)) from error
    yield from known.items()
