"""Where tags are, as a belief over the cells of a floor: a grid filter in time, for many tags at once.

Each tag has two beliefs, of standing still and of walking; they exchange mass, the second spreads as fast as people
walk. What was heard within a window (a mean a receiver) weighs the cells: Student's t, because people stand in the way;
its offset (another tag, another pocket) is estimated along the way. Windows of a still tag repeat the same error, so
there a window counts for less.

Nothing here knows zones' names, people or the clock. The arrays belong to one `Beliefs`, which alone changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.radio_map import UNSURVEYED_DB, RadioMap

Array = NDArray[np.float32]

SPEED = 1.0
"""m/s, of the spread while walking: slower than a brisk walk, faster than a stroll between desks."""
STILL_S, WALK_S = 10.0, 20.0
"""How soon a still tag may walk, and a walking one stand."""
MOVING_WEIGHT, STILL_WEIGHT = 1.0, 0.2
"""What a second of evidence counts for ..."""
APART_S = 5.0
"""... unless it comes so long after the last one that its error is another ..."""
MANY_WEIGHT = 2.5
"""... and of a walking tag, where MANY packets a receiver leave the map's error alone, which a walk makes new."""
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
PACKETS = (1, 2, 4, 8, 16)
"""Windows are told apart by about how many packets a receiver heard."""
MOST_ROWS = 20_000
"""Log-likelihoods of (receiver, dBm, packets) that are kept."""


class Heard(NamedTuple):
    """A tag's window: by receiver (index) its mean dBm and number of packets."""

    receivers: NDArray[np.int64]
    levels: NDArray[np.float64]
    packets: NDArray[np.int64]


