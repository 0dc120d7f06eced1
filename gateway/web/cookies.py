"""Cookies: the session's, and what a browser keeps while somebody signs in elsewhere. All are `__Host-` cookies."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from gateway.web.accounts import Session
from gateway.web.rendering import see
from gateway.web.site import Site

FLOW_S = 600
"""How long a sign-in at a provider, or a link by a code, may take."""


def welcome(request: Request, site: Site, session: Session, onward: str) -> Response:
    """Signed in: a new session's cookie. The one before ends, so that a cookie that was planted is worth nothing."""
    before = request.cookies.get(site.cookie, "")
    if before:
        site.accounts.sign_out(before)
    answer = see(onward)
    _keep(site, answer, site.cookie, session.secret, session.max_age_s)
    return answer


def goodbye(request: Request, site: Site, answer: Response) -> None:
    """Signed out here."""
    site.accounts.sign_out(request.cookies.get(site.cookie, ""))
    _drop(site, answer, site.cookie)


def keep_flow(site: Site, answer: Response, purpose: str, values: dict[str, str]) -> None:
    """`values`, sealed, until they come back. Raises HadirError: too long."""
    _keep(site, answer, f"{site.cookie}-{purpose}", site.sealer.seal(purpose, values, FLOW_S), FLOW_S)


def flow(request: Request, site: Site, purpose: str) -> dict[str, str]:
    """What was kept; empty: nothing, or too long ago."""
    return dict(site.sealer.open(purpose, request.cookies.get(f"{site.cookie}-{purpose}", "")) or {})


def drop_flow(site: Site, answer: Response, purpose: str) -> None:
    """It has come back: it is not to be used again."""
    _drop(site, answer, f"{site.cookie}-{purpose}")


def _keep(site: Site, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name, value, max_age=seconds, path="/", secure=site.office.web.secure, httponly=True, samesite="lax"
    )


def _drop(site: Site, answer: Response, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=site.office.web.secure, httponly=True, samesite="lax")
