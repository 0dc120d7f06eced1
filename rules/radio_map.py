"""What each receiver hears from where: a radio map over the cells of a floor, learned from a calibration walk.

Per receiver: a path-loss trend (dBm against the logarithm of the distance) and, over what the trend leaves, a Gaussian
process in the plane: one part that varies over metres (walls, furniture), one over decimetres (multipath). Its
hyperparameters are those under which the survey is most likely, found anew for each site, so that nothing is tuned by
hand. Samples of one visit to one spot share their error, so a visit counts as one observation however long it was.

Where nothing was surveyed the trend alone speaks, with the wide error that it has; so a map can be made from the
receivers' positions only.

Pure; numpy, an extra, is imported where this module is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Polygon = Sequence[tuple[float, float]]

CELLS = 1400
"""Of a floor, about: finer than half a metre says nothing, and coarser than one blurs desks."""
FINEST_M, COARSEST_M = 0.4, 1.0
SPOT_M, PAUSE_S = 0.7, 60.0
"""Samples within one square of this side, without a longer pause, are one visit."""
MOST_VISITS = 500
"""Of one receiver, in the process; beyond it neighbours in time are merged."""
FEW = 120
"""Visits on which the hyperparameters are compared."""
NEAR_M = 1.0
"""Added to a distance: a tag is never at the antenna."""
EXPONENT, EXPONENT_SD, LEVEL, LEVEL_SD = 2.0, 0.5, -60.0, 30.0
"""Path loss before anything was surveyed: indoor exponent, and dBm at one metre."""
RESIDUAL_DB = 5.0
UNSURVEYED_DB = 6.0
"""Error of the trend alone."""
SENSITIVITY_DBM, FADES_DB = -93.0, 4.0
"""Where nothing was surveyed: a packet of this level is heard half of the time, and how soft that edge is."""
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


@dataclass(frozen=True, slots=True, eq=False)
class RadioMap:
    """Cells of a floor, and what each receiver hears from each. Arrays are not to be changed."""

    receivers: tuple[str, ...]
    zones: tuple[str, ...]
    shape: tuple[int, int]
    """Cells along x and y; cell = i * shape[1] + j."""
    pitch: float
    """Metres."""
    centres: Array
    """(cells, 2), metres."""
    zone_of: NDArray[np.int64]
    """(cells,), index into zones; -1: in no zone."""
    mean: Array
    """(receivers, cells), dBm."""
    variance: Array
    """(receivers, cells), dB^2, of a visit's mean, without the packets' own."""
    packet: float
    """dB^2, of one packet at one spot."""
    audible: Array
    """(receivers, cells), 0..1: share of a tag's packets that are heard."""
    liked: Array
    """(cells,), 0..1: how far people are to be expected there; 1 where the survey went."""


class _Visits(NamedTuple):
    where: Array
    """(visits, 2)."""
    packets: Array
    """(receivers, visits): how many."""
    level: Array
    """(receivers, visits): their mean, dBm."""
    packet: float


class _Process(NamedTuple):
    """Hyperparameters: lengths in m, deviations in dB."""

    far: float
    far_db: float
    near: float
    near_db: float
    visit_db: float


_CHOICES = tuple(
    _Process(*values) for values in product((3.0, 6.0), (3.0, 5.0), (0.7, 1.5), (2.0, 3.0, 4.5), (0.7, 1.4, 2.0, 3.0))
)
_VISIT_DB, _VISIT_WIDTH = 2.0, 0.35
"""What a second visit to one spot differs by, before the survey says: log-normal."""


