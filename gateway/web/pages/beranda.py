"""Beranda: where everybody begins. An employee sees their desk, an operator what needs them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from gateway.clock import SECOND
from gateway.web.mine.asking import act, come_or_go
from gateway.web.mine.attempts import Attempts
from gateway.web.mine.desk import desk_for
from gateway.web.mine.near import floor_of, free_near
from gateway.web.mine.places import admits, path_of, space_name, zone_name
from gateway.web.mine.standing import Standing, standing
from gateway.web.mine.words import ACT_WORDS, DONE_WORDS, METHOD_WORDS, REFUSED_WORDS, STAGE_WORDS, WARNING_WORDS
from gateway.web.rendering import see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
SignedIn = Annotated[Viewer, Depends(allowed())]
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]
PlaceField = Annotated[str, Form(max_length=200)]


@router.get("/")
async def home(request: Request, site: TheSite, viewer: SignedIn, hasil: str = "") -> Response:
    """The first page of the viewer's first role."""
    if not viewer.pid or not viewer.has(Role.EMPLOYEE):
        return see(_other_home(viewer))
    return site.pages.page(request, "beranda/beranda.html", viewer, **await _told(request, site, viewer, hasil))


@router.get("/beranda/kini")
async def part(request: Request, site: TheSite, viewer: Employee) -> Response:
    """The part of the page that changes, for a page that is open."""
    return site.pages.page(request, "beranda/kini.html", viewer, **await _told(request, site, viewer, ""))


@router.post("/beranda/ambil")
async def take(site: TheSite, viewer: Employee, tempat: PlaceField) -> Response:
    """Take a desk that the page proposed."""
    return await _done(site, viewer, "checkin", tempat, {"method": "web"})


@router.post("/beranda/lepas")
async def leave(site: TheSite, viewer: Employee, tempat: PlaceField) -> Response:
    """Leave the desk."""
    return await _done(site, viewer, "checkout", tempat, {})


@router.post("/beranda/datang")
async def stay(site: TheSite, viewer: Employee, tempat: PlaceField) -> Response:
    """Keep the desk though nobody is sensed there: the grace begins again after a long meeting's time."""
    until = site.clock.office() + int(site.office.rules.desk.elsewhere_s * SECOND)
    return await _done(site, viewer, "extend", tempat, {"until": until})


@router.post("/beranda/kantor")
async def workplace(
    site: TheSite,
    viewer: Employee,
    apa: Annotated[Literal["arrive", "depart"], Form()],
    gedung: Annotated[str, Form(max_length=32)],
) -> Response:
    """Come to the office, or leave it: an act apart from the desk's."""
    attempt = await come_or_go(site, viewer, apa, gedung)
    return see(f"/?hasil={attempt.id}")


@router.post("/beranda/batal")
async def cancel(
    site: TheSite, viewer: Employee, tempat: PlaceField, pesanan: Annotated[str, Form(max_length=128)]
) -> Response:
    """Give a reservation back."""
    return await _done(site, viewer, "cancel", tempat, {"booking_ref": pesanan})


async def _done(site: Site, viewer: Viewer, name: str, place: str, args: dict[str, Any]) -> Response:
    attempt = await act(site, viewer, name, place, args)
    return see(f"/?hasil={attempt.id}")


def _other_home(viewer: Viewer) -> str:
    if viewer.has(Role.OPERATOR):
        return "/operator"
    if viewer.has(Role.KIOSK):
        return "/kiosk"
    return "/laporan" if viewer.has(Role.ANALYST) else "/denah"


async def _told(request: Request, site: Site, viewer: Viewer, done: str) -> dict[str, Any]:
    language = site.pages.language(request, viewer)
    version = site.live.version  # of before anything is looked at: what comes meanwhile is told to the page
    how = await standing(site, viewer.pid)
    person = site.people.person(viewer.pid)
    held = how.desk.visit.place if how.desk is not None else ""
    near = [now for now in free_near(site, how.record, viewer.unit) if now.place != held]
    attempt = Attempts(site.accounts.connection).one(viewer.pid, done[:64]) if done else None
    booking = _due(site, viewer, how)
    doubted = "" if how.doubted is None else how.doubted.place
    places = {held, doubted, *(now.place for now in near), *(one.place for one in how.bookings)}
    floor = floor_of(site, how.record, viewer.unit, held)
    return {
        "how": how,
        "quiet": person is not None and person.quiet,
        "held_now": site.live.now(held) if held else None,
        "booking_due": booking,
        "near": near,
        "attempt": attempt,
        "result": None if attempt is None else _result(language, attempt),
        "floor": floor,
        "version": version,
        "building": _building(how, floor),
        "places": sorted(places - {""}),
        "watching": site.live.connected,
        "name_of": lambda place: space_name(site, place),
        "zone_of": lambda place: zone_name(site, place),
        "path_of": path_of,
        "method_word": lambda word: language.word(METHOD_WORDS, word),
        "act_word": lambda word: language.word(ACT_WORDS, word),
        "stage_word": lambda word: language.word(STAGE_WORDS, word),
        "warning_word": lambda word: language.word(WARNING_WORDS, word),
        "external": site.office.rules.desk.bookings == "external",
        "admits": lambda place: admits(site.live.places.spots[place], viewer.unit),
    }


def _building(how: Standing, floor: str) -> str:
    """Which building one comes to or leaves: where they came to, else that of their floor; empty: none."""
    place = how.workplace.place if how.workplace is not None else floor
    return place.split("/")[1] if "/" in place else ""


def _due(site: Site, viewer: Viewer, how: Standing) -> Any:
    """The reservation that may be taken now."""
    if how.desk is not None:
        return None
    now, lead = site.clock.office(), int(site.office.rules.desk.lead_s * SECOND)
    for one in how.bookings:
        if one.starts - lead <= now and one.place in site.live.places.spots:
            desk = desk_for(site, one.place, viewer, how)
            if not desk.why:
                return one
    return None


def _result(language: Any, attempt: Any) -> tuple[str, str]:
    """(class of the notice, what became of it)."""
    if attempt.state == "sent":
        return "good", language.text(DONE_WORDS.get(attempt.act, ""))
    return ("warn" if attempt.state == "unsure" else "bad"), language.word(REFUSED_WORDS, attempt.reason)
