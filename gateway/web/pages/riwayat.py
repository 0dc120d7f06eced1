"""Riwayat saya: one's check-ins by day, what waits and what was refused, to take along, to correct, to erase."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from gateway.contract.times import parsed, written
from gateway.errors import PermanentError
from gateway.web.mine.days import bounds, clock_of, local, today
from gateway.web.mine.export import checkins, everything
from gateway.web.mine.history import history
from gateway.web.mine.places import path_of, space_name, zone_name
from gateway.web.mine.record import Visit
from gateway.web.mine.requests import APPROVED, ASKED, FIELDS, KINDS, NOTE, STATES, TIMES, Requests
from gateway.web.mine.stretch import days_of, fits
from gateway.web.mine.words import ACT_WORDS, ASSURANCE_WORDS, ENDED_WORDS, METHOD_WORDS, REFUSED_WORDS, STAGE_WORDS
from gateway.web.rendering import N_, Language, see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Employee = Annotated[Viewer, Depends(allowed(Role.EMPLOYEE))]
SHORT = 7
ERASE_WORDS = frozenset({"HAPUS", "ERASE"})
SENT = N_("Permintaan koreksi terkirim. Anda melihat keputusannya di halaman ini.")
NOT_A_TIME = N_("Tulis jamnya seperti 08:05.")
NOT_YET = N_("Jam itu belum lewat.")
NOT_IN_ORDER = N_("Jam selesai tidak boleh mendahului jam mulai. Periksa jam dan tanggalnya.")
NOT_NEAR = N_("Tanggal itu terlalu jauh dari catatan ini.")
NOT_KEPT = N_("Hari itu tidak ada lagi di catatan, atau belum tiba.")
MANY = N_("Terlalu banyak permintaan yang masih menunggu. Tarik salah satu dulu.")
WRONG_WORD = N_("Kata itu tidak cocok. Tidak ada yang dihapus.")


@router.get("/riwayat")
async def look(request: Request, site: TheSite, viewer: Employee, hari: int = SHORT, terkirim: str = "") -> Response:
    """One's days, latest first."""
    most = site.office.archive.retain_people_days
    days = min(max(1, hari), most)
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "riwayat/riwayat.html",
        viewer,
        told=await history(site, viewer.pid, days),
        shown=days,
        most=most,
        requests=Requests(site.accounts.connection).of(viewer.pid),
        sent=SENT if terkirim else "",
        today=today(site),
        day_word=lambda day: _day_word(language, site, day),
        kind_of=lambda word: language.word(KINDS, word),
        field_of=lambda word: language.word(FIELDS, word),
        state_of=lambda word: language.word(STATES, word),
        method_word=lambda word: language.word(METHOD_WORDS, word),
        ended_word=lambda word: language.word(ENDED_WORDS, word),
        assurance_word=lambda word: language.word(ASSURANCE_WORDS, word),
        stage_word=lambda word: language.word(STAGE_WORDS, word),
        act_word=lambda word: language.word(ACT_WORDS, word),
        refused_word=lambda word: language.word(REFUSED_WORDS, word),
        new_word=lambda one: _new_word(language, one.field, one.new),
        fixed_word=lambda fix: _new_word(language, str(fix["field"]), str(fix.get("new") or "")),
        name_of=lambda place: space_name(site, place),
        zone_of=lambda place: zone_name(site, place),
        path_of=path_of,
        is_space=lambda place: place in site.live.places.spots,
    )


@router.get("/riwayat/unduh.json")
async def download(site: TheSite, viewer: Employee) -> Response:
    """Everything that the site has about oneself."""
    body = json.dumps(await everything(site, viewer.pid), ensure_ascii=False, indent=1)
    return _file(body, "application/json", f"hadir-{today(site)}.json")


@router.get("/riwayat/unduh.csv")
async def download_table(site: TheSite, viewer: Employee) -> Response:
    """One's check-ins, for a spreadsheet."""
    return _file(await checkins(site, viewer.pid), "text/csv; charset=utf-8", f"hadir-{today(site)}.csv")


@router.get("/riwayat/koreksi")
async def form(
    request: Request, site: TheSite, viewer: Employee, hari: str = "", catatan: str = "", jenis: str = "lupa_tap"
) -> Response:
    """Ask for a correction: of a check-in (`catatan`), or of a day."""
    target = await _own(site, viewer, catatan)
    day = local(site, target.at).date() if target is not None else _day(hari) or today(site)
    field = "" if target is None else "last_evidence" if target.started is not None else "start"
    kind = jenis if jenis in KINDS else "lupa_tap"
    return _form(request, site, viewer, target=target, day=day, kind=kind, field=field)


