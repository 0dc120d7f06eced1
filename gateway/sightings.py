"""Tags heard by a gateway that is not the coordinator: a message a second, under tokens of the day.

Nobody stores it, and only the building's coordinators may read it (`whosight`, contract.md), and who walks a floor with
`hadir survey --mqtt`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.clock import SECOND, Clock
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import MAX_SIGHTINGS, Sightings
from gateway.contract.payload import MAX_BATCH
from gateway.contract.state import parse, write
from gateway.contract.times import parsed, written
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.mqtt import Link
from gateway.people import DAY_S, Resolver
from rules.api import Sighting

EVERY_S = 1.0
MOST_A_SECOND = 100
"""Packets of one tag: no radio hears more."""


class Reporter:
    """Gathers sightings and sends them."""

    def __init__(self, link: Link, origin: Origin, resolver: Resolver, clock: Clock, counters: Counters) -> None:
        self._link = link
        self._origin = origin
        self._resolver = resolver
        self._clock = clock
        self._counters = counters
        self._heard: dict[tuple[str, str], tuple[float, int]] = {}
        self._any = asyncio.Event()

    def add(self, sighting: Sighting) -> None:
        """A tag was heard."""
        key = (sighting.receiver, sighting.person)
        mean, count = self._heard.get(key, (0.0, 0))
        self._heard[key] = (mean + (sighting.rssi - mean) / (count + 1), count + 1)
        self._any.set()

    async def run(self) -> None:
        """Until cancelled; idle while nothing is heard."""
        while True:
            await self._any.wait()
            await asyncio.sleep(EVERY_S)
            self._any.clear()
            self.say()

    def say(self) -> None:
        """Send what was heard since the last time."""
        topic = topics.whosight(self._origin.site, self._origin.building, self._origin.gateway)
        heard, self._heard = self._heard, {}
        if heard and self._clock.quality().known:  # their token is the day's
            self._link.publish(topic, self.message(heard, self._clock.office()), qos=0)

    def message(self, heard: dict[tuple[str, str], tuple[float, int]], now: int) -> bytes:
        """Payload for what was heard until `now`: the strongest first, at most 200."""
        day = now // (DAY_S * SECOND)
        strongest = sorted(heard.items(), key=lambda item: -item[1][0])
        if len(strongest) > MAX_SIGHTINGS:
            self._counters.add("sightings.dropped", "many", len(strongest) - MAX_SIGHTINGS)
        rows = [
            (receiver, self._resolver.token(person, day), round(rssi, 1), count)
            for (receiver, person), (rssi, count) in strongest[:MAX_SIGHTINGS]
        ]
        return write(Sightings, {"at": written(now), "boot": self._origin.boot, "heard": rows})


def received(payload: bytes, resolver: Resolver, counters: Counters, plausible: Callable[[int], int]) -> list[Sighting]:
    """Sightings of another gateway. Raises PermanentError for a message that is not one.

    `plausible`: when a message was sent (Skew.plausible); one from the future comes of a clock that is wrong.
    """
    if len(payload) > MAX_BATCH:
        raise PermanentError("too_big", f"{len(payload)} bytes")
    message = parse(Sightings, payload)
    if message is None:
        return []
    at = parsed(message["at"])
    day = at // (DAY_S * SECOND)
    at = plausible(at)
    made: list[Sighting] = []
    for receiver, token, rssi, count in message["heard"]:
        person = resolver.by_token(token, day)
        if count == 0:
            counters.add("sightings.dropped", "empty")
        elif person is None:
            counters.add("sightings.dropped", "token")
        else:
            made.append(Sighting(person, receiver, rssi, at, min(count, MOST_A_SECOND)))
    return made
