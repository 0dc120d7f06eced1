"""Counters at a door: never negative, unsure until nobody was known to be inside, and repaired when it is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import counting, occupancy
from rules.api import SECOND, Reading, Sensed
from rules.occupancy import Device, PlaceSettings
from rules.witness_door import QUIET_S, Door, cross

T0 = 1_795_484_000 * SECOND
ROOM = "s/b/f/z/r-1"
DOOR = Device(modality="counter", expect_s=600.0)
HOUR = 3600


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def passed(seconds: float, came: int, went: int) -> list[Reading]:
    return [
        Reading("door", "entered_period", came, ROOM, at(seconds), "counter"),
        Reading("door", "left_period", went, ROOM, at(seconds), "counter"),
    ]


def total(seconds: float, came: int, went: int) -> list[Reading]:
    return [
        Reading("door", "left_total", went, ROOM, at(seconds), "counter"),
        Reading("door", "entered_total", came, ROOM, at(seconds), "counter"),
    ]


def silent(first: float, until: float) -> list[Reading]:
    return [one for second in range(int(first), int(until), 600) for one in passed(second, 0, 0)]


def run(fold: Any, *items: Reading, **more: Device) -> Any:
    return fold(occupancy.rule({ROOM: PlaceSettings(devices={"door": DOOR, **more})}), ROOM).feed(*items)


def story(found: Any) -> list[tuple[str, float]]:
    return [(event.data["cause"] or event.data["state"], event.data["confidence"]) for event in found.events]


def test_a_place_with_nothing_but_a_door_knows_who_is_inside(fold: Any) -> None:
    found = run(fold, *passed(10, 0, 0), *passed(600, 2, 0), *passed(1200, 1, 0), *passed(1800, 0, 3))
    assert [word for word, _ in story(found)] == ["starting", "occupied", "vacant"]
    sensed = [item for item in found.emits if isinstance(item, Sensed)]
    assert [item.people for item in sensed] == [None, 2, 3, 0]
    assert story(found)[-1][1] == 0.6, "somebody may have been inside before: it is not sure"
    assert found.events[1].data["evidence"][0]["dev"] == "door"


def test_who_only_goes_out_says_nothing_of_who_stays(fold: Any) -> None:
    assert story(run(fold, *passed(10, 0, 0), *passed(600, 0, 1)).wait(1000)) == [("starting", 0.0)]


def test_totals_count_from_the_first_message_whatever_they_were(fold: Any) -> None:
    found = run(fold, *total(10, 1000, 900), *total(600, 1002, 901), *total(1200, 1002, 902))
    assert [word for word, _ in story(found)] == ["starting", "occupied", "vacant"]
    again = run(fold, *total(10, 1000, 900), *total(600, 1002, 901), *total(1200, 3, 0))
    assert again.state.people == 1, "a total that fell was reset: what passed meanwhile is not known"


def test_when_nobody_passes_for_hours_it_is_nobody(fold: Any) -> None:
    found = run(fold, *passed(10, 3, 0), *silent(600, 10 * HOUR))
    assert [word for word, _ in story(found)] == ["starting", "occupied", "vacant"]
    assert found.events[-1].at == at(10) + int(QUIET_S * SECOND)
    confidences = [item.confidence for item in found.emits if isinstance(item, Sensed) and item.state == "occupied"]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[-1] < confidences[0]


def test_a_count_that_has_drifted_is_repaired_when_others_know_that_it_is_empty(fold: Any) -> None:
    radar = Device(modality="radar", expect_s=60.0)
    seen = [Reading("radar", "occupied", n < 20, ROOM, at(60 * n), "radar") for n in range(1, 90)]
    items = sorted([*passed(30, 3, 0), *passed(1190, 0, 2), *silent(1790, 5400), *seen], key=lambda one: one.at)
    found = run(fold, *items, radar=radar)
    assert [word for word, _ in story(found)] == ["starting", "occupied", "vacant"]
    assert 1200 + 1800 <= (found.events[-1].at - T0) / SECOND <= 1200 + 1800 + 120
    assert found.state.devices["door"].door.sure
    later = found.feed(*passed(6000, 1, 0), *passed(6600, 0, 1))
    assert later.events[-1].data["state"] == "vacant"


def test_the_stale_door_is_unknown(fold: Any) -> None:
    assert story(run(fold, *passed(10, 2, 0)).wait(4000))[-1] == ("sensor_stale", 0.0)


def test_a_counter_that_counts_heads_is_believed_about_them(fold: Any) -> None:
    heads = Reading("door", "count", 4, ROOM, at(20), "counter")
    found = run(fold, heads, *passed(20, 1, 0), heads._replace(at=at(40)), *passed(40, 0, 9))
    assert (found.state.state, found.state.people) == ("occupied", 4)


def test_the_zone_counts_who_is_in_its_rooms(fold: Any) -> None:
    zone = "s/b/f/z/_"
    settings = counting.Settings(zones={zone: counting.ZoneSettings(spaces={ROOM: 12, "s/b/f/z/d-1": 1})})
    seen = Sensed(ROOM, "occupied", None, at(10), at(10), 0.9, people=7)
    desk = Sensed("s/b/f/z/d-1", "occupied", None, at(10), at(10), 0.9)
    found = fold(counting.rule(settings), zone).feed(seen, desk).wait(100)
    assert [event.data["occupancy"] for event in found.events] == [8]


crossings = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5)), max_size=30)


@given(messages=crossings, sizes=st.sampled_from(["period", "total"]))
def test_never_negative_and_exact_once_it_was_known(messages: list[tuple[bool, int, int]], sizes: str) -> None:
    door: Door | None = Door(passed=0, at=0, base=0, base_sure=True, inside=0, sure=True, entered=0, left=0)
    truth, came_all, went_all = 0, 0, 0
    for n, (first, came, leaves) in enumerate(messages, 1):
        went = min(leaves, truth + came)
        truth += came - went
        came_all, went_all = came_all + came, went_all + went
        numbers = (came, went) if sizes == "period" else (came_all, went_all)
        pair = [
            Reading("d", f"{word}_{sizes}", size, ROOM, n)
            for word, size in zip(("entered", "left"), numbers, strict=True)
        ]
        for one in pair if first else reversed(pair):
            door = cross(door, one)
            assert door.inside is not None
            assert door.inside >= 0
        assert door is not None
        assert (door.inside, door.sure) == (truth, True)


@given(messages=crossings)
def test_whatever_a_counter_says_it_is_never_negative(fold: Any, messages: list[tuple[bool, int, int]]) -> None:
    items = [one for n, (_, came, went) in enumerate(messages, 1) for one in passed(60 * n, came, went)]
    found = run(fold, *items).wait(200_000)
    assert all(item.people is None or item.people >= 0 for item in found.emits if isinstance(item, Sensed))
    assert found.state.state == "unknown", "silent for two days"


@pytest.mark.parametrize("kind", ["entered_total", "left_period"])
def test_a_counter_that_says_less_than_nothing_says_nothing(kind: str) -> None:
    assert cross(None, Reading("d", kind, -4, ROOM, 1)).inside is None
