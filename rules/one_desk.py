"""One desk a person: whoever takes a second desk has left the first. The coordinator's business.

It learns what people hold from the desks of the whole building, in whatever order that arrives, and asks the owner of
an older desk to let it go. The later act wins, by time, then by place; so every order of delivery ends alike. A later
desk that was left again before anybody heard of it has moved the person all the same.

Who acts elsewhere in the building (a zone's reader, a kiosk), or is booked there now, has not left: the owner of their
desk is asked to extend it; for how long an act counts is the desk's choice. An act of leaving ends that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from rules.api import SECOND, Booked, Command, Fact, Input, Life, Reading, Rule, Step, Tick

NAME, VERSION = "one_desk", 1
MOST_ENDED = 8
"""Ended check-ins that are remembered, so that a late word of their start does not revive them. Few: no trail."""
MOST_BOOKED = 32
"""Bookings of one person that are kept, the next ones first."""
HOLDS = frozenset({"taken", "away"})
HERE = frozenset({"zone", "in", "kiosk"})
"""Roles of readers at which a tap says: I am in the building ..."""
GONE = "out"
"""... and: I am not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices of the coordinator."""

    ask_again_s: float = 60.0
    """While a desk that should be free is still held, its owner is asked again."""


class Holding(NamedTuple):
    """A check-in that is open. The order of these tuples is the order in which later acts win."""

    since: int
    place: str
    checkin_id: str


class Booking(NamedTuple):
    """A place that is the person's for a while. In the order of these tuples."""

    start: int
    end: int
    place: str
    ref: str
    told: str = ""
    """Check-in that was extended for it."""
    said: int = 0
    """When it was made or changed."""


class State(NamedTuple):
    """Of one person."""

    person: str
    unit: str = "_"
    holdings: tuple[Holding, ...] = ()
    """In order; the last one is the person's desk."""
    ended: tuple[Holding, ...] = ()
    """Check-ins that ended, in order."""
    booked: tuple[Booking, ...] = ()
    """In order."""
    gone: tuple[tuple[int, str, str], ...] = ()
    """(when, place, reference) of bookings that were given up: a late word of them does not revive them. Few."""
    here: int = 0
    """When the person last acted elsewhere in the building ..."""
    left: bool = False
    """... whether that was to leave it ..."""
    told: str = ""
    """... and the check-in that was told of it."""
    ask: int | None = None
    """When desks that should be free are asked for again."""

    @property
    def newest(self) -> Holding:
        """The last desk that the person took, held or left."""
        return max(self.holdings + self.ended)

    @property
    def older(self) -> tuple[Holding, ...]:
        """Desks that should be free: the person has taken another since."""
        return tuple(held for held in self.holdings if held < self.newest)

    @property
    def due(self) -> int | None:
        """When time will change something next."""
        if not self.holdings:
            return self.ask
        moments = [] if self.ask is None else [self.ask]
        if self.booked:
            held = self.holdings[-1]
            moments += [one.start for one in self.booked if self.concerns(one, held)]
        return min(moments, default=None)

    def concerns(self, one: Booking, held: Holding) -> bool:
        """Whether the desk is yet to be told of a booking, when it begins. Who has left since it did is not there."""
        gone = self.left and self.here >= one.start
        return one.place != held.place and one.told != held.checkin_id and not gone


def rule(settings: Settings | None = None) -> Rule[State]:
    """One desk a person; key = person. Input: Life of every desk of the building; emits Command `move`."""
    chosen = settings or Settings()
    return Rule(
        name=NAME, version=VERSION, start=partial(_start, chosen), step=partial(_step, chosen), explain=_explained
    )


