"""What receivers hear of one tag: smoothed dBm, when last, and how many sightings are behind it.

Kept in arrays: a building has ten thousand tags at twenty receivers each, and an object a number would take four times
the memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

MOST = 32
"""Receivers of one tag. Beyond it the one that heard it longest ago is forgotten."""
_MANY = 255
"""Sightings are counted so far."""


class Votes:
    """By receiver. `levels` and `heard` (ns) are in the order of `slots`, for the hot path to read."""

    __slots__ = ("_counts", "heard", "levels", "slots")

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.levels = array("d")
        self.heard = array("q")
        self._counts = array("B")

    def __len__(self) -> int:
        return len(self.slots)

    def __contains__(self, receiver: str) -> bool:
        return receiver in self.slots

    def __iter__(self) -> Iterator[str]:
        return iter(self.slots)

    def level(self, receiver: str) -> float:
        """Smoothed, dBm."""
        return self.levels[self.slots[receiver]]

    def last(self, receiver: str) -> int:
        """When it was heard, ns."""
        return self.heard[self.slots[receiver]]

    @property
    def latest(self) -> int:
        """When any heard it last; 0: none did."""
        return max(self.heard, default=0)

    def take(self, slot: int, rssi: float, at: int, smooth: int, fresh: int) -> float:
        """Another sighting, not earlier than the last, of a receiver that is known; its level now.

        After a pause longer than `fresh` it begins anew. A plain mean at first, or the first sighting would weigh most.
        """
        passed = at - self.heard[slot]
        self.heard[slot] = at
        level = self.levels[slot]
        count = self._counts[slot] + 1
        if passed > fresh:
            level, count = rssi, 1
        else:
            share = passed / (smooth + passed)
            level += (rssi - level) * (share if share * count > 1 else 1 / count)
        self.levels[slot] = level
        if count <= _MANY:
            self._counts[slot] = count
        return level

    def add(self, receiver: str, rssi: float, at: int) -> None:
        """The first sighting of a receiver."""
        self.slots[receiver] = len(self.slots)
        self.levels.append(rssi)
        self.heard.append(at)
        self._counts.append(1)

    def drop(self, receiver: str) -> None:
        """Forget what it heard."""
        slot, last = self.slots.pop(receiver), len(self.slots)
        self.levels[slot], self.heard[slot], self._counts[slot] = self.levels[-1], self.heard[-1], self._counts[-1]
        del self.levels[-1], self.heard[-1], self._counts[-1]
        if slot < last:
            moved = next(name for name, at in self.slots.items() if at == last)
            self.slots[moved] = slot

    def since(self, at: int) -> list[str]:
        """Receivers that heard it at `at` or later, in the order in which they first did."""
        return [name for name, slot in self.slots.items() if self.heard[slot] >= at]
