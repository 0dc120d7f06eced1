"""What receivers may say that cannot be: of the future, of another building, of yesterday."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from rules.api import SECOND, Sighting  # noqa: E402 numpy first
from rules.radio_map import Anchor, RadioMap, learn  # noqa: E402
from tests.simulated_floor import ANCHORS, ROOMS, T0, Building, Floor, learned  # noqa: E402

FLOOR = Floor()
AWAY = 24.0
"""Metres between two buildings' walls of the same make."""


@pytest.fixture(scope="module")
def radio() -> RadioMap:
    return learned(FLOOR.survey(seconds=8))


@given(st.lists(st.tuples(st.integers(0, 59), st.integers(6, 10**7)), max_size=20))
@settings(max_examples=25, deadline=None)
def test_sightings_of_the_future_are_counted_and_change_nothing(
    radio: RadioMap, strange: list[tuple[int, int]]
) -> None:
    def stand(strange: list[tuple[int, int]]) -> Building:
        building, random = Building(radio), Random(2)
        for second in range(60):
            at = T0 + second * SECOND
            building.until(at)
            for name, rssi in FLOOR.heard(6.0, 6.0, random):
                building.take(Sighting("ana", name, rssi, at))
            for when, ahead in strange:
                if when == second:
                    building.take(Sighting("ana", "r0", -30.0, at + (ahead + 1) * SECOND))
                    building.take(Sighting("bob", "r0", -30.0, at + (ahead + 1) * SECOND))
        building.until(T0 + 70 * SECOND)
        return building

    with_them, without = stand(strange), stand([])
    assert with_them.said == without.said
    assert with_them.state.future == 2 * len(strange)
    assert "bob" not in with_them.state.tags


def test_what_comes_too_late_is_counted(radio: RadioMap) -> None:
    building, random = Building(radio), Random(2)
    building.stand(FLOOR, "ana", 6.0, 6.0, 30, T0, random)
    before = building.where("ana", T0 + 30 * SECOND)
    for n in range(5):
        building.take(Sighting("ana", "r0", -30.0, T0 + n * SECOND))
    assert building.state.late == 5
    assert building.where("ana", T0 + 30 * SECOND) == before
    assert building.rule.explain is not None
    assert building.rule.explain(building.state, T0)["late"] == 5


class Neighbour(Floor):
    """The same house again, AWAY metres to the east: this floor's receivers hear there through two outer walls."""

    def level(self, receiver: str, x: float, y: float) -> float:
        if 0 <= x <= 12:
            return super().level(receiver, x, y)
        anchor = self.anchors[receiver]
        return max(-97.0, -52 - 22 * np.log10(abs(x - anchor.x) + abs(y - anchor.y)) - 18)


def test_a_tag_that_two_buildings_hear_is_claimed_by_the_one_where_it_is(radio: RadioMap) -> None:
    """Neither knows what the other hears: each judges by how loud anybody is who is really there."""
    here, there = Neighbour(), Neighbour()
    one, two, random = Building(radio), Building(radio), Random(5)
    for second in range(120):
        at, x = T0 + second * SECOND, 6.0
        for building, floor, seen_at in ((one, here, x), (two, there, x + 12 + AWAY)):
            building.until(at)
            for name, rssi in floor.heard(seen_at, 2.0, random):
                building.take(Sighting("ana", name, rssi, at))
    assert [located.zone for located in one.said][-1] == "z10"
    assert one.said[-1].confidence > 0.7
    assert two.said == []
    assert two.state.foreign == 1
    held = two.where("ana", T0 + 121 * SECOND)
    assert held is not None
    assert held.confidence < 0.2


def test_who_leaves_for_another_building_is_not_here_any_more(radio: RadioMap) -> None:
    floor, building, random = Neighbour(), Building(radio), Random(6)
    at = building.stand(floor, "ana", 10.0, 2.0, 40, T0, random)
    assert building.said[-1].zone == "z20"
    building.stand(floor, "ana", 12 + AWAY + 4, 2.0, 60, at, random)
    gone = building.said[-1]
    assert (gone.zone, gone.cause) == (None, "no_evidence")
    assert gone.at < at + 40 * SECOND
    assert building.stand(floor, "ana", 10.0, 2.0, 60, at + 60 * SECOND, random)
    assert building.said[-1].zone == "z20"


def test_a_tag_between_two_buildings_is_claimed_surely_by_neither(radio: RadioMap) -> None:
    told = []
    for seed in range(4):
        building, random = Building(radio), Random(seed)
        building.stand(Neighbour(), "ana", 12 + AWAY / 2, 4.0, 60, T0, random)
        told += [one.confidence for one in building.said if one.zone is not None]
    assert all(confidence < 0.75 for confidence in told)


def test_a_weak_tag_is_no_stranger(radio: RadioMap) -> None:
    """8 dB less than the tag of the survey, in the corner that is heard least."""
    weak = Floor(louder=dict.fromkeys(ANCHORS, -8.0))
    building, random = Building(radio), Random(7)
    at = T0
    for name, area in ROOMS.items():
        at = building.stand(weak, name, area[0][0] + 2, area[0][1] + 2, 20, at, random)
    assert building.state.foreign == 0
    assert {one.person for one in building.said if one.zone} == set(ROOMS)


def test_without_a_survey_no_level_is_known_and_none_is_foreign() -> None:
    building = Building(learn([], {name: Anchor(*at) for name, at in ANCHORS.items()}, ROOMS))
    building.stand(Floor(louder=dict.fromkeys(ANCHORS, -30.0)), "ana", 2.0, 2.0, 20, T0, Random(1))
    assert building.said
