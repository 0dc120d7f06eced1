"""What the desk rule remembers of a desk, and how that becomes a row and a Life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rules.api import SECOND, Booked, Fact, Life
from rules.calendar import MAKASSAR, Calendar

NAME, VERSION = "desk", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices for all desks; seconds of office time."""

    release_after_s: float | None = 3600.0
    """Healthy and vacant for so long, without breaks: the check-in ends by itself; None: never."""
    away_after_s: float = 300.0
    """Vacant for so long: taken becomes away."""
    warn_before_s: float = 300.0
    no_show_after_s: float = 900.0
    """Healthy and vacant for so long after a reservation's start: it is released."""
    elsewhere_s: float = 7200.0
    """A tap elsewhere in the building keeps the desk for so long, a long meeting; its grace begins then."""
    lead_s: float = 900.0
    """So long before its start a reserved desk is kept from others."""
    calendar: Calendar = MAKASSAR
    """Breaks, which pause the grace, and the end of the day."""
    owned_by: Mapping[str, str] = field(default_factory=dict)
    """Place -> the unit whose people alone may take or book it. Places that are not named are for everybody."""
    external_bookings: bool = False
    """A booking system elsewhere is the master of reservations: only it (role `system`) and operators change them."""
    units_shown: frozenset[str] = frozenset()
    """Units of at least five people: only these are named in events without a person."""
    out_of_order: frozenset[str] = field(default_factory=frozenset)
    """Places that the configuration takes out of use."""
    rooms: frozenset[str] = field(default_factory=frozenset)
    """Places that are reserved and not taken: who is sensed in one uses it."""


class Checkin(NamedTuple):
    """Somebody has taken the desk."""

    id: str
    person: str
    unit: str
    start: int
    method: str
    """badge, qr, nfc, web, kiosk, operator, tag."""
    assurance: str
    last: int
    """Last evidence of presence."""
    ref: str = ""
    """Of the reservation that it fulfils."""
    away: int = 0
    """Since when the desk is away; 0: taken."""
    reader: str = ""
    """The reader that was tapped, if one was."""
    kept: int = 0
    """The holder is elsewhere in the building, as far as acts and bookings say, until then: vacancy before it counts
    for nothing."""


class Reservation(NamedTuple):
    """Somebody will take the desk."""

    ref: str
    person: str
    unit: str
    start: int
    end: int
    used: bool = False
    """Somebody came: of a room, was sensed there in its time; of a desk, has taken it. It is no no-show any more."""


class Doubt(NamedTuple):
    """A while between two of vacancy."""

    start: int
    end: int
    seen: bool
    """Somebody was sensed; else nobody knew."""


class Kept(NamedTuple):
    """What is as it was before, where a doubt turns out to have been short."""

    vacant_from: int
    lack_from: int
    warned: bool
    checkin: str
    """Whose ..."""
    away: int
    """... these two are."""
    last: int


class State(NamedTuple):
    """Of one desk."""

    place: str
    checkin: Checkin | None = None
    reservations: tuple[Reservation, ...] = ()
    """In order of start."""
    out_of_order: bool = False
    sensed: str = "unknown"
    turned: int = 0
    """Since when."""
    confidence: float = 0.0
    against: float = 0.0
    """How far the state that is not sensed was believed."""
    lack_from: int = 0
    """Since when it is not sensed occupied; 0: it is."""
    vacant_from: int = 0
    """Since when it is sensed vacant, without a doubt that lasted in between; 0: it is not."""
    doubts: tuple[Doubt, ...] = ()
    """Short ones since then."""
    kept: Kept | None = None
    """While there is a doubt."""
    warned: bool = False
    life: str = "free"
    since: int = 0
    acted: int = 0
    """When somebody last took or left it on purpose."""
    now: int = 0


def active(state: State, settings: Settings, now: int) -> Reservation | None:
    """The reservation that keeps the desk from others at `now`."""
    for booked in state.reservations:
        if booked.start - int(settings.lead_s * SECOND) <= now < booked.end:
            return booked
    return None


