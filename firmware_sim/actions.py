"""What people do, as timed values. Times are office time in ns UTC; people are their index in the office."""

from __future__ import annotations

from typing import NamedTuple

from firmware_sim.space import Point

SECOND = 1_000_000_000


class Walk(NamedTuple):
    """In a straight line from `start` at `at` to `to` at `until`."""

    at: int
    person: int
    start: Point
    to: Point
    until: int


class Enter(NamedTuple):
    """Crosses into a zone (`floor/zone`); the empty one is outside."""

    at: int
    person: int
    zone: str


class Sit(NamedTuple):
    """Takes a seat at a desk, or in a room."""

    at: int
    person: int
    space: str


class Stand(NamedTuple):
    """Leaves a desk or a room."""

    at: int
    person: int
    space: str


class Tap(NamedTuple):
    """Holds a badge before a desk's reader."""

    at: int
    person: int
    desk: str
    expected: str
    """started, ended, rejected: the one right outcome at this reader."""
    moved_from: str = ""
    """The desk that this tap ends as well."""


class Silence(NamedTuple):
    """An injected outage: the sensor of a space says nothing from `at` until `until`."""

    at: int
    space: str
    until: int
    how: str = "silent"
    """silent (its line is open), unplugged (its line is gone), battery (it says so, and is never heard again)."""


Action = Walk | Enter | Sit | Stand | Tap | Silence


def shifted(action: Action, by: int) -> Action:
    """The same action, later."""
    if by == 0:
        return action
    match action:
        case Walk() | Silence():
            return action._replace(at=action.at + by, until=action.until + by)
        case _:
            return action._replace(at=action.at + by)
