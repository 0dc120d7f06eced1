"""Learning what a room's sensors mean: on days that were not learned, and kept as JSON."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import fusion
from rules.api import SECOND, Reading
from rules.room_model import RoomModel, from_json, to_json
from rules.room_model_learn import learn
from rules.room_model_linear import solve
from rules.room_model_table import Label
from tests.conftest import few
from tests.simulated_room import Days, days, model_of, without


def learned(*missing: str) -> RoomModel:
    return model_of(1, 3, *missing)


def other() -> Days:
    """Days that were not learned."""
    return days(2, 2, first=20)


def believed(model: RoomModel, some: Days) -> list[tuple[float, int | None]]:
    """(log-odds, people) at each label."""
    known = fusion.index(model)
    belief, found, waiting = fusion.Belief(), [], iter(some.readings)
    item = next(waiting, None)
    for label in some.labels:
        while item is not None and item.at <= label.at:
            place = known.get((item.dev, item.kind))
            belief = belief if place is None else fusion.hear(model, place, belief, item)
            item = next(waiting, None)
        found.append((fusion.estimate(model, belief, label.at).odds, fusion.people(model, belief, label.at)))
    return found


@cache
def answers(*missing: str) -> list[tuple[tuple[float, int | None], Label]]:
    """What was learned without some kinds of readings makes of the other days, beside what was true."""
    some = without(other(), *missing)
    return list(zip(believed(learned(*missing), some), some.labels, strict=True))


@pytest.mark.parametrize(
    ("missing", "least"),
    few(
        [
            ((), 0.99),
            (("illuminance",), 0.98),
            (("illuminance", "motion"), 0.95),
            (("illuminance", "motion", "sound"), 0.93),
            (("co2", "temperature", "illuminance", "sound"), 0.93),
        ],
        *(0, 3),
    ),
)
def test_days_that_were_not_learned_are_answered(missing: tuple[str, ...], least: float) -> None:
    told = answers(*missing)
    assert sum((odds > 0) == label.occupied for (odds, _), label in told) / len(told) >= least
    assert learned(*missing).accuracy >= least - 0.02, "and the trainer knew it before"


def test_people_are_counted() -> None:
    inside = [(people, label.people) for (odds, people), label in answers() if label.occupied and odds > 0]
    assert sum(people == true for people, true in inside) / len(inside) > 0.6
    assert sum(abs((people or 0) - (true or 0)) <= 1 for people, true in inside) / len(inside) > 0.9


def test_what_it_claims_is_how_often_it_is_right() -> None:
    """Of the answers that claim 90 % or more, nine of ten are right."""
    sure = [
        (odds > 0) == label.occupied
        for (odds, _), label in answers()
        if fusion.logistic(learned().sharpness * abs(odds)) >= 0.9
    ]
    assert len(sure) > len(answers()) / 2
    assert sum(sure) / len(sure) >= 0.9


def test_one_set_of_parameters_for_every_room() -> None:
    """Whoever learns or measures has nothing to turn."""
    assert list(inspect.signature(learn).parameters) == ["readings", "labels"]


def test_learning_twice_gives_the_same_model_and_it_survives_json() -> None:
    assert learn(*days(1, 1)) == model_of(1, 1)
    assert from_json(json.loads(json.dumps(to_json(learned()), allow_nan=False))) == learned()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "learn it again"),
        ({"accuracy": "0"}, "not a number"),
        ({"arrive": 0}, "not above 0"),
        ({"sensors": [{"dev": "x"}]}, "not a room model"),
        ({"movement": {"rates": [1.0], "idle": 1.0}}, "rates of movement"),
        ({"counted": {"people": [0], "inputs": [], "weights": [[]], "biases": [0.0]}}, "counts no people"),
        ({"accuracy": float("nan")}, "not a number"),
        ({"scatter": [[1.0]]}, "rows where"),
        ({"apart": []}, "numbers where"),
    ],
)
def test_what_is_no_model_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_json({**to_json(learned()), **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sensors: sensors * 2, "one sensor twice"),
        (lambda sensors: [{**sensors[0], "kind": "wind"}], "knows nothing of the kind 'wind'"),
    ],
)
def test_sensors_that_no_model_has_are_refused_in_words(change: Callable[[list[Any]], Any], words: str) -> None:
    body = to_json(learned())
    with pytest.raises(ValueError, match=words):
        from_json({**body, "sensors": change(body["sensors"])})


@given(st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)))
def test_anything_else_is_refused_too(body: Any) -> None:
    with pytest.raises(ValueError, match="is"):
        from_json(body)


@pytest.mark.parametrize("labels", [[], [Label(0, True)] * 50, [Label(0, False)] * 50 + [Label(0, True)] * 5])
def test_labels_that_cannot_teach_are_refused(labels: list[Label]) -> None:
    with pytest.raises(ValueError, match="labels"):
        learn(days(1, 1).readings, labels)


def test_a_room_without_a_sensor_that_says_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="no sensor"):
        learn([Reading("x", "battery", 3, "p", 0)], days(1, 1).labels)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), minutes=st.integers(1, 90))
def test_the_order_within_a_moment_does_not_matter(seed: int, minutes: int) -> None:
    start = 9 * 60
    rows = other().readings[start * 5 : (start + minutes) * 5]
    rng = random.Random(seed)
    mixed = [one for n in range(0, len(rows), 5) for one in rng.sample(rows[n : n + 5], 5)]
    last = other().labels[start + minutes - 1 : start + minutes]
    one, two = believed(learned(), Days(rows, last)), believed(learned(), Days(mixed, last))
    assert one[0][0] == pytest.approx(two[0][0], abs=1e-9)
    assert one[0][1] == two[0][1]


def test_a_sensor_that_repeats_itself_is_not_more_right() -> None:
    some = Days(other().readings[: 12 * 60 * 5], other().labels[: 12 * 60])
    often = Days([one for one in some.readings for _ in range(3)], some.labels)
    assert [odds for odds, _ in believed(learned(), some)] == pytest.approx(
        [odds for odds, _ in believed(learned(), often)]
    )


def test_a_day_hotter_than_any_learned_says_no_more_than_the_hottest() -> None:
    """What was never seen is clipped to what was."""
    hot = [one._replace(value=one.value * 5) if one.kind == "co2" else one for one in other().readings[: 60 * 5]]
    (sensor,) = [one for one in learned().sensors if one.kind == "co2"]
    place = learned().sensors.index(sensor)
    belief = fusion.Belief()
    for one in hot:
        if one.kind == "co2":
            belief = fusion.hear(learned(), place, belief, one)
            for mark, feature in zip(belief.marks[place], sensor.features, strict=True):
                assert feature.low - 1e-9 <= mark * feature.scale + feature.mean <= feature.high + 1e-9


def test_a_belief_without_news_goes_back_to_what_is_usual() -> None:
    rates = replace(learned(), arrive=1 / 7200, leave=1 / 3600)
    assert fusion.moved(5.0, 1e9, rates.arrive, rates.leave) == pytest.approx(
        fusion.moved(-5.0, 1e9, 1 / 7200, 1 / 3600)
    )
    assert fusion.moved(5.0, 3600, rates.arrive, rates.leave) < 5.0
    assert fusion.moved(5.0, 0, rates.arrive, rates.leave) == pytest.approx(5.0)


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(st.floats(-3, 3), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_equations_are_solved(rows: list[list[float]]) -> None:
    size = len(rows)
    matrix = [
        [sum(rows[k][i] * rows[k][j] for k in range(size)) + (1.0 if i == j else 0.0) for j in range(size)]
        for i in range(size)
    ]
    right_side = [float(n + 1) for n in range(size)]
    (found,) = solve(matrix, [right_side])
    for row, wanted in zip(matrix, right_side, strict=True):
        assert sum(a * x for a, x in zip(row, found, strict=True)) == pytest.approx(wanted, abs=1e-6)


def test_a_late_word_of_a_sensor_changes_nothing() -> None:
    known = fusion.index(learned())["air", "co2"]
    first = Reading("air", "co2", 800, "p", 100 * SECOND)
    belief = fusion.hear(learned(), known, fusion.Belief(), first)
    assert fusion.hear(learned(), known, belief, first._replace(value=2000, at=50 * SECOND)) == belief
