"""Kiosk: a screen at an entrance. Tap the card, tap the desk, confirm; come and go; sign in as a guest.

Every step is a form that is answered by the next screen, so that it works without a script; with it (static/kiosk.js)
nothing is ever added to the browser's history. Who stands there is known by a word that only the page holds
(visits.py); the kiosk's own session is the only cookie. Nothing about a person is in an address.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from gateway.calendars import calendar
from gateway.clock import SECOND
from gateway.errors import HadirError, TransientError
from gateway.people import LONGEST_GUEST
from gateway.web import kiosk_view, workplace
from gateway.web.asking import Answer
from gateway.web.holding import Today, find, realms_of, today
from gateway.web.pages.display import where
from gateway.web.rendering import LANGUAGE_COOKIE, LANGUAGES, N_, REASON_WORDS, STATUS_WORDS, see
from gateway.web.security import Haste
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed
from gateway.web.visits import Visit, Visits

router = APIRouter(prefix="/kiosk", include_in_schema=False)
Kiosk = Annotated[Viewer, Depends(allowed(Role.KIOSK))]
Typed = Annotated[str, Form(max_length=64)]
Word = Annotated[str, Form(max_length=64)]
Where = Annotated[str, Form(max_length=160)]
Code = Annotated[str, Form(max_length=32)]
IDLE_S, GUEST_IDLE_S, GUEST_S = 15, 30, 120
"""Seconds without a touch until a screen is neutral again; of the guest's form, and at most for it."""
NAME_LENGTH = 80
FORGET_S = 12 * 3600
"""How long a guest is known where the site's day has no end."""

WORDS = {
    **REASON_WORDS,
    "not_coordinator": N_("Gerbang yang mencatat kehadiran belum siap. Tidak ada yang berubah; coba lagi sebentar."),
    "taken": N_("Meja itu baru saja dipakai orang lain. Pilih meja lain."),
    "reserved": N_("Meja itu sudah dipesan orang lain. Pilih meja lain."),
    "foreign": N_("Meja itu hanya untuk pegawai satuan kerja pemiliknya. Pilih meja lain."),
    "disabled": N_("Kartu ini sudah dinonaktifkan. Hubungi operator gedung."),
    "ambiguous": N_("Nomor kartu ini terdaftar lebih dari sekali. Hubungi operator gedung."),
    "unreadable": N_("Nomor itu bukan nomor kartu. Tempelkan kartu sekali lagi."),
    "hasty": N_("Terlalu sering dicoba. Tunggu semenit, lalu coba lagi."),
    "over": N_("Waktunya sudah habis. Tempelkan kartu sekali lagi."),
    "arrive": N_("Anda sudah tercatat hadir."),
    "depart": N_("Anda sudah tercatat pulang."),
    "guest": N_("Tulis nama Anda, paling banyak 80 huruf."),
    "no_guests": N_("Di sini tamu mendaftar pada petugas."),
}


class Parts:
    """What kiosks keep in memory."""

    def __init__(self, site: Site) -> None:
        self.visits = Visits(site.wall)
        self.cards = Haste(site.wall, burst=20, per_minute=20)
        """Cards of one kiosk: nobody tries numbers until one is somebody's."""
        self.guests = Haste(site.wall, burst=20, per_minute=2)


def parts_of(request: Request) -> Parts:
    """Made once an application."""
    state = request.app.state
    if not hasattr(state, "kiosk"):
        state.kiosk = Parts(state.site)
    parts: Parts = state.kiosk
    return parts


