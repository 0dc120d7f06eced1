"""Where tags are, as a belief over the cells of a floor: a grid filter in time, for many tags at once.

Each tag has two beliefs, of standing still and of walking; they exchange mass, the second spreads as fast as people
walk. What was heard within a window (a mean a receiver) weighs the cells: Student's t, because people stand in the way;
its offset (another tag, another pocket) is estimated along the way. Windows of a still tag repeat the same error, so
what they say there is said once (belief_stay.py).

Nothing here knows zones' names, people or the clock. The arrays belong to one `Beliefs`, which alone changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.belief_stay import Stays
from rules.radio_map import RadioMap

Array = NDArray[np.float32]

SPEED = 1.0
"""m/s, of the spread while walking: slower than a brisk walk, faster than a stroll between desks."""
STILL_S, WALK_S = 10.0, 20.0
"""How soon a still tag may walk, and a walking one stand."""
MOVING_WEIGHT, MANY_WEIGHT = 1.0, 2.5
"""What a second of evidence counts for of a walking tag; the second where MANY packets a receiver leave the map's error
alone, which a walk makes new."""
MANY = 16
TAILS = 10.0
"""Degrees of freedom of Student's t."""
OFFSET_DB = 3.0
"""Deviation of a tag's offset before it was heard, where the map was surveyed ..."""
UNSURVEYED_OFFSET_DB = 8.0
"""... and where it was not: the level is not known either."""
OFFSET_PACE = 5.0
"""The offset follows so many times slower than it might: errors of neighbouring windows are alike."""
WORST = 40.0
"""Log-likelihood below the best cell's that no window goes beyond: a tag may be carried past any surprise."""
LEAST = 1e-9
"""Mass that is never taken from all cells together."""
MISSING_WEIGHT, MISSING_SURE = 0.3, 5
"""Of "this receiver did not hear it": less than what was heard, for packets are also lost on the way; all of it after
so many packets."""
UNSURVEYED_MISSING = 0.6
"""Where the map was not surveyed, silence is what tells best where a tag is not: of every packet."""
WEAK_DB, FOREIGN_DB = 8.0, 14.0
"""A weak tag, in a bag, may be fainter than the faintest spots by the first; nobody there is by the second."""
PACKETS = (1, 2, 4, 8, 16)
"""Windows are told apart by about how many packets a receiver heard."""
MOST_ROWS = 20_000
"""Log-likelihoods of (receiver, dBm, packets) that are kept."""


class Heard(NamedTuple):
    """A tag's window: by receiver (index) its mean dBm and number of packets."""

    receivers: Sequence[int]
    levels: Sequence[float]
    packets: Sequence[int]


class _Windows(NamedTuple):
    """Those of many tags, (tags, receivers); 0 where nothing was heard."""

    levels: Array
    packets: Array


