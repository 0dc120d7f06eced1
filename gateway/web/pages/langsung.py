"""Live changes of one floor, for pages: server-sent events with resume."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import StreamingResponse

from gateway.web.lasting import while_welcome
from gateway.web.site import TheSite
from gateway.web.stream import MOST_READERS
from gateway.web.viewer import Viewer, allowed

router = APIRouter(include_in_schema=False)
SignedIn = Annotated[Viewer, Depends(allowed())]


@router.get("/langsung/{building}/{floor}")
async def follow(
    request: Request,
    site: TheSite,
    _: SignedIn,
    building: str,
    floor: str,
    last_event_id: Annotated[str | None, Header()] = None,
    dari: str = "",
) -> StreamingResponse:
    """`snapshot` first, then `places` as they change; stream.py says what is in them.

    `dari`: the number of the picture that the page was made of; without it, and when a browser comes back with the last
    that it saw, as the header says.
    """
    whole = f"{site.office.site}/{building}/{floor}"
    if whole not in site.live.floors():
        raise HTTPException(404, "there is no such floor")
    if site.stream.readers >= MOST_READERS:
        raise HTTPException(503, "too many look at once", {"Retry-After": "10"})
    seen = last_event_id or dari
    last = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else None
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    body = while_welcome(request, site, site.stream.follow(whole, last))
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)
