"""Occupancy by scenario: what sensors say, and what the place is held to be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import controls, occupancy
from rules.api import SECOND, Health, Reading, Sensed
from rules.occupancy import Device, PlaceSettings, Settings

T0 = 1_795_484_000 * SECOND
DESK = "s/b/f/z/d-1"
RADAR = Device(modality="radar", expect_s=30.0)
FAST = Device(modality="radar", expect_s=0.1)
PIR = Device(modality="pir", receiver="gw-radio")
READER = Device(modality="badge")


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def radar(seconds: float, value: bool, dev: str = "radar") -> Reading:
    return Reading(dev, "occupied", value, DESK, at(seconds), "radar")


def motion(seconds: float, value: bool = True) -> Reading:
    return Reading("pir", "motion", value, DESK, at(seconds), "pir")


def tap(seconds: float) -> Reading:
    return Reading("reader", "badge", True, DESK, at(seconds), "badge", "desk", person="p-0000000000000001")


def rule(*, settings: Settings | None = None, **devices: Device) -> Any:
    return occupancy.rule({DESK: PlaceSettings(devices=devices)}, settings)


def story(run: Any) -> list[tuple[float, str]]:
    """(seconds, state or cause) of every event."""
    return [
        ((event.at - T0) / SECOND, event.data["cause"] or event.data["state"])
        for event in run.events
        if event.type == "occupancy.changed"
    ]


SCENARIOS: dict[str, tuple[dict[str, Device], list[Any], float, list[tuple[float, str]]]] = {
    "nothing bound": ({}, [], 1000, [(0, "unconfigured")]),
    "only a reader": (
        {"reader": READER},
        [tap(10)],
        1000,
        [(0, "unconfigured"), (10, "occupied"), (25, "unconfigured")],
    ),
    "the first report is believed": ({"radar": RADAR}, [radar(10, True)], 20, [(0, "starting"), (10, "occupied")]),
    "never heard": ({"radar": RADAR}, [], 1000, [(0, "starting"), (90, "sensor_stale")]),
    "arrives and leaves": (
        {"radar": RADAR},
        [*(radar(t, False) for t in (10, 40, 70)), *(radar(t, True) for t in (85, 100, 130, 160)), radar(175, False)],
        200,
        [(0, "starting"), (10, "vacant"), (95, "occupied"), (190, "vacant")],
    ),
    "one missed still target of a second": (
        {"radar": RADAR},
        [radar(10, True), radar(40, True), radar(63, False), radar(64, True), radar(70, True), radar(100, True)],
        110,
        [(0, "starting"), (10, "occupied")],
    ),
    "a missed still target at the regular report": (
        {"radar": RADAR},
        [radar(10, True), radar(40, True), radar(70, False), radar(100, True), radar(130, True)],
        140,
        [(0, "starting"), (10, "occupied"), (85, "vacant"), (102.5, "occupied")],
    ),
    "somebody passes for a second": (
        {"radar": RADAR},
        [radar(10, False), radar(40, False), radar(63, True), radar(64, False), radar(70, False)],
        90,
        [(0, "starting"), (10, "vacant")],
    ),
    "somebody passes at the regular report": (
        {"radar": RADAR},
        [radar(10, False), radar(40, False), radar(70, True), radar(100, False), radar(130, False)],
        140,
        [(0, "starting"), (10, "vacant"), (80, "occupied"), (103.75, "vacant")],
    ),
    "a stuck line: silent after occupied": (
        {"radar": RADAR},
        [radar(10, True), radar(40, True)],
        5000,
        [(0, "starting"), (10, "occupied"), (130, "sensor_stale")],
    ),
    "alive by other words, silent about presence": (
        {"radar": RADAR},
        [radar(10, True), *(Reading("radar", "illuminance", 3, DESK, at(t), "radar") for t in range(20, 400, 20))],
        400,
        [(0, "starting"), (10, "occupied"), (100, "sensor_stale")],
    ),
    "the line is pulled and comes back": (
        {"radar": RADAR},
        [
            radar(10, True),
            Health("radar", False, "sensor_stale", at(20)),
            Health("radar", True, "", at(30)),
            radar(40, True),
        ],
        50,
        [(0, "starting"), (10, "occupied"), (20, "sensor_stale"), (30, "occupied")],
    ),
    "motion holds for five minutes": (
        {"pir": PIR},
        [motion(10), motion(100)],
        1000,
        [(0, "starting"), (10, "occupied"), (400, "vacant")],
    ),
    "no motion yet says nothing until a hold has passed": (
        {"pir": PIR},
        [motion(10, False)],
        1000,
        [(0, "starting"), (310, "vacant")],
    ),
    "silent by design, its radio dies": (
        {"pir": PIR},
        [motion(10), Health("gw-radio", False, "radio_deaf", at(500)), Health("gw-radio", True, "", at(600))],
        2000,
        [(0, "starting"), (10, "occupied"), (310, "vacant"), (500, "radio_deaf"), (600, "starting"), (900, "vacant")],
    ),
    "silent by design, not trusted for ever": (
        {"pir": PIR},
        [motion(10)],
        100_000,
        [(0, "starting"), (10, "occupied"), (310, "vacant"), (86_410, "sensor_stale")],
    ),
    "a tap proves for a short while": (
        {"radar": RADAR, "reader": READER},
        [radar(10, False), radar(40, False), tap(50), radar(70, False)],
        80,
        [(0, "starting"), (10, "vacant"), (50, "occupied"), (65, "vacant")],
    ),
    "motion triggers, radar holds": (
        {"radar": RADAR, "pir": PIR},
        [radar(10, False), radar(40, False), motion(45), radar(48, True), radar(70, True), radar(100, True)],
        110,
        [(0, "starting"), (10, "vacant"), (45, "occupied")],
    ),
    "two radars of a room see different corners": (
        {"radar": RADAR, "other": RADAR},
        [radar(10, False), radar(11, True, "other"), radar(40, False), radar(41, True, "other")],
        50,
        [(0, "starting"), (10, "vacant"), (11, "occupied")],
    ),
    "an old reading changes nothing": (
        {"radar": RADAR},
        [radar(10, True), radar(40, True)._replace(at=at(40)), radar(39, False)],
        60,
        [(0, "starting"), (10, "occupied")],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(fold: Any, name: str) -> None:
    devices, inputs, until, expected = SCENARIOS[name]
    run = fold(rule(**devices), DESK).feed(*inputs).wait(until)
    assert story(run) == expected


def test_sensed_follows_every_event(fold: Any) -> None:
    run = fold(rule(radar=RADAR), DESK).feed(radar(10, True), radar(40, True)).wait(500)
    sensed = [item for item in run.emits if isinstance(item, Sensed)]
    assert [item.state for item in sensed] == ["unknown", "occupied", "unknown"]
    assert sensed[1].confidence > 0.9
    assert sensed[2].confidence == 0.0
    assert sensed[2].quality == "stale"


def test_every_change_says_why(fold: Any) -> None:
    run = fold(rule(radar=RADAR, reader=READER), DESK).feed(radar(10, False), radar(40, False), tap(50))
    changed = run.events[-1].data
    assert (changed["state"], changed["prev"]) == ("occupied", "vacant")
    assert changed["evidence"][0] == {"modality": "badge", "via": "reader"}
    assert changed["evidence"][1] == {
        "dev": "radar",
        "modality": "radar",
        "kind": "occupied",
        "value": False,
        "age_s": 10.0,
        "weight": 0.95,
    }
    assert changed["challenger"] == {"state": "vacant", "weight": 0.95}


def test_one_sensor_of_two_is_less(fold: Any) -> None:
    both = fold(rule(radar=RADAR, other=RADAR), DESK).feed(radar(10, False), radar(11, False, "other"))
    one = fold(rule(radar=RADAR, other=RADAR), DESK).feed(radar(10, False))
    assert one.state.confidence < both.state.confidence
    assert one.state.quality == "degraded"


def test_at_ten_hertz_a_flapping_sensor_does_not_flap_the_place(fold: Any) -> None:
    frames = [radar(1 + n / 10, n % 2 == 0) for n in range(6000)]
    run = fold(rule(radar=FAST), DESK).feed(*frames)
    assert story(run) == [(0, "starting"), (1, "occupied")]


def test_a_debounce_is_not_restarted_by_every_flap(fold: Any) -> None:
    """Mostly empty: nine frames of ten say so."""
    frames = [radar(1 + n / 10, n < 50 or n % 10 == 0) for n in range(600)]
    run = fold(rule(radar=FAST), DESK).feed(*frames)
    assert [word for _, word in story(run)] == ["starting", "occupied", "vacant"]
    assert story(run)[-1][0] < 12


def test_a_hold_that_is_chosen_is_kept_exactly(fold: Any) -> None:
    chosen = Settings(hold_s={"radar": 60.0})
    frames = [radar(10, True), radar(40, True), *(radar(t, False) for t in range(70, 200, 30))]
    assert story(fold(rule(settings=chosen, radar=RADAR), DESK).feed(*frames))[-1] == (130, "vacant")


def test_after_a_restart_it_is_unknown_and_says_what_it_was(fold: Any) -> None:
    before = fold(rule(radar=RADAR), DESK).feed(radar(10, True))
    assert before.body == {"state": "occupied", "cause": None}
    after = fold(rule(radar=RADAR), DESK, before.body, 100)
    assert (after.events[0].data["prev"], after.events[0].data["state"]) == ("occupied", "unknown")
    again = fold(rule(radar=RADAR), DESK, after.body, 200)
    assert again.events == []
    assert [item.cause for item in again.emits] == ["starting"]


@given(
    leaves=st.floats(0, 30),
    phase=st.floats(0, 30),
    delay=st.floats(0, 5),
)
def test_truth_is_followed_within_35_seconds_at_30_second_reports(
    fold: Any, leaves: float, phase: float, delay: float
) -> None:
    """Reports every 30 s and at once on a change; the sensor's own no-one delay is 5 s at most."""
    come, go = 200.0, 500.0 + leaves
    seen_until = go + delay
    times = sorted({*(phase + 30 * n for n in range(1, 30)), come, seen_until})
    run = fold(rule(radar=RADAR), DESK).feed(*(radar(t, come <= t < seen_until) for t in times))
    words = [(second, word) for second, word in story(run) if second > 100]
    assert [word for _, word in words] == ["occupied", "vacant"]
    assert words[0][0] - come <= 35
    assert words[1][0] - go <= 35


