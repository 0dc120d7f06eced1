"""What an LD2410 makes of a desk or a room: targets, its own no-one delay, missed still targets, passers-by.

Time is office time, ns. The radar tells by `due` when what it reports changes by itself, so that the simulator can send
a report at that moment besides the regular ones.
"""

from __future__ import annotations

from random import Random

from firmware_sim import ld2410
from firmware_sim.actions import SECOND
from firmware_sim.ld2410 import NOBODY, Seen, Target

NO_ONE = 5 * SECOND
"""The module's no-one duration as it leaves the factory: so long it goes on reporting a target that it lost."""
SETTLE = 20 * SECOND
"""Somebody who has just come or is about to go moves; after that mostly not."""
MISS_EVERY_S = 420.0
"""A still person is missed about so often, for a second or two: the no-one delay covers nearly all of it."""
PASS_EVERY_S = 900.0
"""Somebody passes an empty place about so often, and is seen in one report."""
PASS = SECOND
PASS_APART = 60 * SECOND
"""Between two of them, and after somebody has left: else no hold could tell them from one who stays."""
NEVER = 1 << 62
RESTLESS, NEAR = 0.15, 0.97
"""Share of reports in which somebody who sits moves: in the eyes of a radar on the wall, and of a sensor close by."""


class Radar:
    """One module. `arrive` and `leave` are the world's truth, `see` is what the module says."""

    def __init__(self, seed: str, now: int, *, near: bool = False) -> None:
        """`near`: it looks at a chair from close by, as sensors under a desk and above a table do: it sees nobody pass,
        and every movement of somebody who sits."""
        self._near = near
        self._rng = Random(f"radar/{seed}")
        self._reach_cm = self._rng.randint(60, 140)
        self._people = 0
        self._moved = now - SETTLE
        self._left = now - NO_ONE - 1
        self._miss = (NEVER, NEVER)
        self._pass = self._next_pass(now)

    @property
    def occupied(self) -> bool:
        """The truth."""
        return self._people > 0

    @property
    def people(self) -> int:
        """The truth."""
        return self._people

    def arrive(self, now: int) -> None:
        self._people += 1
        self._moved = now
        self._miss = self._next_miss(now)

    def leave(self, now: int) -> None:
        self._people -= 1
        self._moved = now
        if not self._people:
            self._left = now
            self._miss = (NEVER, NEVER)
            self._pass = self._next_pass(now)

    def see(self, now: int) -> Seen:
        """What a report says now."""
        rng = self._rng
        if self._people:
            start, end = self._miss
            if now >= end:
                self._miss = self._next_miss(now)
            elif now >= start + NO_ONE:
                return NOBODY
            restless = NEAR if self._near else RESTLESS
            return self._somebody(moving=now - self._moved < SETTLE or rng.random() < restless, both=rng.random() < 0.5)
        if self._left <= now < self._left + NO_ONE:  # it speaks before the day begins as well
            return self._somebody(moving=False, both=False)
        start, end = self._pass
        if start <= now < end:
            return Seen(Target.MOVING, rng.randint(150, 300), rng.randint(30, 60))
        if now >= end:
            self._pass = self._next_pass(now)
        return NOBODY

    def due(self, now: int) -> int:
        """The next office time after `now` at which the report changes by itself."""
        missed, passer = self._miss, self._pass
        candidates = [missed[0] + NO_ONE, missed[1]] if self._people else [self._left + NO_ONE, *passer]
        return min((at for at in candidates if at > now), default=NEVER)

    def gates(self, seen: Seen) -> tuple[list[int], list[int]]:
        """Energies of the gates for an engineering report: a hump around the target over a noise floor."""
        rng = self._rng

        def hump(cm: int, energy: int) -> list[int]:
            return [max(rng.randint(0, 8), energy - 25 * abs(gate - cm // 75)) for gate in range(ld2410.GATES)]

        return hump(seen.moving_cm, seen.moving_energy), hump(seen.still_cm, seen.still_energy)

    def _somebody(self, *, moving: bool, both: bool) -> Seen:
        rng = self._rng
        cm = self._reach_cm + rng.randint(-8, 8)
        if not moving:
            return Seen(Target.STILL, 0, 0, cm, rng.randint(55, 100))
        if both:
            return Seen(Target.BOTH, cm + rng.randint(0, 20), rng.randint(40, 100), cm, rng.randint(45, 100))
        return Seen(Target.MOVING, cm, rng.randint(50, 100))

    def _next_miss(self, now: int) -> tuple[int, int]:
        start = now + SETTLE + self._wait(MISS_EVERY_S)
        length = min(self._rng.expovariate(1 / 1.3), 8.0)
        return start, start + int(length * SECOND)

    def _next_pass(self, now: int) -> tuple[int, int]:
        if self._near:
            return NEVER, NEVER
        start = now + PASS_APART + self._wait(PASS_EVERY_S)
        return start, start + PASS

    def _wait(self, mean_s: float) -> int:
        return int(self._rng.expovariate(1 / mean_s) * SECOND)
