"""Streams of server-sent events: so many at once, and each ends with the right to read it.

That is signed out, disabled, erased, revoked, or of other roles and units.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse

from gateway.clock import SECOND
from gateway.web.readers import Readers
from gateway.web.site import Site
from gateway.web.viewer import Viewer

LOOK_S = 5
"""How often is looked at most; a stream that is silent has a ping every 15 s, and is looked at with that."""


def event_stream(
    request: Request, site: Site, viewer: Viewer, readers: Readers, body: AsyncGenerator[bytes, None]
) -> StreamingResponse:
    """`body`, which counts itself among `readers` while it lasts, as a response.

    Raises HTTPException 503: too many read at once, here or by this account.
    """
    if not readers.has_room(viewer.each):
        raise HTTPException(503, "too many follow at once", {"Retry-After": "10"})
    lasting = while_welcome(request, site, body)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lasting, media_type="text/event-stream", headers=headers)


async def while_welcome(request: Request, site: Site, body: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """`body`, until whoever asked for it may not any more. Looking is no use of a session: it may end by idleness."""
    session = request.cookies.get(site.cookie, "")
    authorization = request.headers.get("authorization", "")
    before = _rights(site.accounts.peek(session=session, authorization=authorization))
    looked = site.wall.machine()
    async with aclosing(body):
        async for part in body:
            if site.wall.machine() - looked >= LOOK_S * SECOND:
                looked = site.wall.machine()
                if _rights(site.accounts.peek(session=session, authorization=authorization)) != before:
                    return
            yield part


def _rights(viewer: Viewer | None) -> object:
    return None if viewer is None else (viewer.account, viewer.pid, viewer.unit, viewer.roles, viewer.units)
