"""Rooms with nothing but a CO2 sensor that nobody taught anything, and with one beside other sensors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import exp, isfinite
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import occupancy
from rules.api import SECOND, Health, Reading
from rules.occupancy import Device, PlaceSettings
from rules.witness_air import HIGHEST, LOWEST, Air, breathe, recalled, remembered
from tests.rules.conftest import T0, at

ROOM = "s/b/f/z/room"
MINUTE, HOUR, DAY = 60, 3600, 86_400
TOLERANCE = 900


class Held(NamedTuple):
    """What is held at a minute, and what is true."""

    second: int
    there: bool
    held: bool | None
    air: Air | None


class Room(NamedTuple):
    """One well-mixed zone: volume, ventilation, and a sensor with a bias and noise."""

    m3: float = 60.0
    changes_h: float = 2.0
    every_s: int = 120
    bias: float = 0.0
    noise: float = 6.0

    def live(self, visits: list[tuple[int, int, int]], days: float, drift: Any = lambda _second: 0.0) -> list[Held]:
        """`visits`: from, until (s), how many. `drift`: of the sensor, ppm."""
        return list(self._lived(visits, days, drift))

    def _lived(self, visits: list[tuple[int, int, int]], days: float, drift: Any) -> Iterator[Held]:
        rng, ppm, air = Random(f"{self}"), 420.0, None
        for second in range(0, int(days * DAY), MINUTE):
            people = sum(number for begin, end, number in visits if begin <= second < end)
            rest = 420 + people * 0.0052 * 3.6e6 / (self.m3 * self.changes_h)
            ppm = rest + (ppm - rest) * exp(-self.changes_h / 60)
            if second % self.every_s == 0:
                read = ppm + self.bias + drift(second) + rng.gauss(0, self.noise)
                air = breathe(air, round(read), T0 + second * SECOND)
            yield Held(second, people > 0, None if air is None else air.held, air)


def week(seed: int, days: int, most: int = 4) -> list[tuple[int, int, int]]:
    """Meetings of an office."""
    rng, made = Random(seed), []
    for day in range(days):
        second = day * DAY + rng.randrange(8 * HOUR, 10 * HOUR)
        while second < day * DAY + 17 * HOUR:
            lasts = rng.randrange(20 * MINUTE, 2 * HOUR)
            made.append((second, second + lasts, rng.randint(1, most)))
            second += lasts + rng.randrange(20 * MINUTE, 2 * HOUR)
    return made


def wrong(held: list[Held]) -> float:
    """Share of the time for which it was wrong beyond the tolerance."""
    seconds = run = 0
    for one in held:
        run = run + MINUTE if one.held is not None and one.held != one.there else 0
        seconds += MINUTE if run > TOLERANCE else 0
    return seconds / (len(held) * MINUTE)


def unknown(held: list[Held]) -> float:
    return sum(one.held is None for one in held) / len(held)


@pytest.mark.parametrize(
    "room",
    [
        Room(),
        Room(bias=45.0),
        Room(bias=-40.0),
        Room(m3=30, changes_h=3),
        Room(changes_h=0.7),
        Room(m3=100, changes_h=1),
        Room(every_s=300),
    ],
    ids=str,
)
def test_meetings_are_followed_in_rooms_of_any_kind(room: Room) -> None:
    held = room.live(week(3, 2), 2)
    assert wrong(held) <= 0.015
    assert unknown(held) <= 0.05
    turns = sum(a.held != b.held for a, b in pairwise(held))
    assert turns <= 4 + 4 * sum(a.there != b.there for a, b in pairwise(held))


def test_somebody_is_noticed_within_minutes_and_missed_when_they_have_gone() -> None:
    held = Room(noise=2.0).live([(4 * HOUR, 6 * HOUR, 2)], 0.5)
    assert {one.held for one in held if HOUR < one.second < 4 * HOUR} == {False}
    assert {one.held for one in held if 4 * HOUR + 900 < one.second < 6 * HOUR} == {True}
    assert {one.held for one in held if one.second > 6 * HOUR + 900} == {False}


def test_a_level_that_stands_high_is_somebody_and_one_that_stands_low_is_nobody() -> None:
    high = Room(noise=2.0, changes_h=1.0).live([(2 * HOUR, 8 * HOUR, 2)], 1 / 3)
    steady = [one for one in high if one.second > 6 * HOUR]
    assert max(one.air.ppm for one in steady if one.air) - min(one.air.ppm for one in steady if one.air) < 40
    assert {one.held for one in steady} == {True}


@pytest.mark.parametrize(
    "drift",
    [
        lambda second: 25.0 * second / DAY,
        lambda second: -25.0 * second / DAY,
        lambda second: -50.0 if second > 1.1 * DAY else 0.0,
        lambda second: 50.0 if second > 1.1 * DAY else 0.0,
    ],
    ids=["rises", "falls", "calibrated down", "calibrated up"],
)
def test_the_base_follows_a_sensor_that_drifts(drift: Any) -> None:
    """The nights after a day and a half are nobody's again, and meetings are still seen."""
    visits = [(day * DAY + hour * HOUR, day * DAY + (hour + 2) * HOUR, 2) for day in range(4) for hour in (9, 13)]
    held = Room().live(visits, 4, drift)
    late = [one for one in held if one.second > 2.7 * DAY]
    assert wrong(late) <= 0.02
    assert unknown(late) <= 0.05


