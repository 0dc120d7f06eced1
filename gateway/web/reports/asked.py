"""What a viewer may ask, and a request's words made into a question."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.web.rendering import N_
from gateway.web.reports.ground import Ground
from gateway.web.reports.period import BadPeriod
from gateway.web.reports.report import NotShown, Question
from gateway.web.viewer import EVERYWHERE, Viewer

PRESETS = {
    "7-hari": N_("7 hari terakhir"),
    "minggu-lalu": N_("Minggu lalu"),
    "30-hari": N_("30 hari terakhir"),
    "bulan-ini": N_("Bulan ini"),
    "bulan-lalu": N_("Bulan lalu"),
    "rentang": N_("Tanggal pilihan"),
}
"""Periods by their name in a request."""
USUAL = "7-hari"
CHOSEN = "rentang"
LONGEST_PLACE = 170


class NotYours(PermissionError):
    """People of a unit that the viewer may not see figures of."""


def scope(viewer: Viewer) -> frozenset[str] | None:
    """Whose people's figures a viewer may see; None: everybody's."""
    return None if EVERYWHERE in viewer.units else viewer.units


def units_for(viewer: Viewer, unit: str) -> frozenset[str] | None:
    """Of one unit, or, if that is empty, of all that the viewer may see. Raises NotYours."""
    own = scope(viewer)
    if not unit:
        return own
    if own is not None and unit not in own:
        raise NotYours(unit)
    return frozenset({unit})


def days(preset: str, now: date, first: date | None, last: date | None) -> tuple[date, date]:
    """Both included. `now`: the site's date. Raises BadPeriod."""
    match preset:
        case "7-hari":
            return now - timedelta(days=6), now
        case "30-hari":
            return now - timedelta(days=29), now
        case "minggu-lalu":
            monday = now - timedelta(days=now.weekday() + 7)
            return monday, monday + timedelta(days=6)
        case "bulan-ini":
            return now.replace(day=1), now
        case "bulan-lalu":
            end = now.replace(day=1) - timedelta(days=1)
            return end.replace(day=1), end
        case "rentang":
            if first is None or last is None:
                raise BadPeriod("a period has a first and a last day: give both, or neither")
            return first, last
        case _:
            raise BadPeriod(f"a period is one of {', '.join(PRESETS)}")


def question(ground: Ground, viewer: Viewer, place: str, unit: str, first: date, last: date) -> Question:
    """Raises NotShown, NotYours. An empty place is the first that is shown."""
    if not ground.shown:
        raise NotShown("no place here has five desks")
    chosen = place or ground.shown[0]
    if chosen not in ground.shown:
        raise NotShown(chosen)
    return Question(place=chosen, first=first, last=last, units=units_for(viewer, unit))
