"""Kiosk: a screen at an entrance. Tap the card, tap the desk, confirm; come and go; sign in as a guest.

Every step is a form that is answered by the next screen, so that it works without a script; with it (static/kiosk.js)
nothing is ever added to the browser's history. Who stands there is known by a word that only the page holds
(visits.py); the kiosk's own session is the only cookie. Nothing about a person is in an address.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from gateway.calendars import calendar
from gateway.clock import SECOND
from gateway.web import guests, kiosk_view
from gateway.web.asking import Answer
from gateway.web.closing import day_ends
from gateway.web.holding import Today, find, realms_of
from gateway.web.kiosk_screen import IDLE_S, AtKiosk, Screen
from gateway.web.rendering import LANGUAGE_COOKIE, see
from gateway.web.site import Site
from gateway.web.visits import Visit

router = APIRouter(prefix="/kiosk", include_in_schema=False)
Typed = Annotated[str, Form(max_length=64)]
Word = Annotated[str, Form(max_length=64)]
Where = Annotated[str, Form(max_length=160)]
Code = Annotated[str, Form(max_length=32)]
GUEST_IDLE_S, GUEST_S = 30, 120
"""Seconds without a touch until the guest's form is gone; at most for it."""
NAME_LENGTH = 80
LEAST_S = 600
"""How long a guest is known who comes a minute before midnight."""


@router.get("")
async def start(screen: AtKiosk, bahasa: str = "id", lantai: str = "") -> Response:
    """The neutral screen: what is free, and where to tap the card."""
    if LANGUAGE_COOKIE in screen.request.cookies:  # a kiosk speaks the language of whoever stands there, and forgets it
        answer = see("/kiosk")
        answer.delete_cookie(LANGUAGE_COOKIE, path="/", secure=screen.site.office.web.secure, samesite="lax")
        return answer
    more: dict[str, Any] = {"idle": IDLE_S} if lantai else {}
    return screen.show("awal", bahasa, floor=lantai, **more)


@router.post("/kartu")
async def card(screen: AtKiosk, kartu: Typed, bahasa: Code = "id", kunjungan: Word = "") -> Response:
    """A card was read, or its number typed."""
    screen.parts.visits.end(screen.viewer.account, kunjungan)
    if not screen.parts.reads(screen.viewer.account):
        screen.site.counters.add("web.kiosk_hasty")
        return screen.neutral(bahasa, "hasty", status=429)
    found = find(screen.site.people, kartu, realms_of(screen.site.office), screen.site.office.web.kiosk.cards)
    screen.site.counters.add("web.kiosk_cards", found.what)
    if found.what != "known":
        screen.parts.missed(screen.viewer.account)
    if found.what == "unknown":
        visit = screen.parts.visits.begin(screen.viewer.account, card=found.card)
        return _guest(screen, bahasa, visit, known=True)
    if found.what != "known":
        return screen.neutral(bahasa, found.what)
    return await _greet(screen, bahasa, found.pid, found.unit)


@router.post("/pilih")
async def choose(screen: AtKiosk, kunjungan: Word, bahasa: Code = "id", lantai: Code = "") -> Response:
    """Back to the choice, or another floor or language of it."""
    visit = screen.visit(kunjungan)
    if visit is None:
        return screen.neutral(bahasa, "over")
    if not visit.pid:
        return _guest(screen, bahasa, visit, known=True)
    return await screen.choose(visit, bahasa, floor=lantai)


@router.post("/meja")
async def desk(screen: AtKiosk, kunjungan: Word, tempat: Where, bahasa: Code = "id", lantai: Code = "") -> Response:
    """A desk was tapped: is it this one?"""
    visit = screen.visit(kunjungan)
    now = screen.site.live.now(tempat)
    if visit is None or not visit.pid:
        return screen.neutral(bahasa, "over")
    if now is None or now.kind != "desk":
        return await screen.choose(visit, bahasa, floor=lantai, why="no_place" if now is None else "no_desk")
    tile = kiosk_view.tile_of(screen.site, now, visit.unit)
    if not tile.choosable:
        return await screen.choose(visit, bahasa, floor=lantai, why="foreign" if tile.foreign else "taken")
    return screen.show("yakin", bahasa, visit=visit, floor=lantai, desk=now, desk_where=screen.where(tempat))


@router.post("/pakai")
async def take(screen: AtKiosk, kunjungan: Word, tempat: Where, bahasa: Code = "id", lantai: Code = "") -> Response:
    """Yes, this one."""
    visit = screen.visit(kunjungan)
    now = screen.site.live.now(tempat)
    if visit is None or not visit.pid:
        return screen.neutral(bahasa, "over")
    if now is None or now.kind != "desk":
        return await screen.choose(visit, bahasa, floor=lantai, why="no_place")
    answer = await screen.ask("checkin", tempat, visit)
    if not answer.ok:
        return await screen.choose(visit, bahasa, floor=lantai, why=_why(screen, tempat, visit, answer))
    known = await screen.today(visit.pid)
    return screen.show(
        "selesai",
        bahasa,
        visit=visit,
        floor=lantai,
        desk=now,
        desk_where=screen.where(tempat),
        known=known,
        did="pakai",
    )


@router.post("/lepas")
async def leave(screen: AtKiosk, kunjungan: Word, tempat: Where, bahasa: Code = "id") -> Response:
    """Give the desk up."""
    visit = screen.visit(kunjungan)
    if visit is None or not visit.pid:
        return screen.neutral(bahasa, "over")
    answer = await screen.ask("checkout", tempat, visit)
    if not answer.ok:
        return await screen.choose(visit, bahasa, why=answer.reason)
    return screen.show("selesai", bahasa, visit=visit, did="lepas", desk=screen.site.live.now(tempat), known=Today())


