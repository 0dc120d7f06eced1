"""Occupancy against the simulator's radar: passers-by, missed still targets, the no-one delay, the demo's rate."""

from __future__ import annotations

import random
from typing import Any

import pytest

from firmware_sim.ld2410 import Target
from firmware_sim.radar import Radar
from firmware_sim.tolerance import BY_MODALITY
from rules import occupancy
from rules.api import SECOND, Reading
from rules.occupancy import Device, PlaceSettings

T0 = 1_795_484_000 * SECOND
DESK = "s/b/f/z/d-1"
HOURS = 8


def day(seed: int) -> list[int]:
    """When somebody comes and goes in turn, ns."""
    rng = random.Random(seed)
    times, now = [], T0
    while now < T0 + HOURS * 3600 * SECOND:
        now += int(rng.uniform(60, 2400) * SECOND)
        times.append(now)
    return times


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("expect_s", [30.0, 1.0])
def test_never_wrong_for_longer_than_the_tolerance(fold: Any, seed: int, expect_s: float) -> None:
    """The demo sends every 30 s of office time and at once on a change."""
    radar, rng = Radar(str(seed), T0), random.Random(seed)
    changes = day(seed)
    place = PlaceSettings(devices={"mmw": Device(modality="radar", expect_s=expect_s)})
    run = fold(occupancy.rule({DESK: place}), DESK)
    now, regular, occupied = T0, T0, False
    truth: list[tuple[int, str]] = [(T0, "vacant")]
    while changes:
        now = min(regular, radar.due(now), changes[0])
        if now == changes[0]:
            changes.pop(0)
            occupied = not occupied
            (radar.arrive if occupied else radar.leave)(now)
            truth.append((now, "occupied" if occupied else "vacant"))
        if now >= regular:
            regular = now + int(expect_s * SECOND * rng.uniform(0.9, 1.1))
        seen = radar.see(now).target != Target.NONE
        run.feed(Reading("mmw", "occupied", seen, DESK, now, "radar"))
    told = [(event.at, str(event.data["state"])) for event in run.events]
    assert longest_wrong(truth, told, now) <= BY_MODALITY["radar"]
    assert len(told) <= 2 * len(truth), "it flaps"


def longest_wrong(truth: list[tuple[int, str]], told: list[tuple[int, str]], end: int) -> float:
    """Longest stretch, s, in which what was told is not true."""
    longest, since = 0, None
    true, said = "", "unknown"
    for at, is_truth, word in sorted([*((at, 0, w) for at, w in truth), *((at, 1, w) for at, w in told), (end, 2, "")]):
        if since is not None:
            longest = max(longest, at - since)
        true, said = (word, said) if is_truth == 0 else (true, word if is_truth == 1 else said)
        wrong = said not in ("unknown", true)
        since = (since if since is not None else at) if wrong else None
    return longest / SECOND
