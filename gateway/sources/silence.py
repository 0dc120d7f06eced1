"""How long a radio may hear nobody before it is called deaf: pure, in machine time.

Where somebody advertises all the time a few seconds say it, an empty office at night says nothing for hours. So the
longest silence of late is kept, fading; a multiple of it is the patience, and never more than the watchdog of the
configuration. A scan that was begun anew in such air is heard sooner still, or its controller hangs; and the patience
with a radio that stays silent doubles.
"""

from __future__ import annotations

from gateway.clock import SECOND

LEAST = 5 * SECOND
TIMES = 5
"""Of the longest silence of late."""
AGAIN = 2
"""The same for a scan that was begun anew because of one."""
FADES = 120 * SECOND
"""What was the longest silence counts half after so long."""
DOUBLINGS = 6


class Silence:
    """Of one radio, over all its scans."""

    def __init__(self, watchdog: int) -> None:
        """`watchdog`: ns."""
        self._watchdog = watchdog
        self._usual = watchdog / TIMES
        self._last = self._looked = 0
        self._adverts = 0
        self.scans = 0
        """In a row that heard nobody."""

    def begin(self, now: int, adverts: int) -> None:
        """A scan has begun; so many adverts were heard before it."""
        self._last = self._looked = now
        self._adverts = adverts

    def hears(self, now: int, adverts: int) -> bool:
        """Whether somebody was heard since the last look."""
        if adverts == self._adverts:
            return False
        self._usual = max(self._usual * 0.5 ** ((now - self._looked) / FADES), now - self._last)
        self._adverts, self._last, self._looked, self.scans = adverts, now, now, 0
        return True

    def lasts(self, now: int) -> int:
        """ns since somebody was heard, or since the scan began."""
        return now - self._last

    def left(self, now: int) -> int:
        """ns until it is too long, if nobody is heard; 0: it is."""
        return max(0, self._last + self.patience + 1 - now)

    def deaf(self, now: int) -> bool:
        """Whether the silence is too long; it counts as one of a scan."""
        if self.left(now):
            return False
        self.scans += 1
        return True

    @property
    def patience(self) -> int:
        """ns that the scan has."""
        busy = min(self._watchdog, max(LEAST, int(TIMES * self._usual)))
        if self.scans == 0:
            return busy
        if self.scans == 1 and busy < self._watchdog:
            return busy * AGAIN // TIMES
        return self._watchdog << min(self.scans, DOUBLINGS)
