"""Uji jalan: live signal by zone of a tag that somebody carries, and the coverage picture of a floor's survey."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from gateway.clock import SECOND
from gateway.config import fixed_tags, geometry
from gateway.control import SOCKET
from gateway.errors import HadirError
from gateway.people import SiteKey
from gateway.survey.feed import Feed, Live
from gateway.survey.floor import file_of, ground_of, hanging, visits_of
from gateway.survey.remote import Remote
from gateway.web import finding_people
from gateway.web.coverage_picture import Picture, draw
from gateway.web.finding_people import NotOne, look_for
from gateway.web.floors import Floors, Storey
from gateway.web.rendering import N_, see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed
from gateway.web.walks import FRESH_S, Walk

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
FloorName = Annotated[str, Query(max_length=80)]
STRONG, FAIR = -65.0, -80.0
"""dBm: above the first a tag is surely located, below the second it is hardly heard."""
WEAKEST = -100.0
NOBODY = N_("Tanda itu tidak dikenal di unit Anda. Tulis id tanda tetap, NIP, pid, atau nama lengkap pemiliknya.")
BUSY = N_("Terlalu banyak uji jalan sekaligus. Tunggu sampai yang lain selesai.")
NO_RECEIVERS = N_("Lantai ini tidak punya penerima BLE, jadi tidak ada yang dapat mendengar tanda.")


@router.get("/operator/pemasangan/jalan")
async def page(request: Request, site: TheSite, viewer: Operator, lantai: FloorName = "") -> Response:
    """The picture of a floor, and the form that begins a walk."""
    return await _page(request, site, viewer, lantai)


@router.post("/operator/pemasangan/jalan")
async def begin(
    request: Request,
    site: TheSite,
    viewer: Operator,
    lantai: Annotated[str, Form(max_length=80)],
    tanda: Annotated[str, Form(max_length=120)] = "",
    alasan: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Begin a walk with a fixed tag, one's own tag, or somebody's, with a reason that they see."""
    storey = _storey(site, lantai)
    if not geometry.receivers(site.office, storey.building, storey.floor):
        return await _page(request, site, viewer, lantai, wrong=NO_RECEIVERS, status=409)
    fixed = next((d for d in site.office.devices if d.id == tanda.strip() and fixed_tags.is_fixed(d)), None)
    if fixed is not None:
        person, who = str(fixed.address), fixed.id
    else:
        try:
            found = look_for(site, viewer, tanda or viewer.pid, what="walk", reason=alasan)
        except NotOne as error:
            wrong = NOBODY if error.why == finding_people.NOBODY else error.why
            return await _page(request, site, viewer, lantai, wrong=wrong, status=error.status)
        person, who = found.pid, found.name or found.pid
    walk = site.walks.begin(viewer.account, storey.path, who, lambda: _feed(site, storey, person))
    if walk is None:
        return await _page(request, site, viewer, lantai, wrong=BUSY, status=429)
    return see(f"/operator/pemasangan/jalan/{walk.word}")


@router.get("/operator/pemasangan/jalan/{word}")
async def watch(request: Request, site: TheSite, viewer: Operator, word: str) -> Response:
    """The walk."""
    walk = site.walks.of(word, viewer.account)
    if walk is None:
        return see("/operator/pemasangan/jalan")
    return await _page(request, site, viewer, walk.floor, walk=walk)


@router.get("/operator/pemasangan/jalan/{word}/isi")
async def changing(request: Request, site: TheSite, viewer: Operator, word: str) -> Response:
    """What changes of it."""
    walk = site.walks.of(word, viewer.account)
    floor = "" if walk is None else walk.floor
    return await _page(request, site, viewer, floor, walk=walk, template="operator/jalan_isi.html")


