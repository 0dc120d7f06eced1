"""How people walk through a tower: straight lines, the stairs between floors, and the zones that they cross."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from firmware_sim import tower
from firmware_sim.actions import SECOND, Enter, Walk
from firmware_sim.office import Office
from firmware_sim.people import CLIMB, PACE, between
from firmware_sim.space import Point


class Walker(Protocol):
    """Who walks."""

    index: int
    at: Point
    zone: str


class Strolls:
    """Ways of one building."""

    def __init__(self, office: Office, emit: Callable[[Walk | Enter], None]) -> None:
        self._office = office
        self._emit = emit

    def walk(self, me: Walker, to: Point, at: int) -> int:
        """Walk there; returns the arrival."""
        for start, end in _legs(me.at, to):
            if start.floor != me.at.floor:
                at += self._climb(me.at, start)
            until = at + _stroll(start, end)
            self._emit(Walk(at, me.index, start, end, until))
            self._cross(me, at, until, start, end)
            me.at, at = end, until
        return at

    def takes(self, start: Point, to: Point) -> int:
        """ns from here to there."""
        legs = _legs(start, to)
        return sum(_stroll(*leg) for leg in legs) + (self._climb(start, to) if len(legs) > 1 else 0)

    def _cross(self, me: Walker, at: int, until: int, start: Point, to: Point) -> None:
        steps = max(1, (until - at) // SECOND)
        for n in range(steps + 1):
            zone = self._office.zone_at(between(start, to, n / steps))
            if zone != me.zone:
                me.zone = zone
                self._emit(Enter(at + (until - at) * n // steps, me.index, zone))

    def _climb(self, start: Point, to: Point) -> int:
        return CLIMB * abs(self._office.level[start.floor] - self._office.level[to.floor])


def _legs(start: Point, to: Point) -> list[tuple[Point, Point]]:
    if start.floor == to.floor:
        return [(start, to)]
    return [(start, tower.stairs(start.floor)), (tower.stairs(to.floor), to)]


def _stroll(start: Point, to: Point) -> int:
    return int(((to.x - start.x) ** 2 + (to.y - start.y) ** 2) ** 0.5 / PACE * SECOND)
