"""A unit's day as JSON and as CSV. Every copy says what it is not, and up to when it is complete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.clock import SECOND
from gateway.contract.times import written
from gateway.web.records.attendance import NOTE, Act, Attendance, Correction
from gateway.web.records.complete import Completeness
from gateway.web.table_cells import sheet

COLUMNS = (
    "date",
    "unit",
    "pid",
    "staff_number",
    "kind",
    "place",
    "started",
    "ended",
    "started_local",
    "ended_local",
    "method",
    "assurance",
    "arrangement",
    "ended_by",
    "ended_by_whom",
    "reason",
    "outage_min",
    "outage_work_min",
    "void",
    "corrections",
    "checkin_id",
    "complete_until",
    "complete_day",
    "note",
)


def as_json(found: Attendance) -> dict[str, Any]:
    """JSON values only."""
    return {
        "note": NOTE,
        "site": found.site,
        "unit": found.unit,
        "date": found.day.isoformat(),
        "timezone": found.timezone,
        "from": written(found.start),
        "to": written(found.end),
        "complete_until": _time(found.complete.until),
        "complete_day": found.complete_day,
        "completeness": completeness(found.complete),
        "kept_since": written(max(0, found.kept_since)),
        "staff_numbers": found.with_staff_numbers,
        "acts": [_act(act, staff=found.with_staff_numbers) for act in found.acts],
        "approved_without_record": [
            {
                "pid": claim.pid,
                **({"staff_number": claim.staff_number} if found.with_staff_numbers else {}),
                "kind": claim.kind,
                "field": claim.field,
                "new": claim.new,
                "approved": written(max(0, claim.at)),
            }
            for claim in found.claims
        ],
        "outages": [
            {
                "about": outage.about,
                "kind": outage.kind,
                "from": written(outage.since),
                "to": written(outage.until),
                "minutes": round((outage.until - outage.since) / (60 * SECOND), 1),
                "cause": outage.cause,
            }
            for outage in found.outages
        ],
    }


def completeness(found: Completeness) -> dict[str, Any]:
    """How far the record is complete, by gateway, and what is missing for good or has no time."""
    return {
        "until": _time(found.until),
        "why": found.why,
        "gateways": [
            {"gateway": each.gateway, "until": _time(each.until), "cause": each.cause, "why": each.why}
            for each in found.standings
        ],
        "missing": [
            {
                "gateway": hole.gateway,
                "boot": hole.boot,
                "first": hole.first,
                "last": hole.last,
                "declared_lost": hole.declared,
                "between": [_time(hole.since), _time(hole.until)],
            }
            for hole in found.holes[:200]
        ],
        "without_time": [
            {"gateway": each.gateway, "boot": each.boot, "events": each.events} for each in found.unplaced[:200]
        ],
        "replaced": [{"since": _time(each.since), "until": _time(each.until)} for each in found.replaced],
    }


def as_csv(found: Attendance) -> str:
    """One row a check-in, then what was approved and has no record; nothing in it is computed by a spreadsheet."""
    zone = ZoneInfo(found.timezone)
    until, note = _time(found.complete.until) or "", NOTE
    acts = [
        (
            found.day.isoformat(),
            act.unit,
            act.pid,
            act.staff_number,
            act.kind,
            act.place,
            _time(act.started),
            _time(act.ended),
            _local(act.started, zone),
            _local(act.ended, zone),
            act.method,
            act.assurance,
            act.arrangement,
            act.ended_by,
            act.ended_by_whom,
            act.reason,
            act.outage_min,
            act.outage_work_min,
            act.void,
            "; ".join(f"{fix.field}: {fix.old} > {fix.new} ({fix.by})" for fix in act.corrections),
            act.id,
            until,
            found.complete_day,
            note,
        )
        for act in found.acts
    ]
    claims = [
        (
            found.day.isoformat(),
            found.unit,
            claim.pid,
            claim.staff_number,
            f"approved {claim.kind}",
            None,
            claim.new if claim.field == "start" else None,
            claim.new if claim.field == "last_evidence" else None,
            *[None] * (len(COLUMNS) - 11),
            until,
            found.complete_day,
            note,
        )
        for claim in found.claims
    ]
    return sheet(COLUMNS, [*acts, *claims])


def _act(act: Act, *, staff: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "kind": act.kind,
        "checkin_id": act.id,
        "pid": act.pid,
        "unit": act.unit,
        "place": act.place,
        "reader": act.reader or None,
        "gateway": act.gateway,
        "started": _time(act.started),
        "ended": _time(act.ended),
        "method": act.method or None,
        "assurance": act.assurance or None,
        "arrangement": act.arrangement or None,
        "ended_by": act.ended_by or None,
        "ended_by_whom": act.ended_by_whom or None,
        "reason": act.reason or None,
        "outage_min": act.outage_min,
        "outage_work_min": act.outage_work_min,
        "void": act.void,
        "corrections": [_fix(fix) for fix in act.corrections],
    }
    return made | {"staff_number": act.staff_number} if staff else made


def _fix(fix: Correction) -> dict[str, Any]:
    return {
        "field": fix.field,
        "old": fix.old,
        "new": fix.new,
        "reason": fix.reason or None,
        "by": fix.by,
        "at": written(fix.at),
    }


def _time(at: int | None) -> str | None:
    return None if at is None else written(max(0, at))


def _local(at: int | None, zone: ZoneInfo) -> str | None:
    """`2026-11-24 09:30:02 WITA`: what a clock at the site showed."""
    return None if at is None else f"{datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
