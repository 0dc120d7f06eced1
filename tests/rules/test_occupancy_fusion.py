"""Occupancy where a room was learned, where a sensor is stuck, and where one looks only every ten minutes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from gateway.why.words import Words
from rules import occupancy
from rules.api import SECOND, Health, Reading, Sensed
from rules.occupancy import Device, PlaceSettings
from tests.simulated_room import PLACE, T0, days, model_of

OTHER = days(2, 1)
HOUR = 3600
LEARNED = "learned"
SENSORS = {
    "air": Device(modality="environment", expect_s=60.0),
    "lamp": Device(modality="environment", expect_s=60.0),
    "ear": Device(modality="environment", expect_s=60.0),
    "pir": Device(modality="pir", expect_s=60.0),
}
NOW = T0 - 40 * SECOND


def at(seconds: float) -> int:
    return NOW + round(seconds * SECOND)


def begun(fold: Any, rule: Any) -> Any:
    """Begins in the night of the first reading."""
    return fold(rule, PLACE, at=(NOW - 1_795_484_000 * SECOND) / SECOND)


def learned(*missing: str) -> Any:
    return model_of(1, 3, *missing)


def room(fold: Any, model: Any = LEARNED, **more: Device) -> Any:
    model = learned() if model is LEARNED else model
    return begun(fold, occupancy.rule({PLACE: PlaceSettings(devices={**SENSORS, **more}, model=model)}))


def story(run: Any) -> list[tuple[float, str]]:
    return [((event.at - NOW) / SECOND, event.data["cause"] or event.data["state"]) for event in run.events]


def share(run: Any, labels: Any) -> float:
    """Of the labels that what was told agreed with."""
    told = iter([*run.events, None])
    event, state, agreed = next(told), "unknown", 0
    for label in labels:
        while event is not None and event.at <= label.at:
            state, event = event.data["state"], next(told)
        agreed += state == ("occupied" if label.occupied else "vacant")
    return agreed / len(labels)


def test_a_learned_room_is_followed_and_says_why(fold: Any) -> None:
    run = room(fold).feed(*OTHER.readings)
    assert share(run, OTHER.labels) >= 0.99
    assert len(run.events) <= 4 + 2 * sum(a.occupied != b.occupied for a, b in pairwise(OTHER.labels))
    for event in run.events[1:]:
        data = event.data
        assert data["evidence"]
        assert all(0 <= item["weight"] <= 1 for item in data["evidence"])
        assert {item["dev"] for item in data["evidence"]} <= set(SENSORS)
    assert any(event.data["challenger"] for event in run.events[1:])
    assert [item.people for item in run.emits if isinstance(item, Sensed) and item.state == "vacant"][-1] == 0
    assert max(item.people or 0 for item in run.emits if isinstance(item, Sensed)) >= 2


def test_light_and_sound_alone_say_nothing_where_they_were_not_learned(fold: Any) -> None:
    run = begun(fold, occupancy.rule({PLACE: PlaceSettings(devices={dev: SENSORS[dev] for dev in ("lamp", "ear")})}))
    run.feed(*(one for one in OTHER.readings if one.dev in ("lamp", "ear")))
    assert story(run) == [(0, "starting"), (900, "unconfigured")]


def test_a_learned_room_that_is_not_heard_is_unknown(fold: Any) -> None:
    run = room(fold).feed(*OTHER.readings[: 10 * 60 * 5])
    assert run.state.state in ("occupied", "vacant")
    run.wait(10_000_000)
    assert story(run)[-1][1] == "sensor_stale"
    assert run.due is None


def test_a_learned_room_that_was_never_heard_is_stale_at_last(fold: Any) -> None:
    assert story(room(fold).wait(10_000_000)) == [(0, "starting"), (900, "sensor_stale")]


def test_occupied_ends_by_itself_though_the_other_sensors_are_mute(fold: Any) -> None:
    """Somebody moved, and then nothing is heard but the motion sensor's silence."""
    moves = [Reading("pir", "motion", True, PLACE, at(30 * n)) for n in range(1, 20)]
    run = room(fold, learned("co2", "temperature", "illuminance", "sound")).feed(*moves)
    assert run.state.state == "occupied"
    run.wait((NOW - 1_795_484_000 * SECOND) / SECOND + 4 * HOUR)
    assert [word for _, word in story(run)][:3] == ["starting", "occupied", "vacant"]


def test_a_radar_that_the_model_does_not_know_is_believed(fold: Any) -> None:
    radar = Device(modality="radar", expect_s=60.0)
    sees = [Reading("radar", "occupied", True, PLACE, one.at, "radar") for one in OTHER.readings[:600:5]]
    items = sorted([*OTHER.readings[:600], *sees], key=lambda one: one.at)
    run = room(fold, radar=radar).feed(*items)
    assert [word for _, word in story(run)] == ["starting", "vacant", "occupied"], "at night, in the dark, and still"
    assert "radar" in [item["dev"] for item in run.events[-1].data["evidence"]]


