"""Mengapa: the evidence behind a state, as `hadir why` has it, at a time that the reader chooses.

About a person only with a reason, which the person sees; of the operator's units only.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from gateway.config.places import Places
from gateway.errors import HadirError, PermanentError
from gateway.web.finding_people import NotOne, look_for
from gateway.web.live import status_of
from gateway.web.rendering import N_
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed
from gateway.web.why_told import Telling
from gateway.why.ask import answer_of
from gateway.why.live import resolve
from gateway.why.moment import moment

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
MOST_CHOICES = 500
"""Places that are offered while one types; more would make the page heavy."""
NO_PLACE = N_("Tempat itu tidak ada. Tulis namanya seperti di daftar, misalnya d-001.")
NO_TIME = N_("Waktu itu tidak dapat dibaca, atau belum terjadi.")
NO_ANSWER = N_("Catatannya belum dapat dibaca: arsip belum menyimpan apa pun, atau sedang tidak terjangkau.")


@router.get("/mengapa")
async def place(
    request: Request,
    site: TheSite,
    viewer: Operator,
    tempat: Annotated[str, Query(max_length=160)] = "",
    saat: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """About a place."""
    if not tempat.strip():
        return _page(request, site, viewer, tempat="", saat=saat)
    try:
        where = resolve(site.office, Places(site.office), tempat.strip())
    except PermanentError:
        return _page(request, site, viewer, tempat=tempat, saat=saat, wrong=NO_PLACE, status=404)
    return await _answered(request, site, viewer, where, tempat=where, saat=saat)


@router.post("/mengapa/orang")
async def person(
    request: Request,
    site: TheSite,
    viewer: Operator,
    siapa: Annotated[str, Form(max_length=120)],
    alasan: Annotated[str, Form(min_length=5, max_length=200)],
    saat: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    """About a person. It is logged before it is answered, and the person sees who asked and why."""
    try:
        found = look_for(site, viewer, siapa, what="why", reason=alasan)
    except NotOne as error:
        return _page(request, site, viewer, saat=saat, wrong=error.why, status=error.status)
    return await _answered(request, site, viewer, found.pid, saat=saat, who=found.name or found.pid, reason=alasan)


async def _answered(request: Request, site: Site, viewer: Viewer, what: str, *, saat: str, **values: Any) -> Response:
    now = site.clock.office()
    when = saat.strip() or "now"
    try:
        moment(when, site.office.timezone, now)
    except HadirError:
        return _page(request, site, viewer, saat=saat, wrong=NO_TIME, status=422, **values)
    try:
        answer = await asyncio.to_thread(answer_of, site.office, what, when, now)
    except HadirError as error:
        site.counters.add("web.why_failed", type(error).__name__)
        return _page(request, site, viewer, saat=saat, wrong=NO_ANSWER, status=503, **values)
    at = int(answer["at"])
    told = Telling(site.pages.language(request, viewer), site.office, at).told(answer)
    badge = ""
    if "occupancy" in answer:
        life = str((answer.get("desk") or {}).get("life") or "")
        badge = status_of(state=str(answer["occupancy"]["state"]), life=life, mode=str(answer["mode"]))
    source = str(answer["source"])
    gateway = source.removeprefix("gateway ") if source.startswith("gateway ") else ""
    return _page(request, site, viewer, saat=saat, told=told, at=at, badge=badge, gateway=gateway, **values)


def _page(
    request: Request,
    site: Site,
    viewer: Viewer,
    *,
    tempat: str = "",
    saat: str = "",
    wrong: str = "",
    status: int = 200,
    told: Any = None,
    at: int = 0,
    **values: Any,
) -> Response:
    language = site.pages.language(request, viewer)
    spots = Places(site.office).spots
    return site.pages.page(
        request,
        "operator/mengapa.html",
        viewer,
        status=status,
        tempat=tempat,
        saat=_field(saat, language.local(at) if at else None),
        wrong=wrong,
        example=next((spot.space.id for spot in spots.values()), ""),
        told=told,
        at=at,
        latest=language.local(site.clock.office()).strftime("%Y-%m-%dT%H:%M"),
        choices=[(place, spot.space.name or spot.space.id) for place, spot in list(spots.items())[:MOST_CHOICES]],
        name=spots[tempat].space.name or spots[tempat].space.id if tempat in spots else tempat,
        **{"badge": "", "gateway": "", "who": "", "reason": "", **values},
    )


def _field(text: str, at: datetime | None) -> str:
    """As a field for a date and time takes it; empty for now."""
    return at.strftime("%Y-%m-%dT%H:%M") if at is not None and text.strip() not in ("", "now") else ""
