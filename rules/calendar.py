"""The site's day as data: offsets from UTC, working hours, breaks, days off, end of day. Rules read no clock.

An instant is `work`, `break` or `off`, by what the clock on the wall of the site shows: exactly one of the three, also
where the clocks change. The gateway fills this from the configuration (gateway/calendars.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from rules.api import SECOND

DAY_S = 86_400
DAY = DAY_S * SECOND
EVERY_DAY = frozenset(range(7))
HORIZON = 30 * DAY
"""Pauses are not looked for any further ahead."""
WORK, BREAK, OFF = "work", "break", "off"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When people are expected to work, on some days of the week."""

    weekdays: frozenset[int] = EVERY_DAY
    """0 Monday .. 6 Sunday."""
    start_s: int
    """Seconds of the local day."""
    end_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A part of some days in which nobody is expected at a desk: lunch, Friday prayer."""

    weekdays: frozenset[int] = EVERY_DAY
    start_s: int
    end_s: int
    first_day: int | None = None
    """Of a season: local days since 1970-01-01, both ends included."""
    last_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Days with hours and breaks of their own, in place of the usual ones: Ramadan."""

    first_day: int
    """Local days since 1970-01-01, both ends included."""
    last_day: int
    hours: tuple[Hours, ...] = ()
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Of one site."""

    offsets: tuple[tuple[int, int], ...] = ((0, 8 * 3600),)
    """(from, ns UTC; seconds east of UTC), in order. Default: Asia/Makassar, which never changes."""
    hours: tuple[Hours, ...] = ()
    breaks: tuple[Break, ...] = ()
    pauses: tuple[Break, ...] = ()
    """Working time in which nobody is missed at a desk: they pause a desk's grace as breaks do, and in seasons too."""
    seasons: tuple[Season, ...] = ()
    """They do not overlap."""
    days_off: frozenset[int] = frozenset()
    """Local days since 1970-01-01."""
    end_of_day_s: int | None = 19 * 3600
    """Seconds of the local day; None: days do not end."""

    def offset(self, at: int) -> int:
        """What to add to `at`, ns UTC, for local time, ns."""
        return self.offsets[self._regime(at)][1] * SECOND

    def day(self, at: int) -> int:
        """The local day that `at` lies in, counted from 1970-01-01."""
        return (at + self.offset(at)) // DAY

    def instant(self, day: int, second: int) -> int:
        """The first instant at which the local clock shows `second` of `day`, or has just leapt over it; ns UTC."""
        local = day * DAY + second * SECOND
        last = len(self.offsets) - 1
        for at in range(self._regime(local - 2 * DAY), last):
            found = max(local - self.offsets[at][1] * SECOND, self.offsets[at][0] if at else local - DAY)
            if found < self.offsets[at + 1][0]:
                return found
        return max(local - self.offsets[last][1] * SECOND, self.offsets[last][0] if last else local - DAY)

    def end_of_day(self, after: int) -> int | None:
        """The first end of a day after `after`."""
        if self.end_of_day_s is None:
            return None
        day = self.day(after)
        return next(end for step in range(-1, 3) if (end := self.instant(day + step, self.end_of_day_s)) > after)

    # --- working time -------------------------------------------------------------------------------------------------

    def kind(self, at: int) -> str:
        """`work`, `break` or `off`."""
        local = at + self.offset(at)
        return self._kind(local // DAY, local % DAY // SECOND)

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        """[start, end) as (from, to, kind), in order, without gaps; neighbours differ."""
        return self._runs(start, end, self._kind, lambda day: (*self._hours(day), *self._breaks(day)))

    def working(self, start: int, end: int) -> int:
        """ns of working time in [start, end)."""
        return sum(until - begin for begin, until, kind in self.parts(start, end) if kind == WORK)

    def is_day_off(self, day: int) -> bool:
        """Whether nobody is expected on this local day."""
        return day in self.days_off or not self._hours(day)

    # --- pauses -------------------------------------------------------------------------------------------------------

    def paused(self, at: int) -> bool:
        """Whether nobody is missed at a desk."""
        local = at + self.offset(at)
        return self._paused(local // DAY, local % DAY // SECOND)

    def elapsed(self, start: int, end: int) -> int:
        """ns between two instants, without breaks and pauses."""
        if end <= start:
            return 0
        return sum(until - begin for begin, until, paused in self._unpaused(start, end) if not paused)

    def after(self, start: int, amount: int) -> int:
        """The instant when `amount` ns without breaks and pauses have passed since `start`."""
        at = start
        for begin, until, paused in self._unpaused(start, start + amount + HORIZON):
            at = until
            if paused:
                continue
            if amount <= until - begin:
                return begin + amount
            amount -= until - begin
        return at + amount

    # --- inside -------------------------------------------------------------------------------------------------------

    def _regime(self, at: int) -> int:
        return max(0, bisect_right(self.offsets, at, key=lambda pair: pair[0]) - 1)

    def _season(self, day: int) -> Season | None:
        for season in self.seasons:
            if season.first_day <= day <= season.last_day:
                return season
        return None

    def _hours(self, day: int) -> list[Hours]:
        season = self._season(day)
        return [one for one in (season.hours if season else self.hours) if _weekday(day) in one.weekdays]

    def _breaks(self, day: int) -> list[Break]:
        season = self._season(day)
        return list(_of_day(season.breaks if season else self.breaks, day))

    def _pauses(self, day: int) -> list[Break]:
        return [*self._breaks(day), *_of_day(self.pauses, day)]

    def _kind(self, day: int, second: int) -> str:
        if day in self.days_off or not any(one.start_s <= second < one.end_s for one in self._hours(day)):
            return OFF
        return BREAK if any(one.start_s <= second < one.end_s for one in self._breaks(day)) else WORK

    def _paused(self, day: int, second: int) -> bool:
        return any(one.start_s <= second < one.end_s for one in self._pauses(day))

    def _unpaused(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        if not (self.breaks or self.pauses or self.seasons):
            return iter(((start, end, False),))
        return self._runs(start, end, self._paused, self._pauses)

    def _runs(
        self,
        start: int,
        end: int,
        tell: Callable[[int, int], T],
        edges: Callable[[int], Iterable[Hours | Break]],
    ) -> Iterator[tuple[int, int, T]]:
        """Stretches of [start, end) of which `tell` says the same. It may change at `edges`, at midnight, and where the
        clocks do."""
        begin, at, said = start, start, None
        while at < end:
            regime = self._regime(at)
            shift = self.offsets[regime][1] * SECOND
            day, within = divmod(at + shift, DAY)
            told = tell(day, within // SECOND)
            if at > start and told != said:
                assert said is not None  # noqa: S101 at > start: it was told before
                yield begin, at, said
                begin = at
            said = told
            seconds = [DAY_S, *(edge for one in edges(day) for edge in (one.start_s, one.end_s))]
            at = day * DAY + min(edge for edge in seconds if edge * SECOND > within) * SECOND - shift
            if regime + 1 < len(self.offsets):
                at = min(at, self.offsets[regime + 1][0])
        if said is not None:
            yield begin, end, said


def _weekday(day: int) -> int:
    return (day + 3) % 7  # 1970-01-01 was a Thursday


def _of_day(breaks: Iterable[Break], day: int) -> Iterator[Break]:
    for one in breaks:
        begun = one.first_day is None or one.first_day <= day
        if begun and (one.last_day is None or day <= one.last_day) and _weekday(day) in one.weekdays:
            yield one


MAKASSAR = Calendar()
"""UTC+8 without breaks, until 19:00."""