class Screen:
    """One request of a kiosk: what its answer needs."""

    def __init__(self, request: Request, site: TheSite, viewer: Kiosk) -> None:
        building = kiosk_view.building_of(site, viewer.place)
        if building is None:
            raise HTTPException(403, "this kiosk's account has no place: make one with --role kiosk --place BUILDING")
        self.request, self.site, self.viewer, self.building = request, site, viewer, building
        self.parts = parts_of(request)
        self.workplace = viewer.place

    def visit(self, word: str) -> Visit | None:
        """Whoever stands there, if they still do."""
        return self.parts.visits.of(self.viewer.account, word)

    def show(
        self, step: str, language: str, *, visit: Visit | None = None, floor: str = "", status: int = 200, **more: Any
    ) -> Response:
        """A screen. Indonesian unless `language` is another that there is."""
        shown = kiosk_view.floor_of(self.building, self.viewer.place, floor)
        code = language if language in LANGUAGES else "id"
        unit = visit.unit if visit is not None else ""
        words = self.site.pages.named(code)
        values = {
            "idle": 0 if step == "awal" and code == "id" else IDLE_S,
            "limit": 0,
            "why": "",
            "bahasa": code,
            "step": step,
            "visit": visit,
            "place_name": self.building.name or self.building.id,
            "building": self.building.id,
            "floor": "" if shown is None else shown.id,
            "floor_name": "" if shown is None else shown.name or shown.id,
            "levels": [] if shown is None else kiosk_view.levels_of(self.site, self.building, shown, unit),
            "areas": [] if shown is None else kiosk_view.areas_of(self.site, self.building, shown, unit),
            "words": {status: words.text(text) for status, text in STATUS_WORDS.items()},
            "guests": self.site.office.web.kiosk.guests,
            **more,
        }
        values["why"] = words.word(WORDS, values["why"]) if values["why"] else ""
        viewer = replace(self.viewer, language=code)
        return self.site.pages.page(self.request, "kiosk/kiosk.html", viewer, status=status, **values)

    def neutral(self, language: str, why: str = "", *, status: int = 200) -> Response:
        """The first screen, with a word on why. It is not quite neutral then, and goes away."""
        more: dict[str, Any] = {"why": why, "idle": IDLE_S} if why else {}
        return self.show("awal", language, status=status, **more)

    async def today(self, pid: str) -> Today:
        """What the archive knows of them; nothing where it does not answer."""
        now = self.site.clock.office()
        try:
            return await self.site.reading.ask(lambda view: today(view, pid, now))
        except TransientError:
            return Today()

    async def choose(self, visit: Visit, language: str, *, floor: str = "", why: str = "", done: str = "") -> Response:
        """What somebody whose card was read may do. `done`: what they just did."""
        known = await self.today(visit.pid)
        desk = self.site.live.now(known.desk) if known.desk else None
        return self.show(
            "pilih", language, visit=visit, floor=floor, known=known, desk=desk, desk_where=self.where(known.desk),
            why=why, done=done,
        )  # fmt: skip

    def where(self, place: str) -> str:
        """Zone and floor."""
        return where(self.site, place) if place else ""

    async def ask(self, name: str, place: str, visit: Visit) -> Answer:
        """A command about a desk."""
        return await self.site.asker.ask(
            name,
            place,
            actor=self.viewer.account,
            role="kiosk",
            pid=visit.pid,
            unit=visit.unit,
            args={"method": "kiosk"},
        )

    async def tell(self, what: Literal["arrive", "depart"], visit: Visit, *, guest: bool = False) -> Answer:
        """They come, or go."""
        kind = "visitor" if guest else workplace.arrangement_of(self.site, self.workplace, visit.unit)
        return await workplace.tell(
            self.site,
            what,
            self.workplace,
            pid=visit.pid,
            unit=visit.unit,
            method="kiosk",
            actor=self.viewer.account,
            arrangement=kind,
        )


AtKiosk = Annotated[Screen, Depends(Screen)]


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
    if not screen.parts.cards.allows(screen.viewer.account):
        screen.site.counters.add("web.kiosk_hasty")
        return screen.neutral(bahasa, "hasty", status=429)
    found = find(screen.site.people, kartu, realms_of(screen.site.office), screen.site.office.web.kiosk.cards)
    screen.site.counters.add("web.kiosk_cards", found.what)
    if found.what == "unknown":
        visit = screen.parts.visits.begin(screen.viewer.account, card=found.card)
        return _guest(screen, bahasa, visit, known=True)
    if found.what != "known":
        return screen.neutral(bahasa, found.what)
    person = screen.site.people.person(found.pid)
    name = "" if person is None or person.name is None else person.name.split()[0]
    visit = screen.parts.visits.begin(screen.viewer.account, pid=found.pid, unit=found.unit, name=name)
    return await screen.choose(visit, bahasa)


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
    if now is None:
        return await screen.choose(visit, bahasa, floor=lantai, why="no_place")
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
    people = screen.site.people
    given = [(visit.card, screen.site.office.site)] if visit.card else []
    try:
        pid = people.enrol_guest(name=name, valid_until=until, host=host, credentials=given)
    except HadirError:  # the card became somebody's meanwhile
        given = []
        pid = people.enrol_guest(name=name, valid_until=until, host=host)
    screen.parts.visits.end(screen.viewer.account, visit.word)
    visit = screen.parts.visits.begin(screen.viewer.account, pid=pid, name=name.split()[0])
    answer = await screen.tell("arrive", visit, guest=True)
    if not answer.ok:
        screen.site.counters.add("web.kiosk_guest_not_told", answer.reason)
    return screen.show("tamu_selesai", bahasa, visit=visit, until=until, card=bool(given), told=answer.ok)


@router.post("/selesai")
async def over(screen: AtKiosk, kunjungan: Word = "") -> Response:
    """They have gone: nothing is remembered of them here."""
    screen.parts.visits.end(screen.viewer.account, kunjungan)
    return see("/kiosk")


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
    """Until when a guest is known: the end of the site's day."""
    now = site.clock.office()
    end = calendar(site.office, now).end_of_day(now)
    return min(now + FORGET_S * SECOND if end is None else end, now + LONGEST_GUEST)


def _why(screen: Screen, place: str, visit: Visit, answer: Answer) -> str:
    """A word for why a desk was not given, by what is known of it now."""
    now = screen.site.live.now(place)
    if answer.reason != "no_change" or now is None:
        return answer.reason
    tile = kiosk_view.tile_of(screen.site, now, visit.unit)
    if tile.foreign:
        return "foreign"
    return now.status if now.status in ("taken", "reserved") else answer.reason
