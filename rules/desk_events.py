"""The events of a desk's life: one copy without a person for everybody, one with a person for their unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.api import SECOND, Event
from rules.desk_model import Checkin, Reservation, Settings, State
from rules.desk_vacancy import doubted
from rules.evidence import Evidence, measured

INFERRED = frozenset({"auto_release", "end_of_day"})
"""Reasons of an end that nobody acted for."""


def started(
    state: State, checkin: Checkin, at: int, evidence: list[Evidence], settings: Settings, *, late: bool
) -> tuple[Event, ...]:
    """The desk is taken. What speaks against it is that nobody is sensed there."""
    data = _about(checkin, evidence, late=late) | {"challenger": against(state, "vacant")}
    return _both("desk.checkin.started", state, at, data, checkin, settings)


def ended(
    state: State,
    checkin: Checkin,
    at: int,
    reason: str,
    last: int,
    evidence: list[Evidence],
    settings: Settings,
    *,
    late: bool,
) -> tuple[Event, ...]:
    """The desk is free again. `last`: last evidence of the person, which an inferred end is dated by."""
    data = _about(checkin, evidence, late=late) | {
        "reason": reason,
        "ended_by": "inferred" if reason in INFERRED else "act",
        "last_evidence": last,
        "dwell_s": round((last - checkin.start) / SECOND, 3),
        "start": checkin.start,
        "place": state.place,
        "challenger": against(state, "occupied"),
    }
    return _both("desk.checkin.ended", state, at, data, checkin, settings)


def warning(
    state: State, at: int, due: int, cause: str, about: Checkin | Reservation, settings: Settings
) -> tuple[Event, ...]:
    """The desk will be released at `due` unless somebody comes."""
    data: dict[str, Any] = {
        "due": due,
        "cause": cause,
        "evidence": [vacancy(state, at)],
        "challenger": against(state, "occupied"),
    }
    if isinstance(about, Reservation):
        data["booking_ref"] = about.ref
    else:
        data["checkin_id"] = about.id
    return _both("desk.release.warning", state, at, data, about, settings)


def reservation(
    what: str, state: State, at: int, booked: Reservation, cause: str | None, settings: Settings
) -> tuple[Event, ...]:
    """created, changed, cancelled, released."""
    data: dict[str, Any] = {"booking_ref": booked.ref, "due": booked.start, "until": booked.end, "cause": cause}
    if cause == "no_show":  # the others are acts, or the end of its time
        data |= {"evidence": [vacancy(state, at)], "challenger": against(state, "occupied")}
    return _both(f"desk.reservation.{what}", state, at, data, booked, settings)


def rejected(place: str, at: int, reader: str, cause: str, *, late: bool) -> Event:
    """A tap that changes nothing, without naming anyone."""
    data: dict[str, Any] = {"reader": reader, "cause": cause}
    if late:
        data["late"] = True
    return Event("badge.rejected", place, at, data)


def vacancy(state: State, at: int) -> Evidence:
    """What the place's sensors, together, hold: the space stands for its devices."""
    space = state.place.rsplit("/", 1)[-1]
    value = {"occupied": True, "vacant": False}.get(state.sensed)  # None: nobody knows
    age = at - (state.vacant_from or state.lack_from or at)
    return measured(space, "occupancy", "occupied", value, age, state.confidence if value is not None else 0.0)


def against(state: State, loser: str) -> Mapping[str, Any] | None:
    """How far the place's sensors speak for `loser`: that is what they hold, or what lost there; None: they do not.

    Short presence that did not stop a release counts as far as it went towards it.
    """
    if state.sensed == "unknown":
        return None
    if state.sensed == loser:
        weight = state.confidence
    else:
        weight = max(state.against, doubted(state) if loser == "occupied" else 0.0)
    weight = round(weight, 2)
    return {"state": loser, "weight": weight} if weight > 0 else None


def _about(checkin: Checkin, evidence: list[Evidence], *, late: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "checkin_id": checkin.id,
        "method": checkin.method,
        "matches_reservation": bool(checkin.ref),
        "evidence": evidence,
    }
    if checkin.ref:
        data["booking_ref"] = checkin.ref
    if late:
        data["late"] = True
    return data


def _both(
    name: str, state: State, at: int, data: Mapping[str, Any], about: Checkin | Reservation, settings: Settings
) -> tuple[Event, ...]:
    shown = {"unit": about.unit} if about.unit in settings.units_shown else {}
    public = Event(name, state.place, at, {**data, **shown})
    if not about.person:
        return (public,)
    own = dict(data)
    if isinstance(about, Checkin):
        own["assurance"] = about.assurance
    return public, Event(name, state.place, at, own, "who", about.person, about.unit)
