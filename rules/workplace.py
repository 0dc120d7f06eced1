"""Workplace check-in and check-out: explicit acts at readers of role in, out, in_out and kiosk.

A tap has exactly one outcome: workplace.checkin.started, workplace.checkin.ended or badge.rejected.
"""

from __future__ import annotations

from typing import Any

from rules.api import SECOND, Event, Reading, stable_id
from rules.evidence import tapped
from rules.presence_model import State, Workplace

ROLES = frozenset({"in", "out", "in_out", "kiosk"})


def refused(item: Reading) -> Event:
    """A tap of nobody's badge, or one that changes nothing."""
    data: dict[str, Any] = {"reader": item.dev, "cause": item.refused or ("duplicate" if item.person else "unknown")}
    if item.late:
        data["late"] = True
    return Event("badge.rejected", item.place, item.at, data)


def act(state: State, item: Reading) -> tuple[State, Event, bool]:
    """(state, the outcome, whether the person left). A second `in` in a row changes nothing: duplicate."""
    held = state.workplace
    if item.at < state.acted:  # a later act has decided already
        return state, refused(item._replace(refused="late")), False
    if item.at == state.acted:  # the same tap told again, by a door system: not a coming and then a going
        return state, refused(item), False
    leaves = item.role == "out" or (item.role != "in" and held is not None)
    if not leaves and held is not None:
        return state, refused(item), False
    method = "kiosk" if item.role == "kiosk" else "badge"
    data: dict[str, Any] = {
        "method": method,
        "reader": item.dev,
        "assurance": item.assurance,
        "evidence": [tapped(item.dev)],
    }
    if item.late:
        data["late"] = True
    if not leaves:
        held = Workplace(
            stable_id("workplace", state.person, item.place, item.at), item.at, item.place, method, item.assurance
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
