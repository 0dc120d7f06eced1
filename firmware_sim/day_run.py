"""A whole day as what reaches the gateways: bytes of fixed devices, tags that receivers hear, reservations, a gateway
that goes. In order of time, from one seed, without a clock; the truth is written down beside it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from math import atan2
from random import Random
from typing import NamedTuple

from firmware_sim import id12la, rdm6300, wiegand
from firmware_sim.actions import SECOND, Enter, Sit, Stand, Tap, Walk
from firmware_sim.agenda import Attendee
from firmware_sim.day_truth import KNOWN_AFTER, MARGIN, DayTruth, Outage, PlaceTruth, TapAt
from firmware_sim.deeds import LOST, Deed, Down, Reserve, Swipe
from firmware_sim.hardware import Device
from firmware_sim.office import Office, Person
from firmware_sim.radio import Radio
from firmware_sim.scenario import Scenario
from firmware_sim.tolerance import BY_MODALITY
from firmware_sim.tower import DOOR_OUT, entrance, place_of
from firmware_sim.watchers import Said, Watcher
from firmware_sim.whole_day import WholeDay
from firmware_sim.world import Body

TAG_S = 30.0
"""Between two adverts of a tag."""
STOREYS = 1
"""Receivers further up or down hear nothing."""


class Heard(NamedTuple):
    """A tag at a receiver."""

    at: int
    person: int
    receiver: str
    rssi: int


Item = Said | Heard | Reserve | Down


class DayRun:
    """One day. `items` once; `truth` is whole when they are at their end."""

    def __init__(self, office: Office, scenario: Scenario, seed: int, *, tag_s: float = TAG_S) -> None:
        self._office = office
        self._scenario = scenario
        self._seed = seed
        self._rng = Random(f"day-run/{scenario.name}/{seed}")
        self._faults = Random(f"day-faults/{scenario.name}/{seed}")
        self._day = WholeDay(office, scenario, seed)
        self._radio = Radio(office, seed)
        self._people: dict[int, Person] = {one.index: one for one in (*office.people, *office.visitors)}
        self._bodies = {
            index: Body(walk=Walk(scenario.begin, index, entrance(), entrance(), scenario.begin), facing=0.0)
            for index in self._people
        }
        everybody: list[Attendee] = [*self._day.agenda.people, *self._day.agenda.guests]
        self._tagged = frozenset(one.index for one in everybody if one.badge)
        sensors = [device for device in office.devices if device.modality]
        self._watchers = {d.id: Watcher(d, seed, scenario.begin, office=office.seed) for d in sensors}
        self._watching: dict[str, list[Watcher]] = {}
        for watcher in self._watchers.values():
            self._watching.setdefault(watcher.device.space, []).append(watcher)
        self._readers = {d.space: d for d in office.devices if d.reads_badges and d.space}
        self._doors = {d.id: d for d in office.devices if d.reads_badges}
        self._near = self._receivers()
        self._every = int(tag_s * SECOND)
        self._heads: dict[str, int] = {}
        self._heap: list[tuple[int, int, str, int]] = []
        """(when, number, a sensor or "", person of a tag)."""
        self._number = count()
        self.truth = DayTruth(
            scenario=scenario,
            places=dict(self._places()),
            down=self._day.agenda.down,
            reservations=self._day.agenda.reservations,
            desks={space.id: place_of(office, space.id) for space in office.spaces},
        )

    def items(self) -> Iterator[Item]:
        """What reaches the gateways, in order of time."""
        self._fail()
        for device, watcher in self._watchers.items():
            self._push(watcher.due, device)
        for deed in self._day.deeds():
            if deed.at >= self._scenario.end:
                break
            yield from self._until(deed.at)
            yield from self._apply(deed)
        yield from self._until(self._scenario.end)

    # --- time passes ----------------------------------------------------------------------------------------------

    def _push(self, at: int, device: str, person: int = -1) -> None:
        heapq.heappush(self._heap, (at, next(self._number), device, person))

    def _until(self, end: int) -> Iterator[Item]:
        heap = self._heap
        while heap and heap[0][0] < end:
            at, _, device, person = heapq.heappop(heap)
            if person >= 0:
                yield from self._advertise(person, at)
                continue
            watcher = self._watchers[device]
            if watcher.due != at:  # it was put off or has spoken since
                continue
            said = watcher.speak(at)
            self._push(watcher.due, device)
            if said is not None and self._faults.random() >= self._scenario.loss:
                yield said
                if self._faults.random() < self._scenario.twice:
                    yield said

    def _advertise(self, person: int, at: int) -> Iterator[Heard]:
        body = self._bodies[person]
        if not body.zone:
            return
        self._push(at + self._every, "", person)
        here, tag = body.at(at), self._people[person].tag
        if tag is None:
            return
        for receiver in self._near[here.floor]:
            rssi = self._radio.rssi(tag, here, body.facing, receiver, at)
            if rssi is not None:
                yield Heard(at, person, receiver.id, rssi)

    # --- deeds ----------------------------------------------------------------------------------------------------

    def _apply(self, deed: Deed) -> Iterator[Item]:
        match deed:
            case Walk():
                body = self._bodies[deed.person]
                body.walk = deed
                if deed.to != deed.start:
                    body.facing = atan2(deed.to.y - deed.start.y, deed.to.x - deed.start.x)
            case Enter():
                self._enter(deed)
            case Sit() | Stand():
                yield from self._sit(deed)
            case Tap():
                yield self._tap(deed)
            case Swipe():
                self.truth.acts.setdefault(deed.person, []).append(deed.at)
                if deed.outcome:
                    self.truth.taps.append(TapAt(deed.at, deed.reader, deed.reader, deed.person, deed.outcome))
                if deed.reader == DOOR_OUT:
                    self.truth.left.setdefault(deed.person, []).append(deed.at)
                yield self._card(deed.at, self._doors[deed.reader], deed.person)
            case Reserve() | Down():
                yield deed
            case _:
                pass

    def _enter(self, deed: Enter) -> None:
        body = self._bodies[deed.person]
        self.truth.zones.setdefault(deed.person, []).append((deed.at, deed.zone))
        if deed.zone and not body.zone and deed.person in self._tagged:
            self._push(deed.at + self._rng.randrange(self._every), "", deed.person)
        body.zone = deed.zone

    def _sit(self, deed: Sit | Stand) -> Iterator[Item]:
        by = 1 if isinstance(deed, Sit) else -1
        self.truth.sat(self.truth.desks[deed.space], deed.at, by, self._heads)
        if by > 0:
            self._bodies[deed.person].facing = self._rng.uniform(-3.14, 3.14)
        for watcher in self._watching[deed.space]:
            watcher.change(deed.at, by)
            self._push(watcher.due, watcher.device.id)
        yield from self._until(deed.at + 1)

    def _tap(self, tap: Tap) -> Said:
        truth, place = self.truth, self.truth.desks[tap.desk]
        reader = self._readers[tap.desk]
        truth.taps.append(TapAt(tap.at, reader.id, place, tap.person, tap.expected))
        if tap.expected != LOST:
            truth.acts.setdefault(tap.person, []).append(tap.at)
        if tap.expected in ("started", "ended"):
            truth.taken.setdefault(place, []).append((tap.at, tap.expected == "started"))
            if tap.expected == "started":
                truth.holder.setdefault(place, []).append((tap.at, tap.person))
        if tap.moved_from:
            truth.taken.setdefault(truth.desks[tap.moved_from], []).append((tap.at, False))
        return self._card(tap.at, reader, tap.person)

    def _card(self, at: int, reader: Device, person: int) -> Said:
        """What the reader makes of the card that it can read."""
        who = self._people[person]
        match reader.driver:
            case "rdm6300":
                return Said(at, reader.id, rdm6300.frame(bytes.fromhex(who.badge)))
            case "id12la":
                return Said(at, reader.id, id12la.frame(bytes.fromhex(who.badge)))
            case _:
                return Said(at, reader.id, wiegand.bits_line(wiegand.h10301(*who.card)))

    # --- what is known before ---------------------------------------------------------------------------------------

    def _fail(self) -> None:
        """Batteries that die, and the places of the gateway that goes."""
        day, truth, down = self._scenario, self.truth, self.truth.down
        gone = "" if down is None else down.gateway
        booked = {reserve.desk for reserve in truth.reservations}
        alone = [watchers[0] for watchers in self._watching.values() if len(watchers) == 1]
        seats = [
            watcher
            for watcher in alone
            if watcher.device.modality == "seat"
            and watcher.device.gateway != gone
            and watcher.device.space not in booked
        ]
        for watcher in self._rng.sample(seats, min(day.batteries, len(seats))):
            at = day.at(self._rng.uniform(9 * 60 + 30, 14 * 60))
            place = truth.desks[watcher.device.space]
            truth.outages.append(Outage(place, at, day.end, "battery", _known(watcher)))
            watcher.dies_at = at
        if down is not None:
            for space in self._office.spaces:
                if self._watching[space.id][0].device.gateway == gone:
                    outage = Outage(truth.desks[space.id], down.at, down.until, "gateway", MARGIN + 5 * SECOND)
                    truth.outages.append(outage)

    def _places(self) -> Iterator[tuple[str, PlaceTruth]]:
        for space in self._office.spaces:
            kinds = [watcher.device.modality for watcher in self._watching[space.id]]
            quickest = min(kinds, key=BY_MODALITY.__getitem__)
            reader = self._readers[space.id].id if space.kind == "desk" else ""
            gateway = self._watching[space.id][0].device.gateway
            yield place_of(self._office, space.id), PlaceTruth(space.kind, quickest, reader, gateway)

    def _receivers(self) -> dict[str, list[Device]]:
        level = self._office.level
        return {
            floor: [r for r in self._office.receivers if abs(level[r.floor] - level[floor]) <= STOREYS]
            for floor in level
        }


def _known(watcher: Watcher) -> int:
    return int(KNOWN_AFTER * watcher.interval_s * SECOND) + MARGIN
