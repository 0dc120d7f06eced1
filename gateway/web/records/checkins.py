"""Check-ins, each folded of its rows, in whichever order these have reached the archive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gateway.contract.times import parsed
from gateway.ledger_view import Stored

DESK = ("desk.checkin.started", "desk.checkin.ended")
WORKPLACE = ("workplace.checkin.started", "workplace.checkin.ended")
CHECKINS = (*DESK, *WORKPLACE)
ACT, INFERRED = "act", "inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkin:
    """One check-in, of a desk or of the workplace, as its rows have it."""

    id: str
    """Its checkin_id."""
    kind: str
    """desk, workplace."""
    place: str
    pid: str = ""
    unit: str = "_"
    gateway: str = ""
    reader: str = ""
    started: int | None = None
    """ns; None: its beginning is not in the ledger."""
    ended: int | None = None
    """ns; None: it is open, or its end is not here yet. Of an inferred end: the last evidence of the person."""
    method: str = ""
    assurance: str = ""
    """claimed, fresh, bound; empty: not said."""
    arrangement: str = ""
    ended_by: str = ""
    """act, inferred; empty: not ended."""
    reason: str = ""
    late: bool = False
    """Something of it reached the gateway after what came later."""
    events: tuple[str, ...] = ()
    """Ids of its rows."""


C = TypeVar("C", bound=Checkin)


def checkins(rows: Iterable[Stored], make: type[C]) -> dict[str, C]:
    """By id, of rows of CHECKINS in order of time; others are passed over.

    Who taps to leave while the reader is cut off is told of after the day's end was inferred, and left before it: an
    end by an act stands, whichever came or was first.
    """
    found: dict[str, C] = {}
    for row in rows:
        if row.type in CHECKINS:
            event = json.loads(row.body)
            key = str(event["data"].get("checkin_id") or event["id"])
            found[key] = _with(found.get(key) or _first(row, key, event, make), row, event)
    return found


def _first(row: Stored, key: str, event: Mapping[str, Any], make: type[C]) -> C:
    unit = str(event["data"].get("unit") or "_")
    kind = row.type.partition(".")[0]
    return make(id=key, kind=kind, place=row.subject, pid=row.pid, unit=unit, gateway=row.gateway)


def _with(one: C, row: Stored, event: Mapping[str, Any]) -> C:
    data = event["data"]
    at = row.when
    one = replace(one, events=(*one.events, str(event["id"])), late=one.late or bool(data.get("late")))
    method, assurance, arrangement = (str(data.get(name) or "") for name in ("method", "assurance", "arrangement"))
    if row.type.endswith(".started"):
        evidence = data.get("evidence") or ()
        reader = data.get("reader") or (evidence[0].get("dev") or evidence[0].get("via") if evidence else "")
        one = replace(one, place=row.subject, reader=str(reader or ""), started=at)
        return replace(one, method=method, assurance=assurance, arrangement=arrangement)
    shift = at - row.time
    one = replace(
        one,
        started=parsed(data["start"]) + shift if one.started is None and data.get("start") else one.started,
        method=one.method or method,
        assurance=one.assurance or assurance,
        arrangement=one.arrangement or arrangement,
    )
    by, last = str(data.get("ended_by") or ACT), data.get("last_evidence")
    if by == INFERRED and one.ended_by == ACT:
        return one
    ended = parsed(last) + shift if by == INFERRED and last else at
    return replace(one, ended=ended, ended_by=by, reason=str(data.get("reason") or ""))
