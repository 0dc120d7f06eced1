"""A tag that lies still amid a crowd, and a walk along a wall: what the coordinator's locator makes of them.

The locator is driven as a gateway drives it: rules and routes of wiring.py, sightings in, Located out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import pi
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.accuracy import controls, office_file
from firmware_sim.crowd import Crowd
from firmware_sim.office import Office as Tower
from firmware_sim.radio import Radio
from firmware_sim.scenario import ORDINARY
from firmware_sim.space import Point
from firmware_sim.tower import SIDE, floor_id, make_tower
from gateway import bindings, wiring
from gateway.clock import SECOND
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
from gateway.engine import Engine
from rules.api import Located, Sighting

HOUR = 3600 * SECOND
STILL_TAG_S = 2.0
WALK_TAG_S = 1.0
CROWD = 12
FLOOR = floor_id(1)
SPOTS = {
    "in the middle of a zone": (Point(4.0, 9.0, FLOOR), "barat"),
    "beside the partition": (Point(9.5, 8.0, FLOOR), "barat"),
    "before its door": (Point(14.0, 11.0, FLOOR), "timur"),
    "in a meeting room": (Point(21.5, 2.0, FLOOR), "timur"),
}
WALL_X = 12.8
"""The walk: so far from the partition at x = 12, in the zone east of it."""
TURNS = 20


@dataclass(kw_only=True)
class Answers:
    """What the locator said about one tag."""

    seconds: float = 0.0
    wrong: float = 0.0
    unknown: float = 0.0
    flaps: int = 0


class Locator:
    """The coordinator of one office, of which only sightings are known."""

    def __init__(self, made: Tower, tag_s: float, *, eager: bool = False) -> None:
        with TemporaryDirectory(prefix="hadir-accuracy-") as folder:
            office = office_file.read(made, Path(folder), tag_s=tag_s)
        self.office: Office = controls.eager(office) if eager else office
        devices, places = bindings.by_device(self.office, installed()), Places(self.office)
        coordinator = self.office.buildings[0].coordinator or ""
        rules = wiring.make_rules(self.office, places, coordinator, devices, unit_sizes={}, now=ORDINARY.begin)
        located = wiring.Located()
        self._engine = Engine(rules, wiring.make_route(places, coordinator, devices, located), Counters())
        located.engine = self._engine

    def hear(self, sighting: Sighting) -> list[Located]:
        """What it says, in order."""
        return [one for one in self._engine.feed(sighting, sighting.at).emitted if isinstance(one, Located)]

    def wait(self, until: int) -> list[Located]:
        return [one for one in self._engine.advance(until).emitted if isinstance(one, Located)]


def judge(locator: Locator, heard: Iterator[tuple[int, list[Sighting]]], zone: str, end: int) -> Answers:
    """Everything since its first answer. `zone`: where the tag truly is."""
    answers, told, since = Answers(), "", 0

    def take(found: list[Located]) -> None:
        nonlocal told, since
        for one in found:
            now = "?" if one.zone is None else one.zone.split("/")[3]
            if told:
                _count(answers, told, zone, (one.at - since) / SECOND)
                answers.flaps += now != told
            told, since = now, one.at

    for at, sightings in heard:
        take(locator.wait(at - 1))
        for sighting in sightings:
            take(locator.hear(sighting))
    take(locator.wait(end))
    if told:
        _count(answers, told, zone, (end - since) / SECOND)
    return answers


def _count(answers: Answers, told: str, zone: str, seconds: float) -> None:
    answers.seconds += seconds
    if told == "?":
        answers.unknown += seconds
    elif told != zone:
        answers.wrong += seconds


def still(where: Point, zone: str, seed: int, hours: float, *, eager: bool = False) -> Answers:
    """A tag that lies there, while a crowd walks by."""
    made = make_tower(seed, floors=1)
    radio, crowd = Radio(made, seed), Crowd(CROWD, f"{seed}/{where}", SIDE, ORDINARY.begin)
    facing = Random(f"still/{seed}/{where}").uniform(-pi, pi)
    start, end = ORDINARY.begin, ORDINARY.begin + int(hours * HOUR)
    tag = made.people[0].tag
    assert tag is not None

    def heard() -> Iterator[tuple[int, list[Sighting]]]:
        for at in range(start, end, int(STILL_TAG_S * SECOND)):
            levels = ((r, radio.rssi(tag, where, facing, r, at)) for r in made.receivers)
            yield (
                at,
                [
                    Sighting("p", r.id, level - crowd.loss_db(where, r.at, at), at)
                    for r, level in levels
                    if level is not None
                ],
            )

    return judge(Locator(made, STILL_TAG_S, eager=eager), heard(), zone, end)


def walk(seed: int, *, next_door_m: float | None = None) -> Answers:
    """Up and down along the partition. `next_door_m`: the other zone's receiver hangs so far behind it."""
    made = make_tower(seed, floors=1)
    if next_door_m is not None:
        moved = tuple(
            replace(d, at=Point(12.0 - next_door_m, 12.0, FLOOR)) if d.id == f"ble-{FLOOR}-barat" else d
            for d in made.devices
        )
        made = replace(made, devices=moved)
    radio, rng = Radio(made, seed), Random(f"walk/{seed}")
    tag = made.people[0].tag
    assert tag is not None
    leg_s, start = (SIDE - 4.0) / 1.3, ORDINARY.begin
    end = start + int(TURNS * leg_s * SECOND)

    def heard() -> Iterator[tuple[int, list[Sighting]]]:
        for at in range(start, end, int(WALK_TAG_S * SECOND)):
            turn, share = divmod((at - start) / SECOND / leg_s, 1)
            north = int(turn) % 2 == 0
            y = 2.0 + (SIDE - 4.0) * (share if north else 1 - share)
            where = Point(WALL_X + rng.uniform(-0.2, 0.2), y, FLOOR)
            levels = ((r, radio.rssi(tag, where, pi / 2 if north else -pi / 2, r, at)) for r in made.receivers)
            yield at, [Sighting("p", r.id, level, at) for r, level in levels if level is not None]

    return judge(Locator(made, WALK_TAG_S), heard(), "timur", end)
