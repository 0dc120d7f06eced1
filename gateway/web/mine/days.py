"""Days and clock times of the site, from office time and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.clock import SECOND
from gateway.web.site import Site


def local(site: Site, ns: int) -> datetime:
    """Office time in the site's zone."""
    return datetime.fromtimestamp(ns / SECOND, UTC).astimezone(ZoneInfo(site.office.timezone))


def bounds(site: Site, day: date) -> tuple[int, int]:
    """[start, end) of a day of the site, ns. Raises ValueError, OverflowError: no day that a clock shows."""
    zone = ZoneInfo(site.office.timezone)
    start, end = (datetime.combine(day + timedelta(days=n), time(), zone) for n in (0, 1))
    return int(start.timestamp()) * SECOND, int(end.timestamp()) * SECOND


def today(site: Site) -> date:
    """The site's day now."""
    return local(site, site.clock.office()).date()


def clock_of(site: Site, text: str, day: date | None = None) -> int | None:
    """`13:30` or `13.30` of a day of the site (default: today), as office time; None: it is no time."""
    hour, _, minute = text.strip().replace(".", ":").partition(":")
    if not (hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit()):
        return None
    if len(hour) > 2 or len(minute) != 2 or int(hour) > 23 or int(minute) > 59:
        return None
    zone = ZoneInfo(site.office.timezone)
    return int(datetime.combine(day or today(site), time(int(hour), int(minute)), zone).timestamp()) * SECOND
