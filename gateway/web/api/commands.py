"""What the API asks gateways for, and how their answers become answers of the API."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Header, Request
from fastapi.responses import Response

from gateway.web.api.common import PROBLEM, refused
from gateway.web.asking import NO_ANSWER, NOT_SENT, Answer
from gateway.web.idempotency import Kept, Reused, Running
from gateway.web.site import Site
from gateway.web.viewer import Viewer

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9._:-]{1,64}$",
        description="asked for again under the same key within 24 h, it is done once and answered again",
    ),
]
STATUS = {
    NO_ANSWER: (504, "the gateway has not answered; ask again with the same Idempotency-Key"),
    NOT_SENT: (503, "the broker is not there; nothing was asked for"),
    "expired": (503, "the gateway's clock and ours differ by more than 30 s; nothing was done"),
    "no_place": (404, "there is no such place"),
    "not_owner": (503, "another gateway decides that place now; ask again"),
    "forbidden": (403, "the gateway does not allow that"),
    "invalid": (400, "the gateway does not understand that"),
    "no_change": (409, "it does not fit: the place is taken, reserved, closed, or of another unit; look at it again"),
}
COMMAND_ERRORS = (400, 404, 409, 413, 429, 503, 504)


def failed(answer: Answer) -> Kept:
    """What the API says of a command that was not carried out."""
    status, title = STATUS.get(answer.reason, (409, f"the gateway has not done it: {answer.reason}"))
    return problem(status, title, reason=answer.reason)


def problem(status: int, title: str, **more: Any) -> Kept:
    """As refused(), to be kept."""
    return Kept(
        status=status, body=json.dumps({"type": "about:blank", "title": title, "status": status, **more}).encode()
    )


def done(status: int, **body: Any) -> Kept:
    """It is done."""
    return Kept(status=status, body=json.dumps(body).encode())


async def once(
    site: Site,
    viewer: Viewer,
    request: Request,
    key: str | None,
    asked: dict[str, Any],
    make: Callable[[str], Awaitable[Kept]],
) -> Response:
    """Do it once."""
    meant = json.dumps([request.method, request.url.path, asked], sort_keys=True).encode()
    try:
        kept = await site.once.do(viewer.account, key or "", meant, make)
    except Reused:
        return refused(422, "this Idempotency-Key was used for another request")
    except Running:
        return refused(409, "the first request of this Idempotency-Key is not answered yet")
    headers = {"Idempotent-Replayed": "true"} if kept.again else {}
    if kept.status in (503, 504):
        headers["Retry-After"] = "5"
    media = PROBLEM if kept.status >= 400 else "application/json"
    return Response(kept.body, kept.status, headers=headers, media_type=media)
