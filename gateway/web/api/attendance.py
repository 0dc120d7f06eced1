"""/attendance: a unit's day of explicit check-ins. Not the official record, and no score."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Query
from fastapi.responses import JSONResponse, Response

from gateway.contract.fields import LEVEL
from gateway.ledger_view import View
from gateway.web.api.common import Technical, errors, resource, time_or_none
from gateway.web.records import attendance as records
from gateway.web.records.approved import approved, corrections, remarks
from gateway.web.records.attendance import Attendance, Correction
from gateway.web.records.attendance_files import as_csv, as_json
from gateway.web.records.rows import Rows
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role

router = resource("attendance")
EARLIEST, LATEST = 2000, 2200
"""Years."""
_FOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": records.NOTE,
        "content": {"application/json": {"schema": {"type": "object"}}, "text/csv": {"schema": {"type": "string"}}},
        "headers": {"Hadir-Complete-Until": {"description": "empty: not known", "schema": {"type": "string"}}},
    }
}


@router.get("/attendance", response_class=Response, responses={**errors(404, 503), **_FOUND})
async def attendance(
    site: TheSite,
    viewer: Technical,
    unit: Annotated[str, Query(pattern=rf"^{LEVEL}$", max_length=32, description="whose people; `_`: of none")],
    date: Annotated[date, Query(description="a day of the site's time zone")],
    format: Annotated[Literal["json", "csv"], Query()] = "json",  # noqa: A002 the parameter's name
    staff_numbers: Annotated[bool, Query(description="join them: integrators of the unit only, with a reason")] = False,
    reason: Annotated[str, Query(max_length=200, description="why; the people concerned see it")] = "",
) -> Response:
    """Explicit check-ins with who ended them, how sure they are, outage minutes, corrections, and `complete_until`.

    Operators and whoever asks for staff numbers look people up: that needs a reason, and the people see it.
    """
    if not viewer.sees(unit):
        raise HTTPException(403, "this credential is not for that unit")
    if staff_numbers and not viewer.has(Role.INTEGRATOR):
        raise HTTPException(403, "staff numbers are for an integrator's credential of that unit")
    if not EARLIEST <= date.year <= LATEST:
        raise HTTPException(404, "there is no such day here")
    looks_up = staff_numbers or not viewer.has(Role.INTEGRATOR)
    if looks_up and len(reason.strip()) < 5:
        raise HTTPException(403, "reason: say why people are looked up, in 5 characters or more; they see it")
    decided = approved(site.accounts.connection, (unit,))
    found = await site.reading.ask(lambda view: _look(view, site, unit, date, corrections(decided)))
    beside = remarks(decided, date, site.office.timezone)
    if looks_up:
        what = f"attendance {date.isoformat()}{' with staff number' if staff_numbers else ''}"
        for pid in sorted({act.pid for act in found.acts} | {one.pid for one in beside}):
            site.accounts.note_lookup(viewer, pid, unit, what, reason)
    if staff_numbers:
        people = {pid: site.people.person(pid) for pid in {act.pid for act in found.acts}}
        found = records.with_staff_numbers(
            found, {pid: person.staff_number for pid, person in people.items() if person is not None}
        )
    headers = {"Hadir-Complete-Until": time_or_none(found.complete.until) or "", "Cache-Control": "no-store"}
    if format == "csv":
        name = f"attendance-{unit.strip('_') or 'none'}-{date.isoformat()}.csv"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(await asyncio.to_thread(as_csv, found, beside), media_type="text/csv", headers=headers)
    return JSONResponse(await asyncio.to_thread(as_json, found, beside), headers=headers)


def _look(view: View, site: Site, unit: str, day: date, decided: list[Correction]) -> Attendance:
    rows, now = Rows.over(view), site.clock.office()
    return records.attendance(rows, site.office, unit, day, site.proofs.now(rows), now, corrections=decided)
