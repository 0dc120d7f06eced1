"""Times that another gateway gives, where its clock is ahead of ours.

A little is the clocks' business: what is heard stands at its own time, and the engine waits for the clock
(pipeline.py), so that no window and no grace of anybody else ends early. What is further ahead than clocks of one site
may be is of now, as far as we can know. It is counted and the gateway is named (`clock.ahead{gateway}`, and once in the
log); its word stays as live as any, and wins over nobody's that was heard before it by being of the future.

What is told again, as nobody answered, keeps the time that it was given: it is known by it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict

from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from rules.api import Booked, Health, Life, Reading

AHEAD_S = 5
"""Clocks of one site differ by less."""
ALARM = "clock.ahead"
MOST = 1024
"""Times that are remembered."""
_log = logging.getLogger(__name__)


class Skew:
    """Of all gateways that speak to this one."""

    def __init__(self, clock: Clock, counters: Counters) -> None:
        self._clock = clock
        self._counters = counters
        self._given: OrderedDict[tuple[str, int], int] = OrderedDict()

    def plausible(self, gateway: str, at: int) -> int:
        """`at`, or now where no clock can be so far ahead. The same time is given the same answer."""
        now = self._clock.office()
        if at <= now + AHEAD_S * SECOND and (gateway, at) not in self._given:
            return at
        known = self._given.get((gateway, at))
        if known is not None:
            return known
        if not self._counters.get(ALARM, gateway):
            ahead = (at - now) / SECOND
            _log.error("gateway %s: its clock is %.0f s ahead of ours, and its word is taken as of now", gateway, ahead)
        self._counters.add(ALARM, gateway)
        self._given[gateway, at] = now
        if len(self._given) > MOST:
            self._given.popitem(last=False)
        return now

    def reading(self, gateway: str, item: Reading | Health) -> Reading | Health:
        """What it has forwarded."""
        at = self.plausible(gateway, item.at)
        return item if at == item.at else item._replace(at=at)

    def told(self, gateway: str, item: Life | Booked) -> Life | Booked:
        """What it has said of a desk. A booking begins and ends when it was booked for."""
        if isinstance(item, Booked):
            at = self.plausible(gateway, item.at)
            return item if at == item.at else item._replace(at=at)
        since, at, began, last = (self.plausible(gateway, t) for t in (item.since, item.at, item.began, item.last))
        return item._replace(since=since, at=at, began=began, last=last)
