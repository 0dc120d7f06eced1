"""How loud a tag is at a receiver: distance, walls, floors, bodies, fading, noise; all from the seed.

Log-distance path loss (exponent 2.2, ITU-R P.1238 gives 2.0 to 3.0 for offices at 2.4 GHz), plus what walls and floors
take, plus up to 7 dB when the bearer stands between tag and receiver, plus slow fading of each pair of tag and receiver
(a first-order process in office time), plus noise of each packet. Below the receiver's sensitivity nothing is heard.
"""

from __future__ import annotations

from math import cos, exp, hypot, log10, sin, sqrt
from random import Random

from firmware_sim.hardware import Device
from firmware_sim.office import Office, Tag, Wall
from firmware_sim.space import Point

EXPONENT = 2.2
FLOOR_DB = 17.0
"""What one ceiling takes."""
STOREY_M = 4.0
BODY_DB = 7.0
FADING_DB = 2.5
"""Standard deviation of the slow fading ..."""
FADING_S = 40.0
"""... and its time constant, office seconds."""
NOISE_DB = 1.8
SENSITIVITY_DBM = -93
LOST = 0.03
"""Share of packets that a collision takes, however loud."""


class Radio:
    """The air of one office. Not shared between seeds: it remembers the fading of each pair."""

    def __init__(self, office: Office, seed: int) -> None:
        self._office = office
        self._rng = Random(f"radio/{seed}")
        self._fading: dict[tuple[str, str], tuple[int, float]] = {}
        self._static: dict[tuple[str, Point], float] = {}

    def rssi(self, tag: Tag, at: Point, facing: float, receiver: Device, now: int) -> int | None:
        """dBm of one packet at a receiver, None when it is not heard.

        `at` is where the tag is, `facing` the bearing of its bearer in radians (0 is east), `now` office ns.
        """
        if self._rng.random() < LOST:
            return None
        level = tag.power_1m - self._loss(at, receiver)
        level -= body_db(at, facing, receiver.at) - self._fade(tag, receiver, now)
        heard = round(level + self._rng.gauss(0, NOISE_DB))
        return min(heard, 0) if heard >= SENSITIVITY_DBM else None

    def _loss(self, at: Point, receiver: Device) -> float:
        """Distance, walls and floors: the same for everybody at that spot, so it is kept."""
        spot = (receiver.id, Point(round(at.x, 1), round(at.y, 1), at.floor))
        found = self._static.get(spot)
        if found is None:
            if len(self._static) > 20_000:
                self._static.clear()
            levels = abs(self._office.level[at.floor] - self._office.level[receiver.floor])
            found = self._static[spot] = path_loss_db(at, receiver.at, levels) + walls_db(
                self._office.walls, at, receiver.at
            )
        return found

    def _fade(self, tag: Tag, receiver: Device, now: int) -> float:
        key = (tag.id, receiver.id)
        last, value = self._fading.get(key, (now, self._rng.gauss(0, FADING_DB)))
        keep = exp(-max(0, now - last) / (FADING_S * 1e9))
        value = value * keep + self._rng.gauss(0, FADING_DB) * sqrt(1 - keep * keep)
        self._fading[key] = (now, value)
        return value


def path_loss_db(at: Point, receiver: Point, levels: int) -> float:
    """Loss beyond one metre, in free space and through `levels` ceilings."""
    distance = hypot(at.x - receiver.x, at.y - receiver.y, levels * STOREY_M)
    return 10 * EXPONENT * log10(max(1.0, distance)) + FLOOR_DB * levels


def walls_db(walls: tuple[Wall, ...], at: Point, receiver: Point) -> float:
    """What the walls between two points take; those of both floors count for a path through the ceiling."""
    floors = (at.floor, receiver.floor)
    return sum(wall.loss_db for wall in walls if wall.floor in floors and _crosses(wall, at, receiver))


def body_db(at: Point, facing: float, receiver: Point) -> float:
    """0 when the bearer faces the receiver, BODY_DB when the back is turned to it (the tag hangs on the chest)."""
    dx, dy = receiver.x - at.x, receiver.y - at.y
    distance = hypot(dx, dy)
    if distance == 0:
        return 0.0
    ahead = (dx * cos(facing) + dy * sin(facing)) / distance
    return BODY_DB * (1 - ahead) / 2


def _crosses(wall: Wall, a: Point, b: Point) -> bool:
    def side(x: float, y: float, x1: float, y1: float, x2: float, y2: float) -> float:
        return (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)

    ends = side(wall.x1, wall.y1, a.x, a.y, b.x, b.y) * side(wall.x2, wall.y2, a.x, a.y, b.x, b.y)
    path = side(a.x, a.y, wall.x1, wall.y1, wall.x2, wall.y2) * side(b.x, b.y, wall.x1, wall.y1, wall.x2, wall.y2)
    return ends < 0 and path < 0
