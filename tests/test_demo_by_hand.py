"""The demo's account leaves out what somebody did in its browser, and nothing else."""

from __future__ import annotations

from typing import Any

from firmware_sim.story import Place, Story, TapTruth
from gateway.demo.by_hand import touched, without

A, B, C = (f"simulasi/g/l05/timur/d-00{n}" for n in (1, 2, 3))
READER = [{"dev": "rdr-1", "kind": "badge"}]


def event(kind: str, place: str, time: str = "2026-11-24T00:00:00Z", **data: Any) -> dict[str, Any]:
    return {"type": f"hadir.{kind}.v1", "subject": place, "time": time, "data": data}


def test_cards_and_what_gateways_infer_are_judged() -> None:
    told = [
        event("desk.checkin.started", A, method="badge", evidence=READER),
        event("desk.checkin.ended", A, reason="user", evidence=READER),
        event("desk.checkin.ended", B, reason="moved", evidence=READER),
        event("desk.checkin.ended", C, reason="auto_release"),
        event("occupancy.changed", C, state="vacant"),
    ]
    assert touched(told) == frozenset()


def test_a_desk_that_was_taken_left_or_booked_in_the_browser_is_not() -> None:
    for told in (
        event("desk.checkin.started", A, method="web"),
        event("desk.checkin.ended", A, reason="user", evidence=[]),
        event("desk.checkin.ended", A, reason="operator"),
        event("desk.reservation.created", A),
    ):
        assert touched([told, event("desk.checkin.started", B, method="badge")]) == {A}


def test_the_desk_that_a_command_elsewhere_freed_is_not_either() -> None:
    told = [
        event("desk.checkin.started", A, "2026-11-24T00:00:05Z", method="web"),
        event("desk.checkin.ended", B, "2026-11-24T00:00:05Z", reason="moved"),
        event("desk.checkin.ended", C, "2026-11-24T00:00:09Z", reason="moved"),
    ]
    assert touched(told) == {A, B}


def test_the_story_without_a_desk_has_neither_its_taps_nor_its_states() -> None:
    taps = [TapTruth("r", place, 1, 0, 0, "started", "") for place in (A, B)]
    places = {place: Place("desk", "radar", "m", "r") for place in (A, B)}
    story = Story(start=0, anchor=0, speed=1, begin=0, end=1, places=places, taps=taps)
    left = without(story, frozenset({A}))
    assert list(left.places) == [B]
    assert [tap.place for tap in left.taps] == [B]
    assert len(story.taps) == 2