@router.post("/riwayat/koreksi")
async def ask(
    request: Request,
    site: TheSite,
    viewer: Employee,
    jenis: Annotated[str, Form(max_length=16)],
    apa: Annotated[str, Form(max_length=16)],
    hari: Annotated[str, Form(max_length=10)],
    jam: Annotated[str, Form(max_length=8)] = "",
    catatan: Annotated[str, Form(max_length=64)] = "",
    alasan: Annotated[str, Form(max_length=NOTE)] = "",
) -> Response:
    """Send it to the operators of one's unit."""
    target, day = await _own(site, viewer, catatan), _day(hari)
    if jenis not in KINDS or apa not in FIELDS or (apa == "event" and target is None):
        raise HTTPException(422, "there is no such correction")
    wrong, new, now = "", "", site.clock.office()
    requests = Requests(site.accounts.connection)
    first, last = _days(site, target)
    if day is None or not first <= day <= last:
        wrong = NOT_KEPT if target is None else NOT_NEAR
    elif apa in TIMES:
        at = clock_of(site, jam, day)
        wrong = NOT_A_TIME if at is None else NOT_YET if at > now else ""
        if at is not None and target is not None and not wrong:
            stand = [one for one in requests.of(viewer.pid) if one.state in (ASKED, APPROVED)]
            wrong = "" if fits(target, apa, at, stand) else NOT_IN_ORDER
        new = "" if at is None else written(at)
    elif apa == "note":
        new = str(day)
    if not wrong:
        try:
            requests.ask(
                pid=viewer.pid,
                unit=viewer.unit,
                at=now,
                kind=jenis,
                field=apa,
                target="" if target is None else target.id,
                old=_old(target, apa),
                new=new,
                note=alasan,
            )
            return see("/riwayat?terkirim=1#koreksi")
        except PermanentError:
            wrong = MANY
    return _form(
        request,
        site,
        viewer,
        target=target,
        day=day or today(site),
        kind=jenis,
        field=apa,
        jam=jam,
        note=alasan,
        wrong=wrong,
        status=422,
    )


@router.post("/riwayat/koreksi/tarik")
async def withdraw(site: TheSite, viewer: Employee, permintaan: Annotated[str, Form(max_length=64)]) -> Response:
    """One's request is not wanted any more."""
    Requests(site.accounts.connection).withdraw(permintaan, viewer.pid, site.clock.office())
    return see("/riwayat#koreksi")


@router.get("/riwayat/hapus")
async def consider(request: Request, site: TheSite, viewer: Employee) -> Response:
    """What erasing does, before it is done."""
    return site.pages.page(request, "riwayat/hapus.html", viewer, wrong="")


@router.post("/riwayat/hapus")
async def erase(
    request: Request, site: TheSite, viewer: Employee, kata: Annotated[str, Form(max_length=32)]
) -> Response:
    """Forget the person: here at once; archive and gateways follow as they hear of it."""
    if kata.strip().upper() not in ERASE_WORDS:
        return site.pages.page(request, "riwayat/hapus.html", viewer, status=422, wrong=WRONG_WORD)
    site.people.erase(viewer.pid)
    site.accounts.erase(viewer.pid)
    answer = site.pages.page(request, "riwayat/dihapus.html", None)
    answer.delete_cookie(site.cookie, path="/", secure=site.office.web.secure, httponly=True, samesite="lax")
    return answer


# --- inside -----------------------------------------------------------------------------------------------------------


def _form(request: Request, site: Site, viewer: Viewer, *, status: int = 200, **values: Any) -> Response:
    language = site.pages.language(request, viewer)
    told = {"field": "", "jam": "", "note": "", "wrong": "", **values}
    target = told["target"]
    first, last = _days(site, target)
    return site.pages.page(
        request,
        "riwayat/koreksi.html",
        viewer,
        status=status,
        kinds=[(word, language.text(text)) for word, text in KINDS.items()],
        fields=[(word, language.text(text)) for word, text in FIELDS.items() if word != "event" or target is not None],
        first=first,
        last=last,
        name_of=lambda place: space_name(site, place),
        **told,
    )


async def _own(site: Site, viewer: Viewer, identity: str) -> Visit | None:
    """A check-in of one's own record; None: none is meant. Raises HTTPException 404."""
    if not identity:
        return None
    told = await history(site, viewer.pid, site.office.archive.retain_people_days)
    found = next((visit for visit in told.visits if visit.id == identity), None)
    if found is None:
        raise HTTPException(404, "there is no such check-in")
    return found


def _days(site: Site, target: Visit | None) -> tuple[date, date]:
    """First and last day that a correction may be about: what is kept, and of a check-in a night around it."""
    last = today(site)
    first = last - timedelta(days=site.office.archive.retain_people_days)
    if target is None:
        return first, last
    earliest, latest = days_of(site, target)
    return max(first, earliest), min(last, latest)


def _old(target: Visit | None, field: str) -> str:
    if target is None or field not in TIMES:
        return ""
    at = target.started if field == "start" else target.ended
    return "" if at is None else written(at)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _day_word(language: Language, site: Site, day: date) -> str:
    return language.day(bounds(site, day)[0])


def _new_word(language: Language, field: str, new: str) -> str:
    """What is true instead, for people."""
    try:
        return language.moment(parsed(new)) if field in TIMES else new
    except PermanentError:  # of a correction that somebody else's operator wrote
        return new


def _file(body: str, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body.encode(), media_type=kind, headers=headers)