def _feed(site: Site, storey: Storey, person: str) -> Feed:
    """Of this machine's gateways, or by the broker where none runs here. Raises HadirError."""
    office = site.office
    sockets = [path for g in office.gateways if (path := office.data_folder(g) / SOCKET).exists()]
    if sockets:
        live = Live(sockets, person, site.wall)
        live.open()
        return live
    remote = Remote(
        office.broker,
        office.path(site.file.parent),
        f"{office.site}/{storey.building.id}",
        hanging(office, storey.building, storey.floor),
        person=person,
        key=SiteKey.load(office.path(office.people.site_key)),
        clock=site.wall,
    )
    remote.open()
    return remote


def _storey(site: Site, path: str) -> Storey:
    """The floor that is named; else the first with receivers, or the first."""
    storeys = Floors(site.office).storeys
    found = [storey for storey in storeys if storey.path == path]
    found += [storey for storey in storeys if geometry.receivers(site.office, storey.building, storey.floor)]
    return (found or list(storeys))[0]


def _picture(site: Site, storey: Storey) -> tuple[Picture | None, str]:
    """And why there is none: not_measured, or unreadable; a survey that is not there yet is drawn open."""
    try:
        ground = ground_of(site.office, storey.building, storey.floor)
    except HadirError:
        return None, "not_measured"
    try:
        return draw(ground, visits_of(site.office, storey.building, storey.floor)), ""
    except HadirError:
        return None, "unreadable"


async def _page(
    request: Request,
    site: Site,
    viewer: Viewer,
    floor: str,
    *,
    walk: Walk | None = None,
    wrong: str = "",
    status: int = 200,
    template: str = "operator/jalan.html",
) -> Response:
    storey = _storey(site, floor)
    picture, why = (None, "") if template.endswith("_isi.html") else await asyncio.to_thread(_picture, site, storey)
    on = walk is not None and site.walks.is_on(walk)
    return site.pages.page(
        request,
        template,
        viewer,
        status=status,
        storey=storey,
        floors=[one.path for one in Floors(site.office).storeys],
        file=file_of(site.office, storey.building, storey.floor).name,
        receivers=[one.id for one in geometry.receivers(site.office, storey.building, storey.floor)],
        tags=[device.id for device in site.office.devices if fixed_tags.is_fixed(device)],
        picture=picture,
        why=why,
        wrong=wrong,
        walk=walk,
        on=on,
        left=0 if walk is None or not on else max(0, -(-(walk.until - site.wall.office()) // SECOND)),
        signals=[] if walk is None else _by_zone(site, storey, walk),
    )


def _by_zone(site: Site, storey: Storey, walk: Walk) -> list[dict[str, Any]]:
    """Every zone with receivers, as it hears the tag now: the strongest first; zones that hear nothing last."""
    now, zones = site.wall.office(), {zone.id: zone.name or zone.id for zone in storey.floor.zones}
    found: dict[str, dict[str, Any]] = {}
    for device in geometry.receivers(site.office, storey.building, storey.floor):
        zone = re.sub(r"^[^/]+/[^/]+/?", "", device.place).partition("/")[0]
        told = found.setdefault(
            zone, {"zone": zones.get(zone, zone or storey.floor.id), "rssi": None, "receivers": [], "packets": 0}
        )
        signal = walk.signals.get(device.id)
        fresh = signal is not None and now - signal.at < FRESH_S * SECOND
        told["receivers"].append((device.id, signal.rssi if signal and fresh else None, signal))
        if signal is not None:
            told["packets"] += signal.packets
            if fresh and (told["rssi"] is None or signal.rssi > told["rssi"]):
                told["rssi"] = signal.rssi
    for told in found.values():
        level = told["rssi"]
        told["look"] = "none" if level is None else "strong" if level >= STRONG else "fair" if level >= FAIR else "weak"
        told["width"] = 0 if level is None else max(2, min(100, round(100 * (level - WEAKEST) / (-40 - WEAKEST))))
    return sorted(found.values(), key=lambda one: (one["rssi"] is None, -(one["rssi"] or 0), one["zone"]))
