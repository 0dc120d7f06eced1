"""Office time of the simulator: the same reckoning as the gateway's scaled clock, written a second time on purpose.

`START@ANCHORxSPEED`: office = START + (machine - ANCHOR) * SPEED, with START in RFC 3339 and ANCHOR in ns of the
machine's monotonic clock, so that all processes of one demo agree.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from firmware_sim.actions import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(NamedTuple):
    """Both clocks and how they go together."""

    start: int
    """Office ns when machine time is `anchor`."""
    anchor: int
    speed: float

    @classmethod
    def parse(cls, text: str) -> Clock:
        """Raises ValueError that says what is wrong."""
        start, at, rest = text.partition("@")
        anchor, times, speed = rest.partition("x")
        if not at or not times:
            raise ValueError(f"{text!r} is not START@ANCHORxSPEED, for example 2026-11-24T07:50:00+08:00@123456789x60")
        moment = datetime.fromisoformat(start)
        if moment.tzinfo is None:
            raise ValueError(f"{start!r} has no offset from UTC; write for example {start}+08:00")
        factor = float(speed)
        if not 0 < factor <= 3600:
            raise ValueError(f"speed {speed} is not within 0 and 3600")
        since = moment - _EPOCH
        office = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000
        return cls(office, int(anchor), factor)

    def office(self) -> int:
        """Office time now."""
        return self.office_at(time.monotonic_ns())

    def office_at(self, machine: int) -> int:
        return self.start + int((machine - self.anchor) * self.speed)

    def machine_at(self, office: int) -> int:
        return self.anchor + int((office - self.start) / self.speed)
