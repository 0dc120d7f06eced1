"""Pemasangan: enrol a person with a card, pair a device, walk a floor."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from gateway.config.model import Office
from gateway.errors import HadirError
from gateway.people import VISIBILITIES, Enrolled
from gateway.web import device_words as words
from gateway.web import slips
from gateway.web.devices import Row, drivers_of, rows
from gateway.web.finding_people import NotOne, look_for
from gateway.web.lookups import LONGEST, look_up
from gateway.web.pairing import Window
from gateway.web.pairing_words import OUTCOMES
from gateway.web.privacy_words import CONSENT
from gateway.web.rendering import N_, see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import EVERYWHERE, Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
Name = Annotated[str, Form(max_length=120)]
Short = Annotated[str, Form(max_length=40)]
OVER = N_("Jendela pemasangan sudah lewat. Mulai lagi.")
NO_CONSENT = N_("Orangnya harus menyetujui dulu; tanpa persetujuan tidak ada yang didaftarkan.")
NOT_YOURS = N_("Unit itu bukan bagian Anda.")
PURPOSE = "kartu"
MOST_NAMED = 4
"""Drivers that are offered for one medium; of more, people know better which."""
TAKEN = N_("Kartu itu sudah dimiliki orang lain. Nonaktifkan dulu di sana.")
ENROLLED = N_("NIP itu sudah terdaftar di unit ini. Pilih kartu tambahan untuk orang yang sudah terdaftar.")
TYPED = "NIP Anda diketik saat mendaftarkan orang baru"
"""Why somebody was looked up whose staff number was typed: that it is enrolled is told, so they see it."""
INVALID = N_("Nama paling panjang 120 huruf; NIP hanya angka, huruf, titik, garis, dan spasi.")


@router.get("/operator/pemasangan")
async def start(request: Request, site: TheSite, viewer: Operator) -> Response:
    """What may be done."""
    return site.pages.page(
        request, "operator/pemasangan.html", viewer, readers=readers(site), **_words(site, request, viewer)
    )


@router.post("/operator/pemasangan/kartu")
async def open_window(site: TheSite, viewer: Operator, pembaca: Annotated[str, Form(max_length=40)]) -> Response:
    """Open a window at a reader."""
    reader = next((row for row in readers(site) if row.id == pembaca), None)
    if reader is None or not reader.gateway:
        return see("/operator/pemasangan")
    window = site.pairing.open(viewer.account, [reader.gateway], reader.id)
    await site.pairing.ask(window, site.asker)
    return see(f"/operator/pemasangan/kartu/{window.word}")


@router.get("/operator/pemasangan/kartu/{word}")
async def watch_window(request: Request, site: TheSite, viewer: Operator, word: str) -> Response:
    """The countdown; then the form for the person."""
    return await _window_page(request, site, viewer, word, "operator/kartu.html")


@router.get("/operator/pemasangan/kartu/{word}/isi")
async def changing(request: Request, site: TheSite, viewer: Operator, word: str) -> Response:
    """What changes of it."""
    return await _window_page(request, site, viewer, word, "operator/kartu_isi.html")


@router.post("/operator/pemasangan/kartu/{word}/orang")
async def enrol(
    request: Request,
    site: TheSite,
    viewer: Operator,
    word: str,
    baru: Annotated[bool, Form()] = True,
    nama: Name = "",
    nip: Short = "",
    unit: Short = "_",
    terlihat: Short = "self",
    siapa: Name = "",
    alasan: Annotated[str, Form(max_length=LONGEST)] = "",
    kode: Annotated[bool, Form()] = False,
    setuju: Annotated[bool, Form()] = False,
) -> Response:
    """Give the card to a new person, with a slip and a code for signing in; or ask whether a known one is meant."""
    window = site.pairing.of(word, viewer.account)
    if window is None or not window.card:
        return _form(request, site, viewer, window, wrong=OVER, status=410)
    given: dict[str, Any] = {"nama": nama, "nip": nip, "unit": unit, "terlihat": terlihat, "baru": baru}
    given |= {"siapa": siapa, "alasan": alasan, "kode": kode}
    if not setuju:
        return _form(request, site, viewer, window, wrong=NO_CONSENT, status=422, **given)
    try:
        if not baru:
            known = look_for(site, viewer, siapa, what="name", reason=alasan)
            values = {slips.REASON: alasan, "word": word, "code": "1" if kode else ""}
            action = f"/operator/pemasangan/kartu/{word}/benar"
            return slips.ask(request, site, viewer, known, PURPOSE, action=action, values=values)
        pid = _new_person(site, viewer, window, nama=nama, nip=nip, unit=unit, terlihat=terlihat)
    except NotOne as error:
        return _form(request, site, viewer, window, wrong=error.why, status=error.status, **given)
    except _No as error:
        return _form(request, site, viewer, window, wrong=str(error), status=422, **given)
    site.pairing.end(word)
    person = site.people.person(pid)
    assert person is not None  # noqa: S101 it was there a moment ago
    return slips.slip(request, site, viewer, person, code=slips.code_of(site, viewer, person))


@router.post("/operator/pemasangan/kartu/{word}/benar")
async def another_card(
    request: Request, site: TheSite, viewer: Operator, word: str, orang: Annotated[str, Form(max_length=4000)]
) -> Response:
    """Yes, this one: the card is theirs as well. A code only where it was asked for: they see that too."""
    window = site.pairing.of(word, viewer.account)
    said = slips.answered(site, viewer, PURPOSE, orang)
    if window is None or not window.card or said.get("word") != word:
        return _form(request, site, viewer, window, wrong=OVER, status=410)
    person = look_up(site, viewer, said["pid"], what="enrol", reason=said[slips.REASON])
    try:
        site.people.give_index(person.pid, window.card)
    except HadirError:
        return _form(request, site, viewer, window, wrong=TAKEN, status=422, baru=False)
    site.pairing.end(word)
    code = None
    if said["code"]:
        look_up(site, viewer, person.pid, what="code", reason=said[slips.REASON])
        code = slips.code_of(site, viewer, person)
    return slips.slip(request, site, viewer, person, code=code)


# --- devices ----------------------------------------------------------------------------------------------------------


@router.post("/operator/pemasangan/perangkat")
async def open_devices(site: TheSite, viewer: Operator) -> Response:
    """Open a window for sensors, at every gateway that is there."""
    there = [gateway.id for gateway in site.office.gateways if not site.live.gone(gateway.id)]
    window = site.pairing.open(viewer.account, there)
    await site.pairing.ask(window, site.asker)
    return see(f"/operator/pemasangan/perangkat/{window.word}")


@router.get("/operator/pemasangan/perangkat/{word}")
async def watch_devices(request: Request, site: TheSite, viewer: Operator, word: str) -> Response:
    """The countdown, and what has spoken."""
    return await _devices_page(request, site, viewer, word, "operator/pasang.html")


@router.get("/operator/pemasangan/perangkat/{word}/isi")
async def changing_devices(request: Request, site: TheSite, viewer: Operator, word: str) -> Response:
    """What changes of it."""
    return await _devices_page(request, site, viewer, word, "operator/pasang_isi.html")


async def _devices_page(request: Request, site: Site, viewer: Viewer, word: str, template: str) -> Response:
    window = site.pairing.of(word, viewer.account)
    likely: list[Row] = []
    others: list[Row] = []
    never: list[Row] = []
    if window is not None:
        await site.pairing.ask(window, site.asker)
        site.watch.hear()
        found = {row.id: row for row in rows(site.office, site.live)}
        for name, woke in site.watch.heard_since(window.since).items():
            if name in found:
                (likely if woke else others).append(found[name])
        never = [row for row in found.values() if not row.heard]
    now = site.clock.office()
    return site.pages.page(
        request,
        template,
        viewer,
        window=window,
        left=0 if window is None else max(0, -(-(window.until - now) // 10**9)),
        wrong=OVER if window is None else "",
        likely=likely,
        others=others,
        never=never,
        strangers=[] if window is None else [(*one, _line(site, one[0], one[2], one[3])) for one in window.strangers],
        floors=sorted({f"{b.id}/{f.id}" for b in site.office.buildings for f in b.floors}),
        **_words(site, request, viewer),
    )


def _line(site: Site, gateway: str, medium: str, address: str) -> str:
    """What office.yaml would say of a device that nobody configured; what only people know is left open."""
    place = next((one.place for one in site.office.gateways if one.id == gateway), "")
    names = drivers_of(medium)
    driver = " | ".join(names) if 0 < len(names) <= MOST_NAMED else "..."
    return f"- {{id: ..., driver: {driver}, address: {json.dumps(address)}, place: {place}/...}}"


class _No(HadirError):
    """Why not, for people."""


def _new_person(site: Site, viewer: Viewer, window: Window, *, nama: str, nip: str, unit: str, terlihat: str) -> str:
    """The pid. Raises _No."""
    unit = unit.strip() or "_"
    if not viewer.sees(unit):
        raise _No(NOT_YOURS)
    try:
        pid = site.people.enrol(
            unit=unit, visibility=terlihat, name=" ".join(nama.split()) or None, staff_number=nip.strip() or None
        )
    except Enrolled as error:
        site.accounts.note_lookup(viewer, error.pid, unit, "enrol", TYPED)
        raise _No(ENROLLED) from error
    except HadirError as error:
        raise _No(INVALID) from error
    try:
        site.people.give_index(pid, window.card)
    except HadirError as error:
        site.people.erase(pid)
        raise _No(TAKEN) from error
    return pid


def readers(site: Site) -> list[Row]:
    """Badge readers, those for enrolling first."""
    found = [row for row in rows(site.office, site.live) if row.modality == "badge"]
    return sorted(found, key=lambda row: (row.role != "enrol", row.id))


def units(office: Office, viewer: Viewer) -> list[str]:
    """Units into which this viewer may enrol."""
    known = {
        zone.unit for building in office.buildings for floor in building.floors for zone in floor.zones if zone.unit
    }
    known |= {
        space.unit for b in office.buildings for f in b.floors for z in f.zones for space in z.spaces if space.unit
    }
    return sorted({*known, "_"} if EVERYWHERE in viewer.units else viewer.units)


async def _window_page(request: Request, site: Site, viewer: Viewer, word: str, template: str) -> Response:
    window = site.pairing.of(word, viewer.account)
    if window is not None:
        await site.pairing.ask(window, site.asker)
    return _form(request, site, viewer, window, template=template)


def _form(
    request: Request,
    site: Site,
    viewer: Viewer,
    window: Window | None,
    *,
    template: str = "operator/kartu.html",
    wrong: str = "",
    status: int = 200,
    **given: Any,
) -> Response:
    now = site.clock.office()
    return site.pages.page(
        request,
        template,
        viewer,
        status=status,
        window=window,
        left=0 if window is None else max(0, -(-(window.until - now) // 10**9)),
        outcome=OUTCOMES.get("" if window is None else window.reason, ""),
        silent=bool(window and window.silent),
        wrong=wrong or (OVER if window is None else ""),
        units=units(site.office, viewer),
        visibilities=VISIBILITIES,
        **CONSENT,
        kept_days=site.office.archive.retain_people_days,
        given={
            "nama": "",
            "nip": "",
            "unit": "",
            "terlihat": "self",
            "siapa": "",
            "alasan": "",
            "kode": False,
            "baru": True,
            **given,
        },
        **_words(site, request, viewer),
    )


def _words(site: Site, request: Request, viewer: Viewer) -> dict[str, Any]:
    language = site.pages.language(request, viewer)
    return {"words": words, "word": lambda table, key: language.word(table, key)}
