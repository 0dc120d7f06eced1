"""A room as physics has it: people come and go, the air, the lamp, the noise and the motion sensors follow.

Not a copy of any data set: it is here so that what is learned can be checked against a truth that is known.
"""

from __future__ import annotations

import math
import random
from functools import cache
from typing import NamedTuple

from rules.api import SECOND, Reading
from rules.room_model import RoomModel
from rules.room_model_learn import learn
from rules.room_model_table import Label

T0 = 1_795_392_000 * SECOND
"""Midnight UTC."""
PLACE = "s/b/f/z/room"
EVERY_S = 60


class Days(NamedTuple):
    """Some days of a room."""

    readings: list[Reading]
    labels: list[Label]


@cache
def days(seed: int, number: int, *, first: int = 0, most: int = 3) -> Days:
    """`number` days of a room that is used in the daytime; a sensor reports every minute. Not to be changed."""
    rng = random.Random(seed)
    readings: list[Reading] = []
    labels: list[Label] = []
    co2, still_s, inside, change = 430.0, 1e9, 0, 8 * 60
    for minute in range(number * 24 * 60):
        at = T0 + (first * 24 * 60 + minute) * EVERY_S * SECOND
        of_day = minute % (24 * 60)
        if of_day == 0:
            inside, change = 0, 8 * 60 + rng.randrange(60)
        if of_day == change:
            inside = rng.randint(1, most) if inside == 0 and of_day < 17 * 60 else 0
            change = of_day + rng.randint(20, 120) if of_day < 17 * 60 else -1
        co2 += inside * 9.0 - (co2 - 420.0) / 70
        daylight = max(0.0, math.sin((of_day - 6 * 60) / 720 * math.pi)) * rng.uniform(100, 200)
        moves = rng.random() < (1 - 0.6**inside if inside else 0.004)
        still_s = 0.0 if moves else still_s + EVERY_S
        noise = 38 + 9 * math.log1p(inside) + rng.gauss(0, 2)
        for dev, kind, value in (
            ("air", "co2", round(co2 + rng.gauss(0, 4), 1)),
            ("air", "temperature", round(25 + 0.3 * inside + rng.gauss(0, 0.03), 2)),
            ("lamp", "illuminance", round(daylight + (320 if inside else 0) + rng.gauss(0, 4), 1)),
            ("ear", "sound", round(noise, 1)),
            ("pir", "motion", moves),
        ):
            readings.append(Reading(dev, kind, value, PLACE, at))
        labels.append(Label(at, inside > 0, inside))
    return Days(readings, labels)


def without(some: Days, *kinds: str) -> Days:
    """The same days without some kinds of readings."""
    return Days([one for one in some.readings if one.kind not in kinds], some.labels)


@cache
def model_of(seed: int, number: int, *missing: str) -> RoomModel:
    """What so many days teach without some kinds of readings: learned when it is first asked for, and once."""
    return learn(*without(days(seed, number), *missing))
