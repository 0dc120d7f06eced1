"""When something of a day ends at this site, whether or not anybody says so."""

from __future__ import annotations

from rules.calendar import Calendar

LAST_MINUTE_S = 86_340
"""Seconds after midnight: 23:59."""


def day_ends(days: Calendar, at: int) -> int:
    """The end of the site's day of what began at `at`, ns UTC: in the last minute of its date at the latest."""
    last = days.instant(days.day(at), LAST_MINUTE_S)
    end = days.end_of_day(at)
    return last if end is None else min(end, last)
