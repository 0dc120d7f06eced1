"""A unit's day: who came and went by an act of their own, how sure that is, and what the equipment missed.

Explicit acts only (check-ins at the workplace and at desks). What sensors and tags say of a person is not in it, and
neither is how long somebody worked. A correction is applied with what it replaced still beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.calendars import working_calendar
from gateway.clock import SECOND
from gateway.config.model import Office
from gateway.contract.times import parsed, written
from gateway.errors import PermanentError
from gateway.ledger_view import LATEST, Stored
from gateway.web.records.checkins import ACT, CHECKINS, Checkin, checkins
from gateway.web.records.complete import Completeness
from gateway.web.records.outages import Outage, Outages, within_work
from gateway.web.records.rows import Rows

CORRECTED = "presence.corrected"
CORRECTION = "correction"
"""Why a check-in ended that was put right, as the desk's own events have it."""
DAY = 86_400 * SECOND
LONGEST = 7 * DAY
"""A check-in that is open for longer is not looked for."""
NOTE = (
    "Explicit check-ins as this site's readers, kiosks and pages took them. Not the official attendance record, and no"
    " measure or score of anybody's work. No check-in does not mean absent: compare outages and complete_until."
)
_SHOWN = {
    "start": "started",
    "time": "started",
    "last_evidence": "ended",
    **{name: name for name in ("place", "method", "arrangement", "assurance", "ended_by", "reason")},
}
"""Field of an event that a correction may name -> field of an act."""
_BY = {
    "user": "person",
    "moved": "person",
    "operator": "operator",
    CORRECTION: "operator",
    "auto_release": "system",
    "end_of_day": "system",
}
"""Reason of an end -> who ended it."""
_ROLES = {"user": "person", "kiosk": "person", "operator": "operator"}
"""Role of who corrected an end -> who ended it; all others: the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What was put right. `old` is what the record said before."""

    target: str
    """Id of an event, or a checkin_id."""
    field: str
    old: Any
    new: Any
    reason: str
    by: str
    """In what role: user, operator, coordinator, kiosk, authority, system."""
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An approved correction of which the record has nothing: a forgotten tap, a day of work elsewhere."""

    pid: str
    kind: str
    """lupa_tap, gangguan, surat_tugas."""
    field: str
    """start, last_evidence, note."""
    new: str
    """A time, or of a note the day."""
    at: int
    """When it was approved."""
    staff_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Checkin):
    """One check-in, with what was corrected of it and what the equipment missed."""

    ended_by_whom: str = ""
    """person, operator, system; empty: not ended."""
    outage_min: float = 0.0
    """Minutes of that day in which this place or reader could not take an act."""
    outage_work_min: float = 0.0
    """Of them, within working time."""
    void: bool = False
    """Corrected: it never happened."""
    corrections: tuple[Correction, ...] = ()
    staff_number: str | None = None
    """Only where it was asked for by a credential that may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """A unit's day."""

    site: str
    unit: str
    day: date
    timezone: str
    start: int
    end: int
    acts: tuple[Act, ...]
    claims: tuple[Claim, ...]
    outages: tuple[Outage, ...]
    """Of the site that day: also of people who left no trace because of one."""
    complete: Completeness
    complete_day: bool
    """Whether nothing of that day can still come from a gateway, nor went with an archive that was replaced."""
    kept_since: int
    """What happened before is deleted, by the site's retention."""
    with_staff_numbers: bool


def day_of(office: Office, day: date) -> tuple[int, int]:
    """[start, end) of a day in the site's time zone, ns UTC."""
    zone = ZoneInfo(office.timezone)
    begin, end = (datetime.combine(day + timedelta(days=n), time(), zone) for n in (0, 1))
    return int(begin.timestamp()) * SECOND, int(end.timestamp()) * SECOND


