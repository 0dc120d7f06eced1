"""The drift of all receivers of a building (drift.py is one floor's): when to look, what to remember, whom to name.

Fact `locate`, key = building:  {"at": ns, "floors": {"<survey>": {"<receiver>": dB}}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rules.api import SECOND, Fact, Health, Sighting
from rules.belief import Beliefs, Heard
from rules.drift import LOOK_S, Drift

DRIFTED = "drifted"
"""Cause of the Health that names a receiver; it is heard and weighed all the same."""
KEEP_EVERY_S = 600
NOTABLE_DB = 0.1
"""Offsets that changed by less are not remembered anew."""
FixedAt = tuple[int, float, float]
"""Floor, x, y."""


class Drifts:
    """Of one building. It changes the beliefs that it was made with."""

    def __init__(self, beliefs: Sequence[Beliefs], fixed: Mapping[str, FixedAt]) -> None:
        self.floors = [Drift(one) for one in beliefs]
        self._names = [one.radio.receivers for one in beliefs]
        self._fixed = {
            tag: (floor, int(((beliefs[floor].radio.centres - (x, y)) ** 2).sum(axis=1).argmin()))
            for tag, (floor, x, y) in fixed.items()
        }
        self._heard: dict[str, dict[int, list[float]]] = {}
        """Fixed tag -> receiver -> sum of dBm, packets, since the last look."""
        self._looked = 0
        self._kept = 0
        self._remembered: dict[str, dict[str, float]] = {}
        self._named: frozenset[str] = frozenset()

    def restore(self, body: Mapping[str, Any], now: int) -> None:
        """From the fact; what is of another survey, or of receivers that are gone, is left out."""
        at = body.get("at")
        floors = body.get("floors")
        if not isinstance(at, int) or not isinstance(floors, Mapping):
            return
        for drift, names in zip(self.floors, self._names, strict=True):
            found = floors.get(str(drift.survey))
            if isinstance(found, Mapping):
                known = {names.index(name): found[name] for name in found if name in names}
                drift.restore({r: value for r, value in known.items() if _is_number(value)}, (now - at) / SECOND)
        self._remembered = self._offsets()

    def hear(self, item: Sighting, floor: int, receiver: int) -> bool:
        """Whether it is a fixed tag's; then it is taken."""
        at = self._fixed.get(item.person)
        if at is None:
            return False
        if at[0] == floor:
            sums = self._heard.setdefault(item.person, {}).setdefault(receiver, [0.0, 0])
            sums[0] += item.rssi * item.heard
            sums[1] += item.heard
        return True

    def take(self, floor: int, row: int, heard: Heard) -> None:
        """A tag was heard so for a window."""
        self.floors[floor].take(row, heard)

    def leave(self, floor: int, row: int) -> None:
        """The row is another tag's from now on."""
        self.floors[floor].leave(row)

    def look(self, tags: Callable[[int], Mapping[int, str]], now: int) -> tuple[tuple[Health, ...], tuple[Fact, ...]]:
        """A window has ended; every so often learn. `tags` of a floor, row -> person. Gives whom to name, by a Health.

        The second are facts to remember, without their key.
        """
        if not self._looked:
            self._looked = self._kept = now
        seconds = (now - self._looked) / SECOND
        if seconds < LOOK_S:
            return (), ()
        self._looked = now
        for tag, sums in self._heard.items():
            floor, cell = self._fixed[tag]
            order = sorted(sums)
            levels = [sums[r][0] / sums[r][1] for r in order]
            packets = [int(sums[r][1]) for r in order]
            self.floors[floor].take_fixed(tag, cell, Heard(order, levels, packets), now / SECOND)
        self._heard.clear()
        for floor, drift in enumerate(self.floors):
            drift.look(tags(floor), min(seconds, 6 * LOOK_S), now / SECOND)
        return tuple(self._names_new(now)), self._facts(now)

    def _names_new(self, now: int) -> Iterator[Health]:
        odd = frozenset(names[r] for drift, names in zip(self.floors, self._names, strict=True) for r in drift.odd)
        for name in sorted(odd ^ self._named):
            yield Health(name, name not in odd, DRIFTED, now)
        self._named = odd

    def _facts(self, now: int) -> tuple[Fact, ...]:
        if now - self._kept < KEEP_EVERY_S * SECOND:
            return ()
        self._kept = now
        held = self._offsets()
        before = self._remembered
        if all(
            abs(value - before.get(survey, {}).get(name, 0.0)) < NOTABLE_DB
            for survey, rows in held.items()
            for name, value in rows.items()
        ):
            return ()
        self._remembered = held
        return (Fact("", "", {"at": now, "floors": held}),)

    def kept(self, now: int) -> dict[str, Any] | None:
        """The body of its fact as of now; None where there is nothing to drift."""
        held = self._offsets()
        return {"at": now, "floors": held} if held else None

    def _offsets(self) -> dict[str, dict[str, float]]:
        return {
            str(drift.survey): {name: round(float(drift.offsets[r]), 2) for r, name in enumerate(names)}
            for drift, names in zip(self.floors, self._names, strict=True)
            if not drift.idle
        }

    def explain(self) -> dict[str, float]:
        """Offsets that matter, by receiver, dB."""
        return {name: value for rows in self._offsets().values() for name, value in rows.items() if abs(value) >= 1}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
