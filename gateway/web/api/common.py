"""What all resources of /api/v1 share: their guards, the shape of an error, cursors and ETags."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Security
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from gateway.clock import SECOND
from gateway.contract.fields import LEVEL
from gateway.contract.times import LATEST, written
from gateway.web.viewer import EVERYWHERE, Allowed, Role, Viewer, allowed, found

PREFIX = "/api/v1"
PROBLEM = "application/problem+json"
INSTANCE = secrets.token_hex(4)
"""Of this process: an ETag of an earlier one, whose versions began at 0 as well, never matches."""
MOST_ITEMS = 1_000
PREFIX_OF_PLACE = rf"^{LEVEL}(?:/{LEVEL}){{0,4}}$"
YEARS = range(2000, 2201)
"""Of which a day may be asked for."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wire(BaseModel):
    """Base of all bodies; what is not named is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mistake(BaseModel):
    """One part of a request that cannot be."""

    where: str = Field(description="query/at, body/place, ...")
    why: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field("about:blank", description="always about:blank: the title says it")
    title: str = Field(description="what is wrong and, where that is not plain, what to do")
    status: int
    reason: str | None = Field(None, description="a stable word, of a command that a gateway did not carry out")
    errors: list[Mistake] | None = Field(None, description="of 422: each mistake")


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of a route: 401, 403, 422 and these."""
    words = {
        400: "it cannot be so",
        401: "no credential, or one that does not work",
        403: "the credential may not",
        404: "there is no such thing",
        409: "it does not fit what is there",
        413: "the body is larger than 1 MB",
        422: "the request has mistakes",
        429: "too often",
        503: "not now: try again after Retry-After seconds",
        504: "the gateway has not answered: try again with the same Idempotency-Key",
    }
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": words[status], "content": content} for status in sorted({401, 403, 422, *statuses})}


_BEARER = HTTPBearer(
    auto_error=False, bearerFormat="hadir_...", description="`hadir accounts office.yaml token --role ... --unit ...`"
)


def resource(*tags: str, public: bool = False) -> APIRouter:
    """A router of /api/v1; its routes take a bearer token or a browser's session. `public`: and need neither."""
    return APIRouter(prefix=PREFIX, tags=list(tags), dependencies=[] if public else [Security(_BEARER)])


def ns_of(moment: datetime) -> int:
    """Office time of a time that a request gave, as far as a database counts: 1970 to 2262."""
    since = moment - _EPOCH
    return min(max(0, (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000), LATEST)


def must_be_here(day: date) -> None:
    """Raises HTTPException 404: no calendar and no clock here knows such a day."""
    if day.year not in YEARS:
        raise HTTPException(404, "there is no such day here")


class Watching(Allowed):
    """A guard of what screens on the wall show: any credential, or none where `web.display` is `public`."""

    async def __call__(self, request: Request) -> Viewer:
        """As its parent; a viewer who is nobody where the site's screens are public."""
        if request.app.state.site.office.web.display == "public" and await found(request) is None:
            return Viewer(account="", roles=frozenset({Role.DISPLAY}))
        return await super().__call__(request)


Seer = Annotated[Viewer, Depends(Watching())]
SignedIn = Annotated[Viewer, Depends(allowed())]
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
Technical = Annotated[Viewer, Depends(allowed(Role.OPERATOR, Role.INTEGRATOR))]

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="items of a page, at most")]
Below = Annotated[
    str | None,
    Query(
        pattern=PREFIX_OF_PLACE, max_length=170, description="a place of one to five levels: itself and what is below"
    ),
]
Kind = Annotated[
    str | None, Query(pattern="^(desk|room|booth|other)$", max_length=8, description="desk, room, booth, other")
]


KEYSET = r"^[0-9]{1,19}\.[A-Za-z0-9._:-]{1,64}$"
"""A cursor into what is sorted by a time, latest first, and then by an id."""


def keyset(at: int, identity: str) -> str:
    """The cursor behind this item."""
    return f"{at}.{identity}"


def behind(cursor: str | None, at: int, identity: str) -> bool:
    """Whether an item comes after the one that the cursor is of."""
    if cursor is None:
        return True
    time, _, last = cursor.partition(".")
    return (-at, identity) > (-int(time), last)


def is_below(place: str, above: str | None) -> bool:
    """Whether `place` is `above` or lies below it; `_` fills levels and stands for none. None: everywhere."""
    if above is None:
        return True
    head = above.rstrip("/_") if above.endswith("/_") else above
    return place in (above, head) or place.startswith(f"{head}/")


def time_or_none(ns: int | None) -> str | None:
    """RFC 3339; 0 and None are no time."""
    return None if not ns else written(max(0, ns))


def etag(version: object) -> str:
    """Of what changes with `version`."""
    return f'W/"{INSTANCE}-{version}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """304, where the reader has this already."""
    given = {part.strip() for part in request.headers.get("if-none-match", "").split(",")}
    return Response(status_code=304, headers={"ETag": tag}) if tag in given else None


def answered(body: BaseModel, tag: str) -> Response:
    """A body with its ETag."""
    return Response(body.model_dump_json(), media_type="application/json", headers={"ETag": tag})


def refused(status: int, title: str, **more: object) -> JSONResponse:
    """A problem that is part of a resource's own business."""
    body = {"type": "about:blank", "title": title, "status": status, **more}
    headers = {"Retry-After": "5"} if status in (503, 504) else {}
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM)


def not_found(what: str) -> HTTPException:
    """404."""
    return HTTPException(404, f"there is no such {what}")


def runs(viewer: Viewer, unit: str) -> bool:
    """Whether an operator may change what is of this unit; what is nobody's, every operator may."""
    return unit == "_" or not viewer.units.isdisjoint({unit, EVERYWHERE})


def scope_of(viewer: Viewer) -> frozenset[str] | None:
    """Units whose people a credential may see; None: everybody's."""
    return None if EVERYWHERE in viewer.units else viewer.units
