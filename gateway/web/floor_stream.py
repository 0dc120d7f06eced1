"""One floor's changes to one reader, for pages and for programs: server-sent events with resume."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse

from gateway.web.lasting import while_welcome
from gateway.web.site import Site
from gateway.web.viewer import Viewer

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
DIGITS = 16


def floor_stream(request: Request, site: Site, viewer: Viewer, floor: str, seen: str) -> StreamingResponse:
    """`floor`: building/floor. `seen`: the version that the reader saw last; what is no number is nothing.

    Raises HTTPException 404: there is no such floor; 503: too many look at once, here or by this account.
    """
    whole = f"{site.office.site}/{floor}"
    if whole not in site.live.floors():
        raise HTTPException(404, "there is no such floor")
    if not site.stream.readers.has_room(viewer.each):
        raise HTTPException(503, "too many look at once", {"Retry-After": "10"})
    last = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < DIGITS else None
    body = while_welcome(request, site, site.stream.follow(whole, last, viewer.each))
    return StreamingResponse(body, media_type="text/event-stream", headers=HEADERS)
