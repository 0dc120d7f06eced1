"""What is wrong with a survey, or with where receivers are said to hang: told to who keeps the floor, with a remedy.

Each fault is outweighed where the map is learned (radio_map.py), so none of these is a reason not to start: what cannot
be of the floor is left out; where two receivers stand in each other's place, their trends change places; a receiver
that was never heard has the others' trend with a wide error; where nobody walked, the map is as unsure as it is.

Pure; numpy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.api import is_signal
from rules.radio_trend import (
    RESIDUAL_DB,
    Anchor,
    Array,
    Polygon,
    Sample,
    Visits,
    believed,
    box_of,
    fitted,
    inside,
    rows_of,
    trends_of,
    visits_of,
)

SPOT_M = 2.0
"""Visits within one square of this side say the same of a receiver's position."""
FEWEST_SPOTS = 5
"""... of which so many are needed to say anything."""
EXCHANGE = 10.0
"""By so much must two receivers' survey be likelier (log) with their positions exchanged."""
LOUDER_DB = 15.0
"""A receiver that hears so much more or less than the others, for its distance: the half-way house to 20 dB."""
AT_M = 5.0
"""The distance at which receivers are compared."""
SAME_M = 0.1
"""Nearer to each other no two receivers are hung."""
FEWEST_PACKETS = 5
"""In a zone; fewer are no survey of it."""


class Doubt(NamedTuple):
    """A fault that was found."""

    kind: str
    """outside, no_signal, stranger, unheard, same_place, exchanged, loud, faint, unsurveyed, thin."""
    about: tuple[str, ...]
    """Receivers or zones."""
    what: str
    remedy: str


def doubts(
    samples: Sequence[Sample], receivers: Mapping[str, Anchor], zones: Mapping[str, Polygon]
) -> tuple[Doubt, ...]:
    """All that is to be said of a floor, the worst first; nothing for a floor without a survey but `same_place`.

    Raises ValueError without receivers or zones.
    """
    if not receivers or not zones:
        raise ValueError("a survey is of receivers and zones")
    names = tuple(receivers)
    anchors = np.array([receivers[name] for name in names], dtype=float)
    found = list(_same_places(names, anchors))
    if not samples:
        return tuple(found)
    rows = rows_of(samples, names)
    good = believed(rows, box_of(anchors, zones.values()))
    visits = visits_of(rows[good], len(names))
    found += _exchanges(visits, anchors, names)
    found += _strangers(samples, receivers)
    found += _left_out(rows[~good])
    found += _levels(visits, anchors, names)
    found += _zones(rows[good], zones)
    return tuple(found)


def exchanged(visits: Visits, anchors: Array) -> NDArray[np.int64]:
    """(receivers,): whose declared position each one has, by what was surveyed; mostly its own."""
    order = np.arange(len(anchors))
    for one, other in _pairs(visits, anchors):
        order[[one, other]] = other, one
    return order


def _pairs(visits: Visits, anchors: Array) -> list[tuple[int, int]]:
    """Receivers with each other's position; each in one pair at most, the clearest first."""
    likely = _likelihoods(visits, anchors)
    gains: list[tuple[float, int, int]] = []
    for one, other in combinations(range(len(anchors)), 2):
        first, second = likely[one, other] - likely[one, one], likely[other, one] - likely[other, other]
        if first > 0 and second > 0 and first + second > EXCHANGE:
            gains.append((float(first + second), one, other))
    taken: set[int] = set()
    found = []
    for _, one, other in sorted(gains, reverse=True):
        if not taken & {one, other}:
            taken |= {one, other}
            found.append((one, other))
    return found


def _likelihoods(visits: Visits, anchors: Array) -> Array:
    """(receivers, positions), log: of what each receiver heard, if it hung at each of the declared positions.

    Of Student's t, whose tails a wall or a metal cupboard fits as well; minus infinity where too little is known.
    """
    many = len(anchors)
    found = np.full((many, many), -np.inf)
    for receiver in range(many):
        where, level = _spots(visits, receiver)
        if len(where) < FEWEST_SPOTS:
            continue
        none = np.zeros(0, dtype=bool)
        for position in range(many):
            trend = fitted(where, level, anchors[position], none)
            rest, bend = trend.rest / RESIDUAL_DB, (trend.exponent - 2.0) / 0.5
            found[receiver, position] = -2.5 * np.log1p(rest**2 / 4).sum() - 0.5 * bend**2
    found[np.isinf(np.diag(found))] = -np.inf
    return np.where(np.isfinite(found), found, -1e9)


def _spots(visits: Visits, receiver: int) -> tuple[Array, Array]:
    """Means over squares of SPOT_M: where, level."""
    used = visits.packets[receiver] >= 1
    where, level = visits.where[used], visits.level[receiver][used]
    if not len(where):
        return where, level
    _, number = np.unique(np.round(where / SPOT_M), axis=0, return_inverse=True)
    number = number.reshape(-1)
    size = np.bincount(number)
    at = np.c_[np.bincount(number, where[:, 0]), np.bincount(number, where[:, 1])] / size[:, None]
    return at, np.bincount(number, level) / size


