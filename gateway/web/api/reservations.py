"""/reservations: a desk or room for a time to come. With an external booking system that one is the master."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid5

from fastapi import HTTPException, Query, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.contract.fields import PLACE
from gateway.web.api.commands import COMMAND_ERRORS, Key, done, failed, once
from gateway.web.api.common import (
    KEYSET,
    Employee,
    Limit,
    Wire,
    behind,
    errors,
    keyset,
    not_found,
    ns_of,
    resource,
    time_or_none,
)
from gateway.web.idempotency import NAMES, Kept
from gateway.web.records.reservations import AHEAD, Reservation, of_person
from gateway.web.records.rows import Rows
from gateway.web.site import Site, TheSite

router = resource("reservations")
REF = r"^[A-Za-z0-9._:-]{1,64}$"
STANDING = "reservation that stands and is yours"
EXTERNAL = "desks of this site are booked in another system; it is the master, and hadir follows it"


class Wanted(Wire):
    """What is to be reserved, from when to when."""

    place: str = Field(pattern=PLACE, max_length=170, description="site/building/floor/zone/space")
    start: AwareDatetime
    end: AwareDatetime


class Reserved(BaseModel):
    """One's own reservation."""

    booking_ref: str
    place: str
    start: str
    end: str
    state: str = Field(description="reserved, taken, cancelled, released (nobody came)")


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


@router.get("/reservations", response_model=ReservedPage, responses=errors(503))
async def reservations(
    site: TheSite,
    viewer: Employee,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(pattern=KEYSET, description="`next` of the page before")] = None,
) -> ReservedPage:
    """One's own, of the last while and to come."""
    left = [each for each in await _own(site, viewer.pid) if behind(cursor, each.start, each.ref)]
    page = left[:limit]
    return ReservedPage(
        items=[_shown(each) for each in page],
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


async def _own(site: Site, pid: str) -> list[Reservation]:
    now = site.clock.office()
    return await site.reading.ask(lambda view: of_person(Rows.over(view), pid, now))


def _shown(each: Reservation) -> Reserved:
    return Reserved(
        booking_ref=each.ref,
        place=each.place,
        start=time_or_none(each.start) or "",
        end=time_or_none(each.end) or "",
        state=each.state,
    )