def learn(
    samples: Sequence[Sample],
    receivers: Mapping[str, Anchor],
    zones: Mapping[str, Polygon],
) -> RadioMap:
    """The map of a floor. Samples of unknown receivers are left out; without samples it rests on geometry alone.

    Raises ValueError without receivers or zones.
    """
    if not receivers or not zones:
        raise ValueError("a radio map needs receivers and zones")
    names = tuple(receivers)
    anchors = np.array([receivers[name] for name in names], dtype=float)
    rows = _rows(samples, names)
    visits = _visits(rows, len(names))
    shape, pitch, centres = _cells(zones, rows)
    fitted = [_trend(visits, anchors, r) for r in range(len(names))]
    process = _choose(visits, fitted)
    mean = np.empty((len(names), len(centres)))
    variance = np.empty_like(mean)
    for r in range(len(names)):
        mean[r], variance[r] = _predict(visits, fitted[r], process, anchors[r], centres, r)
    return RadioMap(
        receivers=names,
        zones=tuple(zones),
        shape=shape,
        pitch=pitch,
        centres=centres,
        zone_of=_zone_of(centres, list(zones.values())),
        mean=mean,
        variance=variance,
        packet=visits.packet,
        audible=_audible(visits, centres, mean),
        liked=_liked(visits, centres),
    )


def _rows(samples: Sequence[Sample], names: tuple[str, ...]) -> Array:
    """(samples, 5): at, receiver, rssi, x, y; by time."""
    index = {name: number for number, name in enumerate(names)}
    known = [(s.at, index[s.receiver], s.rssi, s.x, s.y) for s in samples if s.receiver in index]
    rows = np.array(known, dtype=float).reshape(-1, 5)
    return rows[np.argsort(rows[:, 0], kind="stable")]


def _visits(rows: Array, receivers: int) -> _Visits:
    if not len(rows):
        return _Visits(np.empty((0, 2)), np.empty((receivers, 0)), np.empty((receivers, 0)), PACKET_DB2)
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
    return _Visits(where, count, level, (spread + 10 * PACKET_DB2) / (freedom + 10))


def _cells(zones: Mapping[str, Polygon], rows: Array) -> tuple[tuple[int, int], float, Array]:
    corners = np.array([point for polygon in zones.values() for point in polygon], dtype=float)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if len(rows):
        low, high = np.minimum(low, rows[:, 3:5].min(axis=0)), np.maximum(high, rows[:, 3:5].max(axis=0))
    size = np.maximum(high - low, FINEST_M)
    pitch = float(np.clip(np.sqrt(size.prod() / CELLS), FINEST_M, COARSEST_M))
    xs, ys = (low[axis] + pitch * (np.arange(max(1, round(size[axis] / pitch))) + 0.5) for axis in (0, 1))
    centres = np.array([(x, y) for x in xs for y in ys])
    return (len(xs), len(ys)), pitch, centres


def _zone_of(centres: Array, polygons: Sequence[Polygon]) -> NDArray[np.int64]:
    found = np.full(len(centres), -1, dtype=np.int64)
    for number, polygon in enumerate(polygons):
        found[(found < 0) & _inside(centres, np.array(polygon, dtype=float))] = number
    return found


def _inside(points: Array, polygon: Array) -> NDArray[np.bool_]:
    """Even-odd rule."""
    x, y = points[:, 0], points[:, 1]
    inside = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


def _far(points: Array, anchor: Array) -> Array:
    """10 log10 of the distance, never nearer than NEAR_M."""
    found: Array = 5 * np.log10(((points - anchor[:2]) ** 2).sum(axis=-1) + NEAR_M**2)
    return found


class _Trend(NamedTuple):
    level: float
    exponent: float
    used: NDArray[np.bool_]
    """Visits with more than one packet."""
    rest: Array
    """What it leaves of them, dB."""


def _trend(visits: _Visits, anchors: Array, receiver: int) -> _Trend:
    """Level and exponent, drawn to what is usual where few visits say otherwise."""
    used = visits.packets[receiver] >= 2
    level = visits.level[receiver][used]
    design = np.c_[np.ones(len(level)), -_far(visits.where[used], anchors[receiver])]
    prior = np.array([1 / LEVEL_SD**2, 1 / EXPONENT_SD**2])
    normal = design.T @ design / RESIDUAL_DB**2 + np.diag(prior)
    found = np.linalg.solve(normal, design.T @ level / RESIDUAL_DB**2 + prior * (LEVEL, EXPONENT))
    return _Trend(float(found[0]), float(found[1]), used, level - design @ found)


