"""Workplace check-in and check-out: explicit acts at readers of role in, out, in_out and kiosk, or by command.

A tap has exactly one outcome: workplace.checkin.started, workplace.checkin.ended or badge.rejected. A command
(`arrive`, `depart`: a phone, or a kiosk without a reader of ours) has the same, or none where it changes nothing. Who
forgets to check out is checked out when the day has ended and nothing is heard of them: that is inferred, and nobody
has `left`.
"""

from __future__ import annotations

from typing import Any

from rules.api import SECOND, Command, Event, Reading, stable_id
from rules.calendar import Calendar
from rules.evidence import tapped
from rules.presence_model import State, Workplace

ROLES = frozenset({"in", "out", "in_out", "kiosk"})
ARRIVE, DEPART = "arrive", "depart"
COMMANDS = frozenset({ARRIVE, DEPART})


def told(asked: Command) -> Reading:
    """What a command says, as a reader would: coming or going, without a reader.

    Who signed in on their phone is known (`bound`); at a kiosk it is what the card, or the guest, claims.
    """
    role = "in" if asked.name == ARRIVE else "out"
    assurance = "bound" if asked.args.get("method") == "phone" else "claimed"
    return Reading(
        "", "badge", True, asked.place, asked.at, "badge", role, asked.person, asked.unit, assurance=assurance
    )


def is_gone(state: State) -> bool:
    """Whether the person has left by an act, and nothing was heard of them since: to leave again changes nothing."""
    return state.workplace is None and state.visit is None and state.left > 0 and state.proved <= state.left


def refused(item: Reading) -> Event:
    """A tap of nobody's badge, or one that changes nothing."""
    data: dict[str, Any] = {"reader": item.dev, "cause": item.refused or ("duplicate" if item.person else "unknown")}
    if item.late:
        data["late"] = True
    return Event("badge.rejected", item.place, item.at, data)


def day_ends(calendar: Calendar, state: State) -> int | None:
    """When the day of the open check-in ends; None: there is none."""
    return None if state.workplace is None else calendar.end_of_day(state.workplace.start)


def is_of_another_day(calendar: Calendar, state: State, item: Reading) -> bool:
    """Whether a tap that comes in finds a check-in that was forgotten."""
    end = day_ends(calendar, state)
    if end is None or state.workplace is None or item.role == "out" or item.refused or not item.person:
        return False
    return end <= item.at and calendar.day(state.workplace.start) < calendar.day(item.at)


def forgotten(state: State, at: int) -> tuple[State, tuple[Event, ...]]:
    """The day has ended and nobody checked out: inferred, with the last evidence that there is."""
    held = state.workplace
    if held is None:
        return state, ()
    last = max(held.start, state.visit.last if state.visit is not None else held.start)
    data: dict[str, Any] = {
        "method": held.method,
        "assurance": held.assurance,
        "evidence": [],
        "checkin_id": held.id,
        "reason": "end_of_day",
        "ended_by": "inferred",
        "last_evidence": last,
        "start": held.start,
        "dwell_s": round((last - held.start) / SECOND, 3),
    }
    if held.arrangement:
        data["arrangement"] = held.arrangement
    event = Event("workplace.checkin.ended", held.place, at, data, "who", state.person, state.unit)
    return state._replace(workplace=None, lapsed=held), (event,)


def resumed(calendar: Calendar, state: State, item: Reading) -> State:
    """A late act wins over what was only inferred: who worked late, and taps to leave, was there till then."""
    held = state.lapsed
    if held is None or state.workplace is not None or item.role == "in" or item.refused or not item.person:
        return state
    same = calendar.day(held.start) == calendar.day(item.at)
    return state._replace(workplace=held if same else None, lapsed=None)


def act(state: State, item: Reading, asked: Command | None = None) -> tuple[State, Event, bool]:
    """(state, the outcome, whether the person left). A second `in` in a row changes nothing: duplicate.

    `asked`: the command that `item` was made of. Its outcome of type badge.rejected is nobody's business: no reader's.
    """
    held = state.workplace
    if item.at < state.acted:  # a later act has decided already
        return state, refused(item._replace(refused="late")), False
    if item.at == state.acted:  # the same tap told again, by a door system: not a coming and then a going
        return state, refused(item), False
    leaves = item.role == "out" or (item.role != "in" and held is not None)
    if not leaves and held is not None:
        return state, refused(item), False
    if asked is not None:
        method, arrangement = str(asked.args.get("method", "kiosk")), str(asked.args.get("arrangement", ""))
    else:
        method, arrangement = "kiosk" if item.role == "kiosk" else "badge", ""
    if leaves and held is not None:
        arrangement = arrangement or held.arrangement
    data: dict[str, Any] = {"method": method, "assurance": item.assurance, "evidence": []}
    if asked is None:
        data |= {"reader": item.dev, "evidence": [tapped(item.dev)]}
    if arrangement:
        data["arrangement"] = arrangement
    if item.late:
        data["late"] = True
    if not leaves:
        held = Workplace(
            stable_id("workplace", state.person, item.place, item.at),
            item.at,
            item.place,
            method,
            item.assurance,
            arrangement,
        )
        data["checkin_id"] = held.id
        after = state._replace(workplace=held, unit=item.unit, acted=item.at)
        event = Event("workplace.checkin.started", item.place, item.at, data, "who", item.person, item.unit)
        return after, event, False
    # leaving without having come in through a reader is an act all the same: the record says that its start is missing
    data |= {
        "checkin_id": held.id if held else stable_id("workplace", state.person, item.place, item.at),
        "reason": "user",
        "ended_by": "act",
        "last_evidence": item.at,
        "start": held.start if held else None,
        "dwell_s": round((item.at - held.start) / SECOND, 3) if held else None,
    }
    after = state._replace(workplace=None, unit=item.unit, acted=item.at, left=item.at)
    return after, Event("workplace.checkin.ended", item.place, item.at, data, "who", item.person, item.unit), True
