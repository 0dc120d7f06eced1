"""Akun: how one signs in, and where one is signed in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from gateway.web.cookies import goodbye
from gateway.web.rendering import see
from gateway.web.site import TheSite
from gateway.web.viewer import Viewer, allowed

router = APIRouter(include_in_schema=False)
SignedIn = Annotated[Viewer, Depends(allowed())]


@router.get("/akun")
async def show(request: Request, site: TheSite, viewer: SignedIn) -> Response:
    """Roles, providers, sessions."""
    sessions = site.accounts.sessions
    names = {issuer.id: issuer.name for issuer in site.office.web.issuers}
    return site.pages.page(
        request,
        "akun/akun.html",
        viewer,
        sessions=sessions.of(viewer.account),
        this=sessions.id(request.cookies.get(site.cookie, "")),
        names=names,
        links=site.accounts.identities.of(viewer.account),
        wall=site.wall.office(),
    )


@router.post("/akun/keluar")
async def end_one(site: TheSite, viewer: SignedIn, sesi: Annotated[str, Form(max_length=32)]) -> Response:
    """Sign out somewhere else; of another account's sessions nothing happens."""
    site.accounts.sessions.end_one(viewer.account, sesi)
    return see("/akun")


@router.post("/akun/keluar-semua")
async def end_all(request: Request, site: TheSite, viewer: SignedIn) -> Response:
    """Sign out everywhere, here as well."""
    site.accounts.sessions.end_all(viewer.account)
    answer = see("/masuk?keluar=")
    goodbye(request, site, answer)
    return answer
