"""Receivers drift: found from tags that stand still, mended slowly, remembered, named; and nothing where none does."""

from __future__ import annotations

from math import hypot
from random import Random

import pytest

np = pytest.importorskip("numpy")

from rules.api import SECOND, Health, Sighting  # noqa: E402 numpy first
from rules.radio_map import RadioMap  # noqa: E402
from tests.simulated_floor import ANCHORS, ROOMS, T0, Building, Floor, learned, room_of  # noqa: E402

FLOOR = Floor()


@pytest.fixture(scope="module")
def radio() -> RadioMap:
    return learned(FLOOR.survey(seconds=8))


def morning(building: Building, floor: Floor, people: int, sits: int, seed: int = 1, begin: int = T0) -> tuple[int, float, float]:
    """People sit down, each at spots of their own, one every two seconds heard; when it ends, and how often it is right."""
    random, at, right, asked, metres = Random(seed), begin, 0, 0, 0.0
    for _ in range(sits):
        spots = {f"p{n}": (random.uniform(0.3, 11.7), random.uniform(0.3, 7.7)) for n in range(people)}
        for second in range(0, 150, 3):
            now = at + second * SECOND
            building.until(now)
            for person, (x, y) in spots.items():
                for name, rssi in floor.heard(x, y, random, body=True):
                    building.take(Sighting(person, name, rssi, now))
        at += 150 * SECOND
        building.until(at)
        for person, (x, y) in spots.items():
            held = building.where(person, at)
            assert held is not None
            asked += 1
            right += held.zone == room_of(x, y)
            metres += hypot(held.x - x, held.y - y)
        at += 20 * SECOND
    return at, round(right / asked,3), round(metres / asked,2)


def offsets(building: Building) -> list[float]:
    return [round(float(one), 1) for one in building.state.drifts.floors[0].offsets]

