"""Kode baru: an operator gives somebody who is known another sign-in code, with a reason that the person sees."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from gateway.web import slips
from gateway.web.finding_people import NotOne, look_for
from gateway.web.lookups import LONGEST, look_up
from gateway.web.rendering import N_
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(prefix="/operator/pemasangan/kode", include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
PURPOSE = "kode"
OVER = N_("Pertanyaannya sudah lewat waktunya. Cari orangnya sekali lagi.")


@router.get("")
async def start(request: Request, site: TheSite, viewer: Operator) -> Response:
    """For whom, and why?"""
    return _page(request, site, viewer)


@router.post("")
async def search(
    request: Request,
    site: TheSite,
    viewer: Operator,
    siapa: Annotated[str, Form(max_length=120)],
    alasan: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """Find them, which is noted; is it this one?"""
    try:
        person = look_for(site, viewer, siapa, what="name", reason=alasan)
    except NotOne as error:
        return _page(request, site, viewer, wrong=error.why, status=error.status)
    values = {slips.REASON: alasan}
    return slips.ask(request, site, viewer, person, PURPOSE, action=f"{router.prefix}/cetak", values=values)


@router.post("/cetak")
async def give(
    request: Request, site: TheSite, viewer: Operator, orang: Annotated[str, Form(max_length=4000)]
) -> Response:
    """Yes, this one: the slip."""
    said = slips.answered(site, viewer, PURPOSE, orang)
    if not said:
        return _page(request, site, viewer, wrong=OVER, status=410)
    person = look_up(site, viewer, said["pid"], what="code", reason=said[slips.REASON])
    return slips.slip(request, site, viewer, person, code=slips.code_of(site, viewer, person), card=False)


def _page(request: Request, site: Site, viewer: Viewer, *, wrong: str = "", status: int = 200) -> Response:
    return site.pages.page(request, "operator/kode_baru.html", viewer, status=status, wrong=wrong)
