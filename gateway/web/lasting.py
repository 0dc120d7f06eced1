"""Streams end with the right to read them: signed out, disabled, erased, revoked, or of other roles and units."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import Request

from gateway.clock import SECOND
from gateway.web.site import Site
from gateway.web.viewer import Viewer

LOOK_S = 5
"""How often is looked at most; a stream that is silent has a ping every 15 s, and is looked at with that."""


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
