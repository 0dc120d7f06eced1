"""Replay counters: an encrypted frame is believed once. An old one that somebody recorded and sends again is not.

A frame is *fresh* when its counter is higher than the last. The same counter again is an advert's ordinary *repeat*.
A lower one is a *replay*, unless the device has begun anew: a battery was changed, and it counts from its start again.
That is believed after several different frames have counted upwards, from below, in the order in which they came, and
none of the old row came between. What they said meanwhile is not used.

A counter is written in the transaction of what its frame caused, so that a frame that changed something can never do so
again after a restart; those of frames that changed nothing follow now and then, and at the stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rules.api import Fact

NAME = "counter"
RESTART_BELOW = 1000
"""Where a device that counts from its start may be heard first: a few minutes after its battery was changed."""
RESTART_AFTER, RESTART_AFTER_ANYWHERE = 4, 20
"""So many frames, one higher than the other, show that a device counts anew: from its start, or (some begin at random)
from anywhere."""


class _Row(NamedTuple):
    last: int
    """The highest that was believed."""
    anew: int = -1
    """The highest of a row that began below; -1: there is none."""
    length: int = 0
    """Frames of that row."""
    needed: int = RESTART_AFTER
    """Frames that it takes to be believed."""


class ReplayGuard:
    """Counters of this gateway's devices."""

    def __init__(self, facts: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """`facts`: what `take_facts` gave in an earlier life, by device."""
        self._rows = {
            device: _Row(body["last"]) for device, body in (facts or {}).items() if isinstance(body.get("last"), int)
        }
        self._changed: set[str] = set()

    def judge(self, device: str, counter: int) -> str:
        """`fresh`, `repeat`, `replay` or `restarted`; only the first and the last of them may be used."""
        row = self._rows.get(device)
        if row is None or counter > row.last:
            self._keep(device, _Row(counter))
            return "fresh"
        if counter == row.last:
            return "repeat"
        if counter == row.anew:
            return "repeat"
        if counter < row.anew or row.anew < 0:
            needed = RESTART_AFTER if counter < RESTART_BELOW else RESTART_AFTER_ANYWHERE
            self._rows[device] = row._replace(anew=counter, length=1, needed=needed)
            return "replay"
        if row.length + 1 < row.needed:
            self._rows[device] = row._replace(anew=counter, length=row.length + 1)
            return "replay"
        self._keep(device, _Row(counter))
        return "restarted"

    def take_facts(self) -> Sequence[Fact]:
        """Counters that changed since they were taken last: facts for the transaction of what they caused."""
        facts = [Fact(NAME, device, {"last": self._rows[device].last}) for device in sorted(self._changed)]
        self._changed.clear()
        return facts

    def _keep(self, device: str, row: _Row) -> None:
        self._rows[device] = row
        self._changed.add(device)
