"""Whether a tag moves, by what its receivers hear: louder here and fainter there than in the seconds before.

A body in the way only takes from a signal, and the slow fading of a place takes half a minute; who walks comes nearer
to some receivers as soon as away from others. So rise and fall are kept apart, and both must be there.

Of one floor, a row a tag; pure arrays, no zones' names, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rules.belief import Heard

Array = NDArray[np.float32]

QUICK_S, BEFORE_S = 2.0, 15.0
"""Time constants of the level now, and of what it is held against."""
LONGEST_STEP_S = 3.0
"""A tag that is heard more seldom is held against its last few windows."""
RISE_DB, SWING_DB = 5.0, 13.0
"""It moves when receivers hear it so much louder, and that together with how much fainter others hear it is so much
(each the root of the sum of squares over receivers)."""

NOISE_DB2, LEARNED_AFTER, MOST_DB2 = 4.0, 2_000, 36.0
"""What single packets at one spot vary by, before the floor's own say so; after so many of them; and at the most."""


class Motion:
    """Levels of all tags of a floor, smoothed twice."""

    def __init__(self, receivers: int, capacity: int = 16) -> None:
        self._noise = NOISE_DB2
        self._now = np.zeros((capacity, receivers), dtype=np.float32)
        self._before = np.zeros_like(self._now)
        self._age = np.zeros_like(self._now)
        """Seconds since it was first heard; 0: it was not."""
        self._idle = np.zeros_like(self._now)
        """Seconds since it was last heard."""

    def begin(self, row: int) -> None:
        """A tag that was not known."""
        while row >= len(self._now):
            for name in ("_now", "_before", "_age", "_idle"):
                held = getattr(self, name)
                setattr(self, name, np.concatenate([held, np.zeros_like(held)]))
        self._age[row] = 0.0

    def moved(self, rows: Sequence[int], heard: Sequence[Heard], gaps: Sequence[float]) -> NDArray[np.bool_]:
        """Which of these tags (each once) move, now that they were heard so, `gaps` seconds after the last time."""
        at = np.asarray(rows)
        tag = np.repeat(np.arange(len(heard)), [len(one.receivers) for one in heard])
        receiver = np.concatenate([np.asarray(one.receivers, dtype=int) for one in heard])
        level = np.concatenate([np.asarray(one.levels, dtype=np.float32) for one in heard])
        packets = np.concatenate([np.asarray(one.packets, dtype=np.float32) for one in heard])
        passed = np.asarray(gaps, dtype=np.float32)[:, None]
        age = self._age[at]
        idle = self._idle[at] + passed
        known = age > 0
        age += passed * known
        cell = (at[tag], receiver)
        new = ~known[tag, receiver]
        since = idle[tag, receiver]
        share = 1 - np.exp(-since / QUICK_S)
        share[new] = 1.0
        now = self._now[cell]
        error = level - now
        chance = np.bincount(tag, self._noise / packets * share / (2 - share) / 2, minlength=len(at))
        self._learn(error[~new & (since <= LONGEST_STEP_S)])
        now += error * share
        slow = np.maximum(
            1 - np.exp(-np.minimum(since, LONGEST_STEP_S) / BEFORE_S),
            np.minimum(1.0, since / np.maximum(age[tag, receiver], 1e-3)),  # a plain mean at first
        )
        slow[new] = 1.0
        before = self._before[cell]
        before += (now - before) * slow
        self._now[cell], self._before[cell] = now, before
        idle[tag, receiver] = 0.0
        age[tag[new], receiver[new]] = passed[tag[new], 0]
        self._idle[at], self._age[at] = idle, age
        change = (self._now[at] - self._before[at]) * (age > 0)
        rise = np.sqrt(((change.clip(0) ** 2).sum(axis=1) - chance).clip(0))
        fall = np.sqrt(((change.clip(None, 0) ** 2).sum(axis=1) - chance).clip(0))
        found: NDArray[np.bool_] = (rise >= RISE_DB) & (rise + fall >= SWING_DB)
        return found

    def _learn(self, errors: Array) -> None:
        """How far packets are off what the last few said; half of its variance more is those few's."""
        if len(errors):
            seen = float(np.minimum(errors**2, MOST_DB2).mean()) / 1.5
            self._noise += (seen - self._noise) * len(errors) / (LEARNED_AFTER + len(errors))
