"""/reservations: a desk or room for a time to come; one's own, or for a backend those of a unit's people.

With an external booking system that one is the master.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import uuid5

from fastapi import Depends, HTTPException, Query, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.contract.fields import LEVEL, PLACE
from gateway.ledger_view import LATEST
from gateway.web import lookups
from gateway.web.api.commands import COMMAND_ERRORS, Key, done, failed, once
from gateway.web.api.common import (
    KEYSET,
    Employee,
    Limit,
    Wire,
    behind,
    errors,
    keyset,
    must_be_here,
    not_found,
    ns_of,
    resource,
    time_or_none,
)
from gateway.web.idempotency import NAMES, Kept
from gateway.web.mine.days import today
from gateway.web.records.attendance import day_of
from gateway.web.records.reservations import AHEAD, Reservation, of_person, of_unit
from gateway.web.records.rows import Rows
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = resource("reservations")
Reader = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE, Role.INTEGRATOR))]
REF = r"^[A-Za-z0-9._:-]{1,64}$"
STANDING = "reservation that stands and is yours"
EXTERNAL = "desks of this site are booked in another system; it is the master, and hadir follows it"


class Wanted(Wire):
    """What is to be reserved, from when to when."""

    place: str = Field(pattern=PLACE, max_length=170, description="site/building/floor/zone/space")
    start: AwareDatetime
    end: AwareDatetime


class Reserved(BaseModel):
    """A reservation."""

    booking_ref: str
    place: str
    start: str
    end: str
    state: str = Field(description="reserved, taken, cancelled, released (nobody came)")
    pid: str | None = Field(None, description="of a unit's day: whose")
    staff_number: str | None = Field(None, description="only where it was asked for")


class ReservedPage(BaseModel):
    """A page, latest start first."""

    items: list[Reserved]
    next: str | None = Field(description="cursor of the next page; null: this is the last")


class Made(Wire):
    """A gateway has done it."""

    booking_ref: str
    place: str
    start: str | None = None
    end: str | None = None
    events: list[str] = Field(description="ids of the events that it caused")


@router.get("/reservations", response_model=ReservedPage, responses=errors(404, 503))
async def reservations(
    site: TheSite,
    viewer: Reader,
    unit: Annotated[
        str | None, Query(pattern=rf"^{LEVEL}$", max_length=32, description="integrators: of its people")
    ] = None,
    date: Annotated[date | None, Query(description="a day of the site's time zone; of a unit default: today")] = None,
    staff_numbers: Annotated[bool, Query(description="with `unit`: join them; with a reason")] = False,
    reason: Annotated[str, Query(max_length=200, description="why; the people concerned see it")] = "",
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(pattern=KEYSET, description="`next` of the page before")] = None,
) -> ReservedPage:
    """One's own, of the last while and to come; or, for an integrator, a day of a unit's people.

    Whoever asks for staff numbers looks people up: that needs a reason, and the people see it.
    """
    if unit is not None and not (viewer.has(Role.INTEGRATOR) and viewer.sees(unit)):
        raise HTTPException(403, "this credential is not an integrator's of that unit")
    if unit is not None and staff_numbers:
        lookups.must_say(reason)
    found = await (_own(site, viewer.pid, date) if unit is None else _of_unit(site, unit, date))
    left = [each for each in found if behind(cursor, each.start, each.ref)]
    page = left[:limit]
    numbers: dict[str, str | None] = {}
    if unit is not None and staff_numbers:
        pids = sorted({each.pid for each in page})
        await lookups.look_up_unit(site, viewer, unit, pids, what="reservations", reason=reason)
        numbers = {person.pid: person.staff_number for person in lookups.of_unit(site, unit, pids)}
    return ReservedPage(
        items=[_shown(each, "" if unit is None else each.pid, numbers.get(each.pid)) for each in page],
        next=keyset(page[-1].start, page[-1].ref) if len(left) > limit else None,
    )


@router.post("/reservations", status_code=201, response_model=Made, responses=errors(*COMMAND_ERRORS))
async def reserve(
    request: Request, site: TheSite, viewer: Employee, wanted: Wanted, idempotency_key: Key = None
) -> Response:
    """Reserve it for oneself. An overlap with another reservation is refused by the gateway that decides the place."""

    async def make(identity: str) -> Kept:
        _booked_here(site)
        start, end = _times(site, wanted)
        if site.live.now(wanted.place) is None:
            raise not_found("place")
        ref = f"w-{uuid5(NAMES, identity)}"
        answer = await site.asker.ask(
            "reserve",
            wanted.place,
            actor=viewer.account,
            role="user",
            pid=viewer.pid,
            unit=viewer.unit,
            args={"booking_ref": ref, "start": start, "end": end},
            identity=identity,
        )
        if not answer.ok:
            return failed(answer)
        return done(
            201,
            booking_ref=ref,
            place=wanted.place,
            start=time_or_none(start),
            end=time_or_none(end),
            events=list(answer.events),
        )

    return await once(site, viewer, request, idempotency_key, wanted.model_dump(mode="json"), make)


@router.delete("/reservations/{booking_ref}", response_model=Made, responses=errors(*COMMAND_ERRORS))
async def cancel(
    request: Request,
    site: TheSite,
    viewer: Employee,
    booking_ref: Annotated[str, PathPart(pattern=REF)],
    idempotency_key: Key = None,
) -> Response:
    """Give one's own reservation up."""

    async def make(identity: str) -> Kept:
        _booked_here(site)
        found = next((each for each in await _own(site, viewer.pid) if each.ref == booking_ref), None)
        # with a key, one that is over may be so by this very request, whose answer was lost: its gateway knows
        if found is None or (found.state != "reserved" and not idempotency_key):
            raise not_found(STANDING)
        answer = await site.asker.ask(
            "cancel",
            found.place,
            actor=viewer.account,
            role="user",
            pid=viewer.pid,
            unit=viewer.unit,
            args={"booking_ref": booking_ref},
            identity=identity,
        )
        if answer.reason == "no_change" and found.state != "reserved":
            raise not_found(STANDING)
        if not answer.ok:
            return failed(answer)
        return done(200, booking_ref=booking_ref, place=found.place, events=list(answer.events))

    return await once(site, viewer, request, idempotency_key, {"ref": booking_ref}, make)


