"""Everything that the site has about one person, to take along: JSON of all of it, CSV of the check-ins."""

from __future__ import annotations

import json
from typing import Any

from gateway.contract.times import written
from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web.mine import looked
from gateway.web.mine.attempts import Attempts
from gateway.web.mine.record import OWN, Visit, fold
from gateway.web.mine.requests import Requests
from gateway.web.site import Site
from gateway.web.table_cells import sheet

INFERRED = tuple(f"presence.{what}" for what in ("started", "moved", "idle", "ended"))
COLUMNS = ("kind", "place", "start", "end", "method", "ended_by", "reason", "assurance", "checkin_id")
NOTE = (
    "What this site's presence system keeps about you. It is not the official attendance record. That nothing is"
    " recorded does not mean that you were absent."
)


async def everything(site: Site, pid: str) -> dict[str, Any]:
    """Settings, events (acts and what was inferred), requests, refusals, look-ups. Times are UTC."""
    person = site.people.person(pid)
    since = site.clock.office() - site.office.archive.retain_people_days * 86_400 * 1_000_000_000

    def read(view: View) -> list[Any]:
        return [json.loads(row.body) for row in view.of_person(pid, (*OWN, *INFERRED), max(0, since))]

    try:
        events = await site.reading.ask(read)
    except TransientError:
        events = []
    database = site.accounts.connection
    return {
        "note": NOTE,
        "site": site.office.site,
        "written": written(site.clock.office()),
        "person": None
        if person is None
        else {
            "pid": pid,
            "name": person.name,
            "staff_number": person.staff_number,
            "unit": person.unit,
            "visibility": person.visibility,
            "quiet": person.quiet,
            "credentials": person.credentials,
        },
        "kept_days": site.office.archive.retain_people_days,
        "events": events,
        "asked_by_web": [
            {"at": written(one.at), "act": one.act, "place": one.place, "state": one.state, "reason": one.reason}
            for one in Attempts(database).of(pid, 0)
        ],
        "corrections": [
            {
                "asked": written(one.asked),
                "target": one.target,
                "kind": one.kind,
                "field": one.field,
                "old": one.old,
                "new": one.new,
                "note": one.note,
                "state": one.state,
                "answer": one.answer,
            }
            for one in Requests(database).of(pid, 10_000)
        ],
        "looked_up": [
            {
                "at": written(one.last),
                "first": written(one.first),
                "count": one.times,
                "what": one.what,
                "reason": one.reason,
                "other_reasons": one.other_reasons,
                "roles": list(by.roles),
                "units": list(by.units),
            }
            for one in looked.everything(site, pid)
            for by in (looked.who(site, one.account),)
        ],
    }


async def checkins(site: Site, pid: str) -> str:
    """CSV as RFC 4180 has it; no cell is computed by a spreadsheet. Times are UTC."""
    since = site.clock.office() - site.office.archive.retain_people_days * 86_400 * 1_000_000_000

    def read(view: View) -> tuple[Visit, ...]:
        return fold(view.of_person(pid, OWN, max(0, since))).visits

    try:
        visits = await site.reading.ask(read)
    except TransientError:
        visits = ()
    rows = [
        (
            visit.kind,
            visit.place,
            *("" if at is None else written(at) for at in (visit.started, visit.ended)),
            visit.method,
            visit.ended_by,
            visit.reason,
            visit.assurance,
            visit.id,
        )
        for visit in visits
    ]
    return sheet(COLUMNS, rows)
