"""Koreksi: what people ask to be put right, decided by operators of their units; and what desks are reported for."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from gateway.contract.times import parsed, written
from gateway.errors import PermanentError, TransientError
from gateway.ledger_view import View
from gateway.people import Person
from gateway.web.lookups import look_up
from gateway.web.mine.amending import amend
from gateway.web.mine.days import bounds, local
from gateway.web.mine.looked import already
from gateway.web.mine.near import zones_of
from gateway.web.mine.outage import around, outages_around
from gateway.web.mine.places import space_name, zone_name
from gateway.web.mine.problems import KINDS as PROBLEMS
from gateway.web.mine.problems import Problems
from gateway.web.mine.record import OWN, Record, Visit, fold
from gateway.web.mine.requests import ANSWER, APPROVED, FIELDS, KINDS, REFUSED, STATES, TIMES, Requests
from gateway.web.mine.requests import Request as Asked
from gateway.web.mine.stretch import fits
from gateway.web.mine.words import ENDED_WORDS, METHOD_WORDS, REFUSED_WORDS
from gateway.web.outage_words import CAUSES
from gateway.web.outage_words import KINDS as OUTAGES
from gateway.web.outages import Outage
from gateway.web.rendering import N_, see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
LOOKUP = "correction"
SAY_WHY = N_("Tulis alasannya, sekurang-kurangnya lima huruf: pegawai membacanya.")
LATE = N_("Permintaan ini sudah diputuskan atau ditarik.")
NOT_IN_ORDER = N_(
    "Dengan jam itu catatan selesai sebelum mulai. Bila permintaan lain tentang catatan yang sama menunggu, putuskan"
    " itu dulu."
)
OWN_REQUEST = N_("Permintaan sendiri diputuskan operator lain.")
DECIDED = N_("Keputusan tersimpan. Pegawai melihatnya di Riwayat saya.")


@router.get("/operator/koreksi")
async def look(request: Request, site: TheSite, viewer: Operator, putus: str = "") -> Response:
    """What waits: without names, which are looked up one by one, and with that logged."""
    requests = Requests(site.accounts.connection)
    return site.pages.page(
        request,
        "koreksi/daftar.html",
        viewer,
        waiting=requests.waiting(viewer.units),
        decided=requests.decided(viewer.units),
        problems=Problems(site.accounts.connection).open(),
        saved=DECIDED if putus else "",
        day_of=lambda one: _day(site, one),
        name_of=lambda place: space_name(site, place),
        zone_of=lambda place: zone_name(site, place),
        **_words(request, site, viewer),
    )


@router.get("/operator/koreksi/{identity}")
async def one(request: Request, site: TheSite, viewer: Operator, identity: str) -> Response:
    """One request with its evidence. Opening it is a look-up of the person, who sees that it was."""
    return await _page(request, site, viewer, _found(site, viewer, identity))


@router.post("/operator/koreksi/{identity}")
async def decide(
    request: Request,
    site: TheSite,
    viewer: Operator,
    identity: str,
    putusan: Annotated[str, Form(max_length=16)],
    alasan: Annotated[str, Form(max_length=ANSWER)] = "",
) -> Response:
    """Approve or refuse, with a reason."""
    asked = _found(site, viewer, identity)
    if putusan not in (APPROVED, REFUSED):
        raise HTTPException(422, "there is no such decision")
    if asked.pid == viewer.pid:
        return await _page(request, site, viewer, asked, wrong=OWN_REQUEST, status=403)
    if len(alasan.strip()) < 5:
        return await _page(request, site, viewer, asked, wrong=SAY_WHY, status=422)
    _person(site, viewer, asked)  # who decides has looked, also by an address that they kept
    if putusan == APPROVED and asked.state == "asked":
        if not await _fits(site, asked):
            return await _page(request, site, viewer, asked, wrong=NOT_IN_ORDER, answer=alasan, status=409)
        failed = await _told_gateway(site, viewer, asked)
        if failed:
            language = site.pages.language(request, viewer)
            return await _page(
                request, site, viewer, asked, wrong=language.word(REFUSED_WORDS, failed), answer=alasan, status=503
            )
    try:
        done = Requests(site.accounts.connection).decide(
            identity, putusan, by=viewer.account, at=site.clock.office(), answer=alasan
        )
    except PermanentError:
        return await _page(request, site, viewer, asked, wrong=SAY_WHY, status=422)
    if not done:
        return await _page(request, site, viewer, _found(site, viewer, identity), wrong=LATE, status=409)
    if putusan == APPROVED:
        visit = await _visit(site, asked)
        if visit is not None:
            await amend(site, asked, visit.place, viewer.account, alasan)
    return see("/operator/koreksi?putus=1")


@router.post("/operator/koreksi/masalah/{identity}")
async def mended(site: TheSite, viewer: Operator, identity: str) -> Response:
    """A desk's problem has been seen to."""
    Problems(site.accounts.connection).done(identity, viewer.account, site.clock.office())
    return see("/operator/koreksi#masalah")


