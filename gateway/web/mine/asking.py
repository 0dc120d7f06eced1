"""A person's act by the web: asked of the place's gateway, and remembered with the reason if it was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal
from uuid import uuid4

from fastapi import HTTPException

from gateway.ledger_view import View
from gateway.web.asking import NO_ANSWER, Answer
from gateway.web.mine.attempts import DAY, REFUSED, SENT, UNSURE, Attempt, Attempts
from gateway.web.mine.desk import desk_for
from gateway.web.mine.record import OWN, fold
from gateway.web.mine.standing import standing
from gateway.web.site import Site
from gateway.web.viewer import Viewer
from gateway.web.workplace import arrangement_of, tell

LOOKS, LOOK_S = 8, 0.1
"""How long the ledger is waited for, so that whoever asked sees it stored at once where everything runs."""
Args = Mapping[str, bool | int | float | str | None]


async def act(site: Site, viewer: Viewer, name: str, place: str, args: Args) -> Attempt:
    """Ask, and say what became of it. Raises HTTPException 404: no such space, 429: too often."""
    if place not in site.live.places.spots:
        raise HTTPException(404, "there is no such place")
    at = site.clock.office()
    identity = str(uuid4())
    answer = await site.asker.ask(
        name, place, actor=viewer.account, role="user", pid=viewer.pid, unit=viewer.unit, args=args, identity=identity
    )
    reason = answer.reason
    if reason == "no_change":
        reason = await _because(site, viewer, name, place, args)
    attempt = Attempt(
        id=identity,
        pid=viewer.pid,
        at=at,
        act=name,
        place=place,
        state=_state(answer),
        reason=reason,
        events=answer.events,
        ref=str(args.get("booking_ref") or ""),
        starts=int(args.get("start") or 0),
        ends=int(args.get("end") or 0),
    )
    await _kept(site, attempt)
    return attempt


async def come_or_go(site: Site, viewer: Viewer, what: Literal["arrive", "depart"], building: str) -> Attempt:
    """Say that one comes to a building, or leaves it. `building`: its id. Raises HTTPException 404, 429."""
    if building not in site.live.places.candidates:
        raise HTTPException(404, "there is no such building")
    at, place = site.clock.office(), f"{site.office.site}/{building}/_/_/_"
    answer = await tell(
        site,
        what,
        place,
        pid=viewer.pid,
        unit=viewer.unit,
        method="phone",
        actor=viewer.account,
        arrangement=arrangement_of(site, place, viewer.unit),
    )
    reason = {"no_change": f"{what}_again"}.get(answer.reason, answer.reason)
    attempt = Attempt(
        id=str(uuid4()),
        pid=viewer.pid,
        at=at,
        act=what,
        place=place,
        state=_state(answer),
        reason=reason,
        events=answer.events,
    )
    await _kept(site, attempt)
    return attempt


def _state(answer: Answer) -> str:
    if answer.ok:
        return SENT
    return UNSURE if answer.reason == NO_ANSWER else REFUSED


async def _kept(site: Site, attempt: Attempt) -> None:
    Attempts(site.accounts.connection).note(attempt)
    if attempt.state == SENT and attempt.events:
        await _stored(site, attempt)


async def _because(site: Site, viewer: Viewer, name: str, place: str, args: Args) -> str:
    """A gateway says of an act that does not fit no more than that nothing changed: the picture says why."""
    desk = desk_for(site, place, viewer, await standing(site, viewer.pid))
    match name:
        case "checkin":
            return desk.why or "changed"
        case "checkout" | "extend":
            return "changed" if desk.mine else "not_yours"
        case "reserve":
            if desk.reservable:
                return desk.reservable
            ends = int(args.get("end") or 0)
            return "past" if ends <= max(int(args.get("start") or 0), site.clock.office()) else "overlap"
        case "cancel":
            return "gone"
        case _:
            return "changed"


async def _stored(site: Site, attempt: Attempt) -> None:
    """Wait a little for the ledger; without it the page says that it is pending."""
    since = max(0, attempt.at - DAY)

    def ids(view: View) -> frozenset[str]:
        return fold(view.of_person(attempt.pid, OWN, since)).ids

    if not site.reading.ledger.is_file():
        return
    for _ in range(LOOKS):
        if attempt.is_stored(await site.reading.ask(ids)):
            return
        await asyncio.sleep(LOOK_S)
