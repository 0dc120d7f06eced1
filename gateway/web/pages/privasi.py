"""Privasi: what the sensors see, quiet mode, who may see one, who looked one up, how long things are kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from gateway.people import VISIBILITIES
from gateway.web.mine.near import zones_of
from gateway.web.mine.places import zone_name
from gateway.web.mine.sensing import MODALITIES, kinds_near
from gateway.web.mine.standing import standing
from gateway.web.mine.words import LOOKUP_WORDS
from gateway.web.rendering import N_, Language, see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]
SAVED = {
    "senyap": N_("Mode senyap menyala. Sensor berhenti mencari Anda begitu gerbang mendengarnya."),
    "terlihat": N_("Mode senyap mati."),
    "berbagi": N_("Pilihan berbagi sudah disimpan."),
}


@router.get("/privasi")
async def look(request: Request, site: TheSite, viewer: Employee, simpan: str = "") -> Response:
    """All of it on one page."""
    how = await standing(site, viewer.pid)
    zones = zones_of(site, how.record, viewer.unit)
    if how.desk is not None:
        zones = [site.live.places.zone_of(how.desk.visit.place), *zones]
    language = site.pages.language(request, viewer)
    kinds = [
        (language.text(MODALITIES[kind.modality][0]), language.text(MODALITIES[kind.modality][1]), kind)
        for kind in kinds_near(site, zones)
        if kind.modality in MODALITIES
    ]
    return site.pages.page(
        request,
        "privasi/privasi.html",
        viewer,
        person=site.people.person(viewer.pid),
        kinds=kinds,
        near=[zone_name(site, zone) for zone in dict.fromkeys(zones)][:4],
        lookups=[
            (at, _who(site, account), _what(language, what), reason)
            for at, account, what, reason in site.accounts.lookups(viewer.pid)
        ],
        saved=SAVED.get(simpan, ""),
        kept=site.office.archive.retain_people_days,
        limits=site.accounts.limits.of(viewer),
        long=site.accounts.limits.code_alone(viewer),
        stores=len(site.office.archive.stores),
        external=site.office.rules.desk.bookings == "external",
    )


@router.post("/privasi/senyap")
async def quiet(site: TheSite, viewer: Employee, nyala: Annotated[str, Form(max_length=1)]) -> Response:
    """Stop being sensed, or be sensed again: one tap."""
    if nyala not in ("0", "1"):
        raise HTTPException(422, "nyala is 0 or 1")
    site.people.set_quiet(viewer.pid, nyala == "1")
    return see(f"/privasi?simpan={'senyap' if nyala == '1' else 'terlihat'}")


@router.post("/privasi/berbagi")
async def share(site: TheSite, viewer: Employee, terlihat: Annotated[str, Form(max_length=8)]) -> Response:
    """Who may see one's zone."""
    if terlihat not in VISIBILITIES:
        raise HTTPException(422, "there is no such choice")
    site.people.set_visibility(viewer.pid, terlihat)
    return see("/privasi?simpan=berbagi#berbagi")


def _what(language: Language, what: str) -> str:
    """A stable word, with more behind it where there is: `attendance 2026-11-26`."""
    word, _, more = what.partition(" ")
    return f"{language.word(LOOKUP_WORDS, word)} {more}".strip()


def _who(site: Site, account: str) -> tuple[str, tuple[str, ...]]:
    """(how the account is called, its roles). Its holder's own name is theirs: it is not told."""
    known = site.accounts.account(account)
    if known is None:
        return account, ()
    return known.label or account, tuple(sorted(role for role in known.roles if role != Role.EMPLOYEE))
