"""Where everybody is and what the devices therefore see: actions applied to the state of the office."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import atan2
from random import Random

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


def with_outage(
    plan: Iterator[Action], start: int, seed: int, stale_after: int, lines: frozenset[str]
) -> Iterator[Action]:
    """The plan with one sensor that falls silent for some minutes of the first twenty; `lines`: spaces where one may.

    The place's occupancy does not change within `stale_after` (ns) of the silence: in that while no gateway could know.
    It lasts at least a minute longer than that. Without such a place there is no outage.
    """
    early: list[Action] = []
    rest: list[Action] = []
    for action in plan:
        if action.at >= start + 20 * 60 * SECOND:
            rest.append(action)
            break
        early.append(action)
    early_there = (action for action in early if isinstance(action, Sit | Stand) and action.space in lines)
    silence = _quiet_place(early_there, start, stale_after, Random(f"outage/{seed}"))
    if silence is not None:
        early.append(silence)
        early.sort(key=lambda action: action.at)  # stable: ties keep their order
    return chain(early, rest, plan)


def _quiet_place(early: Iterable[Action], start: int, stale_after: int, rng: Random) -> Silence | None:
    changes: dict[str, list[int]] = {}
    for action in early:
        if isinstance(action, Sit | Stand):
            changes.setdefault(action.space, []).append(action.at)
    choices: list[Silence] = []
    for space, times in changes.items():
        for at, following in zip(times, [*times[1:], start + 20 * 60 * SECOND], strict=True):
            begin = at + rng.randint(40, 60) * SECOND
            if begin >= start + 3 * 60 * SECOND and begin + stale_after < following:
                end = begin + stale_after + rng.randint(60, 140) * SECOND
                if end < start + 14 * 60 * SECOND:
                    choices.append(Silence(begin, space, end))
    return rng.choice(choices) if choices else None
