"""The plan of a whole day, drawn before it begins: who comes, breaks and goes when, meetings, reservations, guests,
lost badges, and which gateway is off."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from firmware_sim import tower
from firmware_sim.actions import SECOND
from firmware_sim.deeds import Down, Reserve
from firmware_sim.office import Office
from firmware_sim.scenario import MINUTE, NO_SHOW_S, Scenario
from firmware_sim.space import Point

APART = 10 * MINUTE
"""Between two meetings of one person, who sits down at the desk meanwhile."""


class Meeting(NamedTuple):
    """Of one person."""

    start: int
    end: int
    room: str
    swipes: bool
    """The badge is read at the room."""


@dataclass(kw_only=True)
class Attendee:
    """A person on this day, and where they are now."""

    index: int
    home: str
    at: Point
    comes: int = 0
    """First decision; 0: does not come."""
    leave: int = 0
    out: int = 0
    """When the long break begins; 0: no more."""
    back: int = 0
    badge: bool = True
    door: bool = True
    """Uses the readers at the entrance."""
    forgets: bool = False
    """Goes home without a tap at the desk."""
    tries: int = 0
    """When a card that nobody knows is tried at a desk; 0: not."""
    reserved: Reserve | None = None
    taps: bool = True
    """False: takes the reserved desk without a tap."""
    meetings: list[Meeting] = field(default_factory=list)
    zone: str = ""
    desk: str = ""
    room: str = ""
    until: int = 0
    """Next decision."""


@dataclass(kw_only=True)
class Agenda:
    """The plan of one day."""

    people: list[Attendee]
    guests: list[Attendee]
    reservations: list[Reserve]
    kept: dict[str, int]
    """Reserved desk -> from when on others may have it; nobody has it before."""
    down: Down | None


def agenda(office: Office, scenario: Scenario, rng: Random) -> Agenda:
    """Drawn from `rng`."""
    people = [Attendee(index=p.index, home=p.home, at=tower.entrance()) for p in office.people]
    plan = Agenda(people=people, guests=[], reservations=[], kept={}, down=_outage(office, scenario, rng))
    for person in people:
        person.leave = _when(rng, scenario, scenario.leave)
        person.forgets = rng.random() < scenario.forgets
        person.door = rng.random() < 0.85
        if scenario.out is not None:
            person.out, person.back = _when(rng, scenario, scenario.out), _when(rng, scenario, scenario.back)
    crew = people[:]
    rng.shuffle(crew)
    for n in range(min(scenario.booked + scenario.no_shows, len(crew) // 3)):
        _reserve(office, scenario, rng, plan, crew.pop(), n)
    for person in crew:
        person.comes = _when(rng, scenario, scenario.arrive)
    for person in crew[: scenario.lost_badges]:
        person.badge = person.door = False
    _meet(office, scenario, rng, crew)
    if scenario.guests:
        for n, guest in enumerate(office.visitors):
            start = scenario.at(rng.uniform(8 * 60 + 45, 15 * 60))
            visitor = Attendee(index=guest.index, home="", at=tower.entrance(), comes=start + MINUTE, badge=False)
            visitor.leave = start + int(rng.uniform(40, 80) * MINUTE)
            visitor.tries = start if n % 2 else 0
            visitor.door = False
            plan.guests.append(visitor)
    return plan


def _outage(office: Office, scenario: Scenario, rng: Random) -> Down | None:
    others = [gateway.id for gateway in office.gateways if not gateway.coordinator]
    if scenario.down is None or not others:
        return None
    start, end = (scenario.at(minute) for minute in scenario.down)
    return Down(start, rng.choice(others), end)


def _reserve(office: Office, scenario: Scenario, rng: Random, plan: Agenda, person: Attendee, n: int) -> None:
    """The first `no_shows` never come."""
    down = "" if plan.down is None else plan.down.gateway
    owner = {floor.id: floor.gateway for floor in office.floors}
    desks = [desk.id for desk in office.desks if desk.id not in plan.kept and owner[desk.floor] != down]
    desk = rng.choice(desks)
    quarter = rng.randint(0, 5) * 15
    start = scenario.at(quarter + (8 * 60 + 45 if n % 2 else 13 * 60 + 15))
    comes = n >= scenario.no_shows
    booked = Reserve(scenario.at(390), person.index, desk, f"b-{n:03d}", start, start + 240 * MINUTE, comes)
    plan.reservations.append(booked)
    plan.kept[desk] = scenario.end if comes else start + int(NO_SHOW_S + 300) * SECOND
    if comes:
        person.reserved, person.taps, person.out = booked, n % 2 == 0, 0
        person.leave = start + int(rng.uniform(100, 160) * MINUTE)
        person.comes = start + int(rng.uniform(-8, 6) * MINUTE)


def _meet(office: Office, scenario: Scenario, rng: Random, crew: list[Attendee]) -> None:
    rooms = [room.id for room in office.rooms]
    if scenario.long_meeting is not None:
        start, end = (scenario.at(minute) for minute in scenario.long_meeting)
        room = rng.choice(rooms)
        floor = office.space[room].floor
        able = [one for one in crew if one.badge and office.space[one.home].floor != floor] or crew
        for person in able[: scenario.long_meeting_people]:
            person.meetings.append(Meeting(start, end, room, swipes=True))
    for _ in range(scenario.meetings * max(1, len(crew) // 30)):
        start = scenario.at(rng.choice((9 * 60, 10 * 60 + 15, 14 * 60, 15 * 60)) + rng.randint(0, 20))
        end = start + int(rng.uniform(25, 40) * MINUTE)
        room = rng.choice(rooms)
        for person in rng.sample(crew, min(len(crew), rng.randint(3, 5))):
            if all(end + APART < m.start or m.end + APART < start for m in person.meetings):
                person.meetings.append(Meeting(start, end, room, swipes=False))
    for person in crew:
        person.meetings.sort()


def _when(rng: Random, scenario: Scenario, window: tuple[int, int]) -> int:
    return scenario.at(rng.uniform(*window))
