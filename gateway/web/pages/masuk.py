"""Masuk: signing in by a one-time code, signing out, and the choice of language."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from gateway.web.rendering import LANGUAGE_COOKIE, LANGUAGES, N_, own_path, see
from gateway.web.site import TheSite
from gateway.web.viewer import Anyone, Viewer, allowed

router = APIRouter(include_in_schema=False)
Somebody = Annotated[Viewer | None, Depends(Anyone())]
SignedIn = Annotated[Viewer, Depends(allowed())]
YEAR_S = 365 * 86_400


@router.get("/masuk")
async def ask(request: Request, site: TheSite, viewer: Somebody, lanjut: str = "/") -> Response:
    """The sign-in page; whoever is signed in goes on."""
    if viewer is not None:
        return see(lanjut)
    return site.pages.page(
        request, "masuk/masuk.html", lanjut=own_path(lanjut), why="", issuers=site.office.web.issuers
    )


@router.post("/masuk")
async def redeem(
    request: Request,
    site: TheSite,
    _: Somebody,
    kode: Annotated[str, Form(max_length=64)],
    lanjut: Annotated[str, Form(max_length=512)] = "/",
) -> Response:
    """Sign in by a one-time code."""
    caller = request.client.host if request.client else ""
    why, status = N_("Terlalu sering dicoba. Tunggu semenit, lalu coba lagi."), 429
    if site.sign_ins.allows(caller):
        session = site.accounts.redeem(kode)
        if session is not None:
            answer = see(lanjut)
            answer.set_cookie(
                site.cookie,
                session.secret,
                max_age=session.max_age_s,
                path="/",
                secure=site.office.web.secure,
                httponly=True,
                samesite="lax",
            )
            return answer
        why, status = N_("Kode itu tidak berlaku: salah ketik, sudah dipakai, atau lewat waktunya."), 403
    return site.pages.page(
        request, "masuk/masuk.html", status=status, lanjut=own_path(lanjut), why=why, issuers=site.office.web.issuers
    )


@router.post("/keluar")
async def leave(request: Request, site: TheSite, _: SignedIn) -> Response:
    """Sign out here."""
    site.accounts.sign_out(request.cookies.get(site.cookie, ""))
    answer = see("/masuk")
    answer.delete_cookie(site.cookie, path="/", secure=site.office.web.secure, httponly=True, samesite="lax")
    return answer


@router.get("/bahasa/{code}")
async def choose_language(site: TheSite, viewer: Somebody, code: str, kembali: str = "/") -> Response:
    """Read the page in another language. It changes nobody's data, so it is a link."""
    answer = see(kembali)
    if code in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, code, max_age=YEAR_S, path="/", secure=site.office.web.secure, samesite="lax"
        )
        if viewer is not None:
            site.accounts.set_language(viewer.account, code)
    return answer
