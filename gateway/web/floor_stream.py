"""One floor's changes to one reader, for pages and for programs: server-sent events with resume."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse

from gateway.web.lasting import event_stream
from gateway.web.site import Site
from gateway.web.viewer import Viewer

DIGITS = 16


def floor_stream(request: Request, site: Site, viewer: Viewer, floor: str, seen: str) -> StreamingResponse:
    """`floor`: building/floor. `seen`: the version that the reader saw last; what is no number is nothing.

    Raises HTTPException 404: there is no such floor; 503: too many look at once, here or by this account.
    """
    whole = f"{site.office.site}/{floor}"
    if whole not in site.live.floors():
        raise HTTPException(404, "there is no such floor")
    last = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < DIGITS else None
    return event_stream(request, site, viewer, site.stream.readers, site.stream.follow(whole, last, viewer.each))
