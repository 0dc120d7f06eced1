"""All gateways of a building in one process, without broker, disk and clock: hops 2 to 5 of each are the real ones.

What gateways send to each other (taps and sightings to the coordinator, events of desks, its commands back) passes
through a queue in the wire's form (mail.py); what they commit is kept in memory. A gateway that goes down loses
everything but its facts.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bench.accuracy import controls, mail
from drivers.api import Frame, Measurement
from firmware_sim.office import Office as Tower
from firmware_sim.watchers import Said
from gateway import bindings, radio, wiring
from gateway.bindings import Binding, Bound
from gateway.clock import SECOND
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract.envelope import Origin, encode
from gateway.counters import Counters
from gateway.decode import by_medium, installed
from gateway.directory import UNKNOWN, Refusal
from gateway.engine import Engine
from gateway.normalize import Normalizer
from gateway.outbox import Draft
from gateway.outbox_store import Row
from gateway.pipeline import Pipeline
from gateway.replay import RecordedClock
from gateway.snapshots import Entry
from rules import occupancy
from rules.api import Command, Event, Fact, Health, Input, Reading, Sighting
from rules.room_model import RoomModel

DEAD_AFTER = 6 * SECOND
"""A gateway whose beat is missing for so long is lost."""
NEVER = mail.NEVER
Listener = Callable[[Event], None]


class SimulatedTime(RecordedClock):
    """Stands where the item being played is; so does the machine's time."""

    def machine(self) -> int:
        return self.now


class Roll:
    """Who holds which credential: pids are the people's numbers, so that the same seed gives the same bytes."""

    def __init__(self, made: Tower) -> None:
        self._of = {
            value: Entry(pid_of(person.index), person.unit) for person in made.people for value in person.credentials
        }

    def resolve(self, value: str, _realm: str, _at: int) -> Entry | Refusal:
        return self._of.get(value, UNKNOWN)


def pid_of(index: int) -> str:
    return f"p-{index:016x}"


def index_of(pid: str) -> int:
    return int(pid[2:], 16)


class Memory:
    """The outbox of a gateway: events in order, and facts as they stand."""

    def __init__(self, told: Listener, origin: Origin, digest: Any, heard: Callable[[bytes], None] | None) -> None:
        """`heard`: by the coordinator, of what is said of people's desks; None: it is this gateway itself."""
        self.facts: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.events = 0
        self._told = told
        self._origin = origin
        self._digest = digest
        self._heard = heard

    def submit(
        self, drafts: Sequence[Draft], facts: Sequence[Fact], done: Callable[[list[Row | None]], None] | None
    ) -> None:
        for fact in facts:
            rows = self.facts.setdefault(fact.rule, {})
            if fact.body is None:
                rows.pop(fact.key, None)
            else:
                rows[fact.key] = fact.body
        for draft in drafts:
            self.events += 1
            tells = self._heard is not None and draft.event.cls == "who"
            if self._digest is not None or tells:
                at = draft.event.at
                made = encode(
                    draft.event,
                    self._origin,
                    sequence=self.events,
                    recorded_at=at,
                    rule=draft.rule,
                    quality="simulated",
                )
                if self._digest is not None:
                    self._digest.update(made.body)
                if self._heard is not None and tells:
                    self._heard(made.body)
            self._told(draft.event)
        if done is not None:
            done([])


