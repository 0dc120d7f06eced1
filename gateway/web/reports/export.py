"""A report as tables for spreadsheets, with a coverage column beside the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gateway.web.rendering import N_
from gateway.web.reports.figures import Conduct, Figure
from gateway.web.reports.period import date_of
from gateway.web.reports.report import Report
from gateway.web.reports.sheets import Cell, Sheet
from gateway.web.reports.wording import PLACES_OF_ALL, STATEMENT, SUPPRESSION, Line, Wording

HOUR_S, MINUTE_S = 3600, 60
_Made = Callable[[Report, Wording, str], Sheet]


class Table(NamedTuple):
    """One table of the export."""

    key: str
    name: str
    make: _Made


def sheets(report: Report, words: Wording, place: str) -> list[Sheet]:
    """All tables. `place`: what people call it."""
    return [one.make(report, words, place) for one in TABLES]


def sheet(key: str, report: Report, words: Wording, place: str) -> Sheet:
    """One of them. Raises StopIteration."""
    return next(one for one in TABLES if one.key == key).make(report, words, place)


def lines(report: Report, words: Wording) -> list[tuple[Line, Figure]]:
    """All figures of the report, as words and as numbers."""
    use, total = report.places, report.people.total
    figures = {"utilization": use.work.figure, "peak": use.peak}
    written = [*words.places(report), *words.conduct(total)]
    return [(line, figures[line.key] if line.key in figures else getattr(total, line.key)) for line in written]


def _summary(report: Report, words: Wording, place: str) -> Sheet:
    text = words.text
    about = words.days(report.question.first, report.question.last)
    rows: list[tuple[Cell, ...]] = []
    for line, figure in lines(report, words):
        rows.append((line.label, line.value, figure.value, figure.of, figure.coverage, words.why(figure), line.hint))
    rows += [
        (),
        (text(N_("Tempat")), place),
        (text(N_("Periode")), about),
        (text(N_("Meja")), str(report.places.desks)),
        *((text(N_("Catatan")), note) for note in words.notes(report.period.notes)),
        (text(N_("Keterangan")), text(PLACES_OF_ALL)),
        ("", text(SUPPRESSION)),
        ("", text(STATEMENT)),
    ]
    header = (
        text(N_("Ukuran")),
        text(N_("Nilai tertulis")),
        text(N_("Nilai")),
        text(N_("Dihitung dari")),
        text(N_("Cakupan data")),
        text(N_("Sebab tidak ada nilai")),
        text(N_("Arti")),
    )
    return Sheet(name=text(N_("Ringkasan")), header=header, rows=rows)


def _hours(report: Report, words: Wording, _: str) -> Sheet:
    text, names = words.text, words.weekdays("wide")
    rows: list[tuple[Cell, ...]] = [
        (
            names[cell.weekday],
            words.hour(cell.hour),
            cell.use.figure.value,
            cell.use.coverage,
            round(cell.use.used_s / HOUR_S, 3),
            round(cell.use.known_s / HOUR_S, 3),
            round(cell.use.total_s / HOUR_S, 3),
            words.why(cell.use.figure),
        )
        for cell in report.places.hours
    ]
    header = (
        text(N_("Hari")),
        text(N_("Jam")),
        text(N_("Terpakai")),
        text(N_("Cakupan data")),
        text(N_("Jam-meja terpakai")),
        text(N_("Jam-meja diketahui")),
        text(N_("Jam-meja seluruhnya")),
        text(N_("Sebab tidak ada nilai")),
    )
    return Sheet(name=text(N_("Jam dan hari")), header=header, rows=rows)


def _days(report: Report, words: Wording, _: str) -> Sheet:
    text = words.text
    rows: list[tuple[Cell, ...]] = []
    for day in report.places.days:
        date = date_of(day.day)
        notes = tuple(note for note in report.period.notes if note.first <= date <= note.last)
        rows.append(
            (
                date,
                text(N_("libur")) if day.off else "",
                day.work.figure.value,
                day.work.coverage,
                day.peak.value,
                day.peak.coverage,
                "; ".join(words.notes(notes)),
            )
        )
    header = (
        text(N_("Tanggal")),
        text(N_("Hari libur")),
        text(N_("Terpakai pada jam kerja")),
        text(N_("Cakupan jam kerja")),
        text(N_("Puncak meja bersamaan")),
        text(N_("Cakupan sepanjang hari")),
        text(N_("Catatan")),
    )
    return Sheet(name=text(N_("Harian")), header=header, rows=rows)


def _units(report: Report, words: Wording, _: str) -> Sheet:
    text = words.text
    rows: list[tuple[Cell, ...]] = [
        (words.unit(row.unit), row.desks, *_conduct(row.conduct)) for row in report.people.units
    ]
    rows.append((text(N_("Jumlah")), report.places.desks, *_conduct(report.people.total)))
    header = (
        text(N_("Satuan")),
        text(N_("Meja milik satuan")),
        text(N_("Pemakaian meja")),
        text(N_("Datang tanpa memesan")),
        text(N_("Lama di meja, median (menit)")),
        text(N_("Lama di meja, persentil 90 (menit)")),
        text(N_("Dilepas otomatis")),
        text(N_("Pesanan yang tidak didatangi")),
        text(N_("Di meja satuan lain")),
        text(N_("Cakupan data")),
    )
    return Sheet(name=text(N_("Satuan")), header=header, rows=rows)


def _hosts(report: Report, words: Wording, _: str) -> Sheet:
    text = words.text
    rows: list[tuple[Cell, ...]] = [
        (words.unit(row.unit), words.host(row.host), _whole(row.visits.value), row.visits.coverage)
        for row in report.people.hosts
    ]
    header = (
        text(N_("Satuan orangnya")),
        text(N_("Satuan pemilik meja")),
        text(N_("Pemakaian meja")),
        text(N_("Cakupan data")),
    )
    return Sheet(name=text(N_("Antarsatuan")), header=header, rows=rows)


def _conduct(one: Conduct) -> tuple[Cell, ...]:
    return (
        _whole(one.visits.value),
        one.walk_in.value,
        _minutes(one.dwell_p50),
        _minutes(one.dwell_p90),
        one.released.value,
        one.no_show.value,
        one.cross.value,
        one.visits.coverage,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _minutes(figure: Figure) -> int | None:
    return None if figure.value is None else int(figure.value / MINUTE_S)


TABLES = (
    Table("ringkasan", N_("Ringkasan"), _summary),
    Table("jam", N_("Jam dan hari"), _hours),
    Table("harian", N_("Harian"), _days),
    Table("satuan", N_("Satuan"), _units),
    Table("antarsatuan", N_("Antarsatuan"), _hosts),
)
