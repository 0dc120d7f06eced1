"""What people do to a desk: tap, check in and out, move, reserve, take out of order."""

from __future__ import annotations

from rules import desk_events as events
from rules.api import SECOND, Command, Event, Reading, stable_id
from rules.desk_model import Checkin, Reservation, Settings, State, active, fulfilled, without
from rules.desk_vacancy import rewatched
from rules.evidence import Evidence, tapped

Change = tuple[State, tuple[Event, ...]]
MOST_RESERVATIONS = 64
"""Kept for one desk."""
LONGEST_EXTENSION = 24 * 3600 * SECOND
MASTERS = frozenset({"operator", "system"})
"""Roles that book for others: `system` is a booking system."""


def tap(settings: Settings, state: State, item: Reading) -> Change:
    """Take, leave or be refused: exactly one of the three. The same tap told again (by a door system) is none."""
    held = state.checkin
    if item.person and item.at == state.acted:
        return state, ()
    booked = active(state, settings, item.at)
    cause = ""
    if item.refused or not item.person:
        cause = item.refused or "unknown"
    elif state.out_of_order:
        cause = "out_of_order"
    elif item.at < state.acted:
        cause = "late"  # somebody took or left the desk after this tap: the later act wins
    elif held is not None and held.person != item.person:
        cause = "taken"
    elif held is None and booked is not None and booked.person != item.person:
        cause = "reserved"
    elif held is None and booked is None and not _admitted(settings, state.place, item.unit):
        cause = "unit"
    if cause:
        return state, (events.rejected(state.place, item.at, item.dev, cause, late=item.late),)
    evidence = [tapped(item.dev)]
    if held is not None:
        return end(settings, state, item.at, "user", evidence, late=item.late)
    return begin(settings, state, item.at, item.person, item.unit, "badge", item.assurance, evidence, late=item.late)


def begin(
    settings: Settings,
    state: State,
    at: int,
    person: str,
    unit: str,
    method: str,
    assurance: str,
    evidence: list[Evidence],
    *,
    late: bool = False,
) -> Change:
    """`person` takes the free desk."""
    booked = active(state, settings, at)
    ref = booked.ref if booked is not None else ""
    reader = str(evidence[0].get("dev", "")) if evidence else ""
    checkin = Checkin(
        stable_id("checkin", state.place, at), person, unit, at, method, assurance, at, ref, reader=reader
    )
    said = events.started(state, checkin, at, evidence, settings, late=late)
    after = state._replace(
        checkin=checkin,
        reservations=tuple(other._replace(used=True) if other is booked else other for other in state.reservations),
        acted=at,
    )
    return rewatched(after), said


def _admitted(settings: Settings, place: str, unit: str) -> bool:
    """Whether people of `unit` may take the desk. Who was booked by its owners is admitted anyway."""
    return settings.owned_by.get(place, unit) == unit


def end(
    settings: Settings,
    state: State,
    at: int,
    reason: str,
    evidence: list[Evidence],
    *,
    late: bool = False,
) -> Change:
    """The check-in ends: by an act at `at`, or inferred, dated by the last evidence of the person."""
    held = state.checkin
    if held is None:
        return state, ()
    by_act = reason not in events.INFERRED
    last = max(held.start, at) if by_act else held.last
    said = events.ended(state, held, at, reason, last, evidence, settings, late=late)
    after = without(state, fulfilled(state))
    return rewatched(after._replace(checkin=None, acted=at if by_act else state.acted)), said


