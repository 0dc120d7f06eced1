"""Denah: the live plan of a floor, the same as a list, and a sheet for the place that is chosen."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway.web import reasons
from gateway.web.floors import Floors, Sketch, Storey, TheFloors
from gateway.web.live import STATUSES, PlaceNow
from gateway.web.markings import marking
from gateway.web.mine.places import path_of
from gateway.web.mine.standing import standing
from gateway.web.rendering import N_, STATUS_WORDS
from gateway.web.site import Site, TheSite, site_of
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Looks = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE, Role.OPERATOR, Role.ANALYST, Role.DISPLAY))]
Word = Annotated[str, Query(max_length=80)]


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


@router.get("/denah/saya")
async def mine(site: TheSite, viewer: Looks) -> JSONResponse:
    """Where the viewer's own desk is now: {"place": "site/building/floor/zone/space" or ""}."""
    return JSONResponse({"place": await own_desk(site, viewer)}, headers={"Cache-Control": "no-store"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The query of a plan or list."""

    wanted: Filter
    as_list: bool
    chosen: str
    """zone/space; empty: none."""


async def asked(jenis: Word = "", zona: Word = "", status: Word = "", tampil: Word = "", tempat: Word = "") -> Asked:
    """`tampil=daftar`: the list. `tempat`: zone/space that is chosen."""
    return Asked(wanted=Filter(kind=jenis, zone=zona, status=status), as_list=tampil == "daftar", chosen=tempat)


@router.get("/denah")
async def first(
    request: Request, site: TheSite, floors: TheFloors, viewer: Looks, query: Annotated[Asked, Depends(asked)]
) -> Response:
    """The floor of one's own desk, else the first."""
    if not floors.storeys:
        raise HTTPException(404, "there is no floor")
    place = await own_desk(site, viewer)
    own = [storey for storey in floors.storeys if place.startswith(f"{storey.place}/")]
    return await _page(request, viewer, floors, (own or list(floors.storeys))[0], query)


@router.get("/denah/{building}/{floor}")
async def plan(
    request: Request,
    floors: TheFloors,
    viewer: Looks,
    building: str,
    floor: str,
    query: Annotated[Asked, Depends(asked)],
) -> Response:
    """The plan, or the list."""
    return await _page(request, viewer, floors, floors.find(building, floor), query)


async def _page(request: Request, viewer: Viewer, floors: Floors, storey: Storey, query: Asked) -> Response:
    site = site_of(request)
    version = site.live.version
    chosen = site.live.now(f"{storey.place}/{query.chosen}") if query.chosen else None
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "denah/daftar.html" if query.as_list else "denah/denah.html",
        viewer,
        **shown(site, await asyncio.to_thread(floors.sketch, storey), floors, storey, query.wanted),
        as_list=query.as_list,
        own=await own_desk(site, viewer),
        chosen=chosen,
        chosen_zone="" if chosen is None else _zone_name(storey, chosen),
        link="" if chosen is None else path_of(chosen.place),
        why=lambda now: reasons.why(language, now),
        told={
            "floor": storey.path,
            "version": version,
            "site": storey.place,
            "words": {word: language.word(STATUS_WORDS, word) for word in STATUSES},
            "why": reasons.sentences(language),
            "mine": language.text(N_("%(place)s, meja saya"), place="{place}") if viewer.pid else "",
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
        link=path_of(chosen.place),
        own=await own_desk(site, viewer),
        why=lambda now: reasons.why(language, now),
    )


def shown(site: Site, sketch: Sketch, floors: Floors, storey: Storey, wanted: Filter) -> dict[str, Any]:
    """What plan and list are made of: the drawing, what each place is now, and how many of each state."""
    places = {now.place: now for now in site.live.floor(storey.place)}
    fits = {name for name, now in places.items() if wanted.fits(now)}
    return {
        "storey": storey,
        "storeys": floors.storeys,
        "drawing": sketch.drawing,
        "problems": [str(problem).removeprefix(f"{site.file.parent}/") for problem in sketch.problems],
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
    """The desk that the viewer holds now; empty: none, or the viewer is nobody."""
    if not viewer.pid:
        return ""
    held = (await standing(site, viewer.pid)).desk
    return "" if held is None else held.visit.place


def _zone_name(storey: Storey, now: PlaceNow) -> str:
    name = now.place.split("/")[3]
    return next((zone.name or zone.id for zone in storey.floor.zones if zone.id == name), name)