class Beliefs:
    """Of all tags on one floor, a row a tag."""

    def __init__(self, radio: RadioMap, capacity: int = 16) -> None:
        self.radio = radio
        cells = len(radio.centres)
        self._liked = radio.liked.astype(np.float32)
        self._prior = self._liked / self._liked.sum()
        self._taps = _taps(SPEED / radio.pitch)
        self._norm = 1 / self._spread(self._liked[None])[0]
        self._means = np.ascontiguousarray(radio.mean.T, dtype=np.float32)
        self._doubts = radio.variance.mean(axis=1)
        self._still = np.zeros((capacity, cells), dtype=np.float32)
        self._walk = np.zeros((capacity, cells), dtype=np.float32)
        self._stays = Stays(self._doubts, radio.packet, cells, capacity, surveyed=radio.surveyed)
        self._offset = np.zeros(capacity)
        self._doubt = np.zeros(capacity)
        self._offset_db = OFFSET_DB if radio.surveyed else UNSURVEYED_OFFSET_DB
        self._shift = np.zeros(len(radio.receivers))
        self._rows: dict[int, Array] = {}
        weight, self._sure = (MISSING_WEIGHT, MISSING_SURE) if radio.surveyed else (UNSURVEYED_MISSING, 1)
        self._unheard = weight * np.log1p(-radio.audible).astype(np.float32)
        self._audible = weight * np.log(radio.audible).astype(np.float32) - self._unheard
        zones = len(radio.zones)
        self._in_zone = np.zeros((cells, zones), dtype=np.float32)
        inside = radio.zone_of >= 0
        self._in_zone[np.flatnonzero(inside), radio.zone_of[inside]] = 1
        self._centres = radio.centres.astype(np.float32)
        self._squares = (self._centres**2).sum(axis=1)
        self.widest = self._deviation(self._prior)
        """Metres, of a belief that knows nothing."""
        best = radio.mean.max(axis=0)
        self._faintest = float(np.percentile(best[inside] if inside.any() else best, 5))

    def begin(self, row: int) -> None:
        """A tag that was not known: anywhere where people are. Makes room where `row` is beyond it."""
        while row >= len(self._still):
            self._still, self._walk = (np.concatenate([a, np.zeros_like(a)]) for a in (self._still, self._walk))
            self._offset, self._doubt = (np.concatenate([a, np.zeros_like(a)]) for a in (self._offset, self._doubt))
        self._stays.begin(row)
        self._still[row] = self._walk[row] = self._prior / 2
        self._offset[row], self._doubt[row] = 0.0, self._offset_db**2

    def shift(self, offsets: NDArray[np.float64]) -> None:
        """From now on receivers hear so much more, dB, than the map says (drift.py)."""
        self._shift = offsets

    def advance(
        self,
        rows: Sequence[int],
        heard: Sequence[Heard],
        seconds: float,
        alive: NDArray[np.bool_],
        gaps: Sequence[float] | None = None,
    ) -> None:
        """Time goes on by `seconds` (at most about one), and these tags (each once) were heard so.

        `alive`: receivers whose silence says something. `gaps`: seconds since each was heard before, default `seconds`.
        """
        at = np.asarray(rows)
        windows = self._windows(heard)
        leave, rest = (np.float32(1 - np.exp(-seconds / mean)) for mean in (STILL_S, WALK_S))
        still, walking = self._still[at], self._walk[at]
        walk = walking * (1 - rest)
        walk += still * leave
        walk = self._walked(walk)
        still *= 1 - leave
        walking *= rest
        stayed = still.sum(axis=1)
        still += walking
        stayed /= still.sum(axis=1)
        unheard = np.array(gaps or [seconds] * len(heard)) - seconds
        self._stays.forget(at, stayed, np.exp(-unheard.clip(0) / STILL_S))
        stands = self._stays.stands(at, windows.levels, windows.packets, seconds)
        evidence = self._evidence(at, heard, windows, alive)
        evidence -= evidence.max(axis=1, keepdims=True)
        np.maximum(evidence, -WORST, out=evidence)
        added = self._stays.word(at, evidence, windows.packets, seconds)
        least = np.float32(LEAST / still.shape[1])
        evidence *= np.float32(min(1.0, seconds)) * _moving_weight(windows)
        weight = np.exp(evidence, out=evidence)
        still += least
        share = np.einsum("tc,tc->t", still, weight) * np.exp(stands)  # both are weighed as if it walked
        still *= np.exp(added, out=added)
        walk += least
        walk *= weight
        whole = share + walk.sum(axis=1)
        still *= (share / (still.sum(axis=1) * whole)).astype(np.float32)[:, None]
        walk *= (1 / whole).astype(np.float32)[:, None]
        belief = np.add(still, walk, out=weight)
        self._still[at], self._walk[at] = still, walk
        self._learn_offsets(at, belief, windows, seconds)

    def drift(self, rows: Sequence[int], seconds: int) -> None:
        """Whole seconds in which these tags were not heard: they may have walked."""
        at = np.asarray(rows)
        leave, rest = (np.float32(1 - np.exp(-1 / mean)) for mean in (STILL_S, WALK_S))
        still, walk = self._still[at], self._walk[at]
        for _ in range(seconds):
            still, walk = still * (1 - leave) + walk * rest, walk * (1 - rest) + still * leave
            walk = self._walked(walk)
        whole = still.sum(axis=1) + walk.sum(axis=1)
        self._still[at] = still / whole[:, None]
        self._walk[at] = walk / whole[:, None]

    def zones(self, rows: Sequence[int]) -> Array:
        """(rows, zones): how far each zone is believed; sums to 1."""
        at = np.asarray(rows)
        found: Array = (self._still[at] + self._walk[at]) @ self._in_zone
        whole = found.sum(axis=1, keepdims=True)
        shares: Array = np.divide(found, whole, out=np.zeros_like(found), where=whole > 0)
        return shares

    def faintest(self, row: int) -> float:
        """dBm at which a tag is heard by the best receiver where the floor hears it worst, as far as the map knows."""
        return float(self.radio.mean.max(axis=0).min()) + float(self._offset[row])

    def positions(self, rows: Sequence[int]) -> Array:
        """(rows, 2): the mean of the belief, metres."""
        at = np.asarray(rows)
        found: Array = (self._still[at] + self._walk[at]) @ self._centres
        return found

    def spread(self, row: int) -> float:
        """Deviation of a belief, metres."""
        return self._deviation(self._still[row] + self._walk[row])

    def _deviation(self, belief: Array) -> float:
        where = belief @ self._centres
        return float(np.sqrt(max(0.0, float(belief @ self._squares - where @ where))))

    def _walked(self, walk: Array) -> Array:
        """One second later: spread, but not to where nobody goes."""
        found = self._spread(walk * self._norm)
        found *= self._liked
        return found

    def stance(self, rows: Sequence[int]) -> tuple[Array, Array, Array, Array]:
        """How tags stand: (rows, 2) where, (rows,) deviation in metres, (rows,) how far they are held to be still,
        (rows, receivers) what the map says is heard there, dBm."""
        at = np.asarray(rows)
        belief = self._still[at] + self._walk[at]
        where: Array = belief @ self._centres
        squared = belief @ self._squares - (where**2).sum(axis=1)
        means: Array = belief @ self.radio.mean.T.astype(np.float32)
        return where, np.sqrt(squared.clip(0)), self._still[at].sum(axis=1), means

    def fit(self, loudest: float) -> float:
        """How far a tag can be on this floor at all that its best receiver hears at `loudest` dBm: 0 to 1.

        Hardly anybody there is heard fainter than the faintest spots are; who is, is in another building, or outside.
        """
        if not self.radio.surveyed:
            return 1.0
        return min(1.0, max(0.0, (loudest - self._faintest + FOREIGN_DB) / (FOREIGN_DB - WEAK_DB)))

    def _spread(self, belief: Array) -> Array:
        """A Gaussian along each axis."""
        nx, ny = self.radio.shape
        grid = belief.reshape(-1, nx, ny)
        for axis, size in ((1, nx), (2, ny)):
            taps = self._taps[: size + 1]
            made = grid * taps[0]
            for step, weight in enumerate(taps[1:], start=1):
                if step >= size:
                    break
                part = weight * grid
                if axis == 1:
                    made[:, step:] += part[:, :-step]
                    made[:, :-step] += part[:, step:]
                else:
                    made[:, :, step:] += part[:, :, :-step]
                    made[:, :, :-step] += part[:, :, step:]
            grid = made
        found: Array = grid.reshape(belief.shape)
        return found

    def _windows(self, heard: Sequence[Heard]) -> _Windows:
        levels = np.zeros((len(heard), len(self.radio.receivers)), dtype=np.float32)
        packets = np.zeros_like(levels)
        at = np.repeat(np.arange(len(heard)), [len(one.receivers) for one in heard])
        receivers = np.concatenate([one.receivers for one in heard])
        levels[at, receivers] = np.concatenate([one.levels for one in heard]) - self._shift[receivers]
        packets[at, receivers] = np.concatenate([one.packets for one in heard])
        return _Windows(levels, packets)

    def _evidence(
        self, at: NDArray[np.int64], heard: Sequence[Heard], windows: _Windows, alive: NDArray[np.bool_]
    ) -> Array:
        """(tags, cells), log-likelihood: of who heard it and who did not, and of the levels."""
        most = windows.packets.max(axis=1, keepdims=True)
        listening = alive.astype(np.float32)
        found: Array = (windows.packets / most * listening) @ self._audible
        found += listening @ self._unheard
        found *= np.minimum(self._sure, most) / np.float32(self._sure)
        keys = iter(self._keys(at, heard))
        for total, one in zip(found, heard, strict=True):
            for key in islice(keys, len(one.receivers)):
                row = self._rows.get(key)
                total += self._row(key) if row is None else row
        return found

    def _keys(self, at: NDArray[np.int64], heard: Sequence[Heard]) -> list[int]:
        """Of each level that was heard, tag by tag: its receiver, whole dBm without offsets, doubt, kind of packets."""
        tag = np.repeat(at, [len(one.receivers) for one in heard])
        receivers = np.concatenate([one.receivers for one in heard])
        levels = np.concatenate([one.levels for one in heard]) - self._offset[tag] - self._shift[receivers]
        kinds = np.searchsorted(PACKETS, np.concatenate([one.packets for one in heard])).clip(max=len(PACKETS) - 1)
        doubts = np.rint(np.sqrt(self._doubt[tag]))
        whole = ((receivers * 1024 + np.rint(levels) + 512) * 32 + doubts) * 8 + kinds
        found: list[int] = whole.astype(np.int64).tolist()
        return found

    def _row(self, key: int) -> Array:
        """Log-likelihood over the cells of one receiver's level; made once, in whole dB."""
        kind, doubt, level, receiver = key % 8, key // 8 % 32, key // 256 % 1024 - 512, key // 262144
        if len(self._rows) >= MOST_ROWS:
            self._rows.clear()
        radio = self.radio
        variance = radio.variance[receiver] + radio.packet / PACKETS[kind] + doubt**2
        squared = (level - radio.mean[receiver]) ** 2 / variance
        row: Array = (-0.5 * np.log(variance) - (TAILS + 1) / 2 * np.log1p(squared / TAILS)).astype(np.float32)
        self._rows[key] = row
        return row

    def _learn_offsets(self, at: NDArray[np.int64], beliefs: Array, windows: _Windows, seconds: float) -> None:
        heard = windows.packets > 0
        many = heard.sum(axis=1)
        rest = (windows.levels - beliefs @ self._means - self._offset[at][:, None]).clip(-12, 12)
        step = (rest * heard).sum(axis=1) / many
        variance = OFFSET_PACE / seconds * (heard @ self._doubts / many + self.radio.packet)
        doubt = self._doubt[at]
        gain = doubt / (variance / many + doubt)
        self._offset[at] += gain * step
        self._doubt[at] = doubt * (1 - gain)


def _moving_weight(windows: _Windows) -> Array:
    """(tags, 1)."""
    packets = windows.packets.sum(axis=1) / (windows.packets > 0).sum(axis=1)
    share = np.log(packets.clip(1, MANY)) / np.log(np.float32(MANY))
    found: Array = (MOVING_WEIGHT + (MANY_WEIGHT - MOVING_WEIGHT) * share).astype(np.float32)
    return found[:, None]


def _taps(deviation: float) -> list[np.float32]:
    """Half of a Gaussian's kernel, cut at two deviations, summing to 1 over both sides."""
    reach = max(1, int(2 * deviation))
    half = np.exp(-0.5 * (np.arange(reach + 1) / max(deviation, 0.3)) ** 2)
    half /= half[0] + 2 * half[1:].sum()
    return [np.float32(value) for value in half]