def fulfilled(state: State) -> Reservation | None:
    """The reservation that the check-in has used: the desk is promised to nobody else before one of them has ended."""
    ref = state.checkin.ref if state.checkin is not None else ""
    return next((booked for booked in state.reservations if ref and booked.used and booked.ref == ref), None)


def without(state: State, gone: Reservation | None) -> State:
    """The state when that reservation is gone."""
    return state._replace(reservations=tuple(other for other in state.reservations if other is not gone))


def life_of(state: State, settings: Settings, now: int) -> tuple[str, int]:
    """(life, since)."""
    if state.out_of_order:
        name, since = "out_of_order", now
    elif state.checkin is not None:
        away = state.checkin.away
        return ("away", away) if away else ("taken", state.checkin.start)
    else:
        name, since = ("reserved" if active(state, settings, now) else "free"), now
    return name, state.since if name == state.life and state.since else since


def life_input(state: State, now: int, held: Checkin | None) -> Life:
    """What other rules are told. Where nobody holds the desk, `held` is the check-in that has just ended."""
    about = state.checkin or held
    if about is None:
        return Life(state.place, state.life, state.since, now)
    return Life(
        place=state.place,
        life=state.life,
        since=state.since,
        at=now,
        person=about.person,
        unit=about.unit,
        checkin_id=about.id,
        reader=about.reader,
        assurance=about.assurance,
        began=about.start,
        last=about.last,
    )


def bookings(before: State, after: State, now: int) -> tuple[Booked, ...]:
    """What has changed of people's reservations between two states. Who has come is not booked, but there."""
    before, after = (without(state, fulfilled(state)) for state in (before, after))
    if before.reservations == after.reservations:
        return ()
    had, has = ({booked.ref: booked for booked in state.reservations} for state in (before, after))
    gone = [had[ref]._replace(end=0) for ref in had if ref not in has]
    new = [booked for ref, booked in has.items() if ref not in had or had[ref][:5] != booked[:5]]
    return tuple(
        Booked(after.place, now, booked.person, booked.ref, booked.start, booked.end, booked.unit)
        for booked in (*gone, *new)
        if booked.person
    )


def fact_of(state: State) -> Fact:
    """The row that a restart restores; without a body where there is nothing to remember.

    Also when somebody last acted: a tap that a door system tells again is known by its time, also the one that left.
    """
    if state.checkin is None and not state.reservations and not state.out_of_order and not state.acted:
        return Fact(NAME, state.place, None)
    body = {
        "checkin": None if state.checkin is None else state.checkin._asdict() | {"warned": state.warned},
        "reservations": [booked._asdict() for booked in state.reservations],
        "out_of_order": state.out_of_order,
        "acted": state.acted,
    }
    return Fact(NAME, state.place, body)


def remembered(state: State) -> tuple[object, ...]:
    """What must be equal for the row to stay as it is. Evidence is an estimate: it is not worth a write."""
    checkin = None if state.checkin is None else state.checkin._replace(last=0)
    return checkin, state.reservations, state.out_of_order, state.warned, state.acted


def restored(place: str, fact: Mapping[str, Any] | None, settings: Settings, now: int) -> State:
    """State of a row: the check-in lives on, what was sensed does not."""
    state = State(place, lack_from=now, now=now, out_of_order=place in settings.out_of_order)
    if fact is not None:
        checkin, warned = fact.get("checkin"), False
        if checkin is not None:
            row = dict(checkin)
            warned = bool(row.pop("warned", False))
            state = state._replace(checkin=Checkin(**row), acted=int(row["start"]))
        state = state._replace(
            acted=int(fact.get("acted", state.acted)),
            reservations=tuple(Reservation(**booked) for booked in fact.get("reservations", ())),
            out_of_order=state.out_of_order or bool(fact.get("out_of_order")),
            warned=warned,
        )
    life, since = life_of(state, settings, now)
    return state._replace(life=life, since=since)
