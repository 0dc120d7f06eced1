"""Spots of zones of any form, and which comes next."""

from __future__ import annotations

from itertools import pairwise
from math import cos, hypot, pi, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.survey.ground import COVERED, OPEN, THIN, Heard, Spot, Visit, centre, following, ground, inside, surface
from gateway.survey.picture import picture
from tests.simulated_floor import ANCHORS, ROOMS

RECEIVERS = {name: (at.x, at.y) for name, at in ANCHORS.items()}
FLOOR = ground(ROOMS, RECEIVERS)
ELL = [(0.0, 0.0), (9.0, 0.0), (9.0, 1.0), (1.0, 1.0), (1.0, 9.0), (0.0, 9.0)]
"""Its centre of gravity is outside."""


def stood(spot: Spot, packets: int = 20, receivers: int = 3) -> Visit:
    heard = tuple(Heard(float(n), f"r{n % receivers}", -60.0) for n in range(packets))
    return Visit(spot.x, spot.y, heard)


@given(
    st.lists(st.floats(0.5, 12.0), min_size=3, max_size=9), st.floats(-50, 50), st.floats(-50, 50), st.floats(0.2, 3)
)
@settings(deadline=None)
def test_every_zone_has_a_middle_and_spots_inside(radii: list[float], x: float, y: float, flat: float) -> None:
    corners = [
        (x + radius * cos(2 * pi * n / len(radii)), y + flat * radius * sin(2 * pi * n / len(radii)))
        for n, radius in enumerate(radii)
    ]
    made = ground({"z": corners}, {})
    assert made.spots[0].middle
    assert sum(spot.middle for spot in made.spots) == 1
    assert len(made.spots) <= 4 * surface(corners) / made.spacing["z"] ** 2 + 8
    for spot in made.spots:
        near = any(inside(spot.x + dx, spot.y + dy, corners) for dx in (-1e-3, 0, 1e-3) for dy in (-1e-3, 0, 1e-3))
        assert near or surface(corners) < 0.1


def test_a_bent_zone_has_its_middle_inside() -> None:
    assert inside(*centre(ELL), ELL)
    assert all(inside(spot.x, spot.y, ELL) for spot in ground({"z": ELL}, {}).spots)


def test_a_zone_without_a_surface_still_has_a_spot() -> None:
    assert len(ground({"z": [(0.0, 0.0), (4.0, 0.0), (2.0, 0.0)]}, {}).spots) == 1
    with pytest.raises(ValueError, match="no zone"):
        ground({}, {})


def test_a_walk_that_obeys_covers_each_spot_once_zone_by_zone() -> None:
    visits: list[Visit] = []
    zones: list[str] = []
    here, zone = None, None
    while (spot := following(FLOOR.states(visits), frozenset(), here, zone)) is not None:
        visits.append(stood(spot))
        here, zone = (spot.x, spot.y), spot.zone
        zones.append(zone)
    assert len(visits) == len(FLOOR.spots) <= 8 * len(ROOMS)
    assert sum(a != b for a, b in pairwise(zones)) == len(ROOMS) - 1
    assert {(v.x, v.y) for v in visits} == {(s.x, s.y) for s in FLOOR.spots}
    steps = [hypot(a.x - b.x, a.y - b.y) for a, b in pairwise(visits)]
    assert sum(steps) / len(steps) < 3.0


def test_what_is_covered_least_comes_first_and_a_skipped_spot_does_not_come() -> None:
    done = [stood(spot) for spot in FLOOR.spots if spot.zone != "z11"]
    found = following(FLOOR.states(done), frozenset(), (1.0, 1.0), None)
    assert found is not None
    assert (found.zone, found.middle) == ("z11", True)
    other = following(FLOOR.states(done), frozenset({found}), (1.0, 1.0), "z11")
    assert other is not None
    assert other.zone == "z11"
    assert other != found
    assert following(FLOOR.states(done), frozenset(FLOOR.spots), None, None) is None


def test_few_packets_or_one_receiver_are_thin() -> None:
    spot = FLOOR.spots[0]
    assert FLOOR.state(spot, []) == OPEN
    assert FLOOR.state(spot, [stood(spot, packets=4)]) == THIN
    assert FLOOR.state(spot, [stood(spot, packets=40, receivers=1)]) == THIN
    assert FLOOR.state(spot, [stood(spot, packets=5), stood(spot, packets=5)]) == COVERED
    assert FLOOR.state(spot, [stood(spot)._replace(x=spot.x + 5)]) == OPEN


def test_the_picture_shows_zones_spots_and_receivers_in_plain_text() -> None:
    first, second, *_ = FLOOR.spots
    visits = [stood(first), stood(second, packets=3)]
    states = FLOOR.states(visits)
    text = picture(FLOOR, states, visits, FLOOR.spots[2])
    assert text.isascii()
    drawn = text.split("\n")
    rows = drawn[: drawn.index(next(line for line in drawn if line.startswith("# covered")))]
    every = "".join(rows)
    assert 2 <= every.count("R") <= len(ANCHORS)  # spots are drawn over receivers
    assert every.count("#") >= 1
    assert every.count("+") == list(states.values()).count(THIN)
    assert every.count("@") == 1
    assert max(map(len, rows)) <= 73
    assert "z00  1 of" in text
    low, high = rows[-1], rows[0]  # north is above: z00 begins with the first letter, z01 with the second
    assert low.lstrip("#+@oR*.")[0] == "a"
    assert high.lstrip("#+@oR*.")[0] == "b"
