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
from gateway.web.records.complete import Completeness
from gateway.web.records.outages import Outage, Outages, within_work
from gateway.web.records.rows import Rows

ACTS = ("workplace.checkin.started", "workplace.checkin.ended", "desk.checkin.started", "desk.checkin.ended")
CORRECTED = "presence.corrected"
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
    "correction": "operator",
    "auto_release": "system",
    "end_of_day": "system",
}


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
class Act:
    """One check-in."""

    kind: str
    """workplace, desk."""
    checkin_id: str
    pid: str
    unit: str
    place: str
    gateway: str
    reader: str
    started: int | None
    """ns; None: its beginning is not in the ledger (not here yet, or past its retention)."""
    ended: int | None
    """ns; None: it is open, or its end is not here yet. Of an inferred end: the last evidence of the person."""
    method: str
    assurance: str
    """claimed, fresh, bound; empty: not said."""
    arrangement: str
    ended_by: str
    """act, inferred; empty: not ended."""
    ended_by_whom: str
    """person, operator, system; empty: not ended, or not said."""
    reason: str
    outage_min: float
    """Minutes of that day in which this place or reader could not take an act."""
    outage_work_min: float
    """Of them, within working time."""
    void: bool
    """Corrected: it never happened."""
    corrections: tuple[Correction, ...]
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
    found = rows.acts(ACTS, start - LONGEST, min(end + LONGEST, LATEST), (unit,))
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
        acts=tuple(sorted(acts, key=lambda act: (act.pid, act.started or act.ended or 0, act.checkin_id))),
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
    """Check-ins of rows of ACTS, in any order, with corrections of rows of CORRECTED and others. No outages yet."""
    fixes: dict[str, list[Correction]] = {}
    said = [_correction(row) for row in corrected]
    known = {(one.target, one.field, one.new) for one in said}
    for one in (*said, *(one for one in approved if (one.target, one.field, one.new) not in known)):
        fixes.setdefault(one.target, []).append(one)
    return _folded(found, fixes)


def _correction(row: Stored) -> Correction:
    data = json.loads(row.body)["data"]
    return Correction(
        target=str(data["target_id"]),
        field=str(data["field"]),
        old=data.get("old"),
        new=data.get("new"),
        reason=str(data.get("reason") or ""),
        by=str(data["actor_role"]),
        at=row.time if row.at is None else row.at,
    )


def _folded(found: Iterable[Stored], fixes: Mapping[str, list[Correction]]) -> Iterable[Act]:
    """Begin and end of each check-in together, in whichever order they came, with what was corrected."""
    acts: dict[str, Act] = {}
    targets: dict[str, set[str]] = {}
    for row in found:
        event = json.loads(row.body)
        data = event["data"]
        key = str(data.get("checkin_id") or event["id"])
        targets.setdefault(key, {key}).add(str(event["id"]))
        acts[key] = _with(acts.get(key), row, key, data)
    for key, act in acts.items():
        corrected = sorted((fix for name in targets[key] for fix in fixes.get(name, ())), key=lambda fix: fix.at)
        for fix in corrected:
            act = _put_right(act, fix)
        yield act


def _with(known: Act | None, row: Stored, key: str, data: Mapping[str, Any]) -> Act:
    at = row.time if row.at is None else row.at
    shift = at - row.time
    evidence = data.get("evidence") or ()
    reader = str(data.get("reader") or (evidence[0].get("dev") or evidence[0].get("via") if evidence else "") or "")
    ends = row.type.endswith(".ended")
    act = known or Act(
        kind=row.type.split(".", 1)[0],
        checkin_id=key,
        pid=row.pid,
        unit=str(data.get("unit") or "_"),
        place=row.subject,
        gateway=row.gateway,
        reader="",
        started=None,
        ended=None,
        method="",
        assurance="",
        arrangement="",
        ended_by="",
        ended_by_whom="",
        reason="",
        outage_min=0.0,
        outage_work_min=0.0,
        void=False,
        corrections=(),
    )
    if not ends:
        return replace(
            act,
            place=row.subject,
            reader=reader,
            started=at,
            method=str(data.get("method") or ""),
            assurance=str(data.get("assurance") or ""),
            arrangement=str(data.get("arrangement") or ""),
        )
    began, last = data.get("start"), data.get("last_evidence")
    reason = str(data.get("reason") or "")
    by = str(data.get("ended_by") or ("act" if row.type.startswith("workplace.") else ""))
    return replace(
        act,
        started=act.started if act.started is not None or began is None else parsed(began) + shift,
        ended=parsed(last) + shift if by == "inferred" and last is not None else at,
        method=act.method or str(data.get("method") or ""),
        assurance=act.assurance or str(data.get("assurance") or ""),
        arrangement=act.arrangement or str(data.get("arrangement") or ""),
        ended_by=by,
        ended_by_whom=_BY.get(reason, "person" if by == "act" else "system" if by else ""),
        reason=reason,
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
    new: Any = fix.new
    if _SHOWN[fix.field] in ("started", "ended"):
        try:
            new = parsed(fix.new)
        except PermanentError:
            return act
    return replace(act, **{_SHOWN[fix.field]: new})
