"""Where things are: metres in a building, x runs east, y north, the origin is its south-west corner."""

from __future__ import annotations

from typing import NamedTuple


class Point(NamedTuple):
    """Somewhere in the building."""

    x: float
    y: float
    floor: str


class Box(NamedTuple):
    """An axis-parallel rectangle of a floor; west and south edges belong to it."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, x: float, y: float) -> bool:
        return self.west <= x < self.east and self.south <= y < self.north
