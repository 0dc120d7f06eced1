"""Receivers drift: found from tags that stand still, mended slowly, remembered, named; and nothing where none does."""

from __future__ import annotations

import json
from math import hypot
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from gateway.counters import Counters  # noqa: E402 numpy first
from gateway.engine import Engine  # noqa: E402
from rules import locate_map  # noqa: E402
from rules.api import SECOND, Health, Sighting  # noqa: E402
from rules.radio_map import RadioMap  # noqa: E402
from tests.simulated_floor import ANCHORS, T0, Building, Floor, learned, room_of  # noqa: E402

FLOOR = Floor()
SURVEY = "of this floor"


@pytest.fixture(scope="module")
def radio() -> RadioMap:
    return learned(FLOOR.survey(seconds=8))


def morning(
    building: Building, floor: Floor, people: int, sits: int, seed: int = 1, begin: int = T0
) -> tuple[int, float, float]:
    """People sit down, each at spots of their own; when it ends, the share of right zones, and the mean error."""
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
    return at, round(right / asked, 3), round(metres / asked, 2)


def offsets(building: Building) -> list[float]:
    return [round(float(one), 1) for one in building.state.drifts.floors[0].offsets]


def undrifting(radio: RadioMap) -> Building:
    """A building that never learns of drift."""
    made = Building(radio)
    made.state.drifts.floors[0].idle = True
    return made


def test_where_nothing_drifts_nothing_is_mended(radio: RadioMap) -> None:
    building, other = Building(radio), undrifting(radio)
    _, *with_it = morning(building, FLOOR, 8, 5)
    assert with_it == list(morning(other, FLOOR, 8, 5)[1:])
    assert offsets(building) == [0.0] * 6
    assert building.facts == []


def test_a_drift_of_one_in_six_is_found_and_accuracy_recovers(radio: RadioMap) -> None:
    by = 8.0
    floor, building, other, plain = FLOOR.but(r2=by), Building(radio), undrifting(radio), undrifting(radio)
    at, *_ = morning(building, floor, 10, 12)
    held = offsets(building)
    assert held[2] * by > 0
    assert abs(held[2]) > 2.5
    assert abs(sum(held)) < 0.5
    assert all(abs(one) < 1.5 for r, one in enumerate(held) if r != 2)
    later = {"seed": 9, "begin": at}
    _, zone, metres = morning(building, floor, 10, 6, **later)
    _, drifted, drifted_m = morning(other, floor, 10, 6, **later)
    _, sound, sound_m = morning(plain, FLOOR, 10, 6, **later)
    assert drifted_m > sound_m + 0.1  # else there is nothing to recover
    assert metres < sound_m + (drifted_m - sound_m) * 0.6
    assert zone >= max(drifted, sound - 0.05)


def test_offsets_are_remembered_and_go_on_where_they_were(radio: RadioMap) -> None:
    building = Building(radio)
    morning(building, FLOOR.but(r2=9.0), 10, 12)
    assert {fact.rule for fact in building.facts} == {"locate"}
    assert {fact.key for fact in building.facts} == {"b"}
    body = json.loads(json.dumps(building.facts[-1].body))
    whole, *_ = body["floors"].values()
    assert whole["r2"] == pytest.approx(max(whole.values()))
    born = Building(radio, body, start=body["at"])
    assert offsets(born) == pytest.approx(list(whole.values()), abs=0.11)
    weeks = Building(radio, body, start=body["at"] + 14 * 86_400 * SECOND)
    assert all(abs(one) < 0.1 for one in offsets(weeks))
    assert offsets(Building(learned(FLOOR.survey(seed=5, seconds=8)), body, start=body["at"])) == [0.0] * 6


@given(
    st.dictionaries(
        st.sampled_from(["at", "floors", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers(),
            lambda inner: st.dictionaries(st.sampled_from([*ANCHORS, "who", SURVEY]), inner, max_size=4),
            max_leaves=6,
        ),
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_was_remembered_it_starts(radio: RadioMap, body: dict[str, Any]) -> None:
    body = json.loads(json.dumps(body).replace(f'"{SURVEY}"', f'"{Building(radio).state.drifts.floors[0].survey}"'))
    held = offsets(Building(radio, body))
    assert np.isfinite(held).all()
    assert max(map(abs, held)) <= 20.0


def test_a_receiver_that_is_far_off_is_named_once_and_goes_on_being_heard(radio: RadioMap) -> None:
    fixed = {f"p-{n:016x}": (0, x, y) for n, (x, y) in enumerate([(2.0, 6.0), (10.0, 2.0), (6.0, 3.0), (10.5, 6.5)])}
    building = Building(radio, fixed=fixed)
    random, at = Random(4), T0
    for by, seconds in ((17.0, 5400), (0.0, 5400)):
        floor = FLOOR.but(r2=by)
        for _ in range(0, seconds, 5):
            building.until(at)
            for tag, (_, x, y) in fixed.items():
                for name, rssi in floor.heard(x, y, random):
                    building.take(Sighting(tag, name, rssi, at))
            at += 5 * SECOND
    named = [(one.dev, one.alive, one.cause) for one in building.emitted if isinstance(one, Health)]
    assert named == [("r2", False, "drifted"), ("r2", True, "drifted")]
    building.take(Health("r2", False, "drifted", at))  # as the engine hands it back
    assert building.state.deaf == {}
    assert building.said == []  # a fixed tag is nobody
    assert building.state.tags == {}


def test_without_a_survey_nothing_is_held_to_drift() -> None:
    building = Building(learned([]))
    morning(building, FLOOR.but(r2=9.0), 6, 6)
    assert offsets(building) == [0.0] * 6


def test_who_stops_locating_and_goes_on_later_in_the_same_life_knows_what_it_knew(radio: RadioMap) -> None:
    """The last row on the disk is older than what was learned since, and is not gone back to."""
    rule = locate_map.rule(locate_map.Settings(floors=(locate_map.FloorMap(radio=radio),)))
    engine = Engine([rule], lambda _item: [(locate_map.NAME, "b")], Counters())
    drifted = Building(radio)
    morning(drifted, FLOOR.but(r3=-9.0), people=12, sits=8)
    learned_row = drifted.state.drifts.kept(T0)
    assert learned_row is not None
    engine.restart(locate_map.NAME, {"b": learned_row}, T0)
    before = engine.state(locate_map.NAME, "b").drifts.floors[0].offsets
    assert abs(before).max() > 3
    kept = engine.stop(locate_map.NAME, T0)
    engine.restart(locate_map.NAME, kept, T0 + 60 * SECOND)
    after = engine.state(locate_map.NAME, "b").drifts.floors[0].offsets
    assert abs(after - before).max() < 0.02
    assert json.loads(json.dumps(kept)) == kept, "it is a row like any other"
