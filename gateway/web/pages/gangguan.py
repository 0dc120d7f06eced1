"""The outage report of one's own day, to print: no operator is needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web.mine.days import bounds, today
from gateway.web.mine.near import zones_of
from gateway.web.mine.outage import Stretch, around, stretches
from gateway.web.mine.places import space_name, zone_name
from gateway.web.mine.record import OWN, fold
from gateway.web.rendering import N_, see
from gateway.web.site import TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]
CAUSE_WORDS: Mapping[str, str] = {
    "gateway_down": N_("gerbang tidak berjalan atau tidak terdengar"),
    "powered_off": N_("alat mati"),
    "broker": N_("sambungan ke server terputus"),
    "sensor": N_("alat tidak terdengar"),
    "radio": N_("penerima radio tidak berfungsi"),
}
KIND_WORDS: Mapping[str, str] = {
    "gateway": N_("Gerbang"),
    "reader": N_("Pembaca kartu"),
    "place": N_("Tempat"),
}


@router.get("/riwayat/gangguan")
async def choose(site: TheSite, _: Employee, tanggal: str = "") -> Response:
    """The form's day, as an address that can be kept."""
    try:
        day = date.fromisoformat(tanggal)
    except ValueError:
        day = today(site)
    return see(f"/riwayat/gangguan/{day}")


@router.get("/riwayat/gangguan/{tanggal}")
async def report(request: Request, site: TheSite, viewer: Employee, tanggal: str) -> Response:
    """What did not work on a day where this person could have been. Raises HTTPException 404: no day that has been."""
    try:
        day = date.fromisoformat(tanggal)
        begin, end = bounds(site, day)
    except (ValueError, OverflowError):
        raise HTTPException(404, "there is no such day") from None
    now = site.clock.office()
    if begin > now or begin < 0:
        raise HTTPException(404, "this day has not been yet")
    until = min(end, now)
    since = max(0, begin - site.office.archive.retain_people_days * 86_400 * 1_000_000_000)

    def read(view: View) -> tuple[list[str], list[Stretch]]:
        zones = zones_of(site, fold(view.of_person(viewer.pid, OWN, since, end)), viewer.unit)
        return zones, stretches(view, site.office, around(site.office, zones), begin, until)

    try:
        zones, found = await site.reading.ask(read)
        readable = True
    except TransientError:
        zones, found, readable = [], [], False
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "riwayat/gangguan.html",
        viewer,
        person=site.people.person(viewer.pid),
        day=day,
        begin=begin,
        until=until,
        whole=until == end,
        zones=[zone_name(site, zone) for zone in zones],
        found=found,
        readable=readable,
        total=_total(found),
        cause_of=lambda word: language.word(CAUSE_WORDS, word),
        kind_of=lambda word: language.word(KIND_WORDS, word),
        about=lambda one: (
            f"{space_name(site, one.about)}, {zone_name(site, one.about)}" if one.kind == "place" else one.about
        ),
    )


def _total(found: list[Stretch]) -> float:
    """Seconds in which at least one of them did not work."""
    total, last = 0, 0
    for one in sorted(found, key=lambda each: each.since):
        total += max(0, one.until - max(one.since, last))
        last = max(last, one.until)
    return total / 1_000_000_000
