"""The air of a room: who breathes raises its CO2, ventilation lowers it, and the sensor is a little wrong.

Mass balance of one well-mixed zone. A person at a desk gives off 0.0052 l/s (ASTM D6245, 1.2 met); a room
of office.py is 5 m x 4 m x 3 m; two changes of air an hour are the best of a shared office with split units.
"""

from __future__ import annotations

from math import exp
from random import Random

from firmware_sim.actions import SECOND

VOLUME_M3 = 60.0
LITRES_S = 0.0052
CHANGES_H = 2.0
OUTSIDE_PPM = 420.0
NOISE_PPM = 8.0
BIAS_PPM = 30.0
"""Of a sensor against another, one standard deviation."""


class Stuffy:
    """One room and its sensor."""

    def __init__(self, seed: str, now: int, *, sensor: str = "") -> None:
        """`seed`: of the day. `sensor`: whose bias it is, the same on all days of an office."""
        self._rng = Random(f"air/{seed}")
        self._bias = Random(f"sensor/{sensor or seed}").gauss(0, BIAS_PPM)
        self._people = 0
        self._ppm = OUTSIDE_PPM
        self._at = now

    def arrive(self, now: int) -> None:
        self._pass(now)
        self._people += 1

    def leave(self, now: int) -> None:
        self._pass(now)
        self._people -= 1

    def ppm(self, now: int) -> int:
        """What the sensor measures."""
        self._pass(now)
        return round(self._ppm + self._bias + self._rng.gauss(0, NOISE_PPM))

    def _pass(self, now: int) -> None:
        hours = (now - self._at) / (3600 * SECOND)
        steady = OUTSIDE_PPM + self._people * LITRES_S * 3.6 * 1e6 / (VOLUME_M3 * CHANGES_H)
        self._ppm = steady + (self._ppm - steady) * exp(-CHANGES_H * hours)
        self._at = now