inputs = st.lists(
    st.tuples(
        st.floats(0.01, 200),
        st.sampled_from(["radar+", "radar-", "pir+", "pir-", "tap", "dead", "alive", "deaf", "hears"]),
    ),
    max_size=40,
)


def made(steps: list[tuple[float, str]]) -> list[Any]:
    items: list[Any] = []
    now = 0.0
    for passed, what in steps:
        now += passed
        items.append(
            {
                "radar+": radar(now, True),
                "radar-": radar(now, False),
                "pir+": motion(now),
                "pir-": motion(now, False),
                "tap": tap(now),
                "dead": Health("radar", False, "sensor_stale", at(now)),
                "alive": Health("radar", True, "", at(now)),
                "deaf": Health("gw-radio", False, "radio_deaf", at(now)),
                "hears": Health("gw-radio", True, "", at(now)),
            }[what]
        )
    return items


@given(steps=inputs)
def test_same_input_same_output(fold: Any, steps: list[tuple[float, str]]) -> None:
    items = made(steps)
    one = fold(rule(radar=RADAR, pir=PIR, reader=READER), DESK).feed(*items).wait(200_000)
    two = fold(rule(radar=RADAR, pir=PIR, reader=READER), DESK).feed(*items).wait(200_000)
    assert (one.events, one.facts, one.emits) == (two.events, two.facts, two.emits)