def attendance(
    rows: Rows,
    office: Office,
    unit: str,
    day: date,
    complete: Completeness,
    now: int,
    *,
    corrections: Iterable[Correction] = (),
    claims: Iterable[Claim] = (),
) -> Attendance:
    """The day of one unit.

    `corrections`: approved ones that no gateway has told; `claims`: those of this day that are about no act.
    Raises ConfigError (calendar), HadirError (ledger).
    """
    start, end = day_of(office, day)
    found = rows.acts(CHECKINS, start - LONGEST, min(end + LONGEST, LATEST), (unit,))
    told = rows.acts((CORRECTED,), start - LONGEST, LATEST, (unit,))
    outages = Outages(rows, office)
    calendar = working_calendar(office, start)
    until = max(start, min(end, now))
    acts: list[Act] = []
    for act in acts_of(found, told, corrections):
        began = act.started if act.started is not None else act.ended
        last = act.ended if act.ended is not None else (began if began is not None and began < start else end)
        if began is None or not (began < end and last is not None and last >= start):
            continue
        blind = outages.of_act(act.place, act.gateway, act.reader, start, until)
        acts.append(
            replace(
                act,
                outage_min=round(sum(b - a for a, b in blind) / (60 * SECOND), 1),
                outage_work_min=round(within_work(blind, calendar, start, until) / (60 * SECOND), 1),
            )
        )
    return Attendance(
        site=office.site,
        unit=unit,
        day=day,
        timezone=office.timezone,
        start=start,
        end=end,
        acts=tuple(sorted(acts, key=lambda act: (act.pid, act.started or act.ended or 0, act.id))),
        claims=tuple(claims),
        outages=tuple(outages.of_site(start, until)),
        complete=complete,
        complete_day=complete.of(start, end),
        kept_since=now - office.archive.retain_people_days * DAY,
        with_staff_numbers=False,
    )


def with_staff_numbers(found: Attendance, numbers: Mapping[str, str | None]) -> Attendance:
    """The same with the staff number of each pid. Who calls has seen that the reader may have it, and has logged it."""
    acts = tuple(replace(act, staff_number=numbers.get(act.pid)) for act in found.acts)
    claims = tuple(replace(claim, staff_number=numbers.get(claim.pid)) for claim in found.claims)
    return replace(found, acts=acts, claims=claims, with_staff_numbers=True)


def acts_of(found: Iterable[Stored], corrected: Iterable[Stored], approved: Iterable[Correction] = ()) -> Iterable[Act]:
    """Check-ins of rows of CHECKINS by time, with corrections of rows of CORRECTED and others. No outages yet."""
    fixes: dict[str, list[Correction]] = {}
    said = [_correction(row) for row in corrected]
    known = {(one.target, one.field, one.new) for one in said}
    for one in (*said, *(one for one in approved if (one.target, one.field, one.new) not in known)):
        fixes.setdefault(one.target, []).append(one)
    for act in checkins(found, Act).values():
        if act.ended_by:
            by = "person" if act.ended_by == ACT else "system"
            act = replace(act, ended_by_whom=_BY.get(act.reason, by))
        about = {act.id, *act.events}
        for fix in sorted((fix for name in about for fix in fixes.get(name, ())), key=lambda fix: fix.at):
            act = _put_right(act, fix)
        yield act


def _correction(row: Stored) -> Correction:
    data = json.loads(row.body)["data"]
    return Correction(
        target=str(data["target_id"]),
        field=str(data["field"]),
        old=data.get("old"),
        new=data.get("new"),
        reason=str(data.get("reason") or ""),
        by=str(data["actor_role"]),
        at=row.when,
    )


def _put_right(act: Act, fix: Correction) -> Act:
    """Apply what can be applied; all else stands beside the act. What it replaces stays visible."""
    if fix.old is None and fix.field in _SHOWN:
        was = getattr(act, _SHOWN[fix.field])
        fix = replace(fix, old=written(was) if isinstance(was, int) else was or None)
    act = replace(act, corrections=(*act.corrections, fix))
    if fix.field == "event" and fix.new is None:
        return replace(act, void=True)
    if fix.field not in _SHOWN or not isinstance(fix.new, str):
        return act
    shown = _SHOWN[fix.field]
    if shown not in ("started", "ended"):
        word: dict[str, Any] = {shown: fix.new}
        return replace(act, **word)
    try:
        moment = parsed(fix.new)
    except PermanentError:
        return act
    if shown == "started":
        return replace(act, started=moment)
    whom = _ROLES.get(fix.by, "system")  # they said so: it is not inferred any more, nor whoever's act it was
    return replace(act, ended=moment, ended_by=ACT, ended_by_whom=whom, reason=CORRECTION)
