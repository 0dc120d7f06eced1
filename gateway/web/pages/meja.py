"""Meja: the page behind a desk's sticker. Take it, leave it, book it for today, or see why not."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from gateway.clock import SECOND
from gateway.web.codes import TheCodes
from gateway.web.mine.asking import act
from gateway.web.mine.attempts import Attempts
from gateway.web.mine.days import clock_of
from gateway.web.mine.desk import WHY_WORDS, booked_times, desk_for
from gateway.web.mine.near import free_near
from gateway.web.mine.places import path_of, place_of, space_name, zone_name
from gateway.web.mine.problems import KINDS, NOTE, Problems
from gateway.web.mine.standing import standing
from gateway.web.mine.words import DONE_WORDS, REFUSED_WORDS, STAGE_WORDS, WARNING_WORDS
from gateway.web.rendering import N_, see
from gateway.web.site import Site, TheSite
from gateway.web.stickers import Codes
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]
REPORTED = N_("Terima kasih. Laporan Anda sudah sampai kepada operator, tanpa nama Anda.")


@router.get("/d/{code}")
async def look(
    request: Request, site: TheSite, codes: TheCodes, viewer: Employee, code: str, hasil: str = "", lapor: str = ""
) -> Response:
    """The desk, for whoever scanned it."""
    place = _place(site, codes, code)
    told = await _told(request, site, viewer, code, place, hasil)
    return site.pages.page(request, "meja/meja.html", viewer, reported=REPORTED if lapor else "", **told)


@router.get("/d/{code}/kini")
async def part(request: Request, site: TheSite, codes: TheCodes, viewer: Employee, code: str) -> Response:
    """The part of the page that changes."""
    told = await _told(request, site, viewer, code, _place(site, codes, code), "")
    return site.pages.page(request, "meja/kini.html", viewer, **told)


@router.post("/d/{code}/ambil")
async def take(site: TheSite, codes: TheCodes, viewer: Employee, code: str) -> Response:
    """Take it."""
    return await _done(site, codes, viewer, code, "checkin", {"method": "web" if codes.place(code) is None else "qr"})


@router.post("/d/{code}/lepas")
async def leave(site: TheSite, codes: TheCodes, viewer: Employee, code: str) -> Response:
    """Leave it."""
    return await _done(site, codes, viewer, code, "checkout", {})


@router.post("/d/{code}/datang")
async def stay(site: TheSite, codes: TheCodes, viewer: Employee, code: str) -> Response:
    """Keep it though nobody is sensed there."""
    until = site.clock.office() + int(site.office.rules.desk.elsewhere_s * SECOND)
    return await _done(site, codes, viewer, code, "extend", {"until": until})


@router.post("/d/{code}/pesan")
async def book(
    site: TheSite,
    codes: TheCodes,
    viewer: Employee,
    code: str,
    mulai: Annotated[str, Form(max_length=8)],
    selesai: Annotated[str, Form(max_length=8)],
) -> Response:
    """Book it for a part of today."""
    start, end = clock_of(site, mulai), clock_of(site, selesai)
    if start is None or end is None:
        raise HTTPException(422, "a time is written 13:30")
    now = site.clock.office()
    args = {"booking_ref": f"web-{uuid4().hex[:16]}", "start": max(start, now - now % (60 * SECOND)), "end": end}
    return await _done(site, codes, viewer, code, "reserve", args)


@router.post("/d/{code}/batal")
async def cancel(
    site: TheSite, codes: TheCodes, viewer: Employee, code: str, pesanan: Annotated[str, Form(max_length=128)]
) -> Response:
    """Give one's reservation back."""
    return await _done(site, codes, viewer, code, "cancel", {"booking_ref": pesanan})


@router.post("/d/{code}/lapor")
async def report(
    site: TheSite,
    codes: TheCodes,
    _viewer: Employee,
    code: str,
    jenis: Annotated[str, Form(max_length=16)],
    catatan: Annotated[str, Form(max_length=NOTE)] = "",
) -> Response:
    """Something is wrong with it."""
    place = _place(site, codes, code)
    if jenis not in KINDS:
        raise HTTPException(422, "there is no such kind of problem")
    Problems(site.accounts.connection).report(place, jenis, catatan, site.clock.office())
    return see(f"{_path(code)}?lapor=1")


async def _done(site: Site, codes: Codes, viewer: Viewer, code: str, name: str, args: dict[str, Any]) -> Response:
    attempt = await act(site, viewer, name, _place(site, codes, code), args)
    return see(f"{_path(code)}?hasil={attempt.id}")


def _place(site: Site, codes: Codes, code: str) -> str:
    place = place_of(site, codes, code)
    if place is None:
        raise HTTPException(404, "there is no desk with this code")
    return place


def _path(code: str) -> str:
    return f"/d/{code}"


async def _told(request: Request, site: Site, viewer: Viewer, code: str, place: str, done: str) -> dict[str, Any]:
    language = site.pages.language(request, viewer)
    version = site.live.version  # of before anything is looked at: what comes meanwhile is told to the page
    how = await standing(site, viewer.pid)
    desk = desk_for(site, place, viewer, how)
    attempt = Attempts(site.accounts.connection).one(viewer.pid, done[:64]) if done else None
    result = None
    if attempt is not None and attempt.place == place:
        good = attempt.state == "sent"
        words = language.text(DONE_WORDS.get(attempt.act, "")) if good else language.word(REFUSED_WORDS, attempt.reason)
        result = ("good" if good else "warn" if attempt.state == "unsure" else "bad", words)
    near = (
        [] if desk.mine or not desk.why else [n for n in free_near(site, how.record, viewer.unit) if n.place != place]
    )
    now = site.clock.office()
    begin = language.local(now)
    return {
        "code": code,
        "desk": desk,
        "how": how,
        "result": result,
        "near": near[:3],
        "zone": zone_name(site, place),
        "floor": desk.now.floor,
        "version": version,
        "other": how.desk if how.desk is not None and how.desk.visit.place != place else None,
        "warning": how.warning if how.warning is not None and how.warning.place == place else None,
        "waiting": [one for one in how.waiting if one.place == place],
        "booked": await booked_times(site, place, how),
        "why_word": lambda word: language.word(WHY_WORDS, word),
        "stage_word": lambda word: language.word(STAGE_WORDS, word),
        "warning_word": lambda word: language.word(WARNING_WORDS, word),
        "kinds": [(word, language.text(text)) for word, text in KINDS.items()],
        "from_time": begin.strftime("%H:%M"),
        "to_time": max(begin.strftime("%H:%M"), site.office.rules.desk.end_of_day.strftime("%H:%M")),
        "name_of": lambda one: space_name(site, one),
        "zone_of": lambda one: zone_name(site, one),
        "path_of": path_of,
        "unit_word": desk.spot.unit,
    }
