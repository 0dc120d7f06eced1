"""How much each receiver has come to hear more or less than when its floor was surveyed: a slow offset, dB.

Who stands still for a minute, and is held to be at one spot, says of each receiver how far it is from the map there;
what all receivers have in common is the tag's own. One word a spot, for the map's error at a spot is always the same;
the median over many spots is the receiver's. A fixed tag, whose position is declared, says it of where it hangs.

Few words count for little: the offset is drawn to what was held before, which is drawn to nothing over days. Offsets
sum to zero, and are bounded. Without a survey there is nothing to drift from, and all of this is idle.

Nothing here knows zones or the clock. Pure; numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rules.belief import Beliefs, Heard

Array = NDArray[np.float64]

LOOK_S = 10.0
"""So often tags are looked at."""
STILL, SHARP_M, MOVED_M = 0.5, 2.0, 1.0
"""A tag is still by this share of its belief, sharp with this deviation, and at another spot beyond this."""
SETTLED_S = 60.0
"""For so long it must be all of that."""
SPOT_M = 2.0
"""Spots nearer to each other are one."""
FEWEST = 3
"""Receivers that hear a tag, without which nothing can be told of one of them."""
PRIOR = 5.0
"""Spots that what was held before is worth."""
NOWHERE = 1 << 40
"""Square of fixed tags."""
FIXED = 3
"""Spots that a fixed tag is worth."""
SMALL_DB, SPOT_DB, SURE = 3.0, 4.0, 3.0
"""Offsets below the first are nothing, nor are those within what SURE deviations of a spot's error explain; those far
above are believed whole."""
FIXED_PACE = 0.05
"""Of the average of what a fixed tag says, a look."""
MOST_SPOTS, OLDEST_S = 96, 86_400.0
FOLLOW_S = 600.0
"""Time constant of the offset."""
KEEP_S, FORGET_S = 86_400.0, 3 * 86_400.0
"""Time constants of what was held before: how soon it follows the offset, and how soon it is drawn to nothing."""
BOUND_DB = 20.0
ODD_DB, EVEN_DB = 10.0, 8.0
"""Beyond the others' by so much a receiver is named; below the second no more."""


@dataclass(slots=True)
class _Run:
    """A tag that stands."""

    x: float
    y: float
    since: float
    total: Array
    """Of residuals, dB."""
    looks: Array


