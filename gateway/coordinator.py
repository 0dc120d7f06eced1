"""What the coordinator of a building learns from its other gateways, and says for one that is lost.

whosight  -> Sighting    tags that they hear
who       -> Life        desks that were taken and left there (one desk a person, presence)
          -> Booked      and reserved: who is booked elsewhere has not left their desk
status    -> Health      a gateway is lost: its receivers are deaf, its places are unknown(gateway_down)
sense     -> Shadow      while another leads: the visits, to go on with when it is lost

A candidate that does not lead hears the same, so that it can begin at once; it shows nothing and asks nobody.

A site may have several buildings, each with a coordinator of its own: what happens in another is not heard here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from gateway.bindings import Binding
from gateway.board import Board
from gateway.bookings import BOOKED, booked
from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract import arrival, topics
from gateway.contract import state as wire
from gateway.contract.envelope import Envelope, Origin
from gateway.contract.fence import Fence
from gateway.contract.times import parsed
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.intake import Asked, Intake
from gateway.mqtt import Link, Message
from gateway.people import Resolver
from gateway.roll import Roll
from gateway.shadow import ACTS, Shadow
from gateway.sightings import received
from gateway.skew import Skew
from gateway.terms import Terms
from rules.api import Booked, Command, Fact, Health, Life

DOWN = "gateway_down"
STARTED, ENDED = "desk.checkin.started", "desk.checkin.ended"
HEARD = (STARTED, ENDED, *BOOKED)
LOOK_S = 10.0
"""How often gateways are looked for that have ceased to say that they are there."""


class Coordinator:
    """Turns the messages of a building's other gateways into inputs of this gateway's rules."""

    def __init__(
        self,
        *,
        office: Office,
        places: Places,
        origin: Origin,
        devices: Mapping[str, Binding],
        receivers_of: Mapping[str, list[str]],
        intake: Intake,
        board: Board,
        link: Link,
        resolver: Resolver,
        clock: Clock,
        counters: Counters,
        terms: Terms,
        shadow: Shadow,
        remember: Callable[[Sequence[Fact], Callable[[], None]], None],
        seen: Callable[[int], None],
    ) -> None:
        """`receivers_of`: receiver ids by gateway. `remember`: facts, and what to call when they are durable.

        `seen`: a term that another has led in: its words may arrive where its beats do not.
        """
        self._seen = seen
        self._terms = terms
        self._shadow = shadow
        self._remember = remember
        self._places = places
        self._intake = intake
        self._board = board
        self._link = link
        self._origin = origin
        self._resolver = resolver
        self._clock = clock
        self._counters = counters
        self._skew = Skew(clock, counters)
        self._quality = "simulated" if office.simulated else "good"
        self._down: set[str] = set()
        self._fence = Fence()
        site, building = origin.site, origin.building
        self._inside = f"{site}/{building}/"
        self._owned: dict[str, list[str]] = {}
        """Places and zones of the building, by their owner."""
        for place in (*places.spots, *places.areas):
            if place.startswith(self._inside):
                self._owned.setdefault(places.owner(place), []).append(place)
        self._receivers = {
            gateway: [name for name in names if devices[name].place.startswith(self._inside)]
            for gateway, names in receivers_of.items()
        }
        standing = {gateway.id for gateway in office.gateways if gateway.place.split("/")[0] == building}
        hearing = {gateway for gateway, names in self._receivers.items() if names}
        self._gateways = frozenset(standing | hearing | set(self._owned)) - {origin.gateway, ""}
        self._roll = Roll(self._gateways, clock.machine())
        link.subscribe(f"{PREFIX}/whosight/{site}/{building}/+", self._sightings, qos=0)
        for gateway in sorted(self._gateways):
            for name in HEARD:
                link.subscribe(f"{PREFIX}/who/{site}/+/{gateway}/{name}", self._acts)
            link.subscribe(f"{PREFIX}/whohist/{site}/+/{gateway}", self._acts)
            link.subscribe(topics.gateway_status(site, gateway), self._status)
        self._others = frozenset(terms.candidates(building)) - {origin.gateway}
        for gateway in sorted(self._others):
            for name in sorted(ACTS):
                link.subscribe(f"{PREFIX}/who/{site}/+/{gateway}/{name}", self._news)
            link.subscribe(f"{PREFIX}/sense/{site}/{building}/{gateway}/+", self._news)
            link.subscribe(topics.sensehist(site, building, gateway), self._news)

    @property
    def down(self) -> frozenset[str]:
        """Gateways that are lost now."""
        return frozenset(self._down)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """A gateway whose broker has died with it has left no last will: who is silent for 90 s is lost as well."""
        if self._link.state.connected:
            for gateway, _ in self._roll.missing(self._clock.machine(), self._link.state.since):
                self._alive(gateway, alive=False)

    def lead(self) -> None:
        """From now on this gateway speaks for those that are lost."""
        for gateway in self._down:
            self._show(gateway, alive=False)

    def follow(self) -> None:
        """From now on another does. Nothing is taken back: what stands there is the other's to overwrite."""
        for gateway in self._down:
            for place in self._owned.get(gateway, ()):
                self._board.forget(topics.state(place))

    def _sightings(self, message: Message) -> None:
        if not self._terms.leading:
            message.ack()
            return
        plausible = partial(self._skew.plausible, message.topic.rpartition("/")[2])
        try:
            for sighting in received(message.payload, self._resolver, self._counters, plausible):
                self._intake.telemetry(sighting, sighting.at)
        except PermanentError as error:
            self._counters.add("coordinator.refused", error.reason)
        message.ack()

    def _acts(self, message: Message) -> None:
        """Acknowledged when what follows from it is durable: a coordinator that is killed meanwhile is told again."""
        topic = topics.parse(message.topic)
        lives: list[Life | Booked] = []
        facts: list[Fact] = []
        if topic is not None and topic.gateway in self._gateways:
            for event in arrival.events(topic, message.payload):
                if isinstance(event, PermanentError):
                    self._counters.add("coordinator.refused", event.reason)
                elif event.type in HEARD and event.person and event.subject.startswith(self._inside):
                    if self._places.owner(event.subject) == event.gateway:
                        item = booked(event) if event.type in BOOKED else life_of(event)
                        lives.append(self._skew.told(event.gateway, item))
                    else:
                        self._counters.add("coordinator.refused", "not_owner")
                elif topic.gateway in self._others and event.type in ACTS:
                    facts += self._shadowed(event)
        for life in lives[:-1]:
            self._intake.act(life, life.at)
        if lives:
            self._intake.act(Asked(lives[-1], lambda _rows: message.ack(), facts), lives[-1].at)
        elif facts:
            self._remember(facts, message.ack)
        else:
            message.ack()

    def _news(self, message: Message) -> None:
        """What another coordinator says of people."""
        topic = topics.parse(message.topic)
        facts: list[Fact] = []
        if topic is not None:
            for event in arrival.events(topic, message.payload):
                if isinstance(event, PermanentError):
                    self._counters.add("coordinator.refused", event.reason)
                else:
                    facts += self._shadowed(event)
        if facts:
            self._remember(facts, message.ack)
        else:
            message.ack()

    def _shadowed(self, event: Envelope) -> list[Fact]:
        """The fact that news of another coordinator change; while this one decides, its rule is told instead."""
        self._fence.told(self._inside[:-1], event.data)
        self._seen(int(event.data.get("term") or 0))
        if not event.subject.startswith(self._inside):
            return []
        if self._fence.refuses(event.type, event.subject, event.data, event.recorded):
            self._counters.add("coordinator.refused", "old_term")
            return []
        if self._terms.leading:
            self._recall(event)
            return []
        fact = self._shadow.take(event)
        return [] if fact is None else [fact]

    def _recall(self, event: Envelope) -> None:
        """What another decided while it led comes only now: it was cut off, or is killed and back."""
        data = event.data
        args = {
            "type": event.type,
            "id": data.get("visit_id") or data.get("checkin_id") or event.id,
            "state": data.get("state"),
            "method": data.get("method") or "badge",
            "assurance": data.get("assurance") or "claimed",
            "arrangement": data.get("arrangement") or "",
        }
        at = self._skew.plausible(event.gateway, event.time)
        self._intake.act(Command("recall", event.subject, at, event.person, event.unit, args=args), at)

    def _status(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        if topic is not None and topic.gateway in self._gateways:
            try:
                status = wire.parse(wire.GatewayStatus, message.payload)
            except PermanentError as error:
                self._counters.add("coordinator.refused", error.reason)
                status = None
            if status is not None:
                machine, office = self._clock.machine(), self._clock.office()
                news = self._roll.told(topic.gateway, status, retained=message.retain, machine=machine, office=office)
                if news is not None:
                    self._alive(topic.gateway, alive=news[0])
        message.ack()

    def _alive(self, gateway: str, *, alive: bool) -> None:
        if alive == (gateway not in self._down):
            return
        if alive:
            self._down.discard(gateway)
        else:
            self._down.add(gateway)
        if self._terms.leading:
            self._show(gateway, alive=alive)

    def _show(self, gateway: str, *, alive: bool) -> None:
        now = self._clock.office()
        for receiver in self._receivers.get(gateway, ()):
            self._intake.act(Health(receiver, alive, "" if alive else DOWN, now), now)
        for place in self._owned.get(gateway, ()):
            if alive:
                self._board.forget(topics.state(place))
            else:
                self._board.set(topics.state(place), self._gone)

    def _gone(self) -> bytes:
        return wire.place_state(
            "unknown",
            DOWN,
            confidence=0.0,
            gateway=self._origin.gateway,
            boot=self._origin.boot,
            sequence=0,
            valid_until=self._clock.office_in(wire.VALID_S),
            quality=self._quality,
            term=self._terms.term,
        )


def life_of(event: Envelope) -> Life:
    """What an event of one of the first two types says of a desk."""
    started = event.type == STARTED
    evidence = event.data.get("evidence") if started else None
    return Life(
        place=event.subject,
        life="taken" if started else "free",
        since=event.time,
        at=event.time,
        person=event.person,
        unit=event.unit,
        checkin_id=str(event.data.get("checkin_id", "")),
        reader=str(evidence[0].get("dev") or "") if evidence else "",
        assurance=str(event.data.get("assurance") or "claimed"),
        began=event.time if started else parsed(event.data["start"]) if event.data.get("start") else 0,
        last=event.time if started else parsed(event.data["last_evidence"]) if event.data.get("last_evidence") else 0,
    )
