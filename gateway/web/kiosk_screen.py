"""One request of a kiosk, and the screens that answer it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Depends, HTTPException, Request
from fastapi.responses import Response

from gateway.clock import SECOND
from gateway.config.model import Floor
from gateway.errors import TransientError
from gateway.web import kiosk_view, workplace
from gateway.web.asking import Answer
from gateway.web.floors import floors_of
from gateway.web.holding import Today, today
from gateway.web.markings import marking
from gateway.web.rendering import LANGUAGES, N_, REASON_WORDS, STATUS_WORDS
from gateway.web.security import Haste
from gateway.web.site import Site, TheSite, part
from gateway.web.viewer import Role, Viewer, allowed
from gateway.web.visits import Visit, Visits

SHUT_S = 60
IDLE_S = 15
"""Seconds without a touch until a screen is neutral again."""
Kiosk = Annotated[Viewer, Depends(allowed(Role.KIOSK))]

WORDS = {
    **REASON_WORDS,
    "not_coordinator": N_("Gerbang yang mencatat kehadiran belum siap. Tidak ada yang berubah; coba lagi sebentar."),
    "taken": N_("Meja itu baru saja dipakai orang lain. Pilih meja lain."),
    "reserved": N_("Meja itu sudah dipesan orang lain. Pilih meja lain."),
    "foreign": N_("Meja itu hanya untuk pegawai satuan kerja pemiliknya. Pilih meja lain."),
    "no_desk": N_("Ruang dan bilik dipesan di situs ini, bukan di kios."),
    "disabled": N_("Kartu ini sudah dinonaktifkan. Hubungi operator gedung."),
    "ambiguous": N_("Nomor kartu ini terdaftar lebih dari sekali. Hubungi operator gedung."),
    "unreadable": N_("Nomor itu bukan nomor kartu. Tempelkan kartu sekali lagi."),
    "hasty": N_("Terlalu sering dicoba. Tunggu semenit, lalu coba lagi."),
    "over": N_("Waktunya sudah habis. Tempelkan kartu sekali lagi."),
    "arrive": N_("Anda sudah tercatat hadir."),
    "depart": N_("Anda sudah tercatat pulang."),
    "guest": N_("Tulis nama Anda, paling banyak 80 huruf."),
    "number": N_("Nomor tamu itu tidak dikenal. Periksa lagi; nomor berlaku sampai akhir hari."),
    "no_guests": N_("Di sini tamu mendaftar pada petugas."),
}


MILD = frozenset({"arrive", "depart"})
"""Of them: nothing is wrong."""


class Parts:
    """What kiosks keep in memory."""

    def __init__(self, site: Site) -> None:
        self.visits = Visits(site.wall)
        self.guests = Haste(site.wall, burst=20, per_minute=2)
        self._clock = site.wall
        self._misses = Haste(site.wall, burst=20, per_minute=6)
        self._shut: dict[str, int] = {}
        """By kiosk: until when it reads nothing, machine time."""

    def reads(self, kiosk: str) -> bool:
        """Whether a kiosk reads cards now. It does not for a minute after too many that were nobody's: nobody tries
        numbers until one is somebody's. A morning's rush of cards that are known is no reason."""
        return self._clock.machine() >= self._shut.get(kiosk, 0)

    def missed(self, kiosk: str) -> None:
        """A card was nobody's."""
        if not self._misses.allows(kiosk):
            self._shut[kiosk] = self._clock.machine() + SHUT_S * SECOND


class Screen:
    """One request of a kiosk: what its answer needs."""

    def __init__(self, request: Request, site: TheSite, viewer: Kiosk) -> None:
        building = kiosk_view.building_of(site, viewer.place)
        if building is None:
            raise HTTPException(403, "this kiosk's account has no place: make one with --role kiosk --place BUILDING")
        self.request, self.site, self.viewer, self.building = request, site, viewer, building
        self.parts = part(request, Parts)
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
        own = more["desk"].place if step == "yakin" or more.get("did") == "pakai" else ""
        values = {
            "idle": 0 if step == "awal" and code == "id" else IDLE_S,
            "limit": 0,
            "why": "",
            "mild": more.get("why") in MILD,
            "bahasa": code,
            "step": step,
            "visit": visit,
            "place_name": self.building.name or self.building.id,
            "building": self.building.id,
            "floor": "" if shown is None else shown.id,
            "floor_name": "" if shown is None else shown.name or shown.id,
            "levels": [] if shown is None else kiosk_view.levels_of(self.site, self.building, shown, unit),
            "areas": [] if shown is None else kiosk_view.areas_of(self.site, self.building, shown, unit),
            **self.plan(shown, own),
            "words": {status: words.text(text) for status, text in STATUS_WORDS.items()},
            "guests": self.site.office.web.kiosk.guests,
            **more,
        }
        values["why"] = words.word(WORDS, values["why"]) if values["why"] else ""
        viewer = replace(self.viewer, language=code)
        return self.site.pages.page(self.request, "kiosk/kiosk.html", viewer, status=status, **values)

    def plan(self, floor: Floor | None, own: str) -> dict[str, Any]:
        """The drawing of a floor, as denah/gambar.html takes it; nothing for a building without desks."""
        if floor is None:
            return {"drawing": None, "site_floor": ""}
        floors = floors_of(self.request)
        storey = floors.find(self.building.id, floor.id)
        places = {now.place: now for now in self.site.live.floor(storey.place)}
        return {
            "drawing": floors.sketch(storey).drawing,
            "site_floor": storey.place,
            "storey": storey,
            "places": places,
            "fits": set(places),
            "own": own,
            "marking": marking,
        }

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
        return kiosk_view.where(self.site, place) if place else ""

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


async def _screen(request: Request, site: TheSite, viewer: Kiosk) -> Screen:
    """A coroutine, as site.given says."""
    return Screen(request, site, viewer)


AtKiosk = Annotated[Screen, Depends(_screen)]
