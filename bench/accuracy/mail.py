"""What gateways of a building send to each other, as it arrives: through the wire's form, with its milliseconds.

Sightings wait for the end of their second and come as means; an event of a desk is read from its envelope; a tap that
another gateway decides goes through the forwarder's rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from gateway import coordinator, forwarded
from gateway.bookings import BOOKED, booked
from gateway.clock import SECOND
from gateway.contract.envelope import decode
from gateway.contract.times import parsed, written
from gateway.sightings import EVERY_S
from rules.api import Booked, Command, Input, Life, Reading, Sighting

EVERY = int(EVERY_S * SECOND)
NEVER = 1 << 62


def tap(item: Reading) -> Input:
    """A badge at a reader of the workplace, whose gateway is not the coordinator."""
    return forwarded.of_row(json.loads(json.dumps(forwarded.as_row(1, item))))


def asked(item: Command) -> Command:
    """What the coordinator asks of a desk's owner."""
    return item._replace(at=parsed(written(item.at)), args=json.loads(json.dumps(dict(item.args))))


def news(body: bytes) -> Life | Booked | None:
    """What a coordinator learns from an event of class `who`; None: nothing."""
    event = decode(body)
    if event.type not in coordinator.HEARD or not event.person:
        return None
    return booked(event) if event.type in BOOKED else coordinator.life_of(event)


class Gathered:
    """The sightings of one gateway, until it says them: gateway/sightings.py without tokens."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], tuple[float, int]] = {}
        self.due = NEVER

    def add(self, sighting: Sighting) -> None:
        key = (sighting.receiver, sighting.person)
        mean, count = self._heard.get(key, (0.0, 0))
        self._heard[key] = (mean + (sighting.rssi - mean) / (count + 1), count + 1)
        self.due = min(self.due, sighting.at + EVERY)

    def say(self, now: int) -> Iterator[Sighting]:
        """Everything that was heard since the last time."""
        heard, self._heard, self.due = self._heard, {}, NEVER
        at = parsed(written(now))
        for (receiver, person), (rssi, count) in sorted(heard.items(), key=lambda one: -one[1][0]):
            yield Sighting(person, receiver, round(rssi, 1), at, count)
