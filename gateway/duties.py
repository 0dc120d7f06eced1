"""What a gateway owes its surroundings: retained states, other gateways' readings, and what crosses places.

Everything shown here is durable already: the pipeline calls `committed` after the outbox's commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from uuid import uuid4

from drivers.api import Frame, Measurement
from gateway.bindings import Binding
from gateway.board import Board
from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.places import Places, Spot
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import CommandMessage
from gateway.contract.times import written
from gateway.counters import Counters
from gateway.forward import Forwarder
from gateway.mqtt import Link
from gateway.outbox_store import Row
from gateway.sightings import Reporter
from gateway.terms import Terms
from gateway.views import STARTING, Views
from rules import counting
from rules.api import Command, Fact, Health, Input, Reading, Sighting

CLAIMED = frozenset({"desk", "room", "booth"})
"""Kinds of places that somebody may have a claim to, beside what is sensed there."""
COORDINATOR = "coordinator"
Doubted = Callable[[Health], None]
"""gateway.equipment.Equipment.doubted."""
Heard = Callable[[Binding, Frame, Sequence[Measurement]], None]
"""gateway.equipment.Equipment.heard."""
Tapped = Callable[[Frame, Sequence[Row]], None]
"""gateway.feedback.Feedback.tapped."""


class Duties:
    """Implements pipeline.Surroundings for one gateway."""

    def __init__(
        self,
        *,
        office: Office,
        places: Places,
        origin: Origin,
        views: Views,
        board: Board,
        link: Link,
        reporter: Reporter,
        terms: Terms,
        forwarder: Forwarder,
        heard: Heard,
        tapped: Tapped,
        watched: frozenset[str],
        clock: Clock,
        counters: Counters,
        doubted: Doubted | None = None,
    ) -> None:
        """`reporter`: takes the sightings while another gateway locates tags; `watched`: places with a sensor."""
        self._office = office
        self._places = places
        self._origin = origin
        self._views = views
        self._board = board
        self._link = link
        self._reporter = reporter
        self._terms = terms
        self._forwarder = forwarder
        self.heard, self.tapped = heard, tapped
        self._doubted = doubted
        self._clock = clock
        self._counters = counters
        self._quality = "simulated" if office.simulated else "good"
        self._watched = watched
        self._names = _names(office)
        self._elsewhere: dict[str, list[Spot]] = {}
        """By zone: its spaces that another gateway decides."""
        for spot in places.spots.values():
            if spot.owner != origin.gateway:
                self._elsewhere.setdefault(spot.zone, []).append(spot)
        self._shown: dict[str, tuple[str, str | None]] = {}
        """By zone: (state, cause) as it was shown last."""

    # --- what the pipeline calls ------------------------------------------------------------------------------------

    def forward(self, item: Input) -> bool:
        """Give to others what they decide; False for what this gateway decides."""
        match item:
            case Sighting() if not self._terms.leading:
                self._reporter.add(item)
                return True
            case Reading() if (owner := self.decider(item)) != self._origin.gateway:
                self._forwarder.add(owner, item)
                return True
            case Health():
                return self._forwarder.tell(item)
            case _:
                return False

    def take_facts(self) -> Sequence[Fact]:
        """Taps that were given to others and that they have not committed."""
        return self._forwarder.take_facts()

    def committed(self, emitted: Sequence[Input], rows: Sequence[Row]) -> None:
        """Show what is durable."""
        zones: set[str] = set()
        for place in self._views.apply(emitted, rows):
            self._board.touch(topics.state(place))
            zones.add(self._places.zone_of(place))
        for zone in zones:
            self._board.touch(topics.agg(zone))
            now = self._together(zone)[:2]
            if self._shown.get(zone) != now:  # the heartbeat carries what else changes
                self._shown[zone] = now
                self._board.touch(topics.state(zone))
        for item in emitted:
            if isinstance(item, Command) and self._places.owner(item.place) != self._origin.gateway:
                self._ask(item)
            elif isinstance(item, Health) and self._doubted is not None:
                self._doubted(item)

    def decider(self, reading: Reading) -> str:
        """The gateway that decides a reading: the place's owner, or the coordinator for the workplace's readers."""
        if reading.modality == "badge" and reading.role != "desk":
            return self._terms.coordinator(reading.place.split("/", 2)[1])
        return self._places.owner(reading.place) or self._origin.gateway

    def _ask(self, command: Command) -> None:
        """A command of the coordinator to another gateway; asked again by its rule while it has no effect.

        A standby has the same rule and the same news, and asks nobody.
        """
        if not self._terms.leading:
            return
        owner = self._places.owner(command.place)
        body = wire.write(
            CommandMessage,
            {
                "id": str(uuid4()),
                "issued_at": written(self._clock.office()),
                "actor": self._origin.gateway,
                "role": COORDINATOR,
                "client": self._origin.gateway,
                "place": command.place,
                "pid": command.person,
                "unit": command.unit,
                "at": written(command.at),
                "term": self._terms.term,
                "args": dict(command.args),
            },
        )
        topic = topics.command(self._origin.site, owner, command.name, person=True)
        if not self._link.publish(topic, body, expiry_s=30):
            self._counters.add("duties.command_deferred")

    # --- retained topics --------------------------------------------------------------------------------------------

    def post_all(self) -> None:
        """Own the retained topics of all places and zones that this gateway decides."""
        for place in self._views.places:
            self._board.set(topics.state(place), partial(self._state, place))
            self._board.set(topics.catalogue(place), partial(self._catalogue, place), expiry_s=None)
        for zone in self._views.zones:
            self._board.set(topics.state(zone), partial(self._zone_state, zone))
            self._board.set(topics.agg(zone), partial(self._aggregate, zone))

    def _state(self, place: str) -> bytes:
        sensed, life = self._views.sensed(place), self._views.life(place)
        claimed = self._views.spot(place).space.kind in CLAIMED
        return self._written(
            place,
            self._sensed(place),
            quality=self._quality if sensed is None or sensed.quality == "good" else sensed.quality,
            watched=place in self._watched,
            life=life.life if claimed and life is not None else None,
            life_since=0 if life is None else life.since,
        )

    def _zone_state(self, zone: str) -> bytes:
        verdict = self._together(zone)
        places = self._views.in_zone(zone)
        behind = [held for held in map(self._views.sensed, places) if held is not None and held.state == verdict[0]]
        return self._written(
            zone,
            verdict,
            quality=next((held.quality for held in behind if held.quality != "good"), self._quality),
            watched=not self._watched.isdisjoint(places),
        )

    def _written(
        self,
        place: str,
        verdict: tuple[str, str | None, float],
        *,
        quality: str,
        watched: bool,
        life: str | None = None,
        life_since: int = 0,
    ) -> bytes:
        """The retained state of a place or zone. `watched`: a sensor stands behind the verdict."""
        boot, sequence = self._views.sequence(place) or (self._origin.boot, 0)
        state, cause, confidence = verdict
        return wire.place_state(
            state,
            cause,
            confidence=confidence,
            gateway=self._origin.gateway,
            boot=boot,
            sequence=sequence,
            valid_until=self._clock.office_in(wire.VALID_S),
            quality=quality,
            sensed=state if watched else None,
            life=life,
            life_since=life_since,
        )

    def _sensed(self, place: str) -> tuple[str, str | None, float]:
        """(state, cause, confidence) of a place that this gateway decides."""
        held = self._views.sensed(place)
        return ("unknown", STARTING, 0.0) if held is None else (held.state, held.cause, held.confidence)

    def _together(self, zone: str) -> tuple[str, str | None, float]:
        """(state, cause, confidence) of a zone; what others decide of it is not known here."""
        others = [("unknown", "no_evidence", 0.0) for _ in self._elsewhere.get(zone, ())]
        return counting.together([*map(self._sensed, self._views.in_zone(zone)), *others])

    def _aggregate(self, zone: str) -> bytes:
        rows: list[tuple[str, str]] = [("unknown", spot.space.mode) for spot in self._elsewhere.get(zone, ())]
        for place in self._views.in_zone(zone):
            life = self._views.life(place)
            rows.append((self._sensed(place)[0], "" if life is None else life.life))
        until = self._clock.office_in(wire.VALID_S)
        return wire.aggregate(**counting.aggregate(rows), gateway=self._origin.gateway, valid_until=until)

    def _catalogue(self, place: str) -> bytes:
        spot = self._views.spot(place)
        return wire.write(
            wire.PlaceCatalogue,
            {
                "names": self._names[place],
                "kind": spot.space.kind,
                "capacity": spot.space.capacity,
                "owner": spot.owner,
                "unit": spot.unit,
                "mode": spot.space.mode,
                "accessible": spot.space.accessible,
            },
        )


def _names(office: Office) -> dict[str, Mapping[str, str | None]]:
    """What people call each space, from the building down."""
    return {
        f"{office.site}/{building.id}/{floor.id}/{zone.id}/{space.id}": {
            "building": building.name,
            "floor": floor.name,
            "zone": zone.name,
            "space": space.name,
        }
        for building in office.buildings
        for floor in building.floors
        for zone in floor.zones
        for space in zone.spaces
    }
