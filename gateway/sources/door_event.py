"""What a door (access-control) system's message says: which reader, which badge, when, and which event it is.

Pure: names of fields in, an Event or a countable cause out. A message is a JSON object, or a list of them; a line of a
CSV file is a mapping of columns. `card.number` is a field of that name, or the field `number` of the object `card`.

When it happened: RFC 3339 (a blank may stand for T); without an offset it is local time at the site, as door systems
write it in files; or seconds since 1970; a number of twelve digits and more is milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from gateway.clock import SECOND
from gateway.config.sources import DoorFields
from gateway.contract.payload import MAX_IN_BATCH
from gateway.errors import PermanentError

BAD = frozenset({"not_json", "too_big", "too_deep", "not_event", "no_reader", "bad_field", "bad_time"})
"""Causes that mean that the message, or what `fields` says of it, is wrong."""
MOST_READER, MOST_BADGE, MOST_FACILITY, MOST_ID = 256, 64, 16, 256
"""Characters."""
MILLISECONDS = 100_000_000_000
"""From this number on it cannot be seconds: those of the year 5138."""
LATEST = 253_402_300_800
"""Seconds at which the year 10000 begins."""
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,]([0-9]{1,9}))?"
    r"(?: ?([Zz]|[+-][0-9]{2}:?[0-9]{2}))?"
)
_EPOCH = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9})[0-9]{0,11})?")
_SINCE = datetime(1970, 1, 1, tzinfo=UTC)


class Event(NamedTuple):
    """One tap."""

    reader: str
    badge: str
    """`facility;number`, as drivers/badge/door.py reads it."""
    at: int | None
    """ns UTC; None: the message does not say."""
    id: str
    """The door system's own; empty: none."""


def rows(message: Any) -> list[Any]:
    """The events of a message. Raises PermanentError: not_event, too_big."""
    if isinstance(message, Mapping):
        return [message]
    if not isinstance(message, list):
        raise PermanentError("not_event", "neither an object nor a list of them")
    if len(message) > MAX_IN_BATCH:
        raise PermanentError("too_big", f"{len(message)} events, at most {MAX_IN_BATCH} are taken")
    return message


def read(row: Any, fields: DoorFields, zone: tzinfo) -> Event:
    """One event; `zone`: of times without an offset.

    Raises PermanentError: not_event, no_reader, no_badge (doors say much more than who tapped), bad_field, bad_time.
    """
    if not isinstance(row, Mapping):
        raise PermanentError("not_event", "no object where an event stands")
    reader = _text(row, fields.reader, MOST_READER)
    if not reader:
        raise PermanentError("no_reader", "names no reader")
    badge = _text(row, fields.badge, MOST_BADGE)
    if not badge:
        raise PermanentError("no_badge", "names no badge")
    facility = _text(row, fields.facility, MOST_FACILITY)
    if ";" in facility:
        raise PermanentError("bad_field", "a semicolon in the facility")
    at = None if fields.at is None else moment(_found(row, fields.at), zone)
    return Event(reader, f"{facility};{badge}", at, _text(row, fields.id, MOST_ID))


def moment(value: Any, zone: tzinfo) -> int:
    """ns UTC of what stands in a field of time. Raises PermanentError: bad_time."""
    try:
        if isinstance(value, str):
            return _written(value.strip(), zone)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _counted(value)
    except (ValueError, OverflowError) as error:
        raise PermanentError("bad_time", "no time") from error
    raise PermanentError("bad_time", "no time")


def _written(text: str, zone: tzinfo) -> int:
    number = _EPOCH.fullmatch(text)
    if number is not None:
        whole, part = int(number[1]), int((number[2] or "0").ljust(9, "0"))
        return _counted(whole) + (part if whole < MILLISECONDS else part // 1000)
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("neither RFC 3339 nor a number")
    day, time, fraction, offset = found.groups()
    when = datetime.fromisoformat(f"{day}T{time}{(offset or '').upper()}")
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone)
    past = when - _SINCE
    return (past.days * 86_400 + past.seconds) * SECOND + int((fraction or "0").ljust(9, "0"))


def _counted(number: float) -> int:
    """Of seconds or milliseconds since 1970."""
    scale = 1000 if abs(number) >= MILLISECONDS else 1
    if not -LATEST <= number / scale < LATEST:
        raise ValueError("beyond the year 9999")
    return number * (SECOND // scale) if isinstance(number, int) else round(number * (SECOND / scale))


def _text(row: Mapping[str, Any], name: str | None, most: int) -> str:
    """Text, or a whole number as text; empty where there is none."""
    value = None if name is None else _found(row, name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return str(value)
    if not isinstance(value, str):
        raise PermanentError("bad_field", "neither text nor a whole number")
    text = value.strip()
    if len(text) > most or not text.isprintable():
        raise PermanentError("bad_field", f"more than {most} characters, or some that cannot be shown")
    return text


def _found(row: Mapping[str, Any], name: str) -> Any:
    """What stands under a name, or along a path of names."""
    if name in row:
        return row[name]
    value: Any = row
    for step in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
