"""The charts of a report, with their words."""

from __future__ import annotations

from gateway.web.rendering import N_
from gateway.web.reports.charts import Bar, Form, Words, bars, heatmap, split
from gateway.web.reports.figures import Hour, Why
from gateway.web.reports.report import Report
from gateway.web.reports.wording import WHY_WORDS, Wording

USUAL_HOURS = (7, 17)
HALF = 0.5
CHARTS = ("heatmap", "puncak", "satuan")
LABEL = 30
"""Letters of a unit's name that a bar has room for."""


def draw(chart: str, report: Report, words: Wording, form: Form = "svg") -> bytes:
    """One of CHARTS. Raises KeyError."""
    return {"heatmap": _heatmap, "puncak": _peaks, "satuan": _units}[chart](report, words, form)


def hours(report: Report) -> range:
    """Hours of the day that are shown: working hours, and whenever something was used."""
    calendar = report.period.calendar
    inside = {hour for one in calendar.hours for hour in (one.start_s // 3600, (one.end_s - 1) // 3600)}
    used = {cell.hour for cell in report.places.hours if cell.use.used_s > 0}
    shown = inside | used or set(USUAL_HOURS)
    return range(min(shown), max(shown) + 1)


def table(report: Report) -> list[tuple[int, list[Hour]]]:
    """The heat map as rows: (hour, its seven days)."""
    cells = {(cell.weekday, cell.hour): cell for cell in report.places.hours}
    return [(hour, [cells[weekday, hour] for weekday in range(7)]) for hour in hours(report)]


def _heatmap(report: Report, words: Wording, form: Form) -> bytes:
    cells = {(cell.weekday, cell.hour): cell.use for cell in report.places.hours}
    return heatmap(
        {at: use.figure.value for at, use in cells.items()},
        words.weekdays(),
        [(hour, words.hour(hour)) for hour in hours(report)],
        Words(
            unknown=words.text(WHY_WORDS[Why.NO_DATA]),
            value=words.text(N_("Meja terpakai, % dari waktu yang diketahui")),
            thin=words.text(N_("kurang dari separuh diketahui")),
        ),
        form,
        thin={at for at, use in cells.items() if use.coverage is not None and 0 < use.coverage < HALF},
    )


def _peaks(report: Report, words: Wording, form: Form) -> bytes:
    days = [
        Bar(words.day(day.day), day.peak.value, words.as_number(day.peak), day.off)
        for day in report.places.days
        if report.period.calendar.instant(day.day, 0) < report.until
    ]
    desks = words.number(report.places.desks)
    labels = Words(
        unknown=words.text(WHY_WORDS[Why.NO_DATA]),
        value=words.text(N_("Puncak meja terpakai")),
        off=words.text(N_("Hari libur")),
        most=words.text(N_("Semua meja (%(n)s)"), n=desks),
    )
    return bars(days, report.places.desks, labels, form)


def _units(report: Report, words: Wording, form: Form) -> bytes:
    whole = report.people.total.visits.value or 0
    units = []
    for row in report.people.units:
        value = row.conduct.visits.value
        part = None if value is None or whole <= 0 else value / whole
        name = words.unit(row.unit)
        units.append(
            Bar(
                name if len(name) <= LABEL else f"{name[: LABEL - 1]}…",
                part,
                words.why(row.conduct.visits) if part is None else f"{words.number(value or 0)} · {words.share(part)}",
            )
        )
    return split(units, Words(unknown="", value=words.text(N_("Bagian dari pemakaian meja, %"))), form)
