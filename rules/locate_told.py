"""When what is believed of a tag's zone is told: at once while it moves, and while it is still only when it lasts.

A belief sways with the crowd and with slow fading, so on a border it goes to and fro all day. What is told stays as it
is unless the tag was seen to move (locate_motion.py) and the belief swung over with it, or the belief has been on the
other side for so long that it is not a swing; the longer a tag has been where it is, the longer.

Of one floor, a row a tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rules.api import SECOND, Located
from rules.belief import Beliefs, Heard
from rules.evidence import personal
from rules.locate_model import FloorMap, Tag
from rules.locate_motion import Motion

Shares = np.ndarray[Any, np.dtype[np.float32]]

FIRST, FIRST_AGAIN, SHARP = 6.0, 1.5, 2.0
"""A first zone is told when it has led by so much, over the seconds, of which those that are sure count for more; less
is asked of who comes from another floor ..."""
VAGUE, SURE, SLOWLY = 0.7, 0.95, 0.25
"""... but seconds in which the belief is as wide as the floor count for less, unless it leads by this all the same."""
LEAD, SWUNG, RECENT_S = 0.1, 1.0, 15.0
"""Who moves is in the zone that leads now, if against the last seconds the belief has swung so far to it."""
AFTER_S, AFTER_LEAD = 20 * SECOND, 0.8
"""So long after it moved, a zone is told that leads by so much: a belief may be slower than a walk."""
SELDOM_S, SELDOM_LEAD = 5.0, 0.35
"""Who was not heard for so long may have walked unseen, and the error of the new window is another one: this lead is
enough."""
SOON_S, LATE_S, OF_STAY, SOON_LEAD = 20.0, 60.0, 0.25, 0.9
"""A lead that lasts: its mean over a quarter of the stay, within bounds, is so much ..."""
LONG_S, LONG_LEAD = 200.0, 0.75
"""... or over minutes so much: a border's noise is gone by then."""
HELD = 0.1
"""A share that is evidence of the zone that is told, though another one leads."""
SOFT = 0.7
"""Exponent of a told confidence: beliefs are surer than they should be, as a map's errors are alike in time."""


class Judge:
    """All tags of a floor: how their beliefs have been, and what is told of them."""

    def __init__(self, floor: FloorMap, beliefs: Beliefs, refresh: int, capacity: int = 16) -> None:
        zones = len(floor.radio.zones)
        self._names = floor.radio.zones
        self._zone = {name: number for number, name in enumerate(self._names)}
        self._private = [name in floor.private for name in self._names]
        self._beliefs = beliefs
        self._refresh = refresh
        self._motion = Motion(len(floor.radio.receivers))
        self._means = np.zeros((3, capacity, zones), dtype=np.float32)
        """Of shares: over RECENT_S, over a part of the stay, over LONG_S. Negative: there was none yet."""

    def begin(self, row: int) -> None:
        """A tag that was not known on this floor."""
        while row >= self._means.shape[1]:
            self._means = np.concatenate([self._means, np.zeros_like(self._means)], axis=1)
        self._means[:, row] = -1.0
        self._motion.begin(row)

    def judge(
        self, tags: Sequence[Tag], heard: Sequence[Heard], shares: Shares, gaps: Sequence[float], now: int
    ) -> Iterator[Located]:
        """Windows of these tags were weighed; says what is to be told."""
        rows = [tag.row for tag in tags]
        moved = self._motion.moved(rows, heard, gaps)
        passed = np.array(gaps)
        stays = np.array([(now - tag.settled) / SECOND for tag in tags])
        times = (np.full(len(tags), RECENT_S), (stays * OF_STAY).clip(SOON_S, LATE_S), np.full(len(tags), LONG_S))
        means = self._means[:, rows]
        means = np.where(means < 0, shares, means)
        recent = means[0].copy()
        for mean, time in zip(means, times, strict=True):
            mean += (shares - mean) * np.minimum(1.0, passed / time)[:, None].astype(np.float32)
        self._means[:, rows] = means
        for n, (tag, best, moves) in enumerate(zip(tags, shares.argmax(axis=1).tolist(), moved.tolist(), strict=True)):
            if moves:
                tag.moved = now
            if tag.faint:
                continue
            if tag.zone == self._names[best] and now - tag.told < self._refresh and not self._private[best]:
                tag.evidence = tag.last  # nearly all of them
                continue
            yield from self._one(tag, best, shares[n], recent[n], means[1:, n], gaps[n], now)

    def _one(
        self, tag: Tag, best: int, shares: Shares, recent: Shares, means: Shares, seconds: float, now: int
    ) -> Iterator[Located]:
        names = self._names
        told = -1 if tag.zone is None else self._zone.get(tag.zone, -1)
        if self._private[best]:
            tag.lead = 0.0
            return
        if told < 0:
            if not self._first(tag, shares, best, seconds):
                return
        elif told == best or not self._over(tag, told, best, shares, recent, means, seconds, now):
            if shares[told] >= HELD:
                tag.evidence = tag.last
            if now - tag.told >= self._refresh:
                yield self._tell(tag, shares, told, now)
            return
        tag.zone, tag.cause, tag.evidence, tag.lead, tag.settled = names[best], None, tag.last, 0.0, now
        self._means[1:, tag.row] = np.arange(len(names)) == best
        yield self._tell(tag, shares, best, now)

    def _first(self, tag: Tag, shares: Shares, best: int, seconds: float) -> bool:
        """Whether there is enough to tell anything at all."""
        lead = float(shares[best]) - float(np.delete(shares, best).max(initial=0.0))
        if best != tag.leader:
            tag.leader, tag.lead = best, 0.0
        clear = lead >= SURE or self._beliefs.spread(tag.row) <= VAGUE * self._beliefs.widest
        tag.lead += seconds * lead**SHARP * (1.0 if clear else SLOWLY)
        return tag.lead >= (FIRST if tag.zone is None else FIRST_AGAIN)

    def _over(
        self,
        tag: Tag,
        told: int,
        best: int,
        shares: Shares,
        recent: Shares,
        means: Shares,
        seconds: float,
        now: int,
    ) -> bool:
        """Whether the tag is in the zone that leads, and no more in the one that was told."""
        lead = float(shares[best] - shares[told])
        if seconds >= SELDOM_S and lead >= SELDOM_LEAD:
            return True
        if tag.moved == now and lead >= LEAD and lead - float(recent[best] - recent[told]) >= SWUNG:
            return True
        if tag.moved and now - tag.moved < AFTER_S and lead >= AFTER_LEAD:
            return True
        soon, late = (means[:, best] - means[:, told]).tolist()
        return bool(soon >= SOON_LEAD or late >= LONG_LEAD)

    def _tell(self, tag: Tag, shares: Shares, zone: int, now: int) -> Located:
        names = self._names
        others = shares.copy()
        others[zone] = -1
        second = int(others.argmax())
        challenger = None
        if len(names) > 1 and shares[second] > 0:
            challenger = {"zone": names[second], "weight": round(float(shares[second]), 2)}
        tag.told = now
        sure = round(confidence(shares, zone) * tag.fit, 2)
        return Located(tag.person, names[zone], None, now, tag.evidence, sure, (personal("tag", tag.via),), challenger)


def confidence(shares: Shares, zone: int) -> float:
    """Of a zone, 0 to 1."""
    softened = shares.astype(float) ** SOFT
    return float(softened[zone] / softened.sum()) if softened.sum() else 0.0
