"""/places: what there is, and how it is now."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from gateway.web.api.common import (
    Below,
    Kind,
    Limit,
    Seer,
    answered,
    errors,
    etag,
    is_below,
    not_found,
    resource,
    time_or_none,
    unchanged,
)
from gateway.web.live import STATUSES, PlaceNow
from gateway.web.site import Site, TheSite

router = resource("places")
Status = Literal["free", "taken", "reserved", "unknown", "closed"]


class Place(BaseModel):
    """One space: a desk, a room, a booth. Nobody is named."""

    place: str = Field(description="site/building/floor/zone/space; never changes")
    kind: str
    name: str
    unit: str = Field(description="agency that it belongs to; `_`: none")
    mode: str = Field(description="walk_up, bookable, assigned, out_of_order")
    capacity: int
    accessible: bool = Field(description="for wheelchair users")
    status: Status = Field(description="in one word; unknown is never free")
    state: Literal["occupied", "vacant", "unknown"]
    cause: str | None = Field(description="why unknown")
    life: str | None = Field(
        description="free, reserved, taken, away, out_of_order; null: nobody can claim it, or nobody knows"
    )
    since: str | None = Field(description="since when its life is so, rounded to 5 minutes")
    sensed: str | None = Field(description="what the sensors alone say")
    quality: str | None
    gateway: str


class Counts(BaseModel):
    """Spaces by status."""

    free: int = 0
    taken: int = 0
    reserved: int = 0
    unknown: int = 0
    closed: int = 0


class Group(BaseModel):
    """A zone, a floor, a building, or the site, in numbers."""

    place: str
    kind: Literal["zone", "floor", "building", "site"]
    counts: Counts


class Places(BaseModel):
    """A page of places."""

    items: list[Place]
    next: str | None = Field(description="cursor of the next page; null: this is the last")
    version: int = Field(description="of the live picture; rises with every change")


def shown(now: PlaceNow) -> Place:
    """As the API says it."""
    return Place(
        place=now.place,
        kind=now.kind,
        name=now.name,
        unit=now.unit,
        mode=now.mode,
        capacity=now.capacity,
        accessible=now.accessible,
        status=now.status,
        state=now.state,
        cause=now.cause or None,
        life=now.life or None,
        since=time_or_none(now.since),
        sensed=now.sensed or None,
        quality=now.quality or None,
        gateway=now.gateway,
    )


@router.get("/places", response_model=Places, responses=errors())
async def places(
    request: Request,
    site: TheSite,
    _: Seer,
    place: Below = None,
    kind: Kind = None,
    unit: Annotated[str | None, Query(max_length=32, description="whose they are")] = None,
    status: Annotated[Status | None, Query(description="how they are now")] = None,
    limit: Limit = 200,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
) -> Response:
    """Spaces in the order of their ids, as they are now."""
    tag = etag(f"{site.live.version}-{hash(request.url.query) & 0xFFFFFFFF:x}")
    if (same := unchanged(request, tag)) is not None:
        return same
    chosen = sorted(
        (
            now
            for now in site.live.all()
            if (cursor is None or now.place > cursor)
            and is_below(now.place, place)
            and kind in (None, now.kind)
            and unit in (None, now.unit)
            and status in (None, now.status)
        ),
        key=lambda now: now.place,
    )
    page = chosen[:limit]
    body = Places(
        items=[shown(now) for now in page],
        next=page[-1].place if len(chosen) > limit else None,
        version=site.live.version,
    )
    return answered(body, tag)


@router.get("/places/{path:path}", response_model=Place | Group, responses=errors(404))
async def one(request: Request, site: TheSite, _: Seer, path: str) -> Response:
    """A space, or a zone, floor or building in numbers. Levels behind a building may be left out."""
    tag = etag(site.live.version)
    found = site.live.now(path)
    if found is not None:
        return unchanged(request, tag) or answered(shown(found), tag)
    group = _group(site, path)
    if group is None:
        raise not_found("place")
    return unchanged(request, tag) or answered(group, tag)


def _group(site: Site, path: str) -> Group | None:
    levels = path.split("/")
    while levels and levels[-1] == "_":
        levels.pop()
    kinds: tuple[Literal["site", "building", "floor", "zone"], ...] = ("site", "building", "floor", "zone")
    if not 1 <= len(levels) <= len(kinds):
        return None
    head = "/".join(levels)
    counts = dict.fromkeys(STATUSES, 0)
    for now in site.live.all():
        if now.place.startswith(f"{head}/"):
            counts[now.status] += 1
    whole = "/".join([*levels, *["_"] * (5 - len(levels))])
    if head != site.office.site and site.live.places.full("/".join(levels[1:])) != whole:
        return None
    return Group(place=whole, kind=kinds[len(levels) - 1], counts=Counts(**counts))
