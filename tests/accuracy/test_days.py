"""A small day through the real gateways meets the bars; rules that are wrong on purpose miss them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.accuracy import bars
from bench.accuracy.days import day
from firmware_sim.office import Office
from firmware_sim.scenario import ORDINARY
from firmware_sim.scores import Score
from firmware_sim.tower import make_tower
from tests.conftest import few

SMALL = replace(
    ORDINARY, name="small", leave=(11 * 60, 12 * 60), out=None, long_meeting=None, meetings=2, booked=2, no_shows=1
)
"""People go home at noon; afternoons bring nothing new."""


def tower() -> Office:
    """Without the rooms that have nothing but CO2."""
    made = make_tower(5, desks=3, people=9, guests=2)
    seen = {device.space for device in made.devices if device.modality and device.modality != "environment"}
    stuffy = {space.id for space in made.spaces} - seen
    return replace(
        made,
        spaces=tuple(space for space in made.spaces if space.id not in stuffy),
        devices=tuple(device for device in made.devices if device.space not in stuffy),
    )


@pytest.fixture(scope="module")
def real() -> tuple[Score, str]:
    return day(SMALL, 5, tower=tower(), digest=True)


def test_the_real_rules_meet_the_bars(real: tuple[Score, str]) -> None:
    assert bars.failed(real[0]) == [], real[0].findings
    assert real[0].taps > 10
    assert real[0].no_shows == 1
    assert real[0].injected > 0


def test_the_same_day_twice_gives_the_same_bytes(real: tuple[Score, str]) -> None:
    assert day(SMALL, 5, tower=tower(), digest=True)[1] == real[1]


@pytest.mark.parametrize(
    ("name", "misses"),
    few(
        [
            ("hold_of_an_hour", "sensed state wrong beyond its tolerance, share of place-seconds"),
            ("no_hysteresis", "changes of state that did not happen, per place and hour"),
            ("always_unknown", "unknown, share of place-seconds"),
            ("always_occupied", "sensed state wrong beyond its tolerance, share of place-seconds"),
        ],
        0,
    ),
)
def test_a_control_misses_its_bar(name: str, misses: str) -> None:
    score, _ = day(SMALL, 5, tower=tower(), control=name)
    assert misses in bars.failed(score)
