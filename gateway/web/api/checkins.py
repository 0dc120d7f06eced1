"""/checkins: take a desk, and leave it."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from pydantic import Field

from gateway.contract.fields import PLACE, UUID
from gateway.errors import TransientError
from gateway.ledger_view import LATEST, View
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
    place = asked.place if isinstance(asked, ByPlace) else codes.place(asked.code)
    if place is None or site.live.now(place) is None:
        raise not_found("desk")

    async def make(identity: str) -> Kept:
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
    operator = viewer.has(Role.OPERATOR)
    place = await site.reading.ask(lambda view: _place(view, viewer, checkin_id, operator, site.clock.office()))
    if place is None or (operator and not runs(viewer, site.live.places.spots[place].unit)):
        raise not_found("check-in that is open and yours")

    async def make(identity: str) -> Kept:
        answer = await site.asker.ask(
            "release" if operator else "checkout",
            place,
            actor=viewer.account,
            role="operator" if operator else "user",
            pid="" if operator else viewer.pid,
            unit=viewer.unit,
            identity=identity,
        )
        if not answer.ok:
            return problem(409, "it is over already") if answer.reason == "no_change" else failed(answer)
        return done(200, checkin_id=checkin_id, place=place, events=list(answer.events))

    return await once(site, viewer, request, idempotency_key, {"id": checkin_id}, make)


def _place(view: View, viewer: Viewer, checkin_id: str, operator: bool, now: int) -> str | None:
    """Where this check-in is open; None: it is not, or not the viewer's."""
    rows = Rows.over(view)
    if operator:
        newest = rows.last_id()
        found = rows.feed(newest - LATELY, newest + 1, classes=("evt",), types=(STARTED, ENDED), limit=LATELY)
    elif viewer.pid:
        found = rows.of_person(viewer.pid, (STARTED, ENDED), now - LONGEST, LATEST)
    else:
        return None
    place = None
    for row in found:
        if checkin_id.encode() in row.body and json.loads(row.body)["data"].get("checkin_id") == checkin_id:
            place = row.subject if row.type == STARTED else None
    return place


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
