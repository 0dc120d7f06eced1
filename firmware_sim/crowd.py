"""People who walk about between a tag and its receivers: a body in the line of sight takes some dB at 2.4 GHz.

A body takes 5 to 10 dB where it stands in the line, less beside it; several do not take more than a path around them
costs. Walkers go from one random point of the floor to the next, at a person's pace, for ever.
"""

from __future__ import annotations

from math import hypot
from random import Random

from firmware_sim.actions import SECOND
from firmware_sim.people import PACE
from firmware_sim.space import Point

BODY_DB = 8.0
MOST_DB = 15.0
HALF_M = 0.35
"""Within so much of the line a body takes all of it; within twice that, half."""


class Crowd:
    """Walkers on one floor. Ask in order of time."""

    def __init__(self, count: int, seed: str, side: float, now: int) -> None:
        self._rng = Random(f"crowd/{seed}")
        self._side = side
        self._legs = [self._leg(self._spot(), now) for _ in range(count)]

    def loss_db(self, at: Point, receiver: Point, now: int) -> float:
        """What bodies take of the path from `at` to `receiver`."""
        total = 0.0
        for x, y in self._where(now):
            near = _distance(x, y, at, receiver)
            if near < 2 * HALF_M:
                total += BODY_DB if near < HALF_M else BODY_DB / 2
        return min(total, MOST_DB)

    def _where(self, now: int) -> list[tuple[float, float]]:
        found = []
        for n, (start, end, began, until) in enumerate(self._legs):
            while now >= until:
                start, end, began, until = self._legs[n] = self._leg(end, until)
            share = (now - began) / (until - began)
            found.append((start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share))
        return found

    def _spot(self) -> tuple[float, float]:
        return self._rng.uniform(0, self._side), self._rng.uniform(0, self._side)

    def _leg(self, start: tuple[float, float], now: int) -> tuple[tuple[float, float], tuple[float, float], int, int]:
        end = self._spot()
        return start, end, now, now + SECOND + int(hypot(end[0] - start[0], end[1] - start[1]) / PACE * SECOND)


def _distance(x: float, y: float, a: Point, b: Point) -> float:
    """From a point to the segment a-b."""
    dx, dy = b.x - a.x, b.y - a.y
    length = dx * dx + dy * dy
    share = max(0.0, min(1.0, ((x - a.x) * dx + (y - a.y) * dy) / length)) if length else 0.0
    return hypot(x - a.x - share * dx, y - a.y - share * dy)
