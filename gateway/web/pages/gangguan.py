"""The outage report of one's own day, to print: no operator is needed for it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web.mine.days import bounds, today
from gateway.web.mine.near import zones_of
from gateway.web.mine.outage import around, outages_around
from gateway.web.mine.places import space_name, zone_name
from gateway.web.mine.record import OWN, fold
from gateway.web.outage_words import CAUSES, KINDS
from gateway.web.outages import EVENTS_LOST, Outage
from gateway.web.rendering import see
from gateway.web.site import TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]


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

    def read(view: View) -> tuple[list[str], list[Outage]]:
        zones = zones_of(site, fold(view.of_person(viewer.pid, OWN, since, end)), viewer.unit)
        return zones, outages_around(view, site.office, around(site.office, zones), begin, until)

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
        total=_total(found, begin, until),
        cause_of=lambda word: language.word(CAUSES, word),
        kind_of=lambda word: language.word(KINDS, word),
        name_of=lambda place: space_name(site, place),
        EVENTS_LOST=EVENTS_LOST,
    )


def _total(found: list[Outage], start: int, end: int) -> float:
    """Seconds of [start, end) in which at least one of them did not work."""
    total, last = 0, start
    for one in sorted(found, key=lambda each: each.since):
        until = end if one.until is None else min(one.until, end)
        total += max(0, until - max(one.since, last))
        last = max(last, until)
    return total / 1_000_000_000
