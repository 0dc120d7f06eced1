"""/checkins: take a desk, and leave it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from fastapi import Depends, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from pydantic import Field

from gateway.contract.fields import PLACE, UUID
from gateway.errors import TransientError
from gateway.ledger_view import LATEST, Stored, View
from gateway.web.api.commands import COMMAND_ERRORS, Key, done, failed, once, problem
from gateway.web.api.common import Employee, Wire, errors, not_found, resource, runs
from gateway.web.codes import TheCodes
from gateway.web.idempotency import Kept
from gateway.web.records.attendance import LONGEST
from gateway.web.records.rows import Rows
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = resource("check-ins")
LATELY = 200_000
"""Events among which an operator's check-in is looked for."""
OPEN = "check-in that is open and yours"
STARTED, ENDED = "desk.checkin.started", "desk.checkin.ended"
Method = Literal["web", "qr", "nfc"]
Ender = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE, Role.OPERATOR))]
CheckinId = Annotated[str, PathPart(pattern=UUID)]


class ByPlace(Wire):
    """A desk by its id."""

    place: str = Field(pattern=PLACE, max_length=170, description="site/building/floor/zone/space")
    method: Method = Field("web", description="how the desk was found")


class ByCode(Wire):
    """A desk by the code on its sticker."""

    code: str = Field(min_length=4, max_length=16, description="as its sticker says it")
    method: Method = Field("qr", description="how the desk was found")


class Found(NamedTuple):
    """Somebody's check-in."""

    place: str
    open: bool
    own: bool


class Done(Wire):
    """A gateway has done it."""

    checkin_id: str | None = Field(description="null: it was there already")
    place: str
    events: list[str] = Field(description="ids of the events that it caused")


@router.post("/checkins", status_code=201, response_model=Done, responses=errors(*COMMAND_ERRORS))
async def check_in(
    request: Request,
    site: TheSite,
    codes: TheCodes,
    viewer: Employee,
    asked: ByPlace | ByCode,
    idempotency_key: Key = None,
) -> Response:
    """Take a desk. A desk that the person holds elsewhere in the building is left by that."""

    async def make(identity: str) -> Kept:
        place = asked.place if isinstance(asked, ByPlace) else codes.place(asked.code)
        if place is None or site.live.now(place) is None:
            raise not_found("desk")
        answer = await site.asker.ask(
            "checkin",
            place,
            actor=viewer.account,
            role="user",
            pid=viewer.pid,
            unit=viewer.unit,
            args={"method": asked.method},
            identity=identity,
        )
        if not answer.ok:
            return failed(answer)
        found = await _made(site, viewer.pid, answer.events)
        return done(201, checkin_id=found, place=place, events=list(answer.events))

    return await once(site, viewer, request, idempotency_key, asked.model_dump(), make)


@router.post("/checkins/{checkin_id}/end", response_model=Done, responses=errors(*COMMAND_ERRORS))
async def end(
    request: Request, site: TheSite, viewer: Ender, checkin_id: CheckinId, idempotency_key: Key = None
) -> Response:
    """Leave a desk: one's own; an operator may end any at a place, without seeing whose it is."""

    async def make(identity: str) -> Kept:
        found = await site.reading.ask(lambda view: _found(view, viewer, checkin_id, site.clock.office()))
        # with a key, one that is over may be so by this very request, whose answer was lost: its gateway knows
        if found is None or not (found.open or idempotency_key) or not (found.own or _may_end(site, viewer, found)):
            raise not_found(OPEN)
        answer = await site.asker.ask(
            "checkout" if found.own else "release",
            found.place,
            actor=viewer.account,
            role="user" if found.own else "operator",
            pid=viewer.pid if found.own else "",
            unit=viewer.unit,
            args={"checkin_id": checkin_id},
            identity=identity,
        )
        if answer.reason == "no_change" and not found.open:
            raise not_found(OPEN)
        if not answer.ok:
            return problem(409, "it is over already") if answer.reason == "no_change" else failed(answer)
        return done(200, checkin_id=checkin_id, place=found.place, events=list(answer.events))

    return await once(site, viewer, request, idempotency_key, {"id": checkin_id}, make)


def _may_end(site: Site, viewer: Viewer, found: Found) -> bool:
    spot = site.live.places.spots.get(found.place)
    return spot is not None and runs(viewer, spot.unit)


def _found(view: View, viewer: Viewer, checkin_id: str, now: int) -> Found | None:
    """This check-in: the viewer's own before an operator's any; None: there is none, or it is not the viewer's."""
    rows = Rows.over(view)
    if viewer.pid:
        own = rows.of_person(viewer.pid, (STARTED, ENDED), now - LONGEST, LATEST)
        if (last := _last(own, checkin_id)) is not None:
            return Found(last.subject, last.type == STARTED, own=True)
    if viewer.has(Role.OPERATOR):
        newest = rows.last_id()
        lately = rows.feed(newest - LATELY, newest + 1, classes=("evt",), types=(STARTED, ENDED), limit=LATELY)
        if (last := _last(lately, checkin_id)) is not None:
            return Found(last.subject, last.type == STARTED, own=False)
    return None


def _last(rows: Sequence[Stored], checkin_id: str) -> Stored | None:
    """The newest that is of this check-in."""
    name = checkin_id.encode()
    mine = (row for row in reversed(rows) if name in row.body)
    return next((row for row in mine if json.loads(row.body)["data"].get("checkin_id") == checkin_id), None)


async def _made(site: Site, pid: str, events: tuple[str, ...]) -> str | None:
    """The check-in that these events are of, once the archive has them; a second at most is waited for that."""
    if not events:
        return None
    since = site.clock.office() - LONGEST

    def look(view: View) -> str | None:
        for row in reversed(Rows.over(view).of_person(pid, (STARTED,), since, LATEST)):
            event = json.loads(row.body)
            if event["id"] in events:
                return str(event["data"]["checkin_id"])
        return None

    for _ in range(10):
        try:
            if (found := await site.reading.ask(look)) is not None:
                return found
        except TransientError:
            return None  # it is done all the same
        await asyncio.sleep(0.1)
    return None
