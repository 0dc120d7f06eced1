"""What the coordinator of a building learns from its other gateways, and says for one that is lost.

whosight  -> Sighting    tags that they hear
who       -> Life        desks that were taken and left there (one desk a person, presence)
status    -> Health      a gateway is lost: its receivers are deaf, its places are unknown(gateway_down)
"""

from __future__ import annotations

from gateway.bindings import Binding
from gateway.board import Board
from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract import arrival, topics
from gateway.contract import state as wire
from gateway.contract.envelope import Envelope, Origin
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.intake import Asked, Intake
from gateway.mqtt import Link, Message
from gateway.people import Resolver
from gateway.sightings import received
from rules.api import Health, Life

DOWN = "gateway_down"
STARTED, ENDED = "desk.checkin.started", "desk.checkin.ended"


class Coordinator:
    """Turns the messages of other gateways into inputs of this gateway's rules."""

    def __init__(
        self,
        *,
        office: Office,
        places: Places,
        origin: Origin,
        devices: dict[str, Binding],
        receivers_of: dict[str, list[str]],
        intake: Intake,
        board: Board,
        link: Link,
        resolver: Resolver,
        clock: Clock,
        counters: Counters,
    ) -> None:
        """`receivers_of`: receiver ids by gateway."""
        self._places = places
        self._origin = origin
        self._devices = devices
        self._receivers_of = receivers_of
        self._intake = intake
        self._board = board
        self._resolver = resolver
        self._clock = clock
        self._counters = counters
        self._quality = "simulated" if office.simulated else "good"
        self._down: set[str] = set()
        site, building = origin.site, origin.building
        link.subscribe(f"{PREFIX}/whosight/{site}/{building}/+", self._sightings, qos=0)
        for name in (STARTED, ENDED):
            link.subscribe(f"{PREFIX}/who/{site}/+/+/{name}", self._acts)
        link.subscribe(f"{PREFIX}/whohist/{site}/+/+", self._acts)
        link.subscribe(f"{PREFIX}/gw/{site}/+/status", self._status)

    @property
    def down(self) -> frozenset[str]:
        """Gateways that are lost now."""
        return frozenset(self._down)

    def _sightings(self, message: Message) -> None:
        try:
            for sighting in received(message.payload, self._resolver, self._counters):
                self._intake.telemetry(sighting, sighting.at)
        except PermanentError as error:
            self._counters.add("coordinator.refused", error.reason)
        message.ack()

    def _acts(self, message: Message) -> None:
        """Acknowledged when what follows from it is durable: a coordinator that is killed meanwhile is told again."""
        topic = topics.parse(message.topic)
        lives: list[Life] = []
        if topic is not None and topic.gateway != self._origin.gateway:
            for event in arrival.events(topic, message.payload):
                if isinstance(event, PermanentError):
                    self._counters.add("coordinator.refused", event.reason)
                elif event.type in (STARTED, ENDED) and event.person:
                    if self._places.owner(event.subject) == event.gateway:
                        lives.append(_life(event))
                    else:
                        self._counters.add("coordinator.refused", "not_owner")
        for life in lives[:-1]:
            self._intake.act(life, life.at)
        if lives:
            self._intake.act(Asked(lives[-1], lambda _rows: message.ack()), lives[-1].at)
        else:
            message.ack()

    def _status(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        if topic is not None and topic.gateway != self._origin.gateway:
            try:
                status = wire.parse(wire.GatewayStatus, message.payload)
            except PermanentError as error:
                self._counters.add("coordinator.refused", error.reason)
                status = None
            if status is not None:
                self._alive(topic.gateway, alive=status["state"] == "ready")
        message.ack()

    def _alive(self, gateway: str, *, alive: bool) -> None:
        if alive == (gateway not in self._down):
            return
        now = self._clock.office()
        for receiver in self._receivers_of.get(gateway, ()):
            self._intake.act(Health(receiver, alive, "" if alive else DOWN, now), now)
        for place, spot in self._places.spots.items():
            if spot.owner == gateway:
                if alive:
                    self._board.forget(topics.state(place))
                else:
                    self._board.set(topics.state(place), self._gone)
        if alive:
            self._down.discard(gateway)
        else:
            self._down.add(gateway)

    def _gone(self) -> bytes:
        return wire.place_state(
            "unknown",
            DOWN,
            confidence=0.0,
            gateway=self._origin.gateway,
            boot=self._origin.boot,
            sequence=0,
            now=self._clock.office(),
            quality=self._quality,
            sensed="unknown",
        )


def _life(event: Envelope) -> Life:
    return Life(
        place=event.subject,
        life="taken" if event.type == STARTED else "free",
        since=event.time,
        at=event.time,
        person=event.person,
        unit=event.unit,
        checkin_id=str(event.data.get("checkin_id", "")),
    )
