"""Masuk: signing in by a one-time code, signing out, and the choice of language."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from gateway.web.cookies import goodbye, welcome
from gateway.web.rendering import LANGUAGE_COOKIE, LANGUAGES, N_, own_path, see
from gateway.web.sessions import device_of
from gateway.web.site import TheSite
from gateway.web.viewer import Anyone, Viewer, allowed

router = APIRouter(include_in_schema=False)
Somebody = Annotated[Viewer | None, Depends(Anyone())]
SignedIn = Annotated[Viewer, Depends(allowed())]
YEAR_S = 365 * 86_400


@router.get("/masuk")
async def ask(
    request: Request, site: TheSite, viewer: Somebody, lanjut: str = "/", keluar: str | None = None
) -> Response:
    """The sign-in page; whoever is signed in goes on. `keluar`: an issuer's id or none: a session ended."""
    if viewer is not None:
        return see(lanjut)
    issuers = site.office.web.issuers
    return site.pages.page(
        request,
        "masuk/masuk.html",
        lanjut=own_path(lanjut),
        why="",
        issuers=issuers,
        gone=keluar is not None,
        left=next((issuer for issuer in issuers if issuer.id == keluar), None),
    )


@router.post("/masuk")
async def redeem(
    request: Request,
    site: TheSite,
    _: Somebody,
    kode: Annotated[str, Form(max_length=64)],
    lanjut: Annotated[str, Form(max_length=512)] = "/",
) -> Response:
    """Sign in by a one-time code. Wrong ones are counted by caller."""
    caller = request.client.host if request.client else ""
    why, status = N_("Terlalu sering dicoba. Tunggu semenit, lalu coba lagi."), 429
    if site.sign_ins.has(caller):
        session = site.accounts.redeem(kode, device=device_of(request.headers.get("user-agent", "")))
        if session is not None:
            return welcome(request, site, session, lanjut)
        site.sign_ins.allows(caller)
        why, status = N_("Kode itu tidak berlaku: salah ketik, sudah dipakai, atau lewat waktunya."), 403
    site.counters.add("web.sign_in_refused", "often" if status == 429 else "code")
    answer = site.pages.page(
        request, "masuk/masuk.html", status=status, lanjut=own_path(lanjut), why=why, issuers=site.office.web.issuers
    )
    if status == 429:
        answer.headers["Retry-After"] = "60"
    return answer


@router.post("/keluar")
async def leave(request: Request, site: TheSite, _: SignedIn) -> Response:
    """Sign out here; the page that follows offers to sign out at the provider as well."""
    issuer = site.accounts.sessions.issuer(request.cookies.get(site.cookie, ""))
    answer = see(f"/masuk?keluar={issuer}")
    goodbye(request, site, answer)
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
