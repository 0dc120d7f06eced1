"""Laporan: how places are used and how people use them, for operators and analysts; charts, recap and tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from gateway.errors import TransientError
from gateway.web.rendering import N_, Language
from gateway.web.reports import export, pictures, recap, sheets
from gateway.web.reports.answers import Answers, TheAnswers
from gateway.web.reports.asked import (
    CHOSEN,
    LONGEST_PLACE,
    PRESETS,
    USUAL,
    NotYours,
    days,
    question,
    scope,
)
from gateway.web.reports.ground import NOBODY
from gateway.web.reports.period import LONGEST_DAYS, BadPeriod
from gateway.web.reports.report import NotShown, Question, Report
from gateway.web.reports.suppress import FEWEST
from gateway.web.reports.wording import PLACES_OF_ALL, STATEMENT, SUPPRESSION, Wording
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Reader = Annotated[Viewer, Depends(allowed(Role.OPERATOR, Role.ANALYST))]
DRAWN = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
"""Of a picture: nothing in it may load or run; matplotlib writes its text's font as a style."""
KEPT = {"Cache-Control": "private, no-store"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WRONG = {
    BadPeriod: N_(
        "Periode itu tidak dapat dipakai: hari terakhir mendahului hari pertama, atau lebih dari %(n)d hari."
    ),
    NotShown: N_("Tempat itu tidak ada, atau mejanya kurang dari lima."),
    NotYours: N_("Akun Anda tidak melihat angka satuan itu."),
}


class Asked(BaseModel):
    """The filter, as it stands in the address."""

    tempat: Annotated[str, Field(max_length=LONGEST_PLACE)] = ""
    periode: Annotated[str, Field(max_length=16)] = USUAL
    dari: Annotated[str, Field(max_length=10)] = ""
    sampai: Annotated[str, Field(max_length=10)] = ""
    satuan: Annotated[str, Field(max_length=32)] = ""


Filter = Annotated[Asked, Query()]


@router.get("/laporan")
async def page(request: Request, site: TheSite, viewer: Reader, answers: TheAnswers, asked: Filter) -> Response:
    """The report, or why there is none; the filter stays as it was filled in."""
    language = site.pages.language(request, viewer)
    words = Wording(language)
    values: dict[str, Any] = {"report": None, "why": ""}
    status = 200
    chosen: Question | None = None
    try:
        chosen = _question(site, viewer, answers, asked)
        values["report"] = await answers.report(chosen)
    except (BadPeriod, NotShown, NotYours) as error:
        status = 422
        values["why"] = language.text(WRONG[type(error)], n=LONGEST_DAYS)
        if isinstance(error, NotShown) and not answers.reporter.ground.shown:
            status = 200
            values["why"] = language.text(N_("Laporan memerlukan sedikitnya lima meja di satu tempat."))
    except TransientError:
        values["why"] = language.text(N_("Arsip belum menyimpan data untuk laporan. Coba lagi setelah kantor dipakai."))
    return site.pages.page(
        request,
        "laporan/laporan.html",
        viewer,
        status=status,
        wrong=status != 200,
        words=words,
        asked=asked,
        chosen=chosen,
        query=_query(asked, chosen),
        **_choices(site, viewer, answers),
        **({} if values["report"] is None else _shown(values["report"], words)),
        **values,
    )


@router.get("/laporan/grafik/{chart}.svg")
async def chart(
    request: Request, site: TheSite, viewer: Reader, answers: TheAnswers, asked: Filter, chart: str
) -> Response:
    """heatmap, puncak, satuan."""
    if chart not in pictures.CHARTS:
        raise HTTPException(404, "there is no such chart")
    report = await _report(site, viewer, answers, asked)
    words = Wording(site.pages.language(request, viewer))
    drawn = await asyncio.to_thread(pictures.draw, chart, report, words)
    return Response(drawn, media_type="image/svg+xml", headers={**DRAWN, **KEPT})


@router.get("/laporan/rekap.pdf")
async def one_page(request: Request, site: TheSite, viewer: Reader, answers: TheAnswers, asked: Filter) -> Response:
    """The recap: one page A4."""
    report = await _report(site, viewer, answers, asked)
    words = Wording(site.pages.language(request, viewer))
    title = answers.reporter.ground.title(report.question.place)
    made = await asyncio.to_thread(lambda: recap.to_pdf(_recap(report, words, title, site)))
    return Response(made, media_type="application/pdf", headers=_file(report, "pdf"))


@router.get("/laporan/tabel.csv")
async def table(
    request: Request,
    site: TheSite,
    viewer: Reader,
    answers: TheAnswers,
    asked: Filter,
    isi: Annotated[str, Query(max_length=16)] = "ringkasan",
) -> Response:
    """One table of the report: ringkasan, jam, harian, satuan, antarsatuan."""
    report = await _report(site, viewer, answers, asked)
    words = Wording(site.pages.language(request, viewer))
    try:
        found = export.sheet(isi, report, words, answers.reporter.ground.title(report.question.place))
    except StopIteration:
        raise HTTPException(404, "there is no such table") from None
    return Response(sheets.to_csv([found]), media_type="text/csv; charset=utf-8", headers=_file(report, "csv", isi))


@router.get("/laporan/tabel.xlsx")
async def workbook(request: Request, site: TheSite, viewer: Reader, answers: TheAnswers, asked: Filter) -> Response:
    """All tables of the report."""
    report = await _report(site, viewer, answers, asked)
    words = Wording(site.pages.language(request, viewer))
    found = export.sheets(report, words, answers.reporter.ground.title(report.question.place))
    made = await asyncio.to_thread(sheets.to_xlsx, found, answers.reporter.today(site.clock.office()))
    return Response(made, media_type=XLSX, headers=_file(report, "xlsx"))


def _question(site: Site, viewer: Viewer, answers: Answers, asked: Asked) -> Question:
    """Raises BadPeriod, NotShown, NotYours."""
    first, last = days(asked.periode, answers.reporter.today(site.clock.office()), _day(asked.dari), _day(asked.sampai))
    return question(answers.reporter.ground, viewer, asked.tempat, asked.satuan, first, last)


async def _report(site: Site, viewer: Viewer, answers: Answers, asked: Asked) -> Report:
    """Of a picture or a file. Raises HTTPException."""
    try:
        return await answers.report(_question(site, viewer, answers, asked))
    except BadPeriod as error:
        raise HTTPException(422, str(error)) from error
    except NotShown as error:
        raise HTTPException(404, "no figures are told of that place") from error
    except NotYours as error:
        raise HTTPException(403, "people of that unit are not yours to see figures of") from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadPeriod("a day is written 2026-11-02") from error


def _query(asked: Asked, chosen: Question | None) -> str:
    """Of charts and files: the same days, also when they are asked for tomorrow."""
    if chosen is None:
        return ""
    values = {"tempat": chosen.place, "periode": CHOSEN, "dari": chosen.first, "sampai": chosen.last}
    if asked.satuan:
        values["satuan"] = asked.satuan
    return urlencode(values)


def _choices(site: Site, viewer: Viewer, answers: Answers) -> dict[str, Any]:
    """What the filter offers."""
    ground, own = answers.reporter.ground, scope(viewer)
    if own is None:
        told = {unit for unit, people in site.people.unit_sizes().items() if people >= FEWEST}
        units = sorted((told | {desk.unit for desk in ground.desks.values()}) - {NOBODY})
    else:
        units = sorted(own)
    return {
        "places": [(place, place.count("/"), ground.names.get(place, place)) for place in ground.shown],
        "presets": PRESETS,
        "units": units,
        "everybody": own is None,
        "tables": export.TABLES,
    }


def _shown(report: Report, words: Wording) -> dict[str, Any]:
    """What the page says of a report."""
    return {
        "place_lines": words.places(report),
        "people_lines": words.conduct(report.people.total),
        "notes": list(words.notes(report.period.notes)),
        "heat": pictures.table(report),
        "days": [day for day in report.places.days if report.period.calendar.instant(day.day, 0) < report.until],
        "suppression": SUPPRESSION,
        "statement": STATEMENT,
        "places_of_all": PLACES_OF_ALL,
        "nothing": report.places.whole.known_s <= 0 and report.places.peak.value is None,
    }


def _recap(report: Report, words: Wording, place: str, site: Site) -> recap.Recap:
    text = words.text
    now = site.clock.office()
    language: Language = words.language
    lines = [line for line, _ in export.lines(report, words)]
    return recap.Recap(
        language=language.code,
        title=text(N_("Rekap pemakaian meja")),
        place=place,
        period=words.days(report.question.first, report.question.last),
        header=(text(N_("Ukuran")), text(N_("Nilai")), text(N_("Cakupan data"))),
        figures=[recap.Row(label=line.label, value=line.value, coverage=line.coverage) for line in lines],
        unit_header=(text(N_("Satuan")), text(N_("Pemakaian meja")), text(N_("Cakupan data"))),
        units=list(_unit_rows(report, words)),
        pictures=[
            (text(N_("Meja terpakai menurut jam dan hari")), pictures.draw("heatmap", report, words, "png")),
            (text(N_("Puncak meja terpakai per hari")), pictures.draw("puncak", report, words, "png")),
        ],
        notes_title=text(N_("Catatan")),
        notes=list(words.notes(report.period.notes)),
        suppression=f"{text(PLACES_OF_ALL)} {text(SUPPRESSION)}",
        statement=text(STATEMENT),
        made=text(
            N_("%(site)s. Dibuat %(day)s pukul %(time)s %(zone)s dengan hadir."),
            site=site.office.name or site.office.site,
            day=language.day(now),
            time=language.time(now),
            zone=language.zone_word,
        ),
    )


def _unit_rows(report: Report, words: Wording) -> Iterator[recap.Row]:
    for row in report.people.units:
        visits = row.conduct.visits
        yield recap.Row(
            label=words.unit(row.unit), value=words.as_number(visits), coverage=words.coverage(visits.coverage)
        )


def _file(report: Report, ending: str, part: str = "") -> dict[str, str]:
    """A name made of places and days, which are identifiers and numbers."""
    name = "-".join(("laporan", *([part] if part else []), report.question.place.replace("/", "-")))
    days = f"{report.question.first.isoformat()}-{report.question.last.isoformat()}"
    return {"Content-Disposition": f'attachment; filename="{name}-{days}.{ending}"', **KEPT}
