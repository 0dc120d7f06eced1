"""Akun: how one signs in, where one is signed in, and a code for one's own other device."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from gateway.clock import SECOND
from gateway.web.accounts import OWN_CODE_S
from gateway.web.cookies import goodbye
from gateway.web.rendering import N_, see
from gateway.web.security import Haste
from gateway.web.session_limits import DAY_S
from gateway.web.site import Site, TheSite, part
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
SignedIn = Annotated[Viewer, Depends(allowed())]
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]
MISSED_DAYS, MISSED_SHOWN = 30, 20
"""Searches of this account that found nobody: of so many days, the latest one by one."""
CODES_AT_ONCE, CODES_PER_HOUR = 3, 6
TOO_OFTEN = N_("Terlalu banyak kode dibuat. Tunggu beberapa menit, lalu coba lagi.")


@router.get("/akun")
async def show(request: Request, site: TheSite, viewer: SignedIn) -> Response:
    """Roles, providers, sessions."""
    return _page(request, site, viewer)


@router.post("/akun/kode")
async def another_device(request: Request, site: TheSite, viewer: Employee) -> Response:
    """A code for one's own other device, shown this once. Raises HTTPException 404: a provider signs this person in."""
    if not site.accounts.limits.code_alone(viewer):
        raise HTTPException(404, "no code of one's own for this account")
    if not part(request, _own_codes).allows(viewer.account):
        answer = _page(request, site, viewer, wrong=TOO_OFTEN, status=429)
        answer.headers["Retry-After"] = "600"
        return answer
    return _page(request, site, viewer, code=site.accounts.new_code(viewer.account, OWN_CODE_S))


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


def _own_codes(site: Site) -> Haste:
    return Haste(site.wall, burst=CODES_AT_ONCE, per_minute=CODES_PER_HOUR / 60)


def _page(
    request: Request, site: Site, viewer: Viewer, *, code: str = "", wrong: str = "", status: int = 200
) -> Response:
    accounts, limits = site.accounts, site.accounts.limits
    return site.pages.page(
        request,
        "akun/akun.html",
        viewer,
        status=status,
        sessions=accounts.sessions.of(viewer.account, limits.of(viewer)),
        this=accounts.sessions.id(request.cookies.get(site.cookie, "")),
        names={issuer.id: issuer.name for issuer in site.office.web.issuers},
        links=accounts.identities.of(viewer.account),
        wall=site.wall.office(),
        code=code,
        wrong=wrong,
        code_alone=limits.code_alone(viewer),
        idle_days=limits.of(viewer).idle_s // DAY_S,
        missed=accounts.missed(viewer.account, site.wall.office() - MISSED_DAYS * DAY_S * SECOND),
        missed_days=MISSED_DAYS,
        missed_shown=MISSED_SHOWN,
        code_minutes=OWN_CODE_S // 60,
        address=f"{site.office.web.address}/masuk",
    )