def _exchanges(visits: Visits, anchors: Array, names: tuple[str, ...]) -> Iterator[Doubt]:
    for one, other in _pairs(visits, anchors):
        pair = (names[one], names[other])
        yield Doubt(
            "exchanged",
            pair,
            f'receivers "{pair[0]}" and "{pair[1]}" were heard as if each hung where the other is said to hang',
            "exchange their positions (at) or their names; until then the map exchanges them",
        )


def _same_places(names: tuple[str, ...], anchors: Array) -> Iterator[Doubt]:
    for one, other in combinations(range(len(names)), 2):
        if float(np.hypot(*(anchors[one, :2] - anchors[other, :2]))) < SAME_M and (
            abs(float(anchors[one, 2] - anchors[other, 2])) < SAME_M
        ):
            text = f'receivers "{names[one]}" and "{names[other]}" are said to hang at one point'
            yield Doubt("same_place", (names[one], names[other]), text, "measure both, and correct the wrong one (at)")


def _strangers(samples: Sequence[Sample], receivers: Mapping[str, Anchor]) -> Iterator[Doubt]:
    counted = Counter(sample.receiver for sample in samples)
    strange = {name: count for name, count in counted.items() if name not in receivers}
    if strange:
        most = sorted(strange, key=lambda name: -strange[name])
        listed = ", ".join(f'"{name[:40]}"' for name in most[:3]) + (", ..." if len(most) > 3 else "")
        text = f"{sum(strange.values())} of {len(samples)} samples are of receivers without a position here: {listed}"
        if len(strange) == len(counted):
            text += ": of no sample a receiver is known, so the map rests on geometry alone"
        yield Doubt("stranger", tuple(most), text, "name them as the devices are named, or survey anew")


def _left_out(rows: Array) -> Iterator[Doubt]:
    bad = np.array([not is_signal(rssi) for rssi in rows[:, 2].tolist()], dtype=bool)
    if bad.any():
        text = f"{int(bad.sum())} samples have no signal that a radio can report, for example {rows[bad][0, 2]:g} dBm"
        yield Doubt("no_signal", (), text, "they are left out; look at what made the file")
    far = rows[~bad]
    if len(far):
        text = f"{len(far)} samples are far outside the floor, for example at {far[0, 3]:g} {far[0, 4]:g}"
        yield Doubt("outside", (), text, "they are left out; correct x and y (metres, as in the zones' areas)")


def _levels(visits: Visits, anchors: Array, names: tuple[str, ...]) -> Iterator[Doubt]:
    """Receivers that the survey never heard, and those that hear far more or less than the others do."""
    trends = trends_of(visits, anchors[exchanged(visits, anchors)])
    heard = [r for r, trend in enumerate(trends) if trend.used.any()]
    if not heard:
        return
    away = 10 * np.log10(AT_M)
    levels = {r: trends[r].level - trends[r].exponent * away for r in heard}
    for r, name in enumerate(names):
        if visits.packets[r].sum() == 0:
            text = f'the survey never heard receiver "{name}"'
            yield Doubt(
                "unheard", (name,), text, "see whether it works, then walk near it again; until then it says little"
            )
        if r not in levels or len(heard) < 3 or int(trends[r].used.sum()) < FEWEST_SPOTS:
            continue
        over = levels[r] - float(np.median([level for other, level in levels.items() if other != r]))
        if abs(over) >= LOUDER_DB:
            kind, word = ("loud", "louder") if over > 0 else ("faint", "fainter")
            text = f'receiver "{name}" hears {abs(over):.0f} dB {word} than the others do at the same distance'
            yield Doubt(kind, (name,), text, "see its antenna, its gain and its position; the map takes it as it was")


def _zones(rows: Array, zones: Mapping[str, Polygon]) -> Iterator[Doubt]:
    for name, polygon in zones.items():
        mine = rows[inside(rows[:, 3:5], np.array(polygon, dtype=float))]
        spots = len(np.unique(np.round(mine[:, 3:5] / 0.7), axis=0))
        if not len(mine):
            text = f'nobody surveyed zone "{name}"'
            yield Doubt("unsurveyed", (name,), text, "walk there: hadir survey")
        elif spots == 1 or len(mine) < FEWEST_PACKETS:
            count = (
                "one sample"
                if len(mine) == 1
                else f"{len(mine)} samples at {'one spot' if spots == 1 else f'{spots} spots'}"
            )
            yield Doubt("thin", (name,), f'zone "{name}" has {count} only', "walk to more spots there: hadir survey")


__all__ = ["Doubt", "doubts", "exchanged"]
