"""The tag of who holds a desk: a little for somebody, never for nobody, and it decides nothing alone."""

from __future__ import annotations

import json
from typing import Any

from rules import occupancy
from rules.api import Life, Located, Reading, Sensed
from rules.evidence import personal
from rules.occupancy import Device, PlaceSettings
from tests.rules.conftest import at

DESK, ZONE, OTHER = "s/b/f/z/d1", "s/b/f/z/_", "s/b/f/y/_"
RADAR = Device(modality="radar", expect_s=60.0)


def desk(fold: Any, **devices: Device) -> Any:
    return fold(occupancy.rule({DESK: PlaceSettings(devices=devices, zone=ZONE)}), DESK)


def tag(second: float, zone: str | None = ZONE) -> Located:
    return Located(
        "p-1", zone, None if zone else "no_evidence", at(second), at(second), 0.9, (personal("tag", "ble-1"),)
    )


def radar(second: float, there: bool) -> Reading:
    return Reading("radar", "occupied", there, DESK, at(second), "radar")


def life(second: float, name: str) -> Life:
    return Life(DESK, name, at(second), at(second), "p-1")


def confidence(run: Any) -> float:
    return [one.confidence for one in run.emits if isinstance(one, Sensed)][-1]


def test_a_tag_alone_leaves_the_desk_unknown(fold: Any) -> None:
    run = desk(fold).feed(tag(1), tag(60), tag(120, OTHER))
    assert [(one.data["state"], one.data["cause"]) for one in run.events] == [("unknown", "unconfigured")]


def test_a_tag_nearby_makes_vacant_less_sure_and_is_the_challenger(fold: Any) -> None:
    alone = desk(fold, radar=RADAR).feed(*(radar(n, False) for n in range(5)))
    both = desk(fold, radar=RADAR).feed(tag(0), *(radar(n, False) for n in range(5)))
    assert alone.state.state == both.state.state == "vacant"
    assert confidence(both) < confidence(alone)
    (event,) = [one for one in both.events if one.data["state"] == "vacant"]
    assert event.data["challenger"]["state"] == "occupied"
    assert {"modality": "tag", "via": "ble-1"} in event.data["evidence"]
    assert "p-1" not in json.dumps(event.data)


def test_a_tag_nearby_bears_out_who_is_seen_there(fold: Any) -> None:
    alone = desk(fold, radar=RADAR).feed(*(radar(n, True) for n in range(5)))
    both = desk(fold, radar=RADAR).feed(tag(0), *(radar(n, True) for n in range(5)))
    assert alone.state.state == both.state.state == "occupied"
    assert both.state.confidence > alone.state.confidence


def test_a_tag_elsewhere_or_of_nobody_who_holds_the_desk_says_nothing(fold: Any) -> None:
    plain = desk(fold, radar=RADAR).feed(*(radar(n, False) for n in range(5)))
    for last in (tag(1, OTHER), tag(1, None), life(1, "free")):
        run = desk(fold, radar=RADAR).feed(tag(0), last, *(radar(n, False) for n in range(2, 7)))
        assert run.state.confidence == plain.state.confidence
        assert run.events[-1].data["challenger"] is None


def test_a_tag_that_is_not_located_again_fades(fold: Any) -> None:
    run = desk(fold, radar=RADAR).feed(tag(0), *(radar(n, False) for n in range(0, 400, 30)))
    assert run.state.state == "vacant"
    assert confidence(run) == 0.95