def test_one_wild_reading_and_a_sensor_that_warms_up_turn_nothing() -> None:
    air = None
    for n in range(60):
        air = breathe(air, 430 + n % 3, T0 + 120 * n * SECOND)
    assert air is not None
    assert air.held is False
    wild = breathe(air, 2_500, T0 + 120 * 60 * SECOND)
    for n in range(61, 70):
        wild = breathe(wild, 430, T0 + 120 * n * SECOND)
    assert wild is not None
    assert wild.held is False
    assert breathe(air, 0, T0 + DAY * SECOND) is air
    assert breathe(None, 65_535, T0) is None


@given(st.lists(st.tuples(st.floats(0, 30_000), st.integers(0, 50_000)), max_size=40))
def test_whatever_is_read_the_hypotheses_add_up(read: list[tuple[float, int]]) -> None:
    air, when = None, T0
    for ppm, later in read:
        when += later * SECOND
        air = breathe(air, ppm, when)
    if air is None:
        return
    modes = [mode for row in air.bank for mode in row]
    assert sum(mode.share for mode in modes) == pytest.approx(1)
    assert all(isfinite(number) for mode in modes for number in mode)
    assert all(mode.ll > 0 and mode.bb > 0 and LOWEST <= mode.base <= HIGHEST for mode in modes)


def test_how_often_it_reports_does_not_make_it_more_right() -> None:
    seldom = often = None
    for second in range(0, 2 * HOUR, 10):
        often = breathe(often, 600 + second / 60, T0 + second * SECOND)
        if second % 60 == 0:
            seldom = breathe(seldom, 600 + second / 60, T0 + second * SECOND)
    assert often == seldom


def place(fold: Any, **more: Device) -> Any:
    devices = {"air": Device(modality="environment", expect_s=120.0), **more}
    return fold(occupancy.rule({ROOM: PlaceSettings(devices=devices)}), ROOM)


def air(second: int, ppm: float) -> Reading:
    return Reading("air", "co2", ppm, ROOM, at(second), "environment")


def radar(second: int, there: bool) -> Reading:
    return Reading("radar", "occupied", there, ROOM, at(second), "radar")


RADAR = Device(modality="radar", expect_s=60.0)
FULL = [air(second, 450 + second / 10) for second in range(0, 2 * HOUR, 120)]
"""Somebody breathes."""


def test_a_room_of_air_alone_starts_decides_and_becomes_stale(fold: Any) -> None:
    run = place(fold)
    assert run.state.cause == "starting"
    run.feed(*FULL)
    assert run.state.state == "occupied"
    (event,) = [one for one in run.events if one.data["state"] == "occupied"]
    assert event.data["evidence"][0]["kind"] == "co2"
    assert event.data["evidence"][0]["value"] >= 450
    run.wait(2 * HOUR + 361)
    assert (run.state.state, run.state.cause, run.state.quality) == ("unknown", "sensor_stale", "stale")


def test_who_sees_people_knows_better_than_the_air(fold: Any) -> None:
    run = place(fold, radar=RADAR)
    for one in FULL:
        run.feed(radar(round((one.at - T0) / SECOND), False), one)
    assert run.state.state == "vacant"
    assert run.state.quality == "good"
    (event,) = [one for one in run.events if one.data["state"] == "vacant"]
    assert event.data["evidence"][0]["dev"] == "radar"
    run.feed(Health("radar", False, "sensor_stale", at(2 * HOUR)))
    assert run.state.state == "occupied"


def test_a_radar_that_is_stuck_is_named_by_the_air(fold: Any) -> None:
    run = place(fold, radar=RADAR)
    for second in range(0, 9 * HOUR, 60):
        run.feed(radar(second, True))
        if second % 120 == 0:
            run.feed(air(second, 420 + second % 7))
    assert run.state.state == "vacant"
    assert [(one.dev, one.alive) for one in run.emits if isinstance(one, Health)] == [("radar", False)]


def test_the_air_of_a_hall_says_nothing_of_a_desk(fold: Any) -> None:
    devices = {"air": Device(modality="environment", expect_s=120.0, enclosed=False)}
    run = fold(occupancy.rule({ROOM: PlaceSettings(devices=devices)}), ROOM).feed(*FULL)
    assert run.state.cause == "unconfigured"


def test_what_was_learned_of_the_air_outlives_a_restart(fold: Any) -> None:
    """A sensor that reads 60 ppm too much: who comes on at noon knows that the room is empty, and when it is not."""
    run = place(fold)
    for second in range(0, 10 * HOUR, 120):
        run.feed(air(second, 485 + second % 5))
    assert run.body["air"]["air"]["base"] == pytest.approx(485, abs=8)
    later = 11 * HOUR
    rule = occupancy.rule({ROOM: PlaceSettings(devices={"air": Device(modality="environment", expect_s=120.0)})})
    again = fold(rule, ROOM, run.body, at=later)
    assert again.state.cause == "starting"
    again.feed(*(air(later + n * 120, 486.0) for n in range(1, 6)))
    assert again.state.state == "vacant"
    again.feed(*(air(later + 600 + n * 120, 486.0 + 25 * n) for n in range(1, 6)))
    assert again.state.state == "occupied"
    fresh = fold(rule, ROOM, at=later).feed(*(air(later + n * 120, 486.0) for n in range(1, 6)))
    assert fresh.state.devices["air"].air.base < 460


def test_of_another_bank_nothing_is_recalled() -> None:
    seen = breathe(None, 430, T0)
    assert seen is not None
    body = remembered(seen)
    assert recalled(body, T0) is not None
    assert recalled({**body, "changes": [1.0]}, T0) is None