class Gateway:
    """One of them. Implements pipeline.Surroundings."""

    def __init__(self, building: Building, name: str) -> None:
        self.name = name
        self._building = building
        self.up = False
        office = building.office
        origin = Origin(site=office.site, building=office.buildings[0].id, gateway=name, boot="000001-0000")
        coordinates = name == building.coordinator
        self.memory = Memory(building.told, origin, building.digest, None if coordinates else building.news)
        self.gathered = mail.Gathered()
        self.engine: Engine
        self.pipeline: Pipeline

    def start(self, now: int) -> None:
        """From its facts alone."""
        building, office = self._building, self._building.office
        own = building.control if building.control in controls.OWN else None
        rules = wiring.make_rules(
            office,
            building.places,
            self.name,
            building.devices,
            unit_sizes={},
            now=now,
            control=None if own else building.control,
            learned=building.learned,
            floors=building.maps.floors,
        )
        if own is not None:
            rules = [controls.OWN[own]() if rule.name == occupancy.NAME else rule for rule in rules]
        found = (building.places, self.name, building.devices)
        self.engine = wiring.make_engine(rules, *found, building.counters, self.memory.facts)
        self.pipeline = Pipeline(
            bound=Bound(next(one for one in office.gateways if one.id == self.name), building.devices),
            drivers=by_medium(building.drivers),
            normalizer=Normalizer(building.roll, building.counters, quality="simulated", site_realm=office.site),
            engine=self.engine,
            outbox=self.memory,
            surroundings=self,
            clock=building.clock,
            counters=building.counters,
            quality="simulated",
            begin={rule.name: wiring.keys_of(rule.name, building.places, self.name) for rule in rules},
        )
        self.up = True
        self.pipeline.start(now)

    def give(self, item: Input | Frame, at: int) -> None:
        """Put one item through; dropped while it is off."""
        if self.up:
            self.pipeline.intake.act(item, at)
            self.pipeline.step(at)

    # --- what the pipeline calls ------------------------------------------------------------------------------------

    def forward(self, item: Input) -> bool:
        building = self._building
        match item:
            case Sighting() if self.name != building.coordinator:
                self.gathered.add(item)
                return True
            case Reading(modality="badge") if item.role != "desk" and self.name != building.coordinator:
                building.send(building.coordinator, mail.tap(item))
                return True
            case _:
                return False

    def take_facts(self) -> Sequence[Fact]:
        """Nothing that is sent here can be lost on the way."""
        return ()

    def heard(self, _binding: Binding, _frame: Frame, _measurements: Sequence[Measurement]) -> None:
        """No equipment is watched."""

    def committed(self, emitted: Sequence[Input], _rows: Sequence[Row]) -> None:
        building = self._building
        if self.name != building.coordinator:  # a standby asks nobody
            return
        for item in emitted:
            if isinstance(item, Command) and (owner := building.places.owner(item.place)) != self.name:
                building.send(owner, mail.asked(item))

    def tapped(self, _frame: Frame, _rows: Sequence[Row]) -> None:
        """Nobody looks."""