class Beliefs:
    """Of all tags on one floor, a row a tag."""

    def __init__(self, radio: RadioMap, capacity: int = 16) -> None:
        self.radio = radio
        cells = len(radio.centres)
        self._liked = radio.liked.astype(np.float32)
        self._prior = self._liked / self._liked.sum()
        self._taps = _taps(SPEED / radio.pitch)
        self._norm = self._spread(self._liked[None])[0]
        self._still = np.zeros((capacity, cells), dtype=np.float32)
        self._walk = np.zeros((capacity, cells), dtype=np.float32)
        self._offset = np.zeros(capacity)
        self._doubt = np.zeros(capacity)
        surveyed = bool((radio.variance != UNSURVEYED_DB**2).any())
        self._offset_db = OFFSET_DB if surveyed else UNSURVEYED_OFFSET_DB
        self._rows: dict[tuple[int, int, int], Array] = {}
        weight, self._sure = (MISSING_WEIGHT, MISSING_SURE) if surveyed else (UNSURVEYED_MISSING, 1)
        self._unheard = weight * np.log1p(-radio.audible).astype(np.float32)
        self._audible = weight * np.log(radio.audible).astype(np.float32) - self._unheard
        zones = len(radio.zones)
        self._in_zone = np.zeros((cells, zones), dtype=np.float32)
        inside = radio.zone_of >= 0
        self._in_zone[np.flatnonzero(inside), radio.zone_of[inside]] = 1
        self._centres = radio.centres.astype(np.float32)

    def begin(self, row: int) -> None:
        """A tag that was not known: anywhere where people are. Makes room where `row` is beyond it."""
        while row >= len(self._still):
            self._still, self._walk = (np.concatenate([a, np.zeros_like(a)]) for a in (self._still, self._walk))
            self._offset, self._doubt = (np.concatenate([a, np.zeros_like(a)]) for a in (self._offset, self._doubt))
        self._still[row] = self._walk[row] = self._prior / 2
        self._offset[row], self._doubt[row] = 0.0, self._offset_db**2

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
        leave, rest = (np.float32(1 - np.exp(-seconds / mean)) for mean in (STILL_S, WALK_S))
        before, walking = self._still[at], self._walk[at]
        still = before * (1 - leave) + walking * rest
        walk = self._spread((walking * (1 - rest) + before * leave) / self._norm) * self._liked
        evidence = np.empty_like(still)
        for number, one in enumerate(heard):
            evidence[number] = self._evidence(at[number], one, alive)
        evidence -= evidence.max(axis=1, keepdims=True)
        np.maximum(evidence, -WORST, out=evidence)
        evidence *= np.float32(min(1.0, seconds))
        least = np.float32(LEAST / still.shape[1])
        weight = np.exp(evidence * _moving_weight(heard))
        still += least
        share = (still * weight).sum(axis=1)
        apart = np.array(gaps or [seconds] * len(heard)) >= APART_S
        still *= np.exp(evidence * np.where(apart, MOVING_WEIGHT, STILL_WEIGHT).astype(np.float32)[:, None])
        still *= (share / still.sum(axis=1))[:, None]
        walk += least
        walk *= weight
        whole = still.sum(axis=1) + walk.sum(axis=1)
        self._still[at] = still / whole[:, None]
        self._walk[at] = walk / whole[:, None]
        self._learn_offsets(at, heard, seconds)

    def drift(self, rows: Sequence[int], seconds: int) -> None:
        """Whole seconds in which these tags were not heard: they may have walked."""
        at = np.asarray(rows)
        leave, rest = (np.float32(1 - np.exp(-1 / mean)) for mean in (STILL_S, WALK_S))
        still, walk = self._still[at], self._walk[at]
        for _ in range(seconds):
            still, walk = still * (1 - leave) + walk * rest, walk * (1 - rest) + still * leave
            walk = self._spread(walk / self._norm) * self._liked
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

    def _spread(self, belief: Array) -> Array:
        """One second's walk: a Gaussian along each axis."""
        nx, ny = self.radio.shape
        grid = belief.reshape(-1, nx, ny)
        for axis, size in ((1, nx), (2, ny)):
            taps = self._taps[: size + 1]
            made = grid * taps[0]
            for step, weight in enumerate(taps[1:], start=1):
                if step >= size:
                    break
                if axis == 1:
                    made[:, step:] += weight * grid[:, :-step]
                    made[:, :-step] += weight * grid[:, step:]
                else:
                    made[:, :, step:] += weight * grid[:, :, :-step]
                    made[:, :, :-step] += weight * grid[:, :, step:]
            grid = made
        found: Array = grid.reshape(belief.shape)
        return found

    def _evidence(self, row: int, heard: Heard, alive: NDArray[np.bool_]) -> Array:
        receivers, levels, packets = heard
        total = np.zeros(len(self.radio.centres), dtype=np.float32)
        offset, doubt = float(self._offset[row]), round(float(np.sqrt(self._doubt[row])))
        for receiver, level, count in zip(receivers.tolist(), levels.tolist(), packets.tolist(), strict=True):
            total += self._row(receiver, round(level - offset), count, doubt)
        share = np.zeros(len(self.radio.receivers), dtype=np.float32)
        share[receivers] = packets / packets.max()
        sure = np.float32(min(self._sure, int(packets.max())) / self._sure)
        total += sure * (alive.astype(np.float32) @ self._unheard + (share * alive) @ self._audible)
        return total

    def _row(self, receiver: int, level: int, packets: int, doubt: int) -> Array:
        """Log-likelihood over the cells of one receiver's level; made once, in whole dB."""
        kind = next((n for n, most in enumerate(PACKETS) if packets <= most), len(PACKETS) - 1)
        key = (receiver, level * 32 + doubt, kind)
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= MOST_ROWS:
                self._rows.clear()
            radio = self.radio
            variance = radio.variance[receiver] + radio.packet / PACKETS[kind] + doubt**2
            squared = (level - radio.mean[receiver]) ** 2 / variance
            row = (-0.5 * np.log(variance) - (TAILS + 1) / 2 * np.log1p(squared / TAILS)).astype(np.float32)
            self._rows[key] = row
        return row

    def _learn_offsets(self, at: NDArray[np.int64], heard: Sequence[Heard], seconds: float) -> None:
        radio = self.radio
        beliefs = self._still[at] + self._walk[at]
        means = beliefs @ radio.mean.T.astype(np.float32)
        for number, (row, one) in enumerate(zip(at.tolist(), heard, strict=True)):
            rest = one.levels - means[number, one.receivers] - self._offset[row]
            variance = OFFSET_PACE / seconds * (float(radio.variance[one.receivers].mean()) + radio.packet)
            doubt = float(self._doubt[row])
            gain = doubt / (variance / len(rest) + doubt)
            self._offset[row] += gain * float(np.clip(rest, -12, 12).mean())
            self._doubt[row] = doubt * (1 - gain)


def _moving_weight(heard: Sequence[Heard]) -> Array:
    """(tags, 1)."""
    packets = np.array([one.packets.mean() for one in heard], dtype=np.float32)
    share = np.log(packets.clip(1, MANY)) / np.log(np.float32(MANY))
    found: Array = (MOVING_WEIGHT + (MANY_WEIGHT - MOVING_WEIGHT) * share).astype(np.float32)
    return found[:, None]


def _taps(deviation: float) -> list[np.float32]:
    """Half of a Gaussian's kernel, cut at two deviations, summing to 1 over both sides."""
    reach = max(1, int(2 * deviation))
    half = np.exp(-0.5 * (np.arange(reach + 1) / max(deviation, 0.3)) ** 2)
    half /= half[0] + 2 * half[1:].sum()
    return [np.float32(value) for value in half]
