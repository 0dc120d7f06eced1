"""/attendance: a unit's day of explicit check-ins. Not the official record, and no score."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends, HTTPException, Query
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.contract.fields import LEVEL
from gateway.contract.times import parsed, written
from gateway.errors import PermanentError
from gateway.ledger_view import View
from gateway.web.api.attendance_wire import Complete, Day
from gateway.web.api.common import Limit, Technical, errors, must_be_here, ns_of, resource, time_or_none
from gateway.web.lookups import look_up_unit, must_say, of_unit
from gateway.web.mine.requests import Request, Requests
from gateway.web.records import attendance as records
from gateway.web.records.approved import corrections
from gateway.web.records.attendance import Attendance, Claim
from gateway.web.records.attendance_files import as_csv, as_json, completeness
from gateway.web.records.cursors import ERASED_CURSOR, MOST_ERASED_CHARACTERS, erased_cursor_of
from gateway.web.records.rows import Rows
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = resource("attendance")
NOTE_FIELD = "note"
Integrator = Annotated[Viewer, Depends(allowed(Role.INTEGRATOR))]
_FOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Day,
        "description": records.NOTE,
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "headers": {"Hadir-Complete-Until": {"description": "empty: not known", "schema": {"type": "string"}}},
    }
}


class ErasedPerson(BaseModel):
    """Somebody who is to be forgotten."""

    pid: str
    at: str


class Erased(BaseModel):
    """A page, in the order in which the archive heard of it."""

    items: list[ErasedPerson]
    next: str = Field(description="`after` of the next page, and of the next time that you ask: keep it")
    more: bool = Field(description="there is more already")


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
    must_be_here(date)
    looks_up = staff_numbers or not viewer.has(Role.INTEGRATOR)
    if looks_up:
        must_say(reason)
    approved = Requests(site.accounts.connection).approved({unit})
    found = await site.reading.ask(lambda view: _look(view, site, unit, date, approved))
    if looks_up:
        pids = sorted({act.pid for act in found.acts} | {claim.pid for claim in found.claims})
        await look_up_unit(site, viewer, unit, pids, what="attendance", reason=reason)
        if staff_numbers:
            numbers = {person.pid: person.staff_number for person in of_unit(site, unit, pids)}
            found = records.with_staff_numbers(found, numbers)
    headers = {"Hadir-Complete-Until": time_or_none(found.complete.until) or "", "Cache-Control": "no-store"}
    if format == "csv":
        name = f"attendance-{unit.strip('_') or 'none'}-{date.isoformat()}.csv"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(await asyncio.to_thread(as_csv, found), media_type="text/csv", headers=headers)
    return JSONResponse(await asyncio.to_thread(as_json, found), headers=headers)


@router.get("/completeness", response_model=Complete, responses=errors(503))
async def how_complete(site: TheSite, _: Technical) -> Complete:
    """Up to when no gateway can still hold anything, by gateway, and why it stands there."""
    found = await site.reading.ask(lambda view: site.proofs.now(Rows.over(view)))
    return Complete.model_validate(completeness(found))


@router.get("/erased", response_model=Erased, responses=errors(409, 503))
async def erased(
    site: TheSite,
    _: Integrator,
    after: Annotated[
        str,
        Query(max_length=MOST_ERASED_CHARACTERS, pattern=ERASED_CURSOR, description="cursor; default: the beginning"),
    ] = "",
    since: Annotated[AwareDatetime | None, Query(description="erased at or after; default: ever")] = None,
    limit: Limit = 200,
) -> Erased:
    """Whoever has copied acts of people must forget these. A pid means nothing to whoever never had it."""
    cursor, begin = erased_cursor_of(after), 0 if since is None else ns_of(since)
    try:
        page, last, more = await site.reading.ask(lambda view: Rows.over(view).erased(cursor, limit, begin))
    except PermanentError as error:
        raise HTTPException(409, str(error)) from error
    items = [ErasedPerson(pid=pid, at=written(max(0, at))) for pid, at in page]
    return Erased(items=items, next=str(last), more=more)


def _look(view: View, site: Site, unit: str, day: date, approved: list[Request]) -> Attendance:
    rows = Rows.over(view)
    start, end = records.day_of(site.office, day)
    return records.attendance(
        rows,
        site.office,
        unit,
        day,
        site.proofs.now(rows),
        site.clock.office(),
        corrections=corrections(approved),
        claims=[
            Claim(pid=one.pid, kind=one.kind, field=one.field, new=one.new, at=one.decided)
            for one in approved
            if not one.target and _is_of(one, day, start, end)
        ],
    )


def _is_of(one: Request, day: date, start: int, end: int) -> bool:
    """Whether a request without a record is about this day."""
    if one.field == NOTE_FIELD:
        return one.new == day.isoformat()
    try:
        return start <= parsed(one.new) < end
    except PermanentError:
        return False