def _booked_here(site: Site) -> None:
    """Raises HTTPException 409: reservations are another system's."""
    if site.office.rules.desk.bookings == "external":
        raise HTTPException(409, EXTERNAL)


def _times(site: Site, wanted: Wanted) -> tuple[int, int]:
    """Raises HTTPException 409."""
    start, end = ns_of(wanted.start), ns_of(wanted.end)
    now = site.clock.office()
    if not (start < end and now < end <= now + AHEAD):
        raise HTTPException(409, "start lies before end, and end in the time to come, within 400 days")
    return start, end


async def _of_unit(site: Site, unit: str, day: date | None) -> list[Reservation]:
    start, end = _bounds(site, day or today(site))
    return await site.reading.ask(lambda view: of_unit(Rows.over(view), unit, start, end))


async def _own(site: Site, pid: str, day: date | None = None) -> list[Reservation]:
    start, end = (0, LATEST) if day is None else _bounds(site, day)
    now = site.clock.office()
    found = await site.reading.ask(lambda view: of_person(Rows.over(view), pid, now))
    return [each for each in found if each.start < end and each.end > start]


def _bounds(site: Site, day: date) -> tuple[int, int]:
    """[start, end) of a day of the site. Raises HTTPException 404."""
    must_be_here(day)
    return day_of(site.office, day)


def _shown(each: Reservation, pid: str, staff_number: str | None) -> Reserved:
    return Reserved(
        booking_ref=each.ref,
        place=each.place,
        start=time_or_none(each.start) or "",
        end=time_or_none(each.end) or "",
        state=each.state,
        pid=pid or None,
        staff_number=staff_number,
    )
