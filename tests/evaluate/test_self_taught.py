"""What a room that teaches itself is worth on days that it did not see, and what it must not learn from."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.rooms import WAYS, answered, blocks, calibration
from gateway.clock import SECOND
from gateway.evaluate import room
from gateway.evaluate.learn import labels, taught
from rules.api import Reading
from rules.witness import SIGNS
from tests.simulated_room import PLACE, T0, days, without

PACKS = Path(__file__).parents[3] / "shared" / "data"
MOST = 1100
"""Answers: the day on which somebody is there."""
HOUR = 3600 * SECOND


def right(found: room.Room, way: str) -> tuple[float, float]:
    """(share that is right, calibration error)."""
    pairs, _ = answered(found, next(one for one in WAYS if one.name == way))
    return sum(one.occupied == true for one, true in pairs) / len(pairs), calibration(pairs)


def test_on_days_that_were_held_out_it_is_better_than_the_defaults() -> None:
    some = days(3, 3)
    found = room.Room("x", some.readings, some.labels, (), (), ())
    held_out = list(blocks(found, 24))
    assert len(held_out) == 3
    last = held_out[-1]
    default, own = right(last, "defaults"), right(last, "taught by its own sensors")
    assert own[0] > default[0]
    assert own[1] < default[1], "and its confidence says more"


def test_an_empty_week_teaches_nothing() -> None:
    """Stray movements are not people: learned from, they made a room of recorded data wrong for a day in twelve."""
    empty = [one._replace(value=one.at // SECOND % 5400 < 60) if one.kind == "motion" else one for one in quiet(3)]
    assert not any(label.occupied for label in labels(empty))
    with pytest.raises(ValueError, match="cannot teach itself"):
        taught(empty)


def quiet(number: int) -> list[Reading]:
    return [
        Reading(dev, kind, value, PLACE, T0 + minute * 60 * SECOND)
        for minute in range(number * 1440)
        for dev, kind, value in (("air", "co2", 430.0 + minute % 7), ("pir", "motion", False))
    ]


def test_a_teacher_that_was_stuck_takes_back_what_it_said() -> None:
    some = without(days(1, 2), "motion").readings
    radar = [
        Reading("radar", "occupied", 10 * HOUR <= one.at - T0 < 30 * HOUR, PLACE, one.at)
        for one in some
        if one.dev == "lamp"
    ]
    told = labels(sorted([*some, *radar], key=lambda one: one.at))
    assert not any(label.occupied for label in told), "20 hours without a pause are nobody's"
    assert {(label.at - 60 * SECOND - T0) // HOUR for label in told if label.at > T0} == {*range(10), *range(30, 48)}


def test_a_recorded_room_gains_by_it_and_its_empty_days_teach_nothing() -> None:
    if not (PACKS / "uci-room-dev").is_dir():
        pytest.skip("the packs are not here")
    found = room.read(PACKS / "uci-room-dev")
    found = found._replace(asked=found.asked[:MOST], truth=found.truth[:MOST])
    default, own = right(found, "defaults"), right(found, "taught by its own sensors")
    assert own[0] > default[0]
    assert own[1] < default[1] / 2
    begin = min(one.at for one in found.readings if one.at > found.truth[MOST - 1].at)
    holiday = [one for one in (*found.training, *found.readings) if one.at >= begin]
    assert any(one.value for one in holiday if one.kind in SIGNS), "something moved"
    with pytest.raises(ValueError, match="cannot teach itself"):
        taught(sorted(holiday, key=lambda one: one.at))