@given(steps=inputs)
def test_vacant_only_on_evidence(fold: Any, steps: list[tuple[float, str]]) -> None:
    """Somebody who bears witness was heard and is not dead; and nobody is held to be there for ever."""
    run = fold(rule(radar=RADAR, pir=PIR, reader=READER), DESK).feed(*made(steps)).wait(200_000)
    for event in run.events:
        data = event.data
        assert 0 <= data["confidence"] <= 1
        assert data["since"] <= event.at
        assert (data["cause"] is None) == (data["state"] != "unknown")
        if data["state"] == "vacant":
            assert any(item.get("modality") in ("radar", "pir") for item in data["evidence"])
    assert run.state.state == "unknown"
    pairs = [(event.data["state"], event.data["cause"]) for event in run.events]
    assert all(one != two for one, two in pairwise(pairs))


@given(steps=inputs)
def test_without_witnesses_never_vacant(fold: Any, steps: list[tuple[float, str]]) -> None:
    run = fold(rule(reader=READER), DESK).feed(*made(steps)).wait(200_000)
    assert "vacant" not in {event.data["state"] for event in run.events}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("always_unknown", ["no_evidence"]),
        ("always_occupied", ["occupied"]),
        ("hold_of_an_hour", ["starting", "occupied"]),
    ],
)
def test_controls_are_wrong(fold: Any, name: str, words: list[str]) -> None:
    frames = [radar(10, True), *(radar(30 * n, False) for n in range(1, 100))]
    make = controls.CONTROLS[name]
    run = fold(make({DESK: PlaceSettings(devices={"radar": RADAR})}, None), DESK).feed(*frames)
    assert [word for _, word in story(run)] == words