class Drift:
    """Of one floor's receivers. Seconds are office time, since anything."""

    def __init__(self, beliefs: Beliefs) -> None:
        radio = beliefs.radio
        self._beliefs = beliefs
        self._many = len(radio.receivers)
        self.idle = not beliefs.radio.surveyed or self._many < FEWEST
        self.offsets = np.zeros(self._many)
        """(receivers,), dB, over what the map says."""
        self._before = np.zeros(self._many)
        self._sum: dict[int, Array] = {}
        """By row, since the last look: dBm times packets, and packets."""
        self._runs: dict[int, _Run] = {}
        self._spots: dict[tuple[str, int, int], tuple[float, Array]] = {}
        """(hash of the tag, square) -> (when, residuals); latest last. It outlives the tag, so it does not name it."""
        self.odd: frozenset[int] = frozenset()
        """Receivers whose offset is not to be believed to be mere drift."""
        self.survey = crc32(radio.mean.round(1).tobytes())
        """Of which survey the offsets are."""

    def restore(self, offsets: Mapping[int, float], seconds: float) -> None:
        """What was held `seconds` ago."""
        left = float(np.exp(-max(0.0, seconds) / FORGET_S))
        for receiver, offset in offsets.items():
            self._before[receiver] = float(np.clip(offset, -BOUND_DB, BOUND_DB)) * left
        self._before -= self._before.mean()
        self._hold(self._before.copy())

    def take(self, row: int, heard: Heard) -> None:
        """A tag was heard so for a window."""
        if self.idle:
            return
        found = self._sum.get(row)
        if found is None:
            found = self._sum[row] = np.zeros((2, self._many))
        found[0, heard.receivers] += np.multiply(heard.levels, heard.packets)
        found[1, heard.receivers] += heard.packets

    def take_fixed(self, tag: str, cell: int, heard: Heard, now: float) -> None:
        """A fixed tag was heard so since the last look."""
        if not self.idle and len(heard.receivers) >= FEWEST:
            rest = np.full(self._many, np.nan)
            rest[heard.receivers] = heard.levels - self._beliefs.radio.mean[heard.receivers, cell]
            rest = _own(rest)
            spot = (tag, NOWHERE, NOWHERE)
            _, before = self._spots.get(spot, (0.0, rest))
            known = np.where(np.isfinite(rest), before + (rest - before) * FIXED_PACE, before)
            self._say(spot, np.where(np.isfinite(known), known, rest), now)

    def leave(self, row: int) -> None:
        """The row is another tag's from now on."""
        self._sum.pop(row, None)
        self._runs.pop(row, None)

    def look(self, tags: Mapping[int, str], seconds: float, now: float) -> None:
        """`seconds` after the last look: learn from the tags (row -> name) that stand still."""
        if self.idle:
            return
        rows = [row for row in self._sum if row in tags]
        if rows:
            self._stand(rows, tags, now)
        self._sum.clear()
        self._follow(seconds, now)

    def _stand(self, rows: Sequence[int], tags: Mapping[int, str], now: float) -> None:
        where, deviation, still, means = self._beliefs.stance(rows)
        for number, row in enumerate(rows):
            x, y = where[number].tolist()
            run = self._runs.get(row)
            if still[number] < STILL or deviation[number] > SHARP_M:
                continue
            if run is None or np.hypot(x - run.x, y - run.y) > MOVED_M:
                run = self._runs[row] = _Run(x, y, now, np.zeros(self._many), np.zeros(self._many))
            total, packets = self._sum[row]
            heard = packets > 0
            if heard.sum() < FEWEST:
                continue
            rest = np.where(heard, total / np.maximum(packets, 1) - means[number], np.nan)
            rest = _own(rest)
            run.total[heard] += rest[heard]
            run.looks[heard] += 1
            if now - run.since >= SETTLED_S:
                known = np.where(run.looks >= 2, run.total / np.maximum(run.looks, 1), np.nan)
                self._say((tags[row], round(x / SPOT_M), round(y / SPOT_M)), known, now)

    def _say(self, spot: tuple[str, int, int], rest: Array, now: float) -> None:
        self._spots.pop(spot, None)
        self._spots[spot] = (now, rest)
        while len(self._spots) > MOST_SPOTS:
            del self._spots[next(iter(self._spots))]

    def _follow(self, seconds: float, now: float) -> None:
        for spot in [spot for spot, (at, _) in self._spots.items() if now - at > OLDEST_S]:
            del self._spots[spot]
        rows = [rest for (_, i, _), (_, rest) in self._spots.items() for _ in range(FIXED if i == NOWHERE else 1)]
        target = self._before.copy()
        if rows:
            said = np.array(rows)
            count = np.isfinite(said).sum(axis=0)
            for r in np.flatnonzero(count):
                middle = _clear(float(np.median(said[np.isfinite(said[:, r]), r])), int(count[r]))
                target[r] = (count[r] * middle + PRIOR * target[r]) / (count[r] + PRIOR)
        target -= target.mean()
        offsets = self.offsets + (target - self.offsets) * min(1.0, seconds / FOLLOW_S)
        self._before += (offsets - self._before) * min(1.0, seconds / KEEP_S)
        self._before *= 1 - min(1.0, seconds / FORGET_S)
        self._hold(offsets)

    def _hold(self, offsets: Array) -> None:
        self.offsets = offsets.clip(-BOUND_DB, BOUND_DB)
        self._beliefs.shift(self.offsets)
        over = np.abs(self.offsets - np.median(self.offsets))
        self.odd = frozenset(r for r in range(self._many) if over[r] > ODD_DB or (r in self.odd and over[r] > EVEN_DB))


def _clear(offset: float, spots: int) -> float:
    """What is to be believed of a median over spots: most receivers do not drift, so a small one is the map's error."""
    chance = max(SMALL_DB, SURE * SPOT_DB / spots**0.5)
    return float(np.clip(offset, -BOUND_DB, BOUND_DB)) * max(0.0, 1 - (chance / offset) ** 2) if offset else 0.0


def _own(rest: Array) -> Array:
    """Without what all receivers have in common."""
    found: Array = rest - np.nanmedian(rest)
    return found


__all__ = ["LOOK_S", "Drift"]
