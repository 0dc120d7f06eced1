"""Beranda: where everybody begins. An employee sees their desk, an operator what needs them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from gateway.web.rendering import see
from gateway.web.site import TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
SignedIn = Annotated[Viewer, Depends(allowed())]


@router.get("/")
async def home(request: Request, site: TheSite, viewer: SignedIn) -> Response:
    """The first page of the viewer's first role."""
    if not viewer.pid and viewer.has(Role.OPERATOR):
        return see("/operator")
    counts = dict.fromkeys(("free", "taken", "reserved", "unknown", "closed"), 0)
    for now in site.live.all():
        if now.kind == "desk":
            counts[now.status] += 1
    return site.pages.page(request, "beranda/beranda.html", viewer, counts=counts)
