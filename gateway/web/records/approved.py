"""Requests for corrections that operators have approved, as a unit's day tells them to a backend."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import apsw

from gateway.clock import SECOND
from gateway.contract.times import parsed
from gateway.web.mine.requests import TIMES, Request, Requests
from gateway.web.records.attendance import Correction


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was approved for a day without a check-in that it could stand beside: a forgotten tap, a duty letter."""

    pid: str
    kind: str
    """lupa_tap, gangguan, surat_tugas."""
    field: str
    """start, last_evidence: `new` is a time; note: it is the day."""
    new: str
    note: str
    reason: str
    """The operator's."""
    at: int
    """When it was approved, ns."""


def approved(database: apsw.Connection, units: Collection[str]) -> list[Request]:
    """All that were approved, of people of these units."""
    return Requests(database).approved(units)


def corrections(requests: Iterable[Request]) -> list[Correction]:
    """Of those that are about a check-in."""
    return [
        Correction(
            target=one.target,
            field=one.field,
            old=one.old or None,
            new=one.new or None,
            reason=one.answer,
            by="operator",
            at=one.decided,
        )
        for one in requests
        if one.target
    ]


def remarks(requests: Iterable[Request], day: date, timezone: str) -> list[Remark]:
    """Of those that are about none, of one day of the site."""
    zone = ZoneInfo(timezone)
    return [
        Remark(
            pid=one.pid,
            kind=one.kind,
            field=one.field,
            new=one.new,
            note=one.note,
            reason=one.answer,
            at=one.decided,
        )
        for one in requests
        if not one.target and _day(one, zone) == day
    ]


def _day(one: Request, zone: ZoneInfo) -> date | None:
    if one.field in TIMES:
        return datetime.fromtimestamp(parsed(one.new) / SECOND, UTC).astimezone(zone).date()
    return date.fromisoformat(one.new) if one.new else None