def _start(settings: Settings, person: str, fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    body = fact or {}
    state = State(
        person,
        str(body.get("unit", "_")),
        tuple(Holding(*row) for row in body.get("holdings", ())),
        tuple(Holding(*row) for row in body.get("left", ())),
        tuple(Booking(*row) for row in body.get("booked", ())),
    )
    state = _asking(settings, state, now)
    return Step(state, (), (), state.due)


def _step(settings: Settings, before: State, item: Input) -> Step[State]:
    state, emits = before, []
    match item:
        case Life() if item.person == state.person and item.checkin_id:
            state = _told(state, item)
            if (state.holdings, state.ended) != (before.holdings, before.ended):
                asked = frozenset(older.checkin_id for older in before.older)
                emits += _moves(state, asked)
                state = _asking(settings, state, item.at)
        case Booked() if item.person == state.person:
            state = _booked(state, item)
        case Reading(kind="badge") if item.person == state.person and not item.refused:
            # of two acts of one moment, to leave is the last
            if item.role in (*HERE, GONE):
                state = _elsewhere(state, item.at, left=item.role == GONE)
            if not state.holdings:  # nobody is to be told
                return Step(state, (), (), state.due)
        case Command(name="arrive" | "depart") if item.person == state.person:
            state = _elsewhere(state, item.at, left=item.name == "depart")
            if not state.holdings:
                return Step(state, (), (), state.due)
        case Tick() if state.ask is not None and state.ask <= item.at:
            emits += _moves(state, frozenset())
            state = _asking(settings, state, item.at)
        case _:
            pass
    state, extended = _meeting(state, item.at)
    kept = (state.holdings, state.ended, state.booked) == (before.holdings, before.ended, before.booked)
    facts = () if kept and state.unit == before.unit else (Fact(NAME, state.person, _body(state)),)
    return Step(state, (), facts, state.due, (*emits, *extended))


def _body(state: State) -> Mapping[str, Any] | None:
    """The row that a restart restores; None where there is nothing to remember."""
    if not (state.holdings or state.ended or state.booked):
        return None
    return {
        "unit": state.unit,
        "holdings": [list(row) for row in state.holdings],
        "left": [list(row) for row in state.ended],
        "booked": [list(row) for row in state.booked],
    }


def _explained(state: State, _now: int) -> Mapping[str, Any]:
    """The desk that the person holds."""
    held = state.holdings[-1] if state.holdings else None
    return {"desk": None if held is None else {"place": held.place, "since": held.since}}


# --- desks ----------------------------------------------------------------------------------------------------------


def _told(state: State, item: Life) -> State:
    """What the person holds, by every word of it so far."""
    told = Holding(item.began or item.since, item.place, item.checkin_id)
    known = {holding.checkin_id: holding for holding in state.holdings}
    ended = {holding.checkin_id: holding for holding in state.ended}
    if item.life not in HOLDS:
        held = known.pop(item.checkin_id, None)
        if held is None and item.checkin_id in ended:
            return state
        # without its start, an end that was not heard of before says nothing about other desks
        ended[item.checkin_id] = held or told._replace(since=item.began)
    elif item.checkin_id not in ended:
        # `away` is told with its own time: the check-in is as old as the oldest word of it
        known[item.checkin_id] = min(told, known.get(item.checkin_id, told))
    holdings = tuple(sorted(known.values()))
    kept = tuple(sorted(ended.values())[-MOST_ENDED:])
    if (holdings, kept) == (state.holdings, state.ended):
        return state
    return state._replace(unit=item.unit, holdings=holdings, ended=kept)


def _moves(state: State, asked: frozenset[str]) -> list[Command]:
    """Ask for every desk but the last, unless that was just done."""
    if not state.older:
        return []
    newest = state.newest
    return [
        Command(
            "move",
            older.place,
            newest.since,
            state.person,
            state.unit,
            "coordinator",
            {"to": newest.place, "checkin_id": older.checkin_id, "at": newest.since},
        )
        for older in state.older
        if older.checkin_id not in asked
    ]


def _asking(settings: Settings, state: State, now: int) -> State:
    again = now + int(settings.ask_again_s * SECOND) if state.older else None
    return state._replace(ask=again)


# --- elsewhere in the building --------------------------------------------------------------------------------------


def _elsewhere(state: State, at: int, *, left: bool) -> State:
    """The person acted in the building, but not at a desk."""
    return state._replace(here=at, left=left, told="") if (at, left) > (state.here, state.left) else state


def _booked(state: State, item: Booked) -> State:
    """Bookings by reference, by the last word of each; what is over is forgotten."""
    about = item.place, item.ref
    known = [one.said for one in state.booked if (one.place, one.ref) == about]
    known += [at for at, *gone in state.gone if tuple(gone) == about]
    if item.at < max(known, default=0):
        return state
    booked = [one for one in state.booked if (one.place, one.ref) != about and one.end > item.at]
    gone = [one for one in state.gone if one[1:] != about]
    if item.end > item.at:
        booked.append(Booking(item.start, item.end, item.place, item.ref, said=item.at))
    else:
        gone.append((item.at, *about))
    return state._replace(
        unit=item.unit, booked=tuple(sorted(booked)[:MOST_BOOKED]), gone=tuple(sorted(gone)[-MOST_ENDED:])
    )


def _meeting(state: State, now: int) -> tuple[State, list[Command]]:
    """The last act and the bookings elsewhere that have begun, each told once to the desk that is held.

    Whatever comes first, the desk or the act, the desk is told in the end.
    """
    if not state.holdings:
        return state, []
    held = state.holdings[-1]
    told: list[Command] = []
    kept: list[Booking] = []
    if state.here > held.since and state.told != held.checkin_id:
        told.append(_extend(state, held, state.here, {"on": False} if state.left else {}))
        state = state._replace(told=held.checkin_id)
    for one in state.booked:
        if one.end <= now:
            continue
        if one.start <= now and state.concerns(one, held):
            told.append(_extend(state, held, now, {"until": one.end}))
            one = one._replace(told=held.checkin_id)
        kept.append(one)
    return state._replace(booked=tuple(kept)), told


def _extend(state: State, held: Holding, at: int, how: Mapping[str, Any]) -> Command:
    args = {"checkin_id": held.checkin_id, **how}
    return Command("extend", held.place, at, state.person, state.unit, "coordinator", args)


__all__ = ["NAME", "VERSION", "Booking", "Holding", "Settings", "State", "rule"]
