"""A floor whose radio is made: path loss, walls between rooms, fading in place, noise of packets, bodies in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import cos, hypot, log10, sin
from random import Random
from typing import Any

from rules import locate_map
from rules.api import SECOND, Command, Located, Sighting, Tick
from rules.locate_map import FloorMap, Settings, State
from rules.radio_map import Anchor, RadioMap, Sample, learn

ROOM_M = 4.0
T0 = 1_795_484_700 * SECOND
ANCHORS = {f"r{n}": Anchor(x, y, 2.5) for n, (x, y) in enumerate([(1, 1), (11, 1), (6, 7), (1, 7), (11, 7), (6, 1)])}
ROOMS = {
    f"z{i}{j}": [(ROOM_M * (i + a), ROOM_M * (j + b)) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
    for i in range(3)
    for j in range(2)
}
"""Three by two."""


@dataclass(frozen=True)
class Floor:
    """Where receivers really hang, and how much each hears beside the usual, dB."""

    anchors: Mapping[str, Anchor] = field(default_factory=lambda: ANCHORS)
    louder: Mapping[str, float] = field(default_factory=dict)

    def level(self, receiver: str, x: float, y: float) -> float:
        """What is received on average, dBm."""
        anchor = self.anchors[receiver]
        walls = abs(int(anchor.x // ROOM_M) - int(x // ROOM_M)) + abs(int(anchor.y // ROOM_M) - int(y // ROOM_M))
        turn = sum(receiver.encode())  # each receiver has its own pattern
        fading = 2.5 * sin(1.9 * x + turn) * cos(1.7 * y + 2 * turn)
        away = max(1.0, hypot(anchor.x - x, anchor.y - y))
        return -52 - 22 * log10(away) - 4 * walls + fading + self.louder.get(receiver, 0.0)

    def heard(self, x: float, y: float, random: Random, *, body: bool = False) -> Iterable[tuple[str, float]]:
        """One packet of a tag: what each receiver that hears it reports."""
        for name in self.anchors:
            if random.random() < 0.8:
                hidden = -6.0 if body and random.random() < 0.15 else 0.0
                yield name, self.level(name, x, y) + hidden + random.gauss(0, 3.5)

    def survey(
        self, spots: Sequence[tuple[float, float]] | None = None, seconds: int = 15, seed: int = 1
    ) -> list[Sample]:
        """A walk that stands at each spot; by default at nine of each room."""
        random, made, time = Random(seed), [], 0.0
        for x, y in grid() if spots is None else spots:
            for second in range(seconds):
                made += [Sample(time + second, name, rssi, x, y) for name, rssi in self.heard(x, y, random)]
            time += seconds + 10
        return made

    def but(self, **changes: float) -> Floor:
        """The same floor, on which some receivers hear more or less."""
        return replace(self, louder={**self.louder, **changes})


def grid(rooms: Iterable[str] = ROOMS) -> list[tuple[float, float]]:
    """Nine spots of each room."""
    made = []
    for name in rooms:
        left, low = ROOMS[name][0]
        made += [(left + 0.7 + 1.3 * a, low + 0.7 + 1.3 * b) for a in range(3) for b in range(3)]
    return made


def room_of(x: float, y: float) -> str:
    """The room around a point."""
    return f"z{int(x // ROOM_M)}{int(y // ROOM_M)}"


class Building:
    """Feeds the rule as the engine does: ticks when they are due, before what comes later."""

    def __init__(self, radio: RadioMap, fact: Mapping[str, Any] | None = None, start: int = T0, **choices: Any) -> None:
        self.settings = Settings(floors=(FloorMap(radio=radio),), **choices)
        self.rule = locate_map.rule(self.settings)
        first = self.rule.start("b", fact, start)
        self.state: State = first.state
        self.due: int | None = first.due
        self.said: list[Located] = []
        self.emitted: list[Any] = []
        self.facts: list[Any] = []

    def until(self, at: int) -> None:
        """Time goes on."""
        while self.due is not None and self.due <= at:
            self.take(Tick(self.due))

    def take(self, item: Any) -> None:
        """One step."""
        step = self.rule.step(self.state, item)
        self.state, self.due = step.state, step.due
        self.emitted += step.emits
        self.facts += step.facts
        self.said += [one for one in step.emits if isinstance(one, Located)]

    def stand(self, floor: Floor, person: str, x: float, y: float, seconds: int, begin: int, random: Random) -> int:
        """A tag that sends once a second; when it ends."""
        for second in range(seconds):
            at = begin + second * SECOND
            self.until(at)
            for name, rssi in floor.heard(x, y, random, body=True):
                self.take(Sighting(person, name, rssi, at))
        end = begin + seconds * SECOND
        self.until(end)
        return end

    def where(self, person: str, at: int) -> locate_map.Estimate | None:
        """What somebody who asks is told."""
        self.take(Command("where", "b", at))
        return locate_map.estimate(self.settings, self.state, person)


@dataclass(frozen=True)
class Right:
    """How right answers were."""

    zone: float
    """Share."""
    metres: float
    """Mean error."""
    sure: float
    """Mean confidence of the wrong answers; 0 where there were none."""


def found(
    radio: RadioMap, floor: Floor, spots: Sequence[tuple[float, float]] | None = None, seconds: int = 8, seed: int = 7
) -> Right:
    """Tags that were not known stand at spots, by default at four of each room."""
    building, random = Building(radio), Random(seed)
    right, errors, wrong, at = 0, 0.0, [], T0
    if spots is None:
        spots = [(x + dx, y + dy) for x, y in (r[0] for r in ROOMS.values()) for dx in (1.1, 2.8) for dy in (1.2, 2.9)]
    for number, (x, y) in enumerate(spots):
        at = building.stand(floor, f"p{number}", x, y, seconds, at, random)
        held = building.where(f"p{number}", at)
        assert held is not None
        errors += hypot(held.x - x, held.y - y)
        if held.zone == room_of(x, y):
            right += 1
        else:
            wrong.append(held.confidence)
    return Right(right / len(spots), errors / len(spots), sum(wrong) / len(wrong) if wrong else 0.0)


def learned(
    samples: Sequence[Sample], anchors: Mapping[str, Anchor] = ANCHORS, rooms: Iterable[str] = ROOMS
) -> RadioMap:
    """The map of the floor by what is declared of it."""
    return learn(samples, anchors, {name: ROOMS[name] for name in rooms})


def office(*devices: str, survey: str = "", anchors: Mapping[str, Anchor] = ANCHORS) -> str:
    """office.yaml of the floor, with more devices, each a line of YAML."""
    zones = "".join(f"          - {{id: {name}, area: {[list(c) for c in area]}}}\n" for name, area in ROOMS.items())
    sources = "".join(
        f"      - {{id: s-{name}, type: ble, adapter: hci{name[1:]}, device: {name}}}\n" for name in anchors
    )
    receivers = [
        f"{{id: {name}, driver: receiver, place: b/f/{room_of(at.x, at.y)}, at: {[at.x, at.y, at.z]}}}"
        for name, at in anchors.items()
    ]
    return (
        "site: ikn\nbuildings:\n  - id: b\n    coordinator: gw\n    floors:\n"
        f"      - id: f\n        owner: gw\n{f'        survey: {survey}{chr(10)}' if survey else ''}"
        f"        zones:\n{zones}gateways:\n  - id: gw\n    place: b/f\n    sources:\n{sources}devices:\n"
        + "".join(f"  - {one}\n" for one in [*receivers, *devices])
    )
