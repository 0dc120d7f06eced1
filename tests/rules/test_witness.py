"""What the word of one device is worth: of one that tells changes, knows movement only, or counts other things."""

from __future__ import annotations

from typing import Any

import pytest

from rules.api import SECOND, Health, Reading
from rules.witness import Opinion, health, hear, look, settle
from rules.witness_traits import Device, Settings, Traits, traits

T0 = 1_000_000 * SECOND
HOUR = 3600


def seen(modality: str, **more: Any) -> Traits:
    return traits(Device(modality=modality, **more), Settings())


def after(device: Traits, *said: tuple[float, str, Any], start: Opinion | None = None) -> Opinion:
    """(second, kind, value) of each reading."""
    opinion = start or Opinion()
    for at, kind, value in said:
        now = T0 + int(at * SECOND)
        opinion = hear(device, settle(device, opinion, now), Reading("dev", kind, value, "s/b/f/z/d", now))
    return opinion


def says(device: Traits, opinion: Opinion, at: float) -> str:
    now = T0 + int(at * SECOND)
    found = look(device, settle(device, opinion, now), T0, now)
    return found.cause if found.says == "missing" else found.says


@pytest.mark.parametrize("modality", ["radar", "seat"])
def test_a_level_sensor_that_knows_movement_only_is_believed_about_it(modality: str) -> None:
    device = seen(modality)
    moving = after(device, (0, "motion", True))
    assert says(device, moving, 1) == "seeing"
    still = after(device, (60, "motion", False), start=moving)
    assert says(device, still, 60 + 60) == "empty"


def test_one_that_says_who_is_there_is_not_contradicted_by_its_own_stillness() -> None:
    device = seen("radar", expect_s=1.0)
    said = [(n * 0.5, kind, value) for n in range(8) for kind, value in (("occupied", True), ("motion", n % 2 == 0))]
    assert says(device, after(device, *said), 4) == "seeing"


@pytest.mark.parametrize(("modality", "expected"), [("counter", "seeing"), ("radar", "seeing"), ("seat", "starting")])
def test_only_counters_of_people_count_people(modality: str, expected: str) -> None:
    device = seen(modality, expect_s=600.0)
    assert says(device, after(device, (0, "count", 3)), 1) == expected


def test_a_seat_that_tells_changes_holds_its_word_for_hours() -> None:
    device = seen("seat", expect_s=1.0 * HOUR)
    taken = after(device, (0, "occupied", False), (100, "occupied", True))
    assert says(device, taken, 2 * HOUR) == "seeing"
    assert says(device, taken, 100 + 3 * HOUR) == "sensor_stale"


def test_what_changed_while_nobody_listened_is_not_known() -> None:
    """Silent by design: it will not say again what it said while the broker was away."""
    device = seen("seat")
    taken = after(device, (0, "occupied", True))
    deaf = health(device, taken, Health("dev", False, "sensor_stale", T0 + 10 * SECOND))
    assert says(device, deaf, 11) == "sensor_stale"
    back = health(device, deaf, Health("dev", True, "", T0 + 20 * SECOND))
    assert says(device, back, 21) == "starting"
    assert says(device, after(device, (30, "occupied", True), start=back), 31) == "seeing"


def test_one_that_reports_by_itself_goes_on_where_it_was() -> None:
    device = seen("radar", expect_s=1.0)
    there = after(device, *((n, "occupied", True) for n in range(3)))
    deaf = health(device, there, Health("dev", False, "sensor_stale", T0 + 3 * SECOND))
    back = health(device, deaf, Health("dev", True, "", T0 + 4 * SECOND))
    assert says(device, back, 4) == "seeing"
