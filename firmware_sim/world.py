"""Where everybody is and what the devices therefore see: actions applied to the state of the office."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import atan2
from random import Random
from typing import NamedTuple

from firmware_sim.actions import SECOND, Action, Enter, Silence, Sit, Stand, Walk
from firmware_sim.office import OUTSIDE, Office
from firmware_sim.people import between
from firmware_sim.radar import Radar
from firmware_sim.space import Point


@dataclass(slots=True, kw_only=True)
class Body:
    """One person in space."""

    zone: str = ""
    walk: Walk
    facing: float

    def at(self, now: int) -> Point:
        start, end = self.walk.at, self.walk.until
        if now >= end:
            return self.walk.to
        return between(self.walk.start, self.walk.to, max(0, now - start) / (end - start))


SILENT, UNPLUGGED, BATTERY = "silent", "unplugged", "battery"


class World:
    """The office at a moment. `apply` moves it on; everything else reads."""

    def __init__(self, office: Office, seed: int, now: int) -> None:
        rng = Random(f"world/{seed}")
        self._rng = rng
        self.office = office
        self.people = [
            Body(walk=Walk(now, person.index, OUTSIDE, OUTSIDE, now), facing=rng.uniform(-3.14, 3.14))
            for person in office.people
        ]
        self.radars = {
            space.id: Radar(f"{seed}/{space.id}", now, near=office.sensor[space.id].modality != "radar")
            for space in office.spaces
        }

    def apply(self, action: Action, now: int) -> None:
        """`now` is when it really happens, which may be a little after it was planned."""
        match action:
            case Walk():
                late = now - action.at
                body = self.people[action.person]
                body.walk = action._replace(at=now, until=action.until + late)
                if action.to != action.start:
                    body.facing = atan2(action.to.y - action.start.y, action.to.x - action.start.x)
            case Enter():
                self.people[action.person].zone = action.zone
            case Sit():
                self.radars[action.space].arrive(now)
                self.people[action.person].facing = self._rng.uniform(-3.14, 3.14)
            case Stand():
                self.radars[action.space].leave(now)
            case _:
                pass


class Wanted(NamedTuple):
    """An outage that is to happen."""

    how: str
    spaces: frozenset[str]
    """One of these."""
    quiet: int
    """Nothing changes there for so long (ns) after it began: in that while no gateway could know."""
    lasts: int
    """At least; ns."""


def with_outages(plan: Iterator[Action], start: int, seed: int, wanted: Iterable[Wanted]) -> Iterator[Action]:
    """The plan with sensors that fail in its first twenty minutes; without a fitting place one does not happen."""
    early: list[Action] = []
    rest: list[Action] = []
    for action in plan:
        if action.at >= start + 20 * 60 * SECOND:
            rest.append(action)
            break
        early.append(action)
    silences: list[Silence] = []
    for outage in wanted:
        free = outage.spaces - {silence.space for silence in silences}
        changes = [action for action in early if isinstance(action, Sit | Stand) and action.space in free]
        silence = _quiet_place(changes, start, outage, Random(f"outage/{outage.how}/{seed}"))
        if silence is not None:
            silences.append(silence)
    early += silences
    early.sort(key=lambda action: action.at)  # stable: ties keep their order
    return chain(early, rest, plan)


def _quiet_place(changes: Iterable[Sit | Stand], start: int, wanted: Wanted, rng: Random) -> Silence | None:
    times_of: dict[str, list[int]] = {}
    for action in changes:
        times_of.setdefault(action.space, []).append(action.at)
    choices: list[Silence] = []
    for space, times in times_of.items():
        for at, following in zip(times, [*times[1:], start + 20 * 60 * SECOND], strict=True):
            begin = at + rng.randint(40, 60) * SECOND
            if begin >= start + 3 * 60 * SECOND and begin + wanted.quiet < following:
                end = begin + wanted.lasts + rng.randint(0, wanted.lasts // SECOND // 2) * SECOND
                if end < start + 14 * 60 * SECOND or wanted.how == BATTERY:
                    choices.append(Silence(begin, space, end, wanted.how))
    return rng.choice(choices) if choices else None
