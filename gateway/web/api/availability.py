"""/availability: what is free now, or not reserved at a time to come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.contract.times import written
from gateway.web.api.common import Below, Kind, Seer, errors, etag, is_below, ns_of, resource, unchanged
from gateway.web.api.places import Counts, Status
from gateway.web.availability import Question
from gateway.web.live import CLOSED
from gateway.web.records.reservations import AHEAD
from gateway.web.site import Site, TheSite

router = resource("places")


class Available(BaseModel):
    """A space in as few words as it takes."""

    place: str
    kind: str
    name: str
    unit: str
    accessible: bool
    status: Literal["free", "taken", "reserved", "unknown", "closed", "open"] = Field(
        description="now: as of a place; at a time to come: reserved, closed, or open (nobody has reserved it)"
    )
    cause: str | None = Field(description="why unknown")


class Availability(BaseModel):
    """A page of spaces, and how many there are of each status."""

    version: int = Field(description="of the live picture; 0 for a time to come")
    connected: bool = Field(description="whether the web application hears the broker; else everything is unknown")
    counts: Counts | None = Field(description="of all pages; null for a time to come")
    next: str | None = Field(description="cursor of the next page; null: this is the last")
    items: list[Available]
    at: str | None = Field(None, description="the time to come that was asked for")


@router.get("/availability", response_model=Availability, responses=errors(409, 503))
async def availability(
    request: Request,
    site: TheSite,
    _: Seer,
    place: Below = None,
    kind: Kind = None,
    status: Annotated[Status | None, Query(description="of now only")] = None,
    at: Annotated[AwareDatetime | None, Query(description="default: now")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="items of a page, at most")] = 1_000,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
) -> Response:
    """Answers of now are made four times a second at most, however many ask."""
    if at is not None:
        return await _ahead(site, _time(site, at), place, kind, limit, cursor or "")
    head = (place or "").rstrip("/_") if (place or "").endswith("/_") else place or ""
    question = Question(place=head, kind=kind or "", status=status or "", limit=limit, after=cursor or "")
    given = site.availability.ask(question)
    tag = etag(f"{given.version}-{hash(question) & 0xFFFFFFFF:x}")
    if (same := unchanged(request, tag)) is not None:
        return same
    headers = {"ETag": tag, "Vary": "Accept-Encoding"}
    if given.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(given.packed, media_type="application/json", headers={**headers, "Content-Encoding": "gzip"})
    return Response(given.body, media_type="application/json", headers=headers)


def _time(site: Site, moment: datetime) -> int:
    """Raises HTTPException 409."""
    at = ns_of(moment)
    now = site.clock.office()
    if not now <= at <= now + AHEAD:
        raise HTTPException(409, "at: a time to come within 400 days; of the past, ask /events or reports")
    return at


async def _ahead(site: Site, at: int, place: str | None, kind: str | None, limit: int, after: str) -> Response:
    reserved = await site.ahead.reserved(at)
    chosen = sorted(
        (
            now
            for now in site.live.all()
            if now.place > after and is_below(now.place, place) and kind in (None, now.kind)
        ),
        key=lambda now: now.place,
    )
    items = [
        Available(
            place=now.place,
            kind=now.kind,
            name=now.name,
            unit=now.unit,
            accessible=now.accessible,
            status="closed" if now.status == CLOSED else "reserved" if now.place in reserved else "open",
            cause=None,
        )
        for now in chosen[:limit]
    ]
    body = Availability(
        version=0,
        connected=site.live.connected,
        counts=None,
        next=items[-1].place if len(chosen) > limit else None,
        items=items,
        at=written(at),
    )
    return Response(body.model_dump_json(), media_type="application/json")
