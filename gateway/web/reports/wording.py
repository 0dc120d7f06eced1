"""A report in words: the same on the page, in the recap and in the sheets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal, NamedTuple

from babel.dates import format_date, get_day_names
from babel.numbers import format_decimal, format_percent

from gateway.web.rendering import N_, Language
from gateway.web.reports.figures import Conduct, Figure, Why
from gateway.web.reports.ground import NOBODY
from gateway.web.reports.period import Note, date_of
from gateway.web.reports.report import Report

WHY_WORDS = {
    Why.NO_DATA: N_("tanpa data"),
    Why.SMALL_GROUP: N_("kurang dari lima orang, atau tidak ada"),
    Why.NOTHING: N_("tidak ada kejadian"),
}
NOTE_WORDS = {
    "holiday": N_("%(days)s: libur, %(text)s"),
    "ramadan": N_("%(days)s: Ramadan, dengan jam kerja tersendiri"),
    "note": N_("%(days)s: %(text)s"),
}
SUPPRESSION = N_(
    "Angka tentang orang dibuat dari kelompok sedikitnya lima orang yang berada di meja pada waktu yang sama. Kelompok"
    " yang lebih kecil digabung dengan tetangganya, atau tidak ikut dihitung; karena itu jumlahnya dapat lebih kecil"
    " daripada yang sebenarnya. Hari ini dan minggu yang belum selesai belum ikut seluruhnya."
)
STATEMENT = N_(
    "Ini gambaran pemakaian tempat. Ini bukan penilaian kinerja, bukan catatan presensi resmi, dan tidak untuk menilai"
    " siapa pun."
)
PLACES_OF_ALL = N_("Pemakaian tempat menghitung semua orang, tanpa mengenal siapa pun.")


class Line(NamedTuple):
    """One figure, written."""

    key: str
    label: str
    value: str
    coverage: str
    hint: str = ""
    missing: bool = False
    """`value` says why there is none."""


class Wording:
    """Words of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._locale = language.code
        self.text = language.text

    # --- small parts ------------------------------------------------------------------------------------------------

    def share(self, value: float) -> str:
        """`63%`."""
        return str(format_percent(round(value, 2), locale=self._locale))

    def number(self, value: float) -> str:
        """`1.234`."""
        return str(format_decimal(round(value), locale=self._locale))

    def coverage(self, value: float | None) -> str:
        """Never rounded up to all, or down to nothing."""
        if value is None:
            return self.text(WHY_WORDS[Why.NO_DATA])
        rounded = round(value, 2)
        if (rounded == 0 and value > 0) or (rounded == 1 and value < 1):
            return str(format_percent(value, format="#,##0.0%", locale=self._locale)) if 0.001 < value < 0.9995 else "~"
        return self.share(value)

    def day(self, day: int | date) -> str:
        """`3 Nov`."""
        return str(format_date(_date(day), format="d MMM", locale=self._locale))

    def full_date(self, day: int | date) -> str:
        """`Sel, 3 Nov 2026`."""
        return str(format_date(_date(day), format="EEE, d MMM y", locale=self._locale))

    def weekday_and_day(self, day: int | date) -> str:
        """`Sel, 3 Nov`."""
        return str(format_date(_date(day), format="EEE, d MMM", locale=self._locale))

    def days(self, first: date, last: date) -> str:
        """`2–8 November 2026` and longer ones."""
        if first == last:
            return str(format_date(first, format="d MMMM y", locale=self._locale))
        return self.text(
            N_("%(first)s sampai %(last)s"),
            first=str(format_date(first, format="d MMMM y", locale=self._locale)),
            last=str(format_date(last, format="d MMMM y", locale=self._locale)),
        )

    def weekdays(self, width: Literal["abbreviated", "wide"] = "abbreviated") -> list[str]:
        """From Monday."""
        names = get_day_names(width, locale=self._locale)
        return [str(names[day]) for day in range(7)]

    def hour(self, hour: int) -> str:
        """`09.00`."""
        return f"{hour:02}.00" if self._locale == "id" else f"{hour:02}:00"

    def unit(self, unit: str | None) -> str:
        """As it is configured."""
        if unit is None:
            return self.text(N_("Beberapa satuan, digabung"))
        return self.text(N_("Tanpa satuan, atau satuan kecil")) if unit == NOBODY else unit

    def host(self, unit: str) -> str:
        """Of a place."""
        return self.text(N_("Meja bersama")) if unit == NOBODY else unit

    def why(self, figure: Figure) -> str:
        """Why it is missing; empty: it is there."""
        return "" if figure.why is None else self.text(WHY_WORDS[figure.why])

    def as_share(self, figure: Figure) -> str:
        """A share, or why there is none."""
        return self.why(figure) if figure.value is None else self.share(figure.value)

    def as_number(self, figure: Figure) -> str:
        """A count, or why there is none."""
        return self.why(figure) if figure.value is None else self.number(figure.value)

    def as_duration(self, figure: Figure) -> str:
        """Of seconds."""
        if figure.value is None:
            return self.why(figure)
        if figure.value == 0:
            return self.text(N_("kurang dari 15 menit"))
        return self.language.duration(figure.value)

    # --- lines ------------------------------------------------------------------------------------------------------

    def places(self, report: Report) -> list[Line]:
        """How the place was used."""
        use = report.places
        work = use.work
        peak = self.text(N_("%(n)s dari %(all)s meja"), n=self.as_number(use.peak), all=self.number(use.desks))
        when = ""
        if use.peak_time is not None:
            when = self.text(
                N_("%(day)s, pukul %(time)s"),
                day=self.full_date(report.period.calendar.day(use.peak_time)),
                time=self.language.time(use.peak_time),
            )
        return [
            Line(
                "utilization",
                self.text(N_("Meja terpakai pada jam kerja")),
                self.as_share(work.figure),
                self.coverage(work.coverage),
                self.text(N_("dari waktu yang diketahui, menurut kalender kerja")),
                work.figure.value is None,
            ),
            Line(
                "peak",
                self.text(N_("Puncak meja terpakai bersamaan")),
                self.why(use.peak) if use.peak.value is None else peak,
                self.coverage(use.peak.coverage),
                when,
                use.peak.value is None,
            ),
        ]

    def conduct(self, conduct: Conduct) -> list[Line]:
        """How people used it."""

        def line(key: str, label: str, value: str, figure: Figure, hint: str = "") -> Line:
            said = hint and self.text(hint)
            return Line(key, self.text(label), value, self.coverage(figure.coverage), said, figure.value is None)

        shares = (
            (
                "walk_in",
                N_("Datang tanpa memesan"),
                conduct.walk_in,
                N_("bagian dari pemakaian meja; selebihnya dengan pesanan"),
            ),
            (
                "no_show",
                N_("Pesanan yang tidak didatangi"),
                conduct.no_show,
                N_("bagian dari pesanan yang tidak dibatalkan"),
            ),
            (
                "expired",
                N_("Pesanan yang tidak pasti didatangi"),
                conduct.expired,
                N_("waktunya habis sementara sensor tidak tahu; tidak dihitung sebagai tidak didatangi"),
            ),
            (
                "released",
                N_("Dilepas otomatis"),
                conduct.released,
                N_("bagian dari pemakaian meja yang sudah berakhir"),
            ),
            (
                "cross",
                N_("Di meja satuan lain"),
                conduct.cross,
                N_("bagian dari pemakaian meja yang satuannya dicatat"),
            ),
        )
        return [
            line(
                "visits", N_("Pemakaian meja"), self.as_number(conduct.visits), conduct.visits, N_("kali meja diambil")
            ),
            line(
                "dwell_p50",
                N_("Lama di meja, median"),
                self.as_duration(conduct.dwell_p50),
                conduct.dwell_p50,
                N_("separuh lebih singkat, separuh lebih lama; dibulatkan ke 15 menit"),
            ),
            line(
                "dwell_p90",
                N_("Lama di meja, persentil 90"),
                self.as_duration(conduct.dwell_p90),
                conduct.dwell_p90,
                N_("sembilan dari sepuluh tidak lebih lama; perlu 20 pemakaian"),
            ),
            *(line(key, label, self.as_share(figure), figure, hint) for key, label, figure, hint in shares),
        ]

    def notes(self, notes: tuple[Note, ...]) -> Iterator[str]:
        """What is to be known of the days."""
        for note in notes:
            span = self.day(note.first)
            if note.last != note.first:
                span = self.text(N_("%(first)s sampai %(last)s"), first=span, last=self.day(note.last))
            yield self.text(NOTE_WORDS[note.kind], days=span, text=note.text)


def _date(day: int | date) -> date:
    return date_of(day) if isinstance(day, int) else day
