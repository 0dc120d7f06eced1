"""Deciders that are wrong on purpose: what passes with one of these was not measured.

Three are those of the demo (rules/controls.py); `no_hysteresis` believes the last word of the last sensor at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from gateway.config.model import Office
from rules import controls
from rules.api import Event, Fact, Input, Reading, Rule, Sensed, Step, Tick
from rules.occupancy import NAME, PlaceSettings, Settings

SIGNS = frozenset({"occupied", "motion", "count"})


class State(NamedTuple):
    place: str
    state: str
    since: int
    heard: int


def no_hysteresis(places: Mapping[str, PlaceSettings], _settings: Settings | None = None) -> Rule[Any]:
    """Whatever a sensor says is so, from that moment on."""
    return Rule(name=NAME, version=0, start=_start, step=partial(_step, places))


def _start(place: str, _fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    return Step(State(place, "unknown", now, now))


def _step(_places: Mapping[str, PlaceSettings], before: State, item: Input) -> Step[State]:
    if isinstance(item, Tick) or not isinstance(item, Reading) or item.kind not in SIGNS:
        return Step(before)
    state = "occupied" if item.value else "vacant"
    if state == before.state:
        return Step(before._replace(heard=item.at))
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
        State(before.place, state, item.at, item.at),
        (Event("occupancy.changed", before.place, item.at, data),),
        (Fact(NAME, before.place, {"state": state, "cause": None}),),
        None,
        (Sensed(before.place, state, None, item.at, item.at, 1.0),),
    )


CONTROLS = {**controls.CONTROLS, "no_hysteresis": no_hysteresis}


def eager(office: Office) -> Office:
    """The same office with a locator that believes the loudest packet: no margin, no settling, no smoothing."""
    presence = office.rules.presence.model_copy(
        update={"margin_db": 0.0, "settle_s": 0.0, "smooth_s": 0.001, "tag_expect_s": 0.001}
    )
    return office.model_copy(update={"rules": office.rules.model_copy(update={"presence": presence})})
