"""Masuk lewat instansi: OpenID Connect. To the provider and back; a code links the account where no claim names one."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from gateway.errors import HadirError, TransientError
from gateway.web.arriving import REFUSALS, NotHere, arrive, may_link
from gateway.web.cookies import drop_flow, flow, keep_flow, welcome
from gateway.web.oidc import Provider, Refused
from gateway.web.rendering import N_, own_path
from gateway.web.sessions import device_of
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Anyone, Viewer

router = APIRouter(include_in_schema=False)
Somebody = Annotated[Viewer | None, Depends(Anyone())]
Text = Annotated[str, Query(max_length=4096)]
GONE, LINK = "masuk", "hubung"
"""Purposes of the cookies: at the provider, and back without an account."""
TOO_OFTEN = N_("Terlalu sering dicoba. Tunggu semenit, lalu coba lagi.")
SILENT = N_("Layanan masuk instansi Anda tidak menjawab. Coba lagi nanti, atau masuk dengan kode.")
STALE = N_("Proses masuk itu sudah lewat waktunya atau sudah dipakai. Mulai lagi dari sini.")
REFUSED = N_("Instansi Anda tidak mengizinkan masuk. Mulai lagi, atau masuk dengan kode.")
INVALID = N_("Jawaban instansi Anda tidak dapat dipercaya, jadi ditolak. Beri tahu operator gedung.")
BAD_CODE = N_("Kode itu tidak berlaku: salah ketik, sudah dipakai, atau lewat waktunya.")
NOT_LINKED = N_("Akun itu sudah terhubung dengan yang lain. Hanya operator gedung yang dapat mengubahnya.")


@router.get("/masuk/{issuer}")
async def begin(request: Request, site: TheSite, _: Somebody, issuer: str, lanjut: str = "/") -> Response:
    """Go to the provider."""
    provider = _provider(site, issuer)
    if not site.arrivals.allows(_caller(request)):
        return _refuse(request, site, "often", TOO_OFTEN, 429)
    try:
        begun = await provider.begin()
    except TransientError:
        return _refuse(request, site, "silent", SILENT, 503)
    answer = RedirectResponse(begun.url, status_code=303, headers={"Cache-Control": "no-store"})
    kept = {"issuer": issuer, "state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier}
    keep_flow(site, answer, GONE, {**kept, "onward": own_path(lanjut)[:512]})
    return answer


@router.get("/masuk/{issuer}/kembali")
async def back(
    request: Request, site: TheSite, _: Somebody, issuer: str, state: Text = "", code: Text = "", iss: Text = ""
) -> Response:
    """Back from the provider, with a code or without."""
    provider = _provider(site, issuer)
    if not site.arrivals.allows(_caller(request)):
        return _refuse(request, site, "often", TOO_OFTEN, 429)
    kept = flow(request, site, GONE)
    ours = kept.get("issuer") == issuer and hmac.compare_digest(kept["state"].encode(), state.encode())
    if not ours or not provider.first_use(kept["state"]):
        return _refuse(request, site, "state", STALE)
    if not code or (iss and iss != provider.issuer.url):
        return _refuse(request, site, "provider", REFUSED)
    try:
        claims = await provider.finish(code, nonce=kept["nonce"], verifier=kept["verifier"])
        arrived = arrive(provider.issuer, claims, site.accounts, site.people)
    except TransientError:
        return _refuse(request, site, "silent", SILENT, 503)
    except Refused as error:
        return _refuse(request, site, error.cause, INVALID)
    except NotHere as error:
        return _refuse(request, site, error.cause, REFUSALS[error.cause])
    if arrived.account:
        return _signed_in(request, site, arrived.account, issuer, kept["onward"])
    answer = _link_page(request, site, provider)
    keep_flow(
        site,
        answer,
        LINK,
        {"issuer": issuer, "subject": arrived.subject, "unit": arrived.unit, "onward": kept["onward"]},
    )
    drop_flow(site, answer, GONE)
    return answer


@router.post("/masuk/{issuer}/hubungkan")
async def link(
    request: Request, site: TheSite, _: Somebody, issuer: str, kode: Annotated[str, Form(max_length=64)]
) -> Response:
    """Link the subject that has just signed in at the provider with the account of a one-time code."""
    provider = _provider(site, issuer)
    kept = flow(request, site, LINK)
    if kept.get("issuer") != issuer:
        return _refuse(request, site, "state", STALE)
    caller = _caller(request)
    if not site.sign_ins.has(caller):
        return _link_page(request, site, provider, TOO_OFTEN, 429)
    account = site.accounts.take_code(kode)
    known = site.accounts.account(account)
    if known is None:
        site.sign_ins.allows(caller)
        return _link_page(request, site, provider, BAD_CODE, 403)
    try:
        may_link(known.pid, kept["unit"], site.people)
        site.accounts.identities.link(issuer, kept["subject"], account)
    except NotHere as error:
        return _refuse(request, site, error.cause, REFUSALS[error.cause])
    except HadirError:
        return _refuse(request, site, "linked", NOT_LINKED)
    return _signed_in(request, site, account, issuer, kept["onward"])


@router.get("/masuk/{issuer}/keluar")
async def leave(request: Request, site: TheSite, _: Somebody, issuer: str) -> Response:
    """Sign out at the provider as well, where it offers that. A link, since a form may not lead to another site."""
    provider = _provider(site, issuer)
    if not site.arrivals.allows(_caller(request)):
        return _refuse(request, site, "often", TOO_OFTEN, 429)
    try:
        url = await provider.leaving(f"{site.office.web.address}/masuk")
    except TransientError:
        return _refuse(request, site, "silent", SILENT, 503)
    return RedirectResponse(url or "/masuk", status_code=303, headers={"Cache-Control": "no-store"})


def _provider(site: Site, issuer: str) -> Provider:
    found = site.providers.get(issuer)
    if found is None:
        raise HTTPException(404, "there is no such issuer")
    return found


def _signed_in(request: Request, site: Site, account: str, issuer: str, onward: str) -> Response:
    device = device_of(request.headers.get("user-agent", ""))
    session = site.accounts.sign_in(account, issuer=issuer, device=device)
    if session is None:
        return _refuse(request, site, "disabled", REFUSALS["disabled"])
    answer = welcome(request, site, session, onward)
    for purpose in (GONE, LINK):
        drop_flow(site, answer, purpose)
    return answer


def _refuse(request: Request, site: Site, cause: str, why: str, status: int = 403) -> Response:
    site.counters.add("web.sign_in_refused", cause)
    answer = site.pages.page(
        request, "masuk/masuk.html", status=status, lanjut="/", why=why, issuers=site.office.web.issuers
    )
    if status == 429:
        answer.headers["Retry-After"] = "60"
    for purpose in (GONE, LINK):
        drop_flow(site, answer, purpose)
    return answer


def _link_page(request: Request, site: Site, provider: Provider, why: str = "", status: int = 200) -> Response:
    answer = site.pages.page(request, "masuk/hubungkan.html", status=status, issuer=provider.issuer, why=why)
    if status == 429:
        answer.headers["Retry-After"] = "60"
    return answer


def _caller(request: Request) -> str:
    return request.client.host if request.client else ""
