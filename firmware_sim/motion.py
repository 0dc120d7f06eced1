"""A motion sensor under a desk: it sees movements, not people, and who reads sits still for minutes at times."""

from __future__ import annotations

from random import Random

from firmware_sim.actions import SECOND

GAP_S = 40.0
"""Mean time between two movements of somebody who sits ..."""
STILL_S, STILL_SHARE = 150.0, 0.03
"""... and, for this share of them, of somebody who reads ..."""
STILLEST_S = 420.0
"""... but nobody who is awake keeps so still for longer."""
BLIND = 30 * SECOND
"""After a telegram of a movement the next one waits for so long."""
NEVER = 1 << 62


class Motion:
    """One sensor. `arrive` and `leave` are the truth; `moves` tells when it next sees something move."""

    def __init__(self, seed: str) -> None:
        self._rng = Random(f"motion/{seed}")
        self._people = 0
        self._told = 0
        self.moves = NEVER

    def arrive(self, now: int) -> None:
        self._people += 1
        self.moves = max(now, self._told + BLIND)

    def leave(self, now: int) -> None:
        """Getting up is a movement too."""
        self._people -= 1
        self.moves = max(now, self._told + BLIND) if now - self._told >= BLIND else NEVER

    def told(self, now: int) -> None:
        """It has told of a movement; plan the next."""
        self._told = now
        if not self._people:
            self.moves = NEVER
            return
        mean = STILL_S if self._rng.random() < STILL_SHARE else GAP_S
        self.moves = now + BLIND + int(min(STILLEST_S, self._rng.expovariate(1 / mean)) * SECOND)
