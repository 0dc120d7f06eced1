"""What is wrong with a survey is found, and outweighed: the map with the fault is about as right as without."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from rules.radio_doubts import doubts  # noqa: E402 numpy first
from rules.radio_map import Anchor, Sample, learn  # noqa: E402
from tests.simulated_floor import ANCHORS, ROOMS, Floor, Right, found, grid, learned  # noqa: E402

FLOOR = Floor()
GOOD = FLOOR.survey()
LITTLE, LITTLE_M = 0.1, 0.35
"""By so much may a map with a fault be worse than the one without the receiver that has it."""


def kinds(samples: list[Sample], anchors: dict[str, Anchor] | None = None) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.kind, one.about) for one in doubts(samples, anchors or ANCHORS, ROOMS)]


def without(*names: str, samples: list[Sample] = GOOD) -> Right:
    """Of the map that does without some receivers."""
    anchors = {name: at for name, at in ANCHORS.items() if name not in names}
    return found(learned([one for one in samples if one.receiver in anchors], anchors), FLOOR)


def holds(right: Right, than: Right) -> None:
    assert right.zone >= than.zone - LITTLE
    assert right.metres <= than.metres + LITTLE_M


@pytest.fixture(scope="module")
def whole() -> Right:
    return found(learned(GOOD), FLOOR)


def test_a_good_survey_raises_no_doubt(whole: Right) -> None:
    assert kinds(GOOD) == []
    assert whole.zone > 0.85
    assert whole.metres < 1.3


@pytest.mark.parametrize("pair", [("r0", "r4"), ("r1", "r2"), ("r3", "r5")])
def test_exchanged_receivers_are_found_and_exchanged_back(pair: tuple[str, str], whole: Right) -> None:
    one, other = pair
    wrong = {**ANCHORS, one: ANCHORS[other], other: ANCHORS[one]}
    assert kinds(GOOD, wrong) == [("exchanged", pair)]
    text = doubts(GOOD, wrong, ROOMS)[0]
    assert one in text.what
    assert "exchange" in text.remedy
    assert (learned(GOOD, wrong).mean == learned(GOOD).mean).all()


def test_two_pairs_are_found_at_once() -> None:
    wrong = {**ANCHORS, "r0": ANCHORS["r4"], "r4": ANCHORS["r0"], "r1": ANCHORS["r3"], "r3": ANCHORS["r1"]}
    assert sorted(kinds(GOOD, wrong)) == [("exchanged", ("r0", "r4")), ("exchanged", ("r1", "r3"))]


@pytest.mark.parametrize(("by", "kind"), [(20.0, "loud"), (-20.0, "faint")])
def test_a_hot_or_cold_receiver_is_named_and_taken_as_it_is(by: float, kind: str) -> None:
    floor = FLOOR.but(r2=by)
    samples = floor.survey()
    assert kinds(samples) == [(kind, ("r2",))]
    assert "20 dB" in doubts(samples, ANCHORS, ROOMS)[0].what or "19 dB" in doubts(samples, ANCHORS, ROOMS)[0].what
    holds(found(learned(samples), floor), without("r2"))


def test_a_receiver_that_the_survey_never_heard_says_little() -> None:
    """It was off on the day of the walk, and works now, hot or cold."""
    samples = [one for one in GOOD if one.receiver != "r2"]
    assert kinds(samples) == [("unheard", ("r2",))]
    for by in (0.0, 12.0, -12.0):
        holds(found(learned(samples), FLOOR.but(r2=by)), without("r2"))


def test_samples_of_nowhere_are_left_out(whole: Right) -> None:
    lost = [Sample(9e5 + n, "r0", -50.0, 1250.0, 3.0) for n in range(30)]
    impossible = [Sample(9e5 + 60 + n, "r1", rssi, 2.0, 2.0) for n, rssi in enumerate([127.0, 42.0, -200.0])]
    strange = [Sample(9e5 + 70, "who", -40.0, 1.0, 1.0)]
    samples = [*GOOD, *lost, *impossible, *strange]
    assert sorted(kind for kind, _ in kinds(samples)) == ["no_signal", "outside", "stranger"]
    assert (learned(samples).mean == learned(GOOD).mean).all()


def test_a_survey_of_other_receivers_is_told_as_such() -> None:
    other = [one._replace(receiver=one.receiver.upper()) for one in GOOD]
    told = doubts(other, ANCHORS, ROOMS)
    assert told[0].kind == "stranger"
    assert "geometry alone" in told[0].what
    assert {one.kind for one in told[1:]} == {"unsurveyed"}
    assert (learned(other).mean == learned([]).mean).all()


def test_two_receivers_at_one_point_are_told_even_without_a_survey() -> None:
    wrong = {**ANCHORS, "r5": ANCHORS["r0"]}
    assert kinds([], wrong) == [("same_place", ("r0", "r5"))]
    assert ("same_place", ("r0", "r5")) in kinds(GOOD, wrong)
    holds(found(learned(GOOD, wrong), FLOOR), without("r5"))


@pytest.mark.parametrize("left", [0, 1, 15])
def test_a_zone_that_was_hardly_surveyed_is_told_and_the_map_is_unsure_there(left: int) -> None:
    """None, one sample, one spot."""
    room = "z11"
    samples = FLOOR.survey(grid(name for name in ROOMS if name != room))
    more = FLOOR.survey([(6.0, 6.0)], seconds=max(left, 1), seed=3)
    last = max(one.at for one in samples) + 100
    more = [one._replace(at=one.at + last) for one in more]
    samples += more[:1] if left == 1 else more if left else []
    assert kinds(samples) == [("thin" if left else "unsurveyed", (room,))]
    partly, surveyed = learned(samples), learned(GOOD)
    there = partly.zone_of == partly.zones.index(room)
    assert partly.variance[:, there].mean() > 1.3 * surveyed.variance[:, surveyed.zone_of == 3].mean()
    if left == 1:  # one packet, which may be 8 dB off, changes little of what is believed of the zone
        bare = learned(FLOOR.survey(grid(name for name in ROOMS if name != room)))
        assert np.abs(partly.mean[:, there] - bare.mean[:, there]).max() < 2.0
    spots = [(5.0, 5.2), (6.1, 6.3), (7.2, 5.5), (5.3, 7.1), (6.8, 6.9)]
    right = found(partly, FLOOR, spots)
    assert right.zone >= 0.6
    assert right.sure < 0.85


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e4),
            st.sampled_from([*ANCHORS, "who"]),
            st.floats(-1e6, 1e6),
            st.floats(-1e6, 1e6),
            st.floats(-1e6, 1e6),
        ),
        max_size=12,
    ),
    st.integers(0, 40),
)
def test_whatever_a_survey_says_there_is_a_map(rows: list[tuple[float, str, float, float, float]], good: int) -> None:
    samples = [*(Sample(*row) for row in rows), *Random(good).sample(GOOD, good)]
    made = learn(samples, ANCHORS, ROOMS)
    assert np.isfinite(made.mean).all()
    assert (made.variance > 0).all()
    for one in doubts(samples, ANCHORS, ROOMS):
        assert one.what
        assert one.remedy


def test_every_exchange_on_the_floor_is_found() -> None:
    """All but a few pairs that hang alike."""
    wrong = [{**ANCHORS, a: ANCHORS[b], b: ANCHORS[a]} for a, b in combinations(ANCHORS, 2)]
    told = [kinds(GOOD, anchors) for anchors in wrong]
    assert told == [[("exchanged", pair)] for pair in combinations(ANCHORS, 2)]