def _found(site: Site, viewer: Viewer, identity: str) -> Asked:
    asked = Requests(site.accounts.connection).one(identity[:64], viewer.units)
    if asked is None:
        raise HTTPException(404, "there is no such request of your units")
    return asked


async def _told_gateway(site: Site, viewer: Viewer, asked: Asked) -> str:
    """End a desk's check-in that is still open, if that is what was asked; why not, if the gateway did not.

    All else is the record's: the approved request stands beside what the gateway has said.
    """
    if asked.field not in ("last_evidence", "event"):
        return ""
    visit = await _visit(site, asked)
    if visit is None or visit.kind != "desk" or visit.ended is not None:
        return ""
    answer = await site.asker.ask(
        "correct",
        visit.place,
        actor=viewer.account,
        role="operator",
        pid=asked.pid,
        unit=asked.unit,
        args={"checkin_id": visit.id},
        identity=asked.id,
    )
    return "" if answer.ok or answer.reason == "no_change" else answer.reason


async def _fits(site: Site, asked: Asked) -> bool:
    """Whether what is asked for can be, beside what has been approved since: nothing ends before it has begun."""
    visit = await _visit(site, asked)
    if visit is None or asked.field not in TIMES:
        return True
    approved = Requests(site.accounts.connection).of(asked.pid, state=APPROVED)
    return fits(visit, asked.field, parsed(asked.new), approved)


async def _visit(site: Site, asked: Asked) -> Visit | None:
    """The check-in that a request is about; None: about none, or it cannot be read."""
    since = max(0, asked.asked - site.office.archive.retain_people_days * 86_400 * 1_000_000_000)
    try:
        record = await site.reading.ask(lambda view: fold(view.of_person(asked.pid, OWN, since)))
    except TransientError:
        return None
    return next((one for one in record.visits if one.id == asked.target), None)


def _day(site: Site, asked: Asked) -> int:
    """The day that a request is about, as the ns of its beginning or of the time that it names."""
    if asked.field == "note":
        return bounds(site, date.fromisoformat(asked.new))[0]
    for text in (asked.new, asked.old):
        if text:
            return parsed(text)
    return asked.asked


async def _page(
    request: Request,
    site: Site,
    viewer: Viewer,
    asked: Asked,
    *,
    wrong: str = "",
    answer: str = "",
    status: int = 200,
) -> Response:
    person = _person(site, viewer, asked)
    start, end = bounds(site, local(site, _day(site, asked)).date())
    until = min(end, site.clock.office())
    since = max(0, start - 14 * 86_400 * 1_000_000_000)

    def read(view: View) -> tuple[Record, list[Outage]]:
        record = fold(view.of_person(asked.pid, OWN, since, end))
        where = around(site.office, zones_of(site, record, asked.unit))
        return record, outages_around(view, site.office, where, start, until)

    try:
        record, found = await site.reading.ask(read)
        readable = True
    except TransientError:
        record, found, readable = Record(), [], False
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "koreksi/satu.html",
        viewer,
        status=status,
        asked=asked,
        person=person,
        wrong=wrong,
        answer=answer,
        own=asked.pid == viewer.pid,
        day=_day(site, asked),
        visits=[visit for visit in record.visits if visit.id == asked.target or start <= visit.at < end],
        found=found,
        readable=readable,
        name_of=lambda place: space_name(site, place),
        zone_of=lambda place: zone_name(site, place),
        method_word=lambda word: language.word(METHOD_WORDS, word),
        ended_word=lambda word: language.word(ENDED_WORDS, word),
        cause_of=lambda word: language.word(CAUSES, word),
        equipment_of=lambda word: language.word(OUTAGES, word),
        **_words(request, site, viewer),
    )


def _person(site: Site, viewer: Viewer, asked: Asked) -> Person:
    """Whose request it is. The person sees it once an operator and request. Raises HTTPException 404."""
    reason = f"Permintaan koreksi Anda {written(asked.asked)[:10]}"
    if already(site, viewer.account, asked.pid, LOOKUP, reason):
        known = site.people.person(asked.pid)
        if known is not None and viewer.sees(known.unit, asked.pid):
            return known
    return look_up(site, viewer, asked.pid, what=LOOKUP, reason=reason)


def _words(request: Request, site: Site, viewer: Viewer) -> dict[str, Any]:
    language = site.pages.language(request, viewer)
    return {
        "kind_of": lambda word: language.word(KINDS, word),
        "field_of": lambda word: language.word(FIELDS, word),
        "state_of": lambda word: language.word(STATES, word),
        "problem_of": lambda word: language.word(PROBLEMS, word),
        "time_of": lambda text: language.moment(parsed(text)),
        "is_time": lambda one: one.field in TIMES,
    }