@router.post("/hadir")
async def come(screen: AtKiosk, kunjungan: Word, arah: Code, bahasa: Code = "id", tempat: Where = "") -> Response:
    """Come, or go; who goes gives up the desk `tempat` with it."""
    visit = screen.visit(kunjungan)
    if visit is None or not visit.pid:
        return screen.neutral(bahasa, "over")
    if arah == "masuk":
        answer = await screen.tell("arrive", visit)
        if not answer.ok:
            return await screen.choose(visit, bahasa, why="arrive" if answer.reason == "no_change" else answer.reason)
        return await screen.choose(visit, bahasa, done="masuk")
    answer = await screen.tell("depart", visit)
    if not answer.ok:
        return await screen.choose(visit, bahasa, why="depart" if answer.reason == "no_change" else answer.reason)
    held = screen.site.live.now(tempat)
    left = None if held is None else await screen.ask("checkout", tempat, visit)
    desk = held if left is not None and left.ok else None
    return screen.show("selesai", bahasa, visit=visit, did="pulang", desk=desk, known=Today(present=False))


@router.get("/tamu")
async def guest(screen: AtKiosk, bahasa: str = "id") -> Response:
    """Somebody without a card."""
    if not screen.site.office.web.kiosk.guests:
        return screen.neutral(bahasa, "no_guests")
    return _guest(screen, bahasa, screen.parts.visits.begin(screen.viewer.account), known=False)


@router.post("/tamu")
async def sign_in(
    screen: AtKiosk,
    kunjungan: Word,
    nama: Annotated[str, Form(max_length=400)] = "",
    unit: Code = "_",
    bahasa: Code = "id",
) -> Response:
    """A guest signs in: a name, and whom they visit. They are in the building from now on."""
    visit = screen.visit(kunjungan)
    if visit is None or visit.pid:
        return screen.neutral(bahasa, "over")
    if not screen.site.office.web.kiosk.guests:
        return screen.neutral(bahasa, "no_guests")
    name = " ".join(nama.split())
    host = unit if unit in kiosk_view.units_of(screen.site, screen.building) else "_"
    if not 1 < len(name) <= NAME_LENGTH or not name.isprintable():
        return _guest(screen, bahasa, visit, known=bool(visit.card), why="guest")
    if not screen.parts.guests.allows(screen.viewer.account):
        return screen.neutral(bahasa, "hasty", status=429)
    until = _day_ends(screen.site)
    pid, number = guests.enrol(screen.site, name=name, until=until, host=host, card=visit.card)
    screen.parts.visits.end(screen.viewer.account, visit.word)
    visit = screen.parts.visits.begin(screen.viewer.account, pid=pid, name=name.split()[0], number=number)
    answer = await screen.tell("arrive", visit, guest=True)
    if not answer.ok:
        screen.site.counters.add("web.kiosk_guest_not_told", answer.reason)
    return screen.show("tamu_selesai", bahasa, visit=visit, until=until, told=answer.ok)


@router.post("/tamu/nomor")
async def come_back(screen: AtKiosk, nomor: Typed, kunjungan: Word = "", bahasa: Code = "id") -> Response:
    """A guest without a card is here again, to leave or for a desk: the number that they were given stands for it."""
    visit = screen.visit(kunjungan)
    if visit is None or visit.pid:
        return screen.neutral(bahasa, "over")
    if not screen.parts.reads(screen.viewer.account):
        screen.site.counters.add("web.kiosk_hasty")
        return screen.neutral(bahasa, "hasty", status=429)
    pid, number = guests.find(screen.site, nomor)
    screen.site.counters.add("web.kiosk_numbers", "known" if pid else "unknown")
    if not pid:
        screen.parts.missed(screen.viewer.account)
        return _guest(screen, bahasa, visit, known=False, why="number")
    screen.parts.visits.end(screen.viewer.account, visit.word)
    return await _greet(screen, bahasa, pid, "_", number)


@router.post("/selesai")
async def over(screen: AtKiosk, kunjungan: Word = "") -> Response:
    """They have gone: nothing is remembered of them here."""
    screen.parts.visits.end(screen.viewer.account, kunjungan)
    return see("/kiosk")


async def _greet(screen: Screen, language: str, pid: str, unit: str, number: str = "") -> Response:
    """Somebody is known: by their first name, and with what they may do."""
    person = screen.site.people.person(pid)
    name = "" if person is None or person.name is None else person.name.split()[0]
    visit = screen.parts.visits.begin(screen.viewer.account, pid=pid, unit=unit, name=name, number=number)
    return await screen.choose(visit, language)


def _guest(screen: Screen, language: str, visit: Visit, *, known: bool, why: str = "") -> Response:
    """The guest's form. `known`: a card was read, and is nobody's."""
    if not screen.site.office.web.kiosk.guests:
        return screen.neutral(language, "no_guests")
    return screen.show(
        "tamu",
        language,
        visit=visit,
        idle=GUEST_IDLE_S,
        limit=GUEST_S,
        units=kiosk_view.units_of(screen.site, screen.building),
        until=_day_ends(screen.site),
        read=known,
        why=why,
    )


def _day_ends(site: Site) -> int:
    """Until when a guest is known: the end of the site's day, at most until the last minute of this one."""
    now = site.clock.office()
    return max(now + LEAST_S * SECOND, day_ends(calendar(site.office, now), now))


def _why(screen: Screen, place: str, visit: Visit, answer: Answer) -> str:
    """A word for why a desk was not given, by what is known of it now."""
    now = screen.site.live.now(place)
    if answer.reason != "no_change" or now is None:
        return answer.reason
    tile = kiosk_view.tile_of(screen.site, now, visit.unit)
    if tile.foreign:
        return "foreign"
    return now.status if now.status in ("taken", "reserved") else answer.reason
