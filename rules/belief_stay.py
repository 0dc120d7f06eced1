"""What a tag that stands still has told while it stood: one word, however often it is said.

At one spot the map is wrong by the same amount in every window, so a hundred windows there tell hardly more of the
place than the first one: only the packets' own noise is averaged away. What is believed of a still tag therefore holds
the mean of its windows' evidence, weighed as one window of many packets, and not their sum. And since the error stays
as long as the tag does, levels that stay where they were are a sign that it stands, wherever that is.

A model file of belief.py: of one floor, a row a tag; pure arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Rows = NDArray[np.int64]
Each = NDArray[np.float64]

MEMORY_S = 20.0
"""Windows before are forgotten: who sits turns, and doors open."""
MEMORY_PACKETS = 16.0
"""Of a receiver, likewise: the mean of its level rests on no more."""
WEIGHT, UNSURVEYED_WEIGHT = 0.7, 2.0
"""Of the one word: receivers' errors at one spot are not quite independent, nor are a map's variances quite known. The
error of a map without a survey is wide, but much of it is alike all over the floor."""
STAYS_WEIGHT, SUREST = 0.5, 3.0
"""Of what unmoved levels say for standing: packets that follow each other are alike even of a tag that walks. And the
most that one window says, as a logarithm: a factor of 20."""
PLACE_DB2 = 12.0
"""Of a map's error, the most that is another one a metre further."""
FARTHEST = 1.5
"""Deviations of a walking tag that a receiver's level is taken to have changed by at most: a body comes between, and
nobody has walked."""
LEAST_PACKETS = 0.05
"""Fewer: its level is not remembered."""


class Stays:
    """Of all tags on one floor."""

    def __init__(self, doubts: Each, packet: float, cells: int, capacity: int, *, surveyed: bool) -> None:
        """`doubts`: dB^2, of the map, by receiver; `packet`: of one packet."""
        self._doubts, self._packet = doubts, packet
        self._places = np.minimum(doubts, PLACE_DB2)
        self._weight = WEIGHT if surveyed else UNSURVEYED_WEIGHT
        self._word = np.zeros((capacity, cells), dtype=np.float32)
        """Mean of the log-likelihoods."""
        self._held = np.zeros(capacity)
        """How often the still belief holds the word."""
        self._seconds = np.zeros(capacity)
        """On which it rests."""
        self._level = np.zeros((capacity, len(doubts)))
        """Mean, dBm, by receiver ..."""
        self._packets = np.zeros((capacity, len(doubts)))
        """... and on how many packets it rests."""

    def begin(self, row: int) -> None:
        """A tag that was not known. Makes room where `row` is beyond it."""
        while row >= len(self._word):
            for name in ("_word", "_held", "_seconds", "_level", "_packets"):
                held = getattr(self, name)
                setattr(self, name, np.concatenate([held, np.zeros_like(held)]))
        self._word[row] = self._held[row] = self._seconds[row] = self._packets[row] = 0

    def forget(self, at: Rows, stayed: Each, silent: Each) -> None:
        """Of what is held to stand, `stayed` (a share) stood before as well; it was not heard for a share `silent` of
        the time in which it might have walked off."""
        self._held[at] *= stayed
        self._seconds[at] *= stayed * silent
        self._packets[at] *= (stayed * silent)[:, None]

    def stands(self, at: Rows, levels: Array, packets: Array, seconds: float) -> Each:
        """(tags,): log-likelihood that they stand against that they walk, by how far levels are where they were."""
        heard = packets > 0
        before, level = self._packets[at], self._level[at]
        known = heard & (before > LEAST_PACKETS)
        change = np.where(known, levels - level, 0.0)
        still = self._packet / np.where(heard, packets, 1) + self._packet / np.maximum(before, LEAST_PACKETS)
        walking = still + self._places
        squared = np.minimum(change**2, FARTHEST**2 * walking)
        likelier = 0.5 * (np.log(walking / still) - squared * (1 / still - 1 / walking))
        found: Each = STAYS_WEIGHT * min(1.0, seconds) * np.where(known, likelier, 0.0).sum(axis=1)
        rests = np.where(heard, np.minimum(before + packets, np.maximum(MEMORY_PACKETS, packets)), before)
        share = packets / np.maximum(rests, LEAST_PACKETS)
        self._level[at] = np.where(known, level + change * share, np.where(heard, levels, level))
        self._packets[at] = rests
        return found.clip(-SUREST, SUREST)

    def word(self, at: Rows, evidence: Array, packets: Array, seconds: float) -> Array:
        """(tags, cells): what this window's log-likelihoods add to what the still belief holds already."""
        passed = min(1.0, seconds)
        rests = np.minimum(self._seconds[at] + passed, MEMORY_S)
        before, held = self._word[at], self._held[at]
        noise = self._packet * (packets > 0).sum(axis=1) / packets.sum(axis=1)
        doubt = float(self._doubts.mean())
        holds = self._weight * np.minimum(1.0, rests) * (doubt + noise) / (doubt + noise / np.maximum(rests, 1.0))
        more, weight, share = (each.astype(np.float32)[:, None] for each in (holds - held, holds, passed / rests))
        added: Array = evidence - before
        added *= share
        self._word[at], self._held[at], self._seconds[at] = before + added, holds, rests
        before *= more
        added *= weight
        added += before
        added -= added.max(axis=1, keepdims=True)
        return added
