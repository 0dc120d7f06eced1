"""The probabilistic locator, in rooms whose radio is made here: path loss, walls, fading, a body in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import hypot, log10
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from rules import locate_map  # noqa: E402 numpy first
from rules.api import SECOND, Health, Located, Sighting, Tick  # noqa: E402
from rules.belief import Beliefs, Heard  # noqa: E402
from rules.locate_map import FloorMap, Settings, State  # noqa: E402
from rules.radio_map import Anchor, RadioMap, Sample, learn  # noqa: E402

ROOMS = {
    f"s/b/f/z{i}{j}/_": [(4.0 * i, 4.0 * j), (4.0 * i + 4, 4.0 * j), (4.0 * i + 4, 4.0 * j + 4), (4.0 * i, 4.0 * j + 4)]
    for i in range(3)
    for j in range(2)
}
WALL = "s/b/f/z00/_"
ANCHORS = {f"r{n}": Anchor(x, y, 2.5) for n, (x, y) in enumerate([(1, 1), (11, 1), (6, 7), (1, 7), (11, 7), (6, 1)])}
T0 = 1_795_484_700 * SECOND


def level(receiver: str, x: float, y: float) -> float:
    """What is received on average: path loss, and 5 dB for each wall between two columns of rooms."""
    anchor = ANCHORS[receiver]
    walls = abs(int(anchor.x // 4) - int(x // 4))
    return -50 - 22 * log10(max(1.0, hypot(anchor.x - x, anchor.y - y))) - 5 * walls


def calibration(seed: int = 1) -> list[Sample]:
    """A walk over the floor: three packets a second of each receiver, half a metre a second."""
    random, walk, time = Random(seed), [], 0.0
    for row in range(8):
        for step in range(24):
            x, y = 0.25 + step / 2, 0.5 + row
            for packet in range(3):
                walk += [
                    Sample(time + packet / 3, name, level(name, x, y) + random.gauss(0, 3), x, y) for name in ANCHORS
                ]
            time += 1
    return walk


@pytest.fixture(scope="module")
def radio() -> RadioMap:
    return learn(calibration(), ANCHORS, ROOMS)


class Building:
    """Feeds the rule as the engine does: ticks when they are due, before what comes later."""

    def __init__(self, radio: RadioMap, **choices: Any) -> None:
        self.rule = locate_map.rule(Settings(floors=(FloorMap(radio=radio, **choices.pop("floor", {})),), **choices))
        self.state: State = self.rule.start("b", None, T0).state
        self.due: int | None = None
        self.said: list[Located] = []

    def until(self, at: int) -> None:
        while self.due is not None and self.due <= at:
            self._take(Tick(self.due))

    def _take(self, item: Any) -> None:
        step = self.rule.step(self.state, item)
        self.state, self.due = step.state, step.due
        self.said += [one for one in step.emits if isinstance(one, Located)]

    def hear(self, at: int, person: str, x: float, y: float, random: Random, *, offset: float = 0.0) -> None:
        """A packet: each receiver may miss it."""
        for name in ANCHORS:
            if random.random() < 0.8:
                self.until(at)
                body = -6.0 if random.random() < 0.15 else 0.0
                self._take(Sighting(person, name, level(name, x, y) + offset + body + random.gauss(0, 4), at))

    def health(self, name: str, at: int, *, alive: bool) -> None:
        self.until(at)
        self._take(Health(name, alive, "" if alive else "radio_deaf", at))

    def stand(self, person: str, x: float, y: float, seconds: int, begin: int = T0, seed: int = 7) -> int:
        random = Random(seed)
        for second in range(seconds):
            self.hear(begin + second * SECOND, person, x, y, random)
        end = begin + seconds * SECOND
        self.until(end)
        return end


def zones(said: list[Located], person: str = "ana") -> list[str | None]:
    return [one.zone for one in said if one.person == person]


# --- the map ----------------------------------------------------------------------------------------------------------


def test_a_survey_is_learned_and_far_from_it_the_map_is_unsure(radio: RadioMap) -> None:
    for r, name in enumerate(radio.receivers):
        true = np.array([level(name, x, y) for x, y in radio.centres])
        assert np.abs(radio.mean[r] - true).mean() < 2.5
    partly = learn([one for one in calibration() if one.x < 4], ANCHORS, ROOMS)
    near, far = partly.centres[:, 0] < 3.5, partly.centres[:, 0] > 9
    assert (partly.variance[:, far].mean(axis=1) > 2 * partly.variance[:, near].mean(axis=1)).all()
    assert partly.liked[near].mean() > 2 * partly.liked[far].mean()


def test_without_a_survey_the_map_is_geometry() -> None:
    bare = learn([], ANCHORS, ROOMS)
    for r, name in enumerate(bare.receivers):
        nearest = int(((bare.centres - np.array(ANCHORS[name][:2])) ** 2).sum(axis=1).argmin())
        assert bare.mean[r].argmax() == nearest
    with pytest.raises(ValueError, match="receivers and zones"):
        learn([], {}, ROOMS)


def test_samples_of_receivers_that_are_not_there_are_left_out(radio: RadioMap) -> None:
    strange = learn([*calibration(), Sample(0.0, "who", -40.0, 1.0, 1.0)], ANCHORS, ROOMS)
    assert (strange.mean == radio.mean).all()


def test_every_cell_is_in_the_zone_that_holds_it(radio: RadioMap) -> None:
    for (x, y), zone in zip(radio.centres, radio.zone_of, strict=True):
        assert radio.zones[zone] == f"s/b/f/z{int(x // 4)}{int(y // 4)}/_"


# --- the belief -------------------------------------------------------------------------------------------------------


WINDOWS = st.lists(
    st.dictionaries(st.integers(0, 5), st.tuples(st.floats(-120, 20), st.integers(1, 40)), min_size=1), max_size=12
)


def heard(window: Mapping[int, tuple[float, int]]) -> Heard:
    rows = sorted(window.items())
    return Heard(
        np.array([r for r, _ in rows]), np.array([v for _, (v, _) in rows]), np.array([n for _, (_, n) in rows])
    )


@settings(max_examples=60, deadline=None)
@given(WINDOWS, st.integers(0, 20))
def test_a_belief_is_one_whatever_was_heard(
    radio: RadioMap, windows: list[dict[int, tuple[float, int]]], gap: int
) -> None:
    beliefs, alive = Beliefs(radio), np.ones(len(ANCHORS), dtype=bool)
    beliefs.begin(0)
    for window in windows:
        beliefs.advance([0], [heard(window)], 1.0, alive)
        beliefs.drift([0], gap)
        shares = beliefs.zones([0])[0]
        assert np.isfinite(shares).all()
        assert (shares >= 0).all()
        assert shares.sum() == pytest.approx(1, abs=1e-3)
        x, y = beliefs.positions([0])[0]
        assert 0 <= x <= 12
        assert 0 <= y <= 8


@settings(max_examples=30, deadline=None)
@given(WINDOWS, WINDOWS)
def test_tags_do_not_disturb_each_other(
    radio: RadioMap, mine: list[dict[int, tuple[float, int]]], others: list[dict[int, tuple[float, int]]]
) -> None:
    alone, together = Beliefs(radio), Beliefs(radio, capacity=1)
    alive = np.ones(len(ANCHORS), dtype=bool)
    for beliefs in (alone, together):
        beliefs.begin(0)
    together.begin(1)
    for number, window in enumerate(mine):
        alone.advance([0], [heard(window)], 1.0, alive)
        beside = [heard(others[number])] if number < len(others) else []
        together.advance([0, 1][: 1 + len(beside)], [heard(window), *beside], 1.0, alive)
    assert together.zones([0])[0] == pytest.approx(alone.zones([0])[0], abs=2e-3)


# --- the rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("surveyed", [True, False])
def test_tags_are_found_where_they_stand(radio: RadioMap, surveyed: bool) -> None:
    building = Building(radio if surveyed else learn([], ANCHORS, ROOMS))
    right = 0
    for number, (i, j) in enumerate((i, j) for i in range(3) for j in range(2)):
        person = f"p{number}"
        building.stand(person, 4 * i + 2, 4 * j + 2, 20, T0 + number * 30 * SECOND)
        right += zones(building.said, person)[-1:] == [f"s/b/f/z{i}{j}/_"]
    assert right >= (6 if surveyed else 5)


def test_a_still_tag_does_not_flap_even_beside_a_wall(radio: RadioMap) -> None:
    building = Building(radio)
    building.stand("ana", 3.3, 2.2, 3600)
    assert len(set(zones(building.said))) == 1
    assert len(building.said) > 50  # it is told again while evidence goes on


def test_a_walk_is_followed_within_five_seconds(radio: RadioMap) -> None:
    building = Building(radio)
    at, random, behind = building.stand("ana", 2, 2, 30), Random(3), []
    for second in range(16):
        x = 2 + second * 0.5
        building.hear(at + second * SECOND, "ana", x, 2, random)
        building.until(at + second * SECOND)
        behind.append((int(x // 4), zones(building.said)[-1]))
    for second in range(15):
        building.hear(at + (16 + second) * SECOND, "ana", 10, 2, random)
    building.until(at + 32 * SECOND)
    assert zones(building.said)[-1] == "s/b/f/z20/_"
    late = [true for true, told in behind if told != f"s/b/f/z{true}0/_"]
    assert late.count(1) <= 5


def test_a_tag_in_another_pocket_is_found_too(radio: RadioMap) -> None:
    building, random = Building(radio), Random(5)
    for second in range(60):
        building.hear(T0 + second * SECOND, "ana", 6, 6, random, offset=-7.0)
    building.until(T0 + 61 * SECOND)
    assert zones(building.said)[-1] == "s/b/f/z11/_"


def test_a_private_zone_is_never_an_answer_and_the_last_public_one_stands(radio: RadioMap) -> None:
    private = "s/b/f/z10/_"
    building = Building(radio, floor={"private": frozenset({private})})
    at = building.stand("ana", 2, 2, 20)
    before = len(building.said)
    building.stand("ana", 6, 2, 300, at)
    assert private not in zones(building.said)
    after = building.said[before:]
    assert {one.zone for one in after} <= {"s/b/f/z00/_", "s/b/f/z20/_", "s/b/f/z11/_"}
    assert all(one.last_evidence <= at + 15 * SECOND for one in after if one.zone == "s/b/f/z00/_")


def test_who_is_not_heard_is_unknown_once_and_then_anew(radio: RadioMap) -> None:
    building = Building(radio)
    at = building.stand("ana", 2, 2, 20)
    building.until(at + 600 * SECOND)
    lost = [one for one in building.said if one.zone is None]
    assert [(one.cause, one.confidence) for one in lost] == [("no_evidence", 0.0)]
    assert lost[0].last_evidence < at
    building.stand("ana", 10, 6, 20, at + 700 * SECOND)
    assert zones(building.said)[-1] == "s/b/f/z21/_"


def test_one_deaf_receiver_says_nothing_and_with_all_deaf_tags_are_unknown(radio: RadioMap) -> None:
    building = Building(radio)
    at = building.stand("ana", 2, 2, 20)
    building.health("r0", at, alive=False)
    at = building.stand("ana", 2, 2, 60, at)
    assert set(zones(building.said)) == {"s/b/f/z00/_"}
    for name in ANCHORS:
        building.health(name, at, alive=False)
    assert (building.said[-1].zone, building.said[-1].cause) == (None, "radio_deaf")
    for name in ANCHORS:
        building.health(name, at + SECOND, alive=True)
    building.stand("ana", 2, 2, 20, at + 2 * SECOND)
    assert zones(building.said)[-1] == "s/b/f/z00/_"


def test_the_oldest_tag_makes_room_and_is_counted(radio: RadioMap) -> None:
    building = Building(radio, most_tags=3)
    for number in range(5):
        building.stand(f"p{number}", 2, 2, 12, T0 + number * 15 * SECOND)
    assert set(building.state.tags) == {"p2", "p3", "p4"}
    assert building.state.evicted == 2
    assert [(one.person, one.cause) for one in building.said if one.zone is None] == [
        ("p0", "no_evidence"),
        ("p1", "no_evidence"),
    ]
    assert building.state.rows == [3]


def test_what_is_told_has_its_receiver_its_rival_and_a_confidence(radio: RadioMap) -> None:
    building = Building(radio)
    building.stand("ana", 2, 2, 30)
    told = building.said[-1]
    assert told.evidence[0]["modality"] == "tag"
    assert told.evidence[0]["via"] in ANCHORS
    assert told.challenger is None or told.challenger["zone"] != told.zone
    assert 0 < told.confidence <= 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 40))
def test_the_same_input_gives_the_same_words_and_the_future_changes_none(radio: RadioMap, seed: int, cut: int) -> None:
    def told(seconds: int) -> Iterator[Located]:
        building, random = Building(radio), Random(seed)
        for second in range(seconds):
            building.hear(T0 + second * SECOND, "ana", 1 + second / 4, 3, random)
        return iter(building.said)

    whole, part = list(told(40)), list(told(cut))
    assert whole[: len(part)] == part
