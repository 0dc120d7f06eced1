"""What a still tag has told: once, however long it stands; and levels tell whether it stands."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

pytest.importorskip("numpy")

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.belief import Beliefs, Heard
from rules.belief_stay import Stays
from rules.radio_map import RadioMap
from tests.simulated_floor import ANCHORS, ROOM_M, Floor, learned

FLOOR = Floor()
DOUBTS, PACKET, CELLS = np.array([9.0, 9.0, 9.0]), 15.0, 5


@pytest.fixture(scope="module")
def radio() -> RadioMap:
    return learned(FLOOR.survey())


def stays() -> Stays:
    made = Stays(DOUBTS, PACKET, CELLS, 1, surveyed=True)
    made.begin(0)
    return made


def window(levels: Sequence[float], packets: float = 2.0) -> tuple[object, object]:
    return np.array([levels], dtype=np.float32), np.full((1, len(levels)), packets, dtype=np.float32)


AT = np.array([0])
ONE = np.ones(1)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.floats(-30, 0), min_size=CELLS, max_size=CELLS), min_size=1, max_size=40),
    st.integers(1, 30),
)
def test_however_often_it_is_said_it_is_held_once(windows: list[list[float]], packets: int) -> None:
    """All that was ever added is never more than one window of packets without noise would add."""
    held = stays()
    _, heard = window((-60.0, -60.0, -60.0), packets)
    whole = np.zeros(CELLS)
    for one in windows:
        held.forget(AT, ONE, ONE)
        whole += held.word(AT, np.array([one], dtype=np.float32), heard, 1.0)[0]
    widest = max(max(one) - min(one) for one in windows)
    most = 1 + PACKET / packets / float(DOUBTS.mean())
    assert np.ptp(whole) <= most * widest + 1e-2


@given(st.floats(-90, -40), st.integers(1, 40))
def test_levels_that_stay_speak_for_standing_and_a_jump_for_walking(level: float, seconds: int) -> None:
    held = stays()
    for _ in range(seconds):
        unmoved = float(held.stands(AT, *window((level, level - 10, level + 5)), 1.0)[0])
    assert unmoved >= 0
    assert (unmoved > 0) == (seconds > 1)
    assert float(held.stands(AT, *window((level + 15, level - 25, level + 20)), 1.0)[0]) < 0


def test_one_receiver_behind_a_body_does_not_make_a_tag_walk() -> None:
    levels = [-60.0 - n for n in range(6)]
    held = Stays(np.full(6, 9.0), PACKET, CELLS, 1, surveyed=True)
    held.begin(0)
    for _ in range(10):
        held.stands(AT, *window(levels), 1.0)
    assert float(held.stands(AT, *window([levels[0] - 15, *levels[1:]]), 1.0)[0]) > 0


def test_a_new_tag_in_an_old_row_knows_nothing_of_the_one_before() -> None:
    held = stays()
    evidence = np.array([[0.0, -3.0, -6.0, -9.0, -12.0]], dtype=np.float32)
    levels, packets = window((-60.0, -60.0, -60.0))
    first = held.stands(AT, levels, packets, 1.0), held.word(AT, evidence, packets, 1.0)
    held.begin(0)
    again = held.stands(AT, levels, packets, 1.0), held.word(AT, evidence, packets, 1.0)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    held.begin(9)  # and there is room for more
    assert np.array_equal(held.word(np.array([9]), evidence, packets, 1.0), first[1])


def test_a_tag_that_stands_is_not_made_ever_surer_by_what_the_map_has_wrong(radio: RadioMap) -> None:
    """The same window a hundred times over, at a border: the belief after ten seconds is the belief after a hundred."""
    beliefs = Beliefs(radio)
    beliefs.begin(0)
    heard = [Heard(range(len(ANCHORS)), [FLOOR.level(name, ROOM_M - 0.2, 2.0) for name in ANCHORS], [2] * len(ANCHORS))]
    alive = np.ones(len(ANCHORS), dtype=bool)
    held = []
    for second in range(100):
        beliefs.advance([0], heard, 1.0, alive)
        if second in (19, 99):
            held.append(float(beliefs.zones([0])[0].max()))
    assert held[1] <= held[0] + 0.05
