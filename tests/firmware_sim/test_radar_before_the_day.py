"""Devices speak before the office opens: an empty desk is empty then, too."""

from __future__ import annotations

from firmware_sim.actions import SECOND
from firmware_sim.ld2410 import NOBODY
from firmware_sim.radar import Radar


def test_a_radar_that_speaks_before_its_day_sees_nobody() -> None:
    day = 10_000 * SECOND
    radar = Radar("d-001", day)
    assert radar.see(day - 300 * SECOND) == NOBODY
