"""Who looks: the account behind a request, its roles, and what guards ask of it.

A route says who may use it by its guard, `Depends(allowed(Role.OPERATOR))`; a test walks over all routes and refuses
one without. An agency sees its own people only: `Viewer.sees` is asked wherever a person's row leaves the archive.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from urllib.parse import quote

from fastapi import HTTPException, Request, status

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
EVERYWHERE = "*"
"""As a unit of an account's scope: of all units."""
HEADER = "x-csrf-token"
FIELD = "csrf"


class Role(StrEnum):
    """What an account may do; one may have several. Ordered by nothing: each is asked for by name."""

    DISPLAY = "display"
    """Signage: anonymous state only."""
    KIOSK = "kiosk"
    """A screen at an entrance: acts for whoever holds a card there."""
    EMPLOYEE = "employee"
    """One's own desk, history and privacy; needs a person."""
    OPERATOR = "operator"
    """Devices, gateways, corrections; people of its units, with a reason that they see."""
    ANALYST = "analyst"
    """Reports: groups of five and more."""
    INTEGRATOR = "integrator"
    """Events and attendance of its units, for a backend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """One request's account."""

    account: str
    roles: frozenset[Role]
    pid: str = ""
    """The person; empty: the account is nobody's."""
    unit: str = "_"
    """The person's unit."""
    units: frozenset[str] = frozenset()
    """Whose people it may see by its roles; EVERYWHERE: everybody's."""
    place: str = ""
    """Where a kiosk or display hangs, five levels."""
    csrf: str = ""
    """What a changing request of a session must carry; empty for a token's."""
    language: str = ""

    @property
    def each(self) -> str:
        """Whom a limit counts: the account; of screens, many of which may share one, the session."""
        return (self.csrf if self.has(Role.KIOSK, Role.DISPLAY) else "") or self.account

    @property
    def mark(self) -> str:
        """By it a browser tells what this account has left in it from another's; nobody can be found by it."""
        return sha256(self.account.encode()).hexdigest()[:16]

    def has(self, *roles: Role) -> bool:
        """Whether it has one of these roles."""
        return not self.roles.isdisjoint(roles)

    def sees(self, unit: str, pid: str = "") -> bool:
        """Whether rows about a person of `unit` may leave for this viewer: one's own, or of the scope's units."""
        if pid and pid == self.pid:
            return True
        return self.has(Role.OPERATOR, Role.INTEGRATOR) and not self.units.isdisjoint({unit, EVERYWHERE})


class SignIn(HTTPException):
    """Nobody is signed in: a page sends them to /masuk, the API answers 401."""

    def __init__(self, path: str) -> None:
        super().__init__(status.HTTP_401_UNAUTHORIZED, "sign in first", {"WWW-Authenticate": "Bearer"})
        self.location = f"/masuk?lanjut={quote(path, safe='/')}"


class TooOften(HTTPException):
    """More requests or changes than an account may make."""

    def __init__(self) -> None:
        super().__init__(status.HTTP_429_TOO_MANY_REQUESTS, "too often; wait a little", {"Retry-After": "10"})


class Allowed:
    """A guard: the viewer, if it has one of `roles`; none named: whoever is signed in."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, request: Request) -> Viewer:
        """Raises SignIn; TooOften; HTTPException 403: without the role, or a change without its token."""
        viewer = await found(request)
        if viewer is None:
            raise SignIn(request.url.path)
        if self.roles and not viewer.has(*self.roles):
            raise HTTPException(status.HTTP_403_FORBIDDEN, f"needs one of: {', '.join(sorted(self.roles))}")
        if request.method not in SAFE:
            await _own(request, viewer)
            if not request.app.state.site.changes.allows(viewer.each):
                raise TooOften
        return viewer


class Anyone:
    """A guard of what needs nobody: sign-in, static files, health. Says so for the test that walks over routes."""

    roles: frozenset[Role] = frozenset()

    async def __call__(self, request: Request) -> Viewer | None:
        """Who is signed in, if somebody is. A change must come from our own pages all the same."""
        if request.method not in SAFE and not _same_origin(request):
            raise HTTPException(status.HTTP_403_FORBIDDEN, "a request of another site")
        return await found(request)


def allowed(*roles: Role) -> Allowed:
    """The guard for `Depends`."""
    return Allowed(*roles)


async def found(request: Request) -> Viewer | None:
    """The viewer by session cookie or bearer token; kept for the request. Raises TooOften: by one token."""
    if not hasattr(request.state, "viewer"):
        site = request.app.state.site
        request.state.viewer = site.accounts.viewer(
            session=request.cookies.get(site.cookie, ""), authorization=request.headers.get("authorization", "")
        )
        by_token = request.state.viewer is not None and not request.state.viewer.csrf
        if by_token and not site.requests.allows(request.state.viewer.account):
            raise TooOften
    viewer: Viewer | None = request.state.viewer
    return viewer


def _same_origin(request: Request) -> bool:
    """By what every browser of the last years sends; a client that is no browser sends neither."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.split("://", 1)[-1] == request.headers.get("host")


async def _own(request: Request, viewer: Viewer) -> None:
    """A session's change must carry its token, in a header or a form's field. Raises HTTPException 403."""
    if not viewer.csrf:
        return  # a bearer token is not sent by a browser on its own
    given = request.headers.get(HEADER, "")
    if not given and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else ""
    if not _same_origin(request) or not hmac.compare_digest(given.encode(), viewer.csrf.encode()):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "the page is too old: load it again")
