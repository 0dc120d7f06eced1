"""What a survey says of single receivers: its packets gathered to visits, and a path-loss trend through them.

The ground of the radio map (radio_map.py) and of the doubts about a survey (radio_doubts.py). Pure; numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.api import FAINTEST_DBM, LOUDEST_DBM

Array = NDArray[np.float64]
Polygon = Sequence[tuple[float, float]]

FAR_M = 10.0
"""Beyond the box around zones and receivers: no sample of this floor."""
SPOT_M, PAUSE_S = 0.7, 60.0
"""Samples within one square of this side, without a longer pause, are one visit."""
MOST_VISITS = 500
"""Of one receiver, in the process; beyond it neighbours in time are merged."""
NEAR_M = 1.0
"""Added to a distance: a tag is never at the antenna."""
EXPONENT, EXPONENT_SD, LEVEL, LEVEL_SD = 2.0, 0.5, -60.0, 30.0
"""Path loss before anything was surveyed: indoor exponent, and dBm at one metre."""
RESIDUAL_DB = 5.0
UNHEARD_DB = 10.0
"""Error of the level of a receiver that no survey heard."""
PACKET_DB2 = 15.0
"""Variance of single packets at one spot, where a survey does not say."""


class Anchor(NamedTuple):
    """A fixed receiver, metres in the building's coordinates."""

    x: float
    y: float
    z: float = 0.0


class Sample(NamedTuple):
    """A packet heard while somebody stood at a known place."""

    at: float
    """Seconds; only differences count."""
    receiver: str
    rssi: float
    x: float
    y: float


class Visits(NamedTuple):
    """Samples of one visit to one spot share their error: one observation, however long it was."""

    where: Array
    """(visits, 2)."""
    packets: Array
    """(receivers, visits): how many."""
    level: Array
    """(receivers, visits): their mean, dBm."""
    packet: float
    """dB^2, of one packet at one spot."""


def rows_of(samples: Sequence[Sample], names: tuple[str, ...]) -> Array:
    """(samples, 5): at, receiver, rssi, x, y; by time."""
    index = {name: number for number, name in enumerate(names)}
    known = [(s.at, index[s.receiver], s.rssi, s.x, s.y) for s in samples if s.receiver in index]
    rows = np.array(known, dtype=float).reshape(-1, 5)
    return rows[np.argsort(rows[:, 0], kind="stable")]


def believed(rows: Array, box: Array) -> NDArray[np.bool_]:
    """(samples,): which may be of this floor. `box`: its corners, low and high."""
    signal = (rows[:, 2] >= FAINTEST_DBM) & (rows[:, 2] <= LOUDEST_DBM)
    near: NDArray[np.bool_] = ((rows[:, 3:5] >= box[0] - FAR_M) & (rows[:, 3:5] <= box[1] + FAR_M)).all(axis=1)
    return signal & near


def box_of(anchors: Array, zones: Iterable[Polygon]) -> Array:
    """(2, 2): the lowest and the highest corner of a floor."""
    corners = np.concatenate([anchors[:, :2], *(np.array(polygon, dtype=float) for polygon in zones)])
    return np.array([corners.min(axis=0), corners.max(axis=0)])


def visits_of(rows: Array, receivers: int) -> Visits:
    """`rows` in order of time."""
    if not len(rows):
        return Visits(np.empty((0, 2)), np.empty((receivers, 0)), np.empty((receivers, 0)), PACKET_DB2)
    spot = np.round(rows[:, 3:5] / SPOT_M)
    begins = np.r_[True, (np.diff(spot, axis=0) != 0).any(axis=1) | (np.diff(rows[:, 0]) > PAUSE_S)]
    number = np.cumsum(begins) - 1
    many = int(number[-1]) + 1
    number = number * min(many, MOST_VISITS) // many
    many = int(number[-1]) + 1
    sizes = np.bincount(number)
    where = np.c_[np.bincount(number, rows[:, 3]) / sizes, np.bincount(number, rows[:, 4]) / sizes]
    count, level = np.zeros((receivers, many)), np.zeros((receivers, many))
    spread = 0.0
    for r in range(receivers):
        mine = rows[:, 1] == r
        count[r] = np.bincount(number[mine], minlength=many)
        level[r] = np.bincount(number[mine], rows[mine, 2], many) / np.maximum(count[r], 1)
        spread += float(((rows[mine, 2] - level[r][number[mine]]) ** 2).sum())
    freedom = float((count - 1).clip(0).sum())
    # a few packets say little of their spread: as if ten more had the usual one
    return Visits(where, count, level, (spread + 10 * PACKET_DB2) / (freedom + 10))


def inside(points: Array, polygon: Array) -> NDArray[np.bool_]:
    """(points,), by the even-odd rule."""
    x, y = points[:, 0], points[:, 1]
    found = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 != y2:
            found ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return found


def far(points: Array, anchor: Array) -> Array:
    """10 log10 of the distance, never nearer than NEAR_M."""
    found: Array = 5 * np.log10(((points - anchor[:2]) ** 2).sum(axis=-1) + NEAR_M**2)
    return found


class Trend(NamedTuple):
    """Path loss of one receiver: level - exponent * far(...)."""

    level: float
    exponent: float
    used: NDArray[np.bool_]
    """Visits with more than one packet."""
    rest: Array
    """What it leaves of them, dB."""
    doubt: float
    """Deviation of the level, dB; 0 where visits gave it."""


def trend_of(visits: Visits, anchors: Array, receiver: int) -> Trend:
    """Level and exponent, drawn to what is usual where few visits say otherwise."""
    used = visits.packets[receiver] >= 1
    return fitted(visits.where[used], visits.level[receiver][used], anchors[receiver], used)


def fitted(where: Array, level: Array, anchor: Array, used: NDArray[np.bool_]) -> Trend:
    """The trend of a receiver at `anchor` that heard `level` at `where`."""
    design = np.c_[np.ones(len(level)), -far(where, anchor)]
    prior = np.array([1 / LEVEL_SD**2, 1 / EXPONENT_SD**2])
    normal = design.T @ design / RESIDUAL_DB**2 + np.diag(prior)
    found = np.linalg.solve(normal, design.T @ level / RESIDUAL_DB**2 + prior * (LEVEL, EXPONENT))
    return Trend(float(found[0]), float(found[1]), used, level - design @ found, 0.0)


def trends_of(visits: Visits, anchors: Array) -> list[Trend]:
    """Of all receivers. One that was never heard, beside others that were, has their trend, with a wide error."""
    found = [trend_of(visits, anchors, receiver) for receiver in range(len(anchors))]
    heard = [trend for trend in found if trend.used.any()]
    if not heard:
        return found
    levels = np.array([trend.level for trend in heard])
    exponent = float(np.mean([trend.exponent for trend in heard]))
    level, doubt = float(np.median(levels)), max(UNHEARD_DB, float(levels.std()))
    return [t if t.used.any() else Trend(level, exponent, t.used, t.rest, doubt) for t in found]
