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

from rules.radio_doubts import exchanged
from rules.radio_trend import (
    Anchor,
    Array,
    Polygon,
    Sample,
    Trend,
    Visits,
    believed,
    box_of,
    far,
    inside,
    rows_of,
    trends_of,
    visits_of,
)

__all__ = ["Anchor", "Polygon", "RadioMap", "Sample", "learn"]

CELLS = 1400
"""Of a floor, about: finer than half a metre says nothing, and coarser than one blurs desks."""
FINEST_M, COARSEST_M = 0.4, 1.0
FEW = 120
"""Visits on which the hyperparameters are compared."""
NOBODY_WAS = 0.7
"""Share of packets that a receiver is held to hear where no survey says it."""
UNSURVEYED_DB = 6.0
"""Error of the trend alone."""
SENSITIVITY_DBM, FADES_DB = -93.0, 4.0
"""Where nothing was surveyed: a packet of this level is heard half of the time, and how soft that edge is."""


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
    surveyed: bool
    """Else it rests on geometry alone."""


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
    rows = rows_of(samples, names)
    rows = rows[believed(rows, box_of(anchors, zones.values()))]
    visits = visits_of(rows, len(names))
    anchors = anchors[exchanged(visits, anchors)]
    shape, pitch, centres = _cells(zones, rows)
    fitted = trends_of(visits, anchors)
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
        surveyed=bool(len(visits.where)),
    )


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
        found[(found < 0) & inside(centres, np.array(polygon, dtype=float))] = number
    return found


def _distances(a: Array, b: Array) -> Array:
    found: Array = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1))
    return found


def _covariance(process: _Process, distance: Array) -> Array:
    scaled = np.sqrt(3) * distance / process.far
    smooth = process.far_db**2 * (1 + scaled) * np.exp(-scaled)
    found: Array = smooth + process.near_db**2 * np.exp(-distance / process.near)
    return found


def _choose(visits: Visits, fitted: Sequence[Trend]) -> _Process:
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
    visits: Visits, trend: Trend, process: _Process, anchor: Array, centres: Array, receiver: int
) -> tuple[Array, Array]:
    mean: Array = trend.level - trend.exponent * far(centres, anchor)
    if not trend.used.any():
        return mean, np.full(len(centres), UNSURVEYED_DB**2 + trend.doubt**2)
    where = visits.where[trend.used]
    noise = process.visit_db**2 + visits.packet / visits.packets[receiver][trend.used]
    lower = np.linalg.cholesky(_covariance(process, _distances(where, where)) + np.diag(noise))
    between = np.linalg.solve(lower, _covariance(process, _distances(where, centres)))
    mean = mean + between.T @ np.linalg.solve(lower, trend.rest)
    whole = process.far_db**2 + process.near_db**2 + process.visit_db**2
    return mean, whole - (between**2).sum(axis=0)


def _audible(visits: Visits, centres: Array, mean: Array) -> Array:
    """Of the packets that the best receiver heard nearby, the share that each heard; 0.7 where nobody was.

    A receiver that was never heard was off: when it works, its word is not to be a miracle. Without a survey the level
    that is expected tells: who is near a receiver is heard by it.
    """
    if not len(visits.where):
        found: Array = 0.95 / (1 + np.exp((SENSITIVITY_DBM - mean) / FADES_DB))
        return found.clip(0.02, 0.98)
    near = np.exp(-(_distances(centres, visits.where) ** 2) / (2 * 1.5**2))
    most = visits.packets.max(axis=0)
    share: Array = (near @ visits.packets.T + 2 * NOBODY_WAS) / ((near @ most)[:, None] + 2)
    share[:, visits.packets.sum(axis=1) == 0] = NOBODY_WAS
    return share.T.clip(0.02, 0.98)


def _liked(visits: Visits, centres: Array) -> Array:
    """1 where the survey went, 0.2 far from it; "far" by how closely it went."""
    if not len(visits.where):
        return np.ones(len(centres))
    spots = np.unique(np.round(visits.where / 0.5) * 0.5, axis=0)
    apart = _distances(spots, spots) + np.diag(np.full(len(spots), np.inf))
    spacing = float(np.median(apart.min(axis=1))) if len(spots) > 1 else 1.0
    nearest = _distances(centres, visits.where).min(axis=1)
    found: Array = 0.2 + 0.8 * np.exp(-0.5 * (nearest / max(0.5, spacing)) ** 2)
    return found