def test_a_motion_sensor_that_the_model_does_not_know_is_added(fold: Any) -> None:
    run = room(fold, learned("motion")).feed(*OTHER.readings)
    assert share(run, OTHER.labels) >= 0.97


@pytest.mark.parametrize("model", [None, LEARNED])
def test_the_same_readings_give_the_same_events(fold: Any, model: Any) -> None:
    one, two = (room(fold, model).feed(*OTHER.readings[: 11 * 60 * 5]) for _ in range(2))
    assert (one.events, one.facts, one.emits) == (two.events, two.facts, two.emits)


def test_a_sensor_that_looks_every_ten_minutes_is_asked_twice(fold: Any) -> None:
    slow = Device(modality="pir", expect_s=600.0)
    looks = [Reading("pir", "motion", n % 2 == 0, PLACE, at(600 * n)) for n in range(20)]
    run = begun(fold, occupancy.rule({PLACE: PlaceSettings(devices={"pir": slow})})).feed(*looks)
    assert [word for _, word in story(run)] == ["starting", "occupied"], "a hold of 300 s would flap"
    chosen = replace(slow, hold_s=300.0)
    run = begun(fold, occupancy.rule({PLACE: PlaceSettings(devices={"pir": chosen})})).feed(*looks)
    assert len(run.events) > 10, "who says how long it holds is obeyed"


def test_a_motion_sensor_does_not_deny_what_another_has_seen(fold: Any) -> None:
    """Two look into different corners of a room: the hold of the one is not cut short by the other."""
    devices = {"here": Device(modality="pir"), "there": Device(modality="pir")}
    moves = [Reading("here", "motion", False, PLACE, at(30 * n)) for n in range(60)]
    moves += [Reading("there", "motion", n % 9 == 0, PLACE, at(30 * n)) for n in range(60)]
    run = begun(fold, occupancy.rule({PLACE: PlaceSettings(devices=devices)})).feed(*sorted(moves, key=lambda m: m.at))
    assert [word for _, word in story(run)] == ["starting", "occupied"], "it moves every four minutes and a half"


def named(run: Any) -> list[tuple[str, bool, str]]:
    return [(item.dev, item.alive, item.cause) for item in run.emits if isinstance(item, Health)]


RADAR = Device(modality="radar", expect_s=60.0)


def sees(hours: float, value: bool = True, first: float = 0.0, dev: str = "radar") -> list[Reading]:
    return [
        Reading(dev, "occupied", value, PLACE, at(60 * n), "radar")
        for n in range(int(first * 60), int((first + hours) * 60))
    ]


def test_a_sensor_that_is_stuck_is_named_and_not_believed(fold: Any) -> None:
    run = begun(fold, occupancy.rule({PLACE: PlaceSettings(devices={"radar": RADAR})})).feed(*sees(24))
    assert [(round(second / HOUR, 1), word) for second, word in story(run)] == [
        (0.0, "starting"),
        (0.0, "occupied"),
        (12.0, "sensor_stale"),
    ]
    assert named(run) == [("radar", False, "stuck")]
    run.feed(*sees(0.2, False, 24))
    assert named(run)[-1] == ("radar", True, "stuck")
    assert story(run)[-1][1] == "vacant"


def test_one_that_others_contradict_for_hours_is_outweighed_sooner(fold: Any) -> None:
    devices = {"radar": RADAR, "other": RADAR}
    both = sorted([*sees(9), *sees(9, False, dev="other")], key=lambda one: one.at)
    run = begun(fold, occupancy.rule({PLACE: PlaceSettings(devices=devices)})).feed(*both)
    assert [(round(second / HOUR, 1), word) for second, word in story(run)][-1] == (8.0, "vacant")
    data = run.events[-1].data
    assert data["evidence"][-1]["dev"] == "radar"
    assert data["evidence"][-1]["weight"] == 0.0
    assert data["quality"] == "degraded"
    assert named(run) == [("radar", False, "stuck")]


def test_one_that_the_model_knows_is_named_and_left_out_of_it(fold: Any) -> None:
    """The other sensors of a learned room go on without it."""
    stuck = [one._replace(value=True) if one.kind == "motion" else one for one in OTHER.readings]
    run = room(fold).feed(*stuck)
    assert named(run)[:1] == [("pir", False, "stuck")]
    since = next(item.at for item in run.emits if isinstance(item, Health)) + HOUR * SECOND
    later = [(a.at, a.occupied) for a in OTHER.labels if a.at > since]
    assert len(later) > 300
    told = [(event.at, event.data["state"]) for event in run.events]
    right = sum(
        max(word for word in told if word[0] <= when)[1] == ("occupied" if true else "vacant") for when, true in later
    )
    assert right / len(later) > 0.95


