"""The site's day as data: offsets from UTC, breaks, end of day. Rules do arithmetic on it and read no clock.

The gateway fills `offsets` from the site's time zone; where the clocks change, one pair for each change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from rules.api import SECOND

DAY = 86_400 * SECOND
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A part of some days in which nobody is expected at a desk: lunch, Friday prayer."""

    weekdays: frozenset[int] = EVERY_DAY
    """0 Monday .. 6 Sunday."""
    start_s: int
    """Seconds of the local day."""
    end_s: int
    first_day: int | None = None
    """Of a profile such as Ramadan: local days since 1970-01-01, both ends included."""
    last_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Of one site."""

    offsets: tuple[tuple[int, int], ...] = ((0, 8 * 3600),)
    """(from, ns UTC; seconds east of UTC), in order. Default: Asia/Makassar, which never changes."""
    breaks: tuple[Break, ...] = ()
    end_of_day_s: int | None = 19 * 3600
    """Seconds of the local day; None: days do not end."""

    def offset(self, at: int) -> int:
        """What to add to `at`, ns UTC, for local time, ns."""
        index = bisect_right(self.offsets, at, key=lambda pair: pair[0])
        return self.offsets[max(0, index - 1)][1] * SECOND

    def day(self, at: int) -> int:
        """The local day that `at` lies in, counted from 1970-01-01."""
        return (at + self.offset(at)) // DAY

    def instant(self, day: int, second: int) -> int:
        """ns UTC of a second of a local day."""
        local = day * DAY + second * SECOND
        return local - self.offset(local - self.offset(local))

    def end_of_day(self, after: int) -> int | None:
        """The first end of a day after `after`."""
        if self.end_of_day_s is None:
            return None
        day = self.day(after)
        return next(end for step in range(3) if (end := self.instant(day + step, self.end_of_day_s)) > after)

    def elapsed(self, start: int, end: int) -> int:
        """ns between two instants, without breaks."""
        if end <= start:
            return 0
        paused = sum(min(end, until) - max(start, begin) for begin, until in self._windows(start, end) if until > start)
        return end - start - paused

    def after(self, start: int, amount: int) -> int:
        """The instant when `amount` ns without breaks have passed since `start`."""
        at = start
        for begin, until in self._windows(start, start + amount + 30 * DAY):
            if at + amount <= begin:
                break
            amount -= max(0, begin - at)
            at = max(at, until)
        return at + amount

    def _windows(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Breaks that touch [start, end), in order, merged where they overlap."""
        if not self.breaks:
            return
        open_: tuple[int, int] | None = None
        for day in range(self.day(start) - 1, self.day(end) + 1):
            weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
            for begin_s, end_s in sorted(
                (pause.start_s, pause.end_s)
                for pause in self.breaks
                if weekday in pause.weekdays
                and (pause.first_day is None or day >= pause.first_day)
                and (pause.last_day is None or day <= pause.last_day)
            ):
                begin, until = self.instant(day, begin_s), self.instant(day, end_s)
                if until <= max(start, begin) or begin >= end:
                    continue
                if open_ is not None and begin <= open_[1]:
                    open_ = (open_[0], max(open_[1], until))
                    continue
                if open_ is not None:
                    yield open_
                open_ = (begin, until)
        if open_ is not None:
            yield open_


MAKASSAR = Calendar()
"""UTC+8 without breaks, until 19:00."""