def command(settings: Settings, state: State, asked: Command) -> Change:
    """What the web, a kiosk, an operator or the coordinator asks for. What does not fit the state changes nothing."""
    held = state.checkin
    by_operator = asked.actor == "operator"
    match asked.name:
        case "checkin" if asked.person and held is None and not state.out_of_order and asked.at >= state.acted:
            if state.place in settings.rooms:
                return state, ()
            booked = active(state, settings, asked.at)
            if booked is not None and booked.person != asked.person:
                return state, ()
            if booked is None and not by_operator and not _admitted(settings, state.place, asked.unit):
                return state, ()
            method = str(asked.args.get("method", "operator" if by_operator else "web"))
            proof = "claimed" if method == "kiosk" else "bound"  # a card at a kiosk is a number that it typed
            return begin(settings, state, asked.at, asked.person, asked.unit, method, proof, [])
        case "checkout" | "release" if held is not None and not asked.args.get("booking_ref"):
            meant = asked.args.get("checkin_id", held.id) == held.id
            if meant and asked.at >= held.start and (by_operator or held.person == asked.person):
                return end(settings, state, asked.at, "operator" if by_operator else "user", [])
        case "correct" if held is not None and by_operator and asked.at >= held.start:
            return end(settings, state, asked.at, "correction", [])
        case "move" if held is not None and held.person == asked.person:
            at = int(asked.args.get("at", asked.at))
            named = asked.args.get("checkin_id")
            if named == held.id or (named is None and held.start <= at):
                return end(settings, state, at, "moved", [])
        case "extend" if held is not None and held.person == asked.person:
            return _extend(settings, state, held, asked), ()
        case "reserve" if _may_book(settings, asked):
            return _reserve(settings, state, asked)
        case "cancel" | "release" if _may_book(settings, asked):
            what = "cancelled" if asked.name == "cancel" else "released"
            ref = asked.args.get("booking_ref")
            for booked in state.reservations:
                if booked.ref == ref and (asked.actor in MASTERS or booked.person == asked.person):
                    return dropped(settings, state, booked, what, asked.at, "operator" if by_operator else "user")
        case "out_of_order":
            on = bool(asked.args.get("on", True))
            after, said = end(settings, state, asked.at, "operator", []) if on and held else (state, ())
            return after._replace(out_of_order=on or state.place in settings.out_of_order), said
        case _:
            pass
    return state, ()


def _extend(settings: Settings, state: State, held: Checkin, asked: Command) -> State:
    """The holder is booked elsewhere in the building until `until`, or acted there at `at`: the grace begins after it.

    `on` False: that act was one of leaving the building; the grace begins with it, whatever was said before.
    """
    if asked.args.get("checkin_id", held.id) != held.id:
        return state
    until = int(asked.args.get("until", 0))
    if until <= asked.at:
        until = asked.at + int(settings.elsewhere_s * SECOND)
    kept = max(held.kept, min(until, asked.at + LONGEST_EXTENSION)) if asked.args.get("on", True) else asked.at
    return state if kept == held.kept else state._replace(checkin=held._replace(kept=kept), warned=False)


def _may_book(settings: Settings, asked: Command) -> bool:
    return not settings.external_bookings or asked.actor in MASTERS


def _reserve(settings: Settings, state: State, asked: Command) -> Change:
    """Book the desk, or change the booking of that reference. An overlap with another booking changes nothing.

    One that its person has used stays theirs while they are there; what would make another one of it ends it first.
    """
    ref, start, until = str(asked.args["booking_ref"]), int(asked.args["start"]), int(asked.args["end"])
    others = tuple(booked for booked in state.reservations if booked.ref != ref)
    overlaps = any(booked.start < until and start < booked.end for booked in others)
    if overlaps or until <= max(start, asked.at) or len(others) >= MOST_RESERVATIONS:
        return state, ()
    if asked.actor not in MASTERS and not _admitted(settings, state.place, asked.unit):
        return state, ()
    cause = "operator" if asked.actor == "operator" else "user"
    said: tuple[Event, ...] = ()
    known = fulfilled(state)
    used = known is not None and known.ref == ref
    if known is not None and used and (known.person != asked.person or start > max(known.start, asked.at)):
        state, said = dropped(settings, state, known, "cancelled", asked.at, cause)
        used = False
    booked = Reservation(ref, asked.person, asked.unit, start, until, used)
    what = "created" if len(others) == len(state.reservations) else "changed"
    after = state._replace(reservations=tuple(sorted((*others, booked), key=lambda each: (each.start, each.ref))))
    return after, said + events.reservation(what, after, asked.at, booked, cause, settings)


def dropped(settings: Settings, state: State, booked: Reservation, what: str, at: int, cause: str | None) -> Change:
    """The reservation is gone; `what`: cancelled, released."""
    after = without(state, booked)
    if booked is not fulfilled(state):  # who is there goes on being watched as before
        after = rewatched(after)
    return after, events.reservation(what, state, at, booked, cause, settings)
