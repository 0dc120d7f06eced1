"""/events: everything behind a cursor, for whoever fell behind; and /stream: the same as it comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Header, HTTPException, Query, Request
from fastapi.responses import Response, StreamingResponse

from gateway.contract.events import EVENTS
from gateway.errors import PermanentError, TransientError
from gateway.web.api.common import Below, SignedIn, Technical, errors, resource, scope_of
from gateway.web.floor_stream import floor_stream
from gateway.web.lasting import event_stream
from gateway.web.records.cursors import CURSOR, MOST_CHARACTERS, Cursor, cursor_of
from gateway.web.records.feed import MOST, PUBLIC, Page, Scope, integrator, ndjson, page
from gateway.web.records.rows import Rows
from gateway.web.site import Site, TheSite
from gateway.web.stream import PING, PING_S, RETRY_MS
from gateway.web.viewer import Role, Viewer

router = resource("events")
NDJSON = "application/x-ndjson"
FOLLOW_S = 0.5
"""How often the ledger is looked at for who follows it."""
EventName = StrEnum("EventName", {name.upper().replace(".", "_"): name for name in EVENTS})  # type: ignore[misc]
Types = Annotated[
    list[EventName] | None,
    Query(alias="type", max_length=len(EVENTS), description="of these types only; may be repeated"),
]
_OPENED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "one event a line, byte for byte as its gateway wrote it",
        "content": {NDJSON: {"schema": {"type": "string"}}},
        "headers": {
            "Hadir-Cursor": {"description": "go on with `after=` this", "schema": {"type": "string"}},
            "Hadir-More": {"description": "true: there is more already", "schema": {"type": "string"}},
        },
    }
}
_STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "server-sent events: `id` is the cursor, `data` the event",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def scope(viewer: Viewer) -> Scope:
    """An integrator: its units' acts, and what names nobody. An operator: what names nobody. Never `sense`."""
    return integrator(scope_of(viewer)) if viewer.has(Role.INTEGRATOR) else PUBLIC


@router.get("/events", response_class=Response, responses={**errors(409, 503), **_OPENED})
async def events(
    site: TheSite,
    viewer: Technical,
    after: Annotated[
        str, Query(max_length=MOST_CHARACTERS, pattern=CURSOR, description="cursor; default: the beginning")
    ] = "",
    type_: Types = None,
    place: Below = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="events of a page, at most")] = MOST,
) -> Response:
    """A page may be empty and have a cursor that goes on: nothing in it was for this credential."""
    cursor, types = cursor_of(after), tuple(type_ or ())
    found = await _page(site, scope(viewer), cursor, limit, types, place or "")
    headers = {"Hadir-Cursor": str(found.cursor), "Hadir-More": str(found.more).lower(), "Cache-Control": "no-store"}
    return Response(ndjson(found), media_type=NDJSON, headers=headers)


@router.get("/stream", response_class=StreamingResponse, responses={**errors(409, 503), **_STREAMED})
async def stream(
    request: Request,
    site: TheSite,
    viewer: Technical,
    after: Annotated[
        str, Query(max_length=MOST_CHARACTERS, pattern=CURSOR, description="cursor; default: what comes from now on")
    ] = "",
    type_: Types = None,
    place: Below = None,
    last_event_id: Annotated[str | None, Header(description="what the reader saw last: it goes on behind it")] = None,
) -> Response:
    """Events as they are committed. Who comes back says the last id that it saw, and misses nothing."""
    types = tuple(type_ or ())
    last = last_event_id if last_event_id and re.fullmatch(CURSOR, last_event_id, re.ASCII) else after
    begin = cursor_of(last) if last else await site.reading.ask(lambda view: Rows.over(view).newest())
    first = await _page(site, scope(viewer), begin, MOST, types, place or "")
    body = _followed(site, viewer, begin, first, types, place or "")
    return event_stream(request, site, viewer, site.followers.readers, body)


@router.get("/stream/{building}/{floor}", response_class=StreamingResponse, responses={**errors(404, 503), **_STREAMED})
async def floor(
    request: Request,
    site: TheSite,
    viewer: SignedIn,
    building: str,
    floor: str,
    last_event_id: Annotated[str | None, Header(description="version that the reader saw last")] = None,
) -> Response:
    """How the places of a floor are: `snapshot` first, then `places` as they change."""
    return floor_stream(request, site, viewer, f"{building}/{floor}", last_event_id or "")


async def _page(site: Site, who: Scope, cursor: Cursor, limit: int, types: tuple[str, ...], place: str) -> Page:
    """Raises HTTPException 409, TransientError."""
    head = place.rstrip("/_") if place.endswith("/_") else place
    try:
        return await site.reading.ask(
            lambda view: page(Rows.over(view), who, cursor, limit=limit, types=types, place=head)
        )
    except PermanentError as error:
        raise HTTPException(409, str(error)) from error


async def _followed(
    site: Site, viewer: Viewer, begin: Cursor, first: Page, types: tuple[str, ...], place: str
) -> AsyncGenerator[bytes, None]:
    who = scope(viewer)
    with site.followers.readers.reading(viewer.each):
        yield f"retry: {RETRY_MS}\nid: {begin}\n\n".encode()
        found, quiet = first, 0.0
        while True:
            if found.events:
                yield b"".join(
                    b"event: %b\nid: %b\ndata: %b\n\n"
                    % (row.type.encode(), str(found.eras.cursor(row.id)).encode(), row.body.replace(b"\n", b" "))
                    for row in found.events
                )
                quiet = 0.0
            try:
                while not found.more and await site.followers.newest() <= found.cursor.id:
                    await asyncio.sleep(FOLLOW_S)
                    quiet += FOLLOW_S
                    if quiet >= PING_S:
                        yield PING
                        quiet = 0.0
                        break  # and see whether it is still the same archive
                found = await _page(site, who, found.cursor, MOST, types, place)
            except (HTTPException, TransientError):
                return  # the reader comes back, and is told why
