"""Denah: the live plan of a floor, the same as a list, and a sheet for the place that is chosen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web import reasons
from gateway.web.codes import codes_of
from gateway.web.floors import Floors, Storey, TheFloors
from gateway.web.live import STATUSES, PlaceNow
from gateway.web.markings import marking
from gateway.web.rendering import STATUS_WORDS, see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Looks = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE, Role.OPERATOR, Role.DISPLAY))]
Word = Annotated[str, Query(max_length=80)]
CHECKINS = ("desk.checkin.started", "desk.checkin.ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted; an empty word wants everything."""

    kind: str
    zone: str
    status: str

    def fits(self, now: PlaceNow) -> bool:
        """Whether a place is wanted."""
        return (
            self.kind in ("", now.kind)
            and self.zone in ("", now.place.split("/")[3])
            and self.status in ("", now.status)
        )


@router.get("/denah")
async def first(site: TheSite, floors: TheFloors, viewer: Looks) -> Response:
    """The floor of one's own desk, else the first."""
    if not floors.storeys:
        raise HTTPException(404, "there is no floor")
    place = await own_desk(site, viewer)
    own = [storey for storey in floors.storeys if place.startswith(f"{storey.place}/")]
    return see(f"/denah/{(own or list(floors.storeys))[0].path}")


@router.get("/denah/{building}/{floor}")
async def plan(
    request: Request,
    site: TheSite,
    floors: TheFloors,
    viewer: Looks,
    building: str,
    floor: str,
    jenis: Word = "",
    zona: Word = "",
    status: Word = "",
    tampil: Word = "",
    tempat: Word = "",
) -> Response:
    """The plan, or with `tampil=daftar` the list. `tempat`: zone/space that is chosen."""
    storey = floors.find(building, floor)
    values = shown(site, floors, storey, Filter(kind=jenis, zone=zona, status=status))
    chosen = site.live.now(f"{storey.place}/{tempat}") if tempat else None
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "denah/daftar.html" if tampil == "daftar" else "denah/denah.html",
        viewer,
        **values,
        as_list=tampil == "daftar",
        own=await own_desk(site, viewer),
        chosen=chosen,
        chosen_zone="" if chosen is None else _zone_name(storey, chosen),
        code="" if chosen is None else code_of(request, chosen.place),
        why=lambda now: reasons.why(language, now),
        told={
            "floor": storey.path,
            "site": storey.place,
            "words": {word: language.word(STATUS_WORDS, word) for word in STATUSES},
            "why": reasons.sentences(language),
        },
    )


@router.get("/denah/{building}/{floor}/tempat/{zone}/{space}")
async def place(
    request: Request,
    site: TheSite,
    floors: TheFloors,
    viewer: Looks,
    building: str,
    floor: str,
    zone: str,
    space: str,
) -> Response:
    """The sheet of one place, as a part of a page."""
    storey = floors.find(building, floor)
    chosen = site.live.now(f"{storey.place}/{zone}/{space}")
    if chosen is None:
        raise HTTPException(404, "there is no such place")
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "denah/lembar.html",
        viewer,
        chosen=chosen,
        chosen_zone=_zone_name(storey, chosen),
        code=code_of(request, chosen.place),
        own=await own_desk(site, viewer),
        why=lambda now: reasons.why(language, now),
    )


def shown(site: Site, floors: Floors, storey: Storey, wanted: Filter) -> dict[str, Any]:
    """What plan and list are made of: the drawing, what each place is now, and how many of each state."""
    sketch = floors.sketch(storey)
    places = {now.place: now for now in site.live.floor(storey.place)}
    fits = {name for name, now in places.items() if wanted.fits(now)}
    return {
        "storey": storey,
        "storeys": floors.storeys,
        "drawing": sketch.drawing,
        "problems": sketch.problems,
        "places": places,
        "fits": fits,
        "wanted": wanted,
        "filtered": bool(wanted.kind or wanted.zone or wanted.status),
        "counts": Counter(now.status for now in places.values()),
        "statuses": STATUSES,
        "kinds": list(dict.fromkeys(now.kind for now in places.values())),
        "zones": [zone for zone in storey.floor.zones if zone.spaces],
        "marking": marking,
    }


async def own_desk(site: Site, viewer: Viewer) -> str:
    """The desk that the viewer holds now, as far as the archive knows; empty: none, or the viewer is nobody."""
    if not viewer.pid:
        return ""

    def last(view: View) -> str:
        row = view.person_last(viewer.pid, CHECKINS, site.clock.office() + 1)
        return row.subject if row is not None and row.type == CHECKINS[0] else ""

    try:
        return await site.reading.ask(last)
    except TransientError:
        return ""


def code_of(request: Request, place: str) -> str:
    """The code of a place's own page `/d/<code>`; empty: it has none."""
    return codes_of(request).of(place) or ""


def _zone_name(storey: Storey, now: PlaceNow) -> str:
    name = now.place.split("/")[3]
    return next((zone.name or zone.id for zone in storey.floor.zones if zone.id == name), name)
