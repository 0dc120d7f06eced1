"""`/d`: where a sticker sends whoever has no camera. They type its code, and are at the desk's page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from gateway.web.codes import TheCodes
from gateway.web.rendering import see
from gateway.web.site import TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]


@router.get("/d")
async def ask(
    request: Request,
    site: TheSite,
    viewer: Employee,
    codes: TheCodes,
    kode: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The field for the code; with one that leads somewhere, on to there."""
    place = codes.place(kode) if kode else None
    if place is not None:
        return see(f"/d/{codes.of(place)}")
    return site.pages.page(request, "kiosk/kode.html", viewer, status=404 if kode else 200, kode=kode)
