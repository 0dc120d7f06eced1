"""What happens around one desk, in seconds after T0: taps, what is sensed, what is asked; and what the rule said."""

from __future__ import annotations

from typing import Any

from rules.api import SECOND, Command, Reading, Sensed

T0 = 1_795_484_000 * SECOND
"""A Tuesday, 09:33:20 in Makassar."""
DESK = "s/b/f/z/d-1"
ANA, BUDI = "p-000000000000000a", "p-000000000000000b"
HOUR = 3600.0


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def tap(seconds: float, person: str = ANA, unit: str = "panrb", place: str = DESK) -> Reading:
    return Reading("rdr-1", "badge", True, place, at(seconds), "badge", "desk", person, unit)


def sees(seconds: float, state: str, place: str = DESK) -> Sensed:
    cause = "sensor_stale" if state == "unknown" else None
    return Sensed(place, state, cause, at(seconds), at(seconds), 0.9)


def ask(seconds: float, name: str, person: str = ANA, actor: str = "user", unit: str = "panrb", **args: Any) -> Command:
    return Command(name, DESK, at(seconds), person, unit, actor, args)


def book(seconds: float, start: float, end: float, **how: Any) -> Command:
    return ask(seconds, "reserve", booking_ref=how.pop("ref", "r1"), start=at(start), end=at(end), **how)


def said(run: Any) -> list[tuple[float, str, str | None]]:
    """(seconds, what, reason or cause) of every event without a person."""
    return [
        (round((e.at - T0) / SECOND, 3), e.type.removeprefix("desk."), e.data.get("reason") or e.data.get("cause"))
        for e in run.events
        if e.cls == "evt"
    ]
