"""A tag that lies near a border while people walk by, and one that is carried over it: the simulated office's air."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy")

from bench.accuracy import locator
from bench.accuracy.locator import KNOWLEDGE, SPOTS

SEEDS = (1, 2, 4)
HOURS = 0.5


@pytest.mark.parametrize(("knows", "receivers"), [(KNOWLEDGE[0], 1), (KNOWLEDGE[1], 2), (KNOWLEDGE[2], 2)])
def test_a_still_tag_before_a_door_stays_where_it_is_told(knows: str, receivers: int) -> None:
    spot, zone = SPOTS["before its door"]
    flaps = [locator.still(spot, zone, seed, HOURS, knows, receivers=receivers).flaps for seed in SEEDS]
    assert sum(flaps) <= 1


@pytest.mark.parametrize(("knows", "receivers", "most_s"), [(KNOWLEDGE[1], 2, 5.0), (KNOWLEDGE[2], 2, 5.0)])
def test_a_walk_over_the_border_is_told_within_seconds(knows: str, receivers: int, most_s: float) -> None:
    took = sorted(one for seed in (1, 2, 3) for one in locator.follow(seed, knows, receivers=receivers))
    assert took[len(took) // 2] <= most_s


def test_the_strongest_receiver_follows_a_walk_before_a_settle_time_is_over() -> None:
    took = sorted(one for seed in (1, 2) for one in locator.follow(seed, KNOWLEDGE[0]))
    assert took[len(took) // 2] < 10.0


def test_a_receiver_at_the_edge_of_hearing_keeps_its_tag() -> None:
    spot, zone = SPOTS["in a meeting room"]
    answers = locator.still(spot, zone, 1, 3.0)
    assert answers.wrong == 0
    assert answers.flaps == 0