def _distances(a: Array, b: Array) -> Array:
    found: Array = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1))
    return found


def _covariance(process: _Process, distance: Array) -> Array:
    scaled = np.sqrt(3) * distance / process.far
    smooth = process.far_db**2 * (1 + scaled) * np.exp(-scaled)
    found: Array = smooth + process.near_db**2 * np.exp(-distance / process.near)
    return found


def _choose(visits: _Visits, fitted: Sequence[_Trend]) -> _Process:
    """The hyperparameters under which all receivers' visits together are most likely."""
    few: list[tuple[Array, Array, Array]] = []
    for receiver, trend in enumerate(fitted):
        at = np.flatnonzero(trend.used)
        if len(at) < 4:
            continue
        chosen = np.unique(np.linspace(0, len(at) - 1, min(FEW, len(at))).astype(int))
        noise = visits.packet / visits.packets[receiver][at[chosen]]
        few.append((_distances(*[visits.where[at[chosen]]] * 2), trend.rest[chosen], noise))
    return max(_CHOICES, key=lambda process: _likelihood(process, few)) if few else _CHOICES[0]


def _likelihood(process: _Process, few: Sequence[tuple[Array, Array, Array]]) -> float:
    total = -0.5 * len(few) * (np.log(process.visit_db / _VISIT_DB) / _VISIT_WIDTH) ** 2
    for distance, rest, noise in few:
        lower = np.linalg.cholesky(_covariance(process, distance) + np.diag(process.visit_db**2 + noise))
        scaled = np.linalg.solve(lower, rest)
        total -= 0.5 * scaled @ scaled + np.log(np.diag(lower)).sum()
    return float(total)


def _predict(
    visits: _Visits, trend: _Trend, process: _Process, anchor: Array, centres: Array, receiver: int
) -> tuple[Array, Array]:
    mean: Array = trend.level - trend.exponent * _far(centres, anchor)
    if not trend.used.any():
        return mean, np.full(len(centres), UNSURVEYED_DB**2)
    where = visits.where[trend.used]
    noise = process.visit_db**2 + visits.packet / visits.packets[receiver][trend.used]
    lower = np.linalg.cholesky(_covariance(process, _distances(where, where)) + np.diag(noise))
    between = np.linalg.solve(lower, _covariance(process, _distances(where, centres)))
    mean = mean + between.T @ np.linalg.solve(lower, trend.rest)
    whole = process.far_db**2 + process.near_db**2 + process.visit_db**2
    return mean, whole - (between**2).sum(axis=0)


def _audible(visits: _Visits, centres: Array, mean: Array) -> Array:
    """Of the packets that the best receiver heard nearby, the share that each heard; 0.7 where nobody was.

    Without a survey the level that is expected tells: who is near a receiver is heard by it.
    """
    if not len(visits.where):
        found: Array = 0.95 / (1 + np.exp((SENSITIVITY_DBM - mean) / FADES_DB))
        return found.clip(0.02, 0.98)
    near = np.exp(-(_distances(centres, visits.where) ** 2) / (2 * 1.5**2))
    most = visits.packets.max(axis=0)
    share: Array = (near @ visits.packets.T + 1.4) / ((near @ most)[:, None] + 2)
    return share.T.clip(0.02, 0.98)


def _liked(visits: _Visits, centres: Array) -> Array:
    """1 where the survey went, 0.2 far from it; "far" by how closely it went."""
    if not len(visits.where):
        return np.ones(len(centres))
    spots = np.unique(np.round(visits.where / 0.5) * 0.5, axis=0)
    apart = _distances(spots, spots) + np.diag(np.full(len(spots), np.inf))
    spacing = float(np.median(apart.min(axis=1))) if len(spots) > 1 else 1.0
    nearest = _distances(centres, visits.where).min(axis=1)
    found: Array = 0.2 + 0.8 * np.exp(-0.5 * (nearest / max(0.5, spacing)) ** 2)
    return found
