"""Days of the simulator: what people and devices do is possible, in order, and follows from the seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.accuracy import office_file
from firmware_sim.actions import SECOND, Sit, Stand, Tap
from firmware_sim.crowd import MOST_DB, Crowd
from firmware_sim.day_run import DayRun, Heard
from firmware_sim.deeds import LOST, Reserve
from firmware_sim.motion import BLIND, NEVER, STILLEST_S, Motion
from firmware_sim.scenario import DAYS, ORDINARY, Scenario
from firmware_sim.space import Point
from firmware_sim.stuffy import NOISE_PPM, Stuffy
from firmware_sim.tower import make_tower, place_of
from firmware_sim.whole_day import WholeDay
from gateway.config.places import Places

days = st.sampled_from(DAYS)
seeds = st.integers(0, 1 << 30)


@given(scenario=days, seed=seeds)
@settings(max_examples=8, deadline=None)
def test_people_do_what_people_can_do(scenario: Scenario, seed: int) -> None:
    """In order of time; nobody sits on another's lap, gets up without having sat down, or taps while the reader is."""
    office = make_tower(seed)
    last, chairs, sits, tapped = 0, {}, {}, {}
    for deed in WholeDay(office, scenario, seed).deeds():
        assert deed.at >= last
        last = deed.at
        match deed:
            case Sit():
                assert deed.person not in sits
                sits[deed.person] = deed.space
                if office.space[deed.space].kind == "desk":
                    assert chairs.setdefault(deed.space, deed.person) == deed.person
            case Stand():
                assert sits.pop(deed.person) == deed.space
                chairs.pop(deed.space, None)
            case Tap():
                assert deed.at - tapped.get(deed.desk, 0) > 100 * SECOND
                tapped[deed.desk] = deed.at
            case _:
                pass
    assert not sits


@given(scenario=days, seed=seeds)
@settings(max_examples=8, deadline=None)
def test_every_tap_has_the_outcome_that_a_plain_list_of_holders_gives(scenario: Scenario, seed: int) -> None:
    office = make_tower(seed)
    enrolled = {person.index for person in office.people}
    holder: dict[str, int] = {}
    for deed in WholeDay(office, scenario, seed).deeds():
        if not isinstance(deed, Tap) or deed.expected == LOST:
            continue
        held = holder.get(deed.desk)
        if deed.person not in enrolled or held not in (None, deed.person):
            assert deed.expected == "rejected"
        elif held == deed.person:
            assert deed.expected == "ended"
            del holder[deed.desk]
        else:
            assert deed.expected == "started"
            before = next((desk for desk, person in holder.items() if person == deed.person), "")
            assert deed.moved_from == before
            holder.pop(before, None)
            holder[deed.desk] = deed.person


@given(scenario=days, seed=seeds)
@settings(max_examples=8, deadline=None)
def test_a_reserved_desk_is_used_by_nobody_else_until_it_is_released(scenario: Scenario, seed: int) -> None:
    booked: dict[str, Reserve] = {}
    for deed in WholeDay(make_tower(seed), scenario, seed).deeds():
        match deed:
            case Reserve():
                assert deed.desk not in booked
                booked[deed.desk] = deed
            case Sit(at=at, person=person, space=desk) if desk in booked:
                reserve = booked[desk]
                assert (reserve.comes and person == reserve.person) or at > reserve.start + 900 * SECOND
            case _:
                pass
    assert sum(not reserve.comes for reserve in booked.values()) == scenario.no_shows


def test_a_day_follows_from_its_seed() -> None:
    short = replace(ORDINARY, leave=(9 * 60, 9 * 60 + 30), out=None, long_meeting=None, meetings=0, down=None)
    office = make_tower(3, desks=2, people=4)
    first, again, other = (list(DayRun(office, short, seed).items()) for seed in (3, 3, 4))
    assert first == again != other
    assert sum(isinstance(item, Heard) for item in first) > 100
    times = [item.at for item in first]
    assert times == sorted(times)


@pytest.mark.parametrize("floors", [1, 3])
def test_a_tower_of_any_height_is_a_valid_office(floors: int, tmp_path: Path) -> None:
    made = make_tower(1, floors=floors, desks=12, people=40)
    office = office_file.read(made, tmp_path, tag_s=30.0)
    assert len(office.devices) == len(made.devices)
    assert set(Places(office).spots) == {place_of(made, space.id) for space in made.spaces}
    assert len({device.id for device in made.devices}) == len(made.devices)


@given(seed=st.text(max_size=8))
@settings(max_examples=20)
def test_motion_is_seen_while_somebody_sits_and_never_after(seed: str) -> None:
    sensor = Motion(seed)
    assert sensor.moves == NEVER
    sensor.arrive(0)
    now = 0
    for _ in range(50):
        assert now <= sensor.moves <= now + BLIND + STILLEST_S * SECOND
        now = sensor.moves
        sensor.told(now)
    sensor.leave(now + BLIND)
    sensor.told(sensor.moves)
    assert sensor.moves == NEVER


def test_air_gets_stuffy_and_clears() -> None:
    room = Stuffy("a", 0)
    fresh = room.ppm(0)
    for _ in range(4):
        room.arrive(0)
    used = room.ppm(900 * SECOND)
    full = room.ppm(4 * 3600 * SECOND)
    for _ in range(4):
        room.leave(4 * 3600 * SECOND)
    cleared = room.ppm(8 * 3600 * SECOND)
    assert fresh + 6 * NOISE_PPM < used < full
    assert abs(cleared - fresh) < 8 * NOISE_PPM


def test_a_crowd_takes_some_signal_at_times() -> None:
    crowd = Crowd(12, "a", 24.0, 0)
    here, there = Point(2, 2, "l01"), Point(20, 20, "l01")
    losses = [crowd.loss_db(here, there, at * SECOND) for at in range(600)]
    assert 0.0 in losses
    assert 0 < max(losses) <= MOST_DB