@pytest.mark.parametrize(
    ("modality", "kind", "value"),
    [
        ("radar", "occupied", True),
        ("radar", "count", 1),
        ("seat", "occupied", True),
        ("counter", "count", 2),
        ("pir", "motion", True),
        ("contact", "opening", True),
        ("environment", "co2", 900),
    ],
)
def test_whatever_says_for_a_day_that_somebody_is_there_is_named_and_outweighed(
    fold: Any, modality: str, kind: str, value: Any
) -> None:
    always = [Reading("it", kind, value, PLACE, at(55 * n), modality) for n in range(24 * 65)]
    run = begun(
        fold, occupancy.rule({PLACE: PlaceSettings(devices={"it": Device(modality=modality, expect_s=60.0)})})
    ).feed(*always)
    assert [word for _, word in story(run)][-2:] == ["occupied", "sensor_stale"]
    assert named(run) == [("it", False, "stuck")]


def test_a_desk_with_only_a_stuck_sensor_is_unknown_and_its_reader_still_proves(fold: Any) -> None:
    """Unknown releases nothing: who holds it keeps it until the day ends. The next morning it is unknown still."""
    seat = Device(modality="seat", expect_s=60.0)
    settings = PlaceSettings(devices={"seat": seat, "rdr": Device(modality="badge")})
    told = [one._replace(dev="seat", modality="seat") for one in sees(30)]
    tap = Reading("rdr", "badge", True, PLACE, at(28 * HOUR + 5), "badge", "desk", "p-000000000000000a")
    run = begun(fold, occupancy.rule({PLACE: settings}))
    run.feed(*sorted([*told, tap], key=lambda one: one.at))
    assert [(round(second / HOUR, 1), word) for second, word in story(run)] == [
        (0.0, "starting"),
        (0.0, "occupied"),
        (12.0, "sensor_stale"),
        (28.0, "occupied"),
        (28.0, "sensor_stale"),
    ]
    assert named(run) == [("seat", False, "stuck")]
    assert run.events[2].data["confidence"] == 0.0


def test_one_that_the_model_denies_for_hours_is_stuck(fold: Any) -> None:
    """A radar sees somebody all night, and neither air nor light nor sound nor movement do."""
    night = [one for one in OTHER.readings if one.at < at(8 * HOUR + 900)]
    items = sorted([*night, *sees(8.3)], key=lambda one: one.at)
    run = room(fold, radar=RADAR).feed(*items)
    assert named(run) == [("radar", False, "stuck")]
    assert run.state.state == "vacant"


def test_who_counts_now_two_and_now_three_is_not_stuck(fold: Any) -> None:
    counts = [
        Reading("it", "count", 2 + hour % 2, PLACE, at(HOUR * hour + 60 * n), "counter")
        for hour in range(24)
        for n in range(60)
    ]
    run = begun(
        fold, occupancy.rule({PLACE: PlaceSettings(devices={"it": Device(modality="counter", expect_s=60.0)})})
    ).feed(*counts)
    assert run.state.state == "occupied"
    assert named(run) == []


def test_a_long_day_with_breaks_is_nobody_stuck(fold: Any) -> None:
    day = [*sees(4), *sees(0.1, False, 4), *sees(5, True, 4.1), *sees(0.1, False, 9.1), *sees(6, True, 9.2)]
    run = begun(fold, occupancy.rule({PLACE: PlaceSettings(devices={"radar": RADAR})})).feed(*day)
    assert named(run) == []


def test_a_tap_is_believed_beside_any_model(fold: Any) -> None:
    tap = Reading("reader", "badge", True, PLACE, at(300), "badge", "desk", person="p-0000000000000001")
    items = sorted([*OTHER.readings[:100], tap], key=lambda one: one.at)
    run = room(fold, reader=Device(modality="badge")).feed(*items)
    assert [word for _, word in story(run)] == ["starting", "vacant", "occupied", "vacant"]


def test_why_says_what_a_fused_room_rests_on_now(fold: Any) -> None:
    """Also while nothing has changed: votes of both sides, the model's belief, and who is not believed."""
    run = room(fold, radar=RADAR).feed(*sorted([*OTHER.readings[: 9 * 60 * 5], *sees(9)], key=lambda one: one.at))
    told = run.rule.explain(run.state, at(9 * HOUR))["holds"]
    assert told["stuck"] == ["radar"]
    assert {one["dev"] for one in told["votes"]} >= {"air", "pir", "radar"}
    assert told["votes"][-1]["weight"] == 0.0
    assert set(told["model"]) == {"log_odds", "heard"}
    said = Words("UTC", at(9 * HOUR)).text(
        {
            "place": PLACE,
            "kind": "room",
            "source": "gateway g",
            "calendar": {"problem": "none"},
            "occupancy": {"state": run.state.state, "cause": None, "since": run.state.since, "holds": told},
            "changes": [],
        }
    )
    assert "not believed, as it is stuck: radar" in said
    assert "its model: log-odds " in said
    assert "now: air (environment) co2: " in said