class Building:
    """Play items in order of time; `told` hears every event when it is committed."""

    def __init__(
        self, made: Tower, office: Office, told: Listener, *, control: str | None = None, digest: bool = False
    ) -> None:
        """`office` with its folder in place: models and surveys are read here.

        `control`: which occupancy rule stands in for the real one (controls.py).
        """
        self.office = office
        self.told = told
        self.control = control
        self.clock = SimulatedTime()
        self.counters = Counters()
        self.drivers = installed()
        self.digest = hashlib.sha256() if digest else None
        keys = {device.id: device.key for device in made.devices if device.key}
        self.devices = bindings.by_device(office, self.drivers, keys)
        self.places = Places(office)
        self.coordinator = office.buildings[0].coordinator or ""
        self.learned: Mapping[str, RoomModel] = wiring.models(office)
        self.maps = radio.maps(office, frozenset({office.buildings[0].id}))
        self.roll = Roll(made)
        self.gateways = {one.id: Gateway(self, one.id) for one in office.gateways}
        self._of = {device.id: device for device in made.devices}
        self._mail: deque[tuple[str, Input]] = deque()
        self._dues = dict.fromkeys(self.gateways, NEVER)
        self.items = 0

    def start(self, now: int) -> None:
        """Switch everything on."""
        self.clock.now = now
        for gateway in self.gateways.values():
            gateway.start(now)
            self._watch(gateway)
        self._deliver()

    def send(self, to: str, item: Input) -> None:
        """From one gateway to another."""
        self._mail.append((to, item))

    def news(self, body: bytes) -> None:
        """An event about a person's desk, for the coordinator."""
        found = mail.news(body)
        if found is not None:
            self.send(self.coordinator, found)

    def pass_until(self, at: int) -> None:
        """Everything that falls due before `at` happens at its own time."""
        dues = self._dues
        while (due := min(dues.values())) < at:
            first = self.gateways[next(name for name, wish in dues.items() if wish == due)]
            self.clock.now = max(self.clock.now, due)
            if first.gathered.due <= due:
                for sighting in first.gathered.say(self.clock.now):
                    self.send(self.coordinator, sighting)
            else:
                first.pipeline.step(self.clock.now)
            self._watch(first)
            self._deliver()
        self.clock.now = max(self.clock.now, at)

    def _watch(self, gateway: Gateway) -> None:
        """When it wants to be woken next."""
        due = gateway.engine.due if gateway.up else None
        said = gateway.gathered.due if gateway.up else NEVER
        self._dues[gateway.name] = said if due is None else min(said, due)

    def said(self, said: Said) -> None:
        """Bytes of a fixed device."""
        gateway = self.gateways[self._of[said.device].gateway]
        if gateway.up:
            for frame in self._frames(said):
                self.play(gateway, frame, said.at)

    def inputs(self, said: Said) -> list[tuple[str, Input]]:
        """Hops 2 to 4 of it alone, by gateway: what a recording has. The rules are not told."""
        gateway = self.gateways[self._of[said.device].gateway]
        return [(gateway.name, made) for frame in self._frames(said) for made in gateway.pipeline.inputs(frame)]

    def _frames(self, said: Said) -> list[Frame]:
        device, driver = self._of[said.device], self.devices[said.device].driver
        assert driver is not None
        payloads = [said.payload] if driver.framer is None else driver.framer(b"", said.payload).frames
        medium, source, address = driver.media[0], device.source, device.address
        rssi = -62 if medium == "ble_adv" else None
        return [Frame(medium, source, address, one, rssi, said.at, said.at, said.port) for one in payloads]

    def heard(self, person: int, receiver: str, rssi: float, at: int) -> None:
        """A tag at a receiver."""
        gateway = self.gateways[self._of[receiver].gateway]
        if gateway.up:
            self.play(gateway, Sighting(pid_of(person), receiver, rssi, at), at)

    def ask(self, command: Command) -> None:
        """Of the owner of a place."""
        self.play(self.gateways[self.places.owner(command.place)], command, command.at)

    def down(self, name: str, now: int) -> None:
        """Off. The coordinator notices when beats are missing, and its receivers are deaf."""
        self.pass_until(now)
        self.gateways[name].up = False
        self.gateways[name].gathered = mail.Gathered()
        self._watch(self.gateways[name])

    def lost(self, name: str, now: int) -> None:
        """The coordinator has noticed."""
        self._health(name, now, alive=False)

    def up(self, name: str, now: int) -> None:
        """On again, from its facts."""
        self.pass_until(now)
        self.gateways[name].start(now)
        self._watch(self.gateways[name])
        self._deliver()
        self._health(name, now, alive=True)

    def _health(self, name: str, now: int, *, alive: bool) -> None:
        receivers = [d.id for d in self._of.values() if d.gateway == name and d.adapter]
        for receiver in receivers:
            cause = "" if alive else "gateway_down"
            self.play(self.gateways[self.coordinator], Health(receiver, alive, cause, now), now)

    def play(self, gateway: Gateway, item: Input | Frame, at: int) -> None:
        """One item, after everything that was due before it."""
        self.items += 1
        self.pass_until(at)
        gateway.give(item, at)
        self._watch(gateway)
        if self._mail:
            self._deliver()

    def play_all(self, items: Iterable[tuple[str, Input, int]]) -> None:
        """(gateway, input, when) of a short while, in order of time: each gateway takes its own in one transaction."""
        asked: dict[str, int] = {}
        for name, item, at in items:
            if not asked:
                self.pass_until(at)
            self.gateways[name].pipeline.intake.act(item, at)
            asked[name] = at
            self.items += 1
        for name, at in asked.items():
            self.gateways[name].pipeline.step(at)
            self._watch(self.gateways[name])
            self.clock.now = max(self.clock.now, at)
        self._deliver()

    def _deliver(self) -> None:
        while self._mail:
            to, item = self._mail.popleft()
            self.gateways[to].give(item, self.clock.now)
            self._watch(self.gateways[to])


__all__ = ["Building", "index_of", "pid_of"]
