"""Three occupancy rules that are wrong on purpose, in the shape of the real one.

A check that passes with one of these checks nothing. The demo runs with each and must fail; nothing else uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from rules import occupancy
from rules.api import Event, Fact, Input, Rule, Sensed, Step
from rules.occupancy import NAME, Device, PlaceSettings, Settings

HOUR_S = 3600.0

Make = Callable[[Mapping[str, PlaceSettings], Settings | None], Rule[Any]]


def always_unknown(_places: Mapping[str, PlaceSettings], _settings: Settings | None = None) -> Rule[str]:
    """Never commits itself: nothing is ever said wrongly, and nothing is of use."""
    return Rule(name=NAME, version=0, start=partial(_fixed, "unknown", "no_evidence", 0.0), step=_same)


def always_occupied(_places: Mapping[str, PlaceSettings], _settings: Settings | None = None) -> Rule[str]:
    """Somebody is everywhere, always."""
    return Rule(name=NAME, version=0, start=partial(_fixed, "occupied", None, 1.0), step=_same)


def hold_of_an_hour(places: Mapping[str, PlaceSettings], settings: Settings | None = None) -> Rule[Any]:
    """The real rule, with a hold that is far too long. Not of motion sensors: theirs is also how long they are watched
    before they may say that nobody is there."""

    def held(device: Device) -> Device:
        return device if device.modality == "pir" else replace(device, hold_s=HOUR_S)

    long = {
        place: PlaceSettings(devices={dev: held(device) for dev, device in bound.devices.items()})
        for place, bound in places.items()
    }
    real = occupancy.rule(long, settings)
    return Rule(name=NAME, version=0, start=real.start, step=real.step)


CONTROLS: Mapping[str, Make] = {
    "always_unknown": always_unknown,
    "always_occupied": always_occupied,
    "hold_of_an_hour": hold_of_an_hour,
}


def _fixed(
    state: str, cause: str | None, confidence: float, place: str, _fact: Mapping[str, Any] | None, now: int
) -> Step[str]:
    data: dict[str, Any] = {
        "state": state,
        "prev": "unknown",
        "cause": cause,
        "since": now,
        "confidence": confidence,
        "evidence": [],
        "challenger": None,
    }
    return Step(
        place,
        (Event("occupancy.changed", place, now, data),),
        (Fact(NAME, place, {"state": state, "cause": cause}),),
        None,
        (Sensed(place, state, cause, now, now, confidence),),
    )


def _same(place: str, _item: Input) -> Step[str]:
    return Step(place)
