"""Siapa di kantor: colleagues who share, to the zone at most."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from gateway.web.mine.sharing import colleagues
from gateway.web.site import TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]


@router.get("/orang")
async def look(request: Request, site: TheSite, viewer: Employee) -> Response:
    """Who of one's unit shares, and where they are as far as is known."""
    return site.pages.page(
        request,
        "orang/orang.html",
        viewer,
        people=await colleagues(site, viewer),
        person=site.people.person(viewer.pid),
    )
