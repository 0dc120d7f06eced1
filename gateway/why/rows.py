"""What an event says, as an answer tells it: from a row of the ledger, or from an envelope of a running gateway."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.calendars import days_off, working_calendar
from gateway.config.calendars import notes_of
from gateway.config.model import Office
from gateway.contract.times import parsed
from gateway.errors import ConfigError
from gateway.ledger_view import Stored
from rules.api import SECOND
from rules.calendar import DAY, Calendar

Answer = dict[str, Any]
"""JSON values; times are ns integers until `with_times`."""
TIMED = ("at", "since", "due", "until")
"""Ends of names whose integers are times."""
TOLD = ("state", "prev", "cause", "reason", "ended_by", "method", "due", "until", "occupancy", "reader", "zone")


def decided(row: Stored, at: int) -> Answer:
    """Who decided it, by which rule, when, and on what evidence; ages as they are at `at`."""
    data = body_of(row)
    decided_at = row.when
    return {
        "decided_at": decided_at,
        "recorded_at": row.said,
        "gateway": row.gateway,
        "boot": row.boot,
        "sequence": row.sequence,
        "rule": data.get("rule"),
        "confidence": data.get("confidence"),
        "quality": data.get("quality"),
        "late": bool(data.get("late")),
        "clock": (data.get("clock") or {}).get("sync"),
        "evidence": aged(data.get("evidence") or (), at - decided_at),
        "challenger": data.get("challenger"),
    }


def aged(evidence: Iterable[Mapping[str, Any]], since: int) -> list[Answer]:
    """Items of evidence with their age then (`age_s`) and at the time that is asked about (`age_now_s`)."""
    return [
        {**item, "age_now_s": round(item["age_s"] + max(0, since) / SECOND, 1)} if "age_s" in item else dict(item)
        for item in evidence
    ]


def body_of(row: Stored) -> dict[str, Any]:
    """The data of its envelope."""
    data: dict[str, Any] = json.loads(row.body)["data"]
    return data


def brief(row: Stored) -> Answer:
    """An event in one line: when, what, and what matters of it. Nobody is named."""
    return summary(row.type, row.when, body_of(row))


def summary(kind: str, at: int, data: Mapping[str, Any]) -> Answer:
    """The same of an event's parts."""
    told = {name: data[name] for name in TOLD if data.get(name) is not None}
    for name in ("due", "until"):
        if isinstance(told.get(name), str):
            told[name] = parsed(told[name])
    return {"at": at, "type": kind, **told}


def since_of(row: Stored) -> int:
    """When the state began by evidence; shifted as the row is, where its clock ran free."""
    told = body_of(row).get("since")
    shift = row.shift
    return parsed(told) + shift if isinstance(told, str) else row.time + shift


def of_calendar(office: Office, at: int) -> Answer:
    """What the working calendar has for `at`: work, break or off, until when, and what the day is known for."""
    try:
        made, names = working_calendar(office, at), days_off(office.calendar.holidays, (_date(office, at).year,))
    except ConfigError as error:
        return {"kind": None, "problem": str(error)}
    day = _date(office, at)
    begin, until = _part(made, at)
    return {
        "kind": made.kind(at),
        "since": begin,
        "until": until,
        "day": day.isoformat(),
        "holiday": names.get(day),
        "notes": notes_of(office.calendar, day),
    }


def _part(made: Calendar, at: int) -> tuple[int, int]:
    """The stretch of one kind around `at`, looked for within three days."""
    return next((begin, until) for begin, until, _ in made.parts(at - 3 * DAY, at + 3 * DAY) if begin <= at < until)


def _date(office: Office, at: int) -> Any:
    return datetime.fromtimestamp(at // SECOND, UTC).astimezone(ZoneInfo(office.timezone)).date()


def with_times(value: Any, write: Callable[[int], str], name: str = "") -> Any:
    """`value` with every time written by `write`."""
    if isinstance(value, Mapping):
        return {key: with_times(item, write, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_times(item, write, name) for item in value]
    timed = type(value) is int and (name in TIMED or name.endswith(tuple(f"_{end}" for end in TIMED)))
    return write(value) if timed else value
