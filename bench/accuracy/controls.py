"""Deciders that are wrong on purpose: what passes with one of these was not measured.

Three are those of the demo (rules/controls.py); `no_hysteresis` believes the last word of the last sensor at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.config.model import Office
from rules import controls
from rules.api import Event, Fact, Input, Reading, Rule, Sensed, Step
from rules.occupancy import NAME

SIGNS = frozenset({"occupied", "motion", "count"})


class State(NamedTuple):
    """Of one place."""

    place: str
    state: str


def no_hysteresis() -> Rule[State]:
    """Whatever a sensor says is so, from that moment on."""
    return Rule(name=NAME, version=0, start=_start, step=_step)


def _start(place: str, _fact: Mapping[str, Any] | None, _now: int) -> Step[State]:
    return Step(State(place, "unknown"))


def _step(before: State, item: Input) -> Step[State]:
    if not isinstance(item, Reading) or item.kind not in SIGNS:
        return Step(before)
    state = "occupied" if item.value else "vacant"
    if state == before.state:
        return Step(before)
    data: dict[str, Any] = {
        "state": state,
        "prev": before.state,
        "cause": None,
        "since": item.at,
        "confidence": 1.0,
        "evidence": [],
        "challenger": None,
    }
    return Step(
        State(before.place, state),
        (Event("occupancy.changed", before.place, item.at, data),),
        (Fact(NAME, before.place, {"state": state, "cause": None}),),
        None,
        (Sensed(before.place, state, None, item.at, item.at, 1.0),),
    )


OWN = {"no_hysteresis": no_hysteresis}
"""Those that are not the demo's."""
NAMES = (*controls.CONTROLS, *OWN)


def eager(office: Office) -> Office:
    """The same office with a locator that believes the loudest packet: no margin, no settling, no smoothing."""
    presence = office.rules.presence.model_copy(
        update={"margin_db": 0.0, "settle_s": 0.0, "smooth_s": 0.001, "tag_expect_s": 0.001}
    )
    return office.model_copy(update={"rules": office.rules.model_copy(update={"presence": presence})})
