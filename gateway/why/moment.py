"""A time as people write it at the site: `09:15`, `2026-11-26 09:15`, RFC 3339, `now`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.errors import HadirError
from rules.api import SECOND

FORMS = '"09:15" (today), "2026-11-26 09:15", "2026-11-26T09:15:00+08:00", or "now"'
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")


def moment(text: str, zone: str, now: int) -> int:
    """ns UTC of `text` in the site's time zone; `now`: ns UTC. Raises HadirError, which says what to write."""
    text = text.strip()
    if text == "now":
        return now
    local = ZoneInfo(zone)
    today = datetime.fromtimestamp(now // SECOND, UTC).astimezone(local)
    if _CLOCK.fullmatch(text):
        text = f"{today:%Y-%m-%d} {text.zfill(len('00:00')) if text[1] == ':' else text}"
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise HadirError(f'"{text[:40]}" is no time; write {FORMS}') from error
    if found.tzinfo is None:
        found = _on_the_wall(found, local, zone)
    at = int((found - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000
    if at > now:
        raise HadirError(f"{spoken(at, zone)} is still to come (it is {spoken(now, zone)} there): give an earlier time")
    if at < 0:
        raise HadirError(f"{text} is before 1970")
    return at


def _on_the_wall(found: datetime, local: ZoneInfo, zone: str) -> datetime:
    """Of an hour that is there twice, the first."""
    made = found.replace(tzinfo=local)
    if made.astimezone(UTC).astimezone(local).replace(tzinfo=None) != found:
        raise HadirError(f"{found:%Y-%m-%d %H:%M} was leapt over in {zone}: the clocks went forward; give another time")
    return made


def spoken(at: int, zone: str) -> str:
    """`2026-11-26 09:15:00 WITA`."""
    return f"{datetime.fromtimestamp(at // SECOND, UTC).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"


def clock(at: int, near: int, zone: str) -> str:
    """`09:15:00`, with the day where that is another than `near`'s."""
    there, here = (datetime.fromtimestamp(one // SECOND, UTC).astimezone(ZoneInfo(zone)) for one in (at, near))
    return f"{there:%H:%M:%S}" if there.date() == here.date() else f"{there:%Y-%m-%d %H:%M:%S}"
