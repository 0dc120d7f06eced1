"""Live changes of one floor, for pages: server-sent events with resume."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from gateway.web.floor_stream import floor_stream
from gateway.web.site import TheSite
from gateway.web.viewer import Viewer, allowed

router = APIRouter(include_in_schema=False)
SignedIn = Annotated[Viewer, Depends(allowed())]


@router.get("/langsung/{building}/{floor}")
async def follow(
    request: Request,
    site: TheSite,
    viewer: SignedIn,
    building: str,
    floor: str,
    last_event_id: Annotated[str | None, Header()] = None,
    dari: str = "",
) -> StreamingResponse:
    """`snapshot` first, then `places` as they change; stream.py says what is in them.

    `dari`: the number of the picture that the page was made of; without it, and when a browser comes back with the last
    that it saw, as the header says.
    """
    return floor_stream(request, site, viewer, f"{building}/{floor}", last_event_id or dari)
