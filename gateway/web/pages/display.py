"""Desk displays: `/display/<code>.png`, for an e-paper panel that asks every minute and draws only what is new."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web.codes import TheCodes
from gateway.web.eink import Face, png
from gateway.web.kiosk_view import where
from gateway.web.live import PlaceNow
from gateway.web.records.reservations import of_place
from gateway.web.rendering import CAUSE_WORDS, N_, STATUS_WORDS, Language
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Allowed, Role, Viewer, found

router = APIRouter(include_in_schema=False)


class Displays(Allowed):
    """Whoever may see desk displays: everybody where the site says so, else a display's credential and staff's."""

    async def __call__(self, request: Request) -> Viewer:
        """As Allowed's."""
        site: Site = request.app.state.site
        if site.office.web.display == "public":
            return await found(request) or Viewer(account="", roles=frozenset({Role.DISPLAY}))
        return await super().__call__(request)


Watching = Annotated[Viewer, Depends(Displays(Role.DISPLAY, Role.KIOSK, Role.EMPLOYEE, Role.OPERATOR))]


@router.get("/display/{code}.png")
async def display(
    request: Request, site: TheSite, viewer: Watching, codes: TheCodes, code: str, bahasa: str = ""
) -> Response:
    """The picture of one desk, with an ETag of what is on it. No name is ever on it."""
    place = codes.place(code)
    now = None if place is None else site.live.now(place)
    if place is None or now is None:
        raise HTTPException(404, "no place has that code")
    language = site.pages.named(bahasa) if bahasa else site.pages.language(request, viewer)
    until = await reserved_until(site, now) if now.status == "reserved" else 0
    code = codes.of(place) or ""
    body = png(face(site, now, language, f"{site.office.web.address}/d/{code}", until))
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    whose = "public" if site.office.web.display == "public" else "private"
    headers = {"ETag": tag, "Cache-Control": f"{whose}, no-cache", "X-Robots-Tag": "noindex"}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="image/png", headers=headers)


def face(site: Site, now: PlaceNow, language: Language, url: str, until: int = 0) -> Face:
    """What a desk's display says. `until`: end of its reservation, office ns; 0: not known."""
    more = ""
    if now.status == "unknown" or (now.status == "taken" and not now.since and now.cause):
        more = language.word(CAUSE_WORDS, now.cause)
    elif now.status == "reserved" and until:
        more = language.text(N_("s.d. %(time)s"), time=language.time(until))
    elif now.status == "taken" and now.life in ("taken", "away") and now.since:
        more = language.text(N_("sejak %(time)s"), time=language.time(now.since))
    return Face(now.name, where(site, now.place), now.status, language.word(STATUS_WORDS, now.status), more, url)


async def reserved_until(site: Site, now: PlaceNow) -> int:
    """When the reservation that holds a place ends, as the ledger says; 0: it does not."""
    at = site.clock.office()

    def ask(view: View) -> int:
        return next((each.end for each in of_place(view, now.place, at) if each.state == "reserved"), 0)

    try:
        return await site.reading.ask(ask)
    except TransientError:
        return 0
