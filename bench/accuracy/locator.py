"""A tag that lies still amid a crowd, and a walk along a wall: what the coordinator's locator makes of them.

The locator is driven as a gateway drives it: rules and routes of wiring.py, sightings in, Located out. What it knows
of the office is one of three: nothing of where things are (the strongest receiver decides), areas and positions, or a
calibration walk as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import pi
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.accuracy import controls, office_file
from firmware_sim.crowd import Crowd
from firmware_sim.office import Office as Tower
from firmware_sim.people import PACE
from firmware_sim.radio import SENSITIVITY_DBM, Radio
from firmware_sim.scenario import ORDINARY
from firmware_sim.space import Point
from firmware_sim.tower import CENTRE, SIDE, floor_id, make_tower
from gateway import bindings, radio, wiring
from gateway.clock import SECOND
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
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
KNOWLEDGE = ("without positions", "with positions", "with a survey")
SURVEY_SEED = 10_000
"""Added to an office's: the air of the calibration walk is that of another day."""
SPACING_M, TURNS_S = 2.0, 5.0
"""The walk: a spot every so many metres, so long towards each of the four winds."""
STAY_S = 30.0
"""In the middle of a zone, between two walks to the other."""


@dataclass(kw_only=True)
class Answers:
    """What the locator said about one tag."""

    seconds: float = 0.0
    wrong: float = 0.0
    unknown: float = 0.0
    flaps: int = 0


class Locator:
    """The coordinator of one office, of which only sightings are known."""

    def __init__(self, made: Tower, tag_s: float, knows: str, *, eager: bool = False) -> None:
        """`knows`: one of KNOWLEDGE."""
        with TemporaryDirectory(prefix="hadir-accuracy-") as folder:
            survey = _survey(made, Path(folder)) if knows == KNOWLEDGE[2] else None
            positions = knows != KNOWLEDGE[0]
            office = office_file.read(made, Path(folder), tag_s=tag_s, positions=positions, survey=survey)
            maps = radio.maps(office, frozenset({office.buildings[0].id}))
        self.office: Office = controls.eager(office) if eager else office
        devices, places = bindings.by_device(self.office, installed()), Places(self.office)
        coordinator = self.office.buildings[0].coordinator or ""
        rules = wiring.make_rules(
            self.office, places, coordinator, devices, unit_sizes={}, now=ORDINARY.begin, floors=maps.floors
        )
        self._engine = wiring.make_engine(rules, places, coordinator, devices, Counters(), {})

    def hear(self, sighting: Sighting) -> list[Located]:
        """What it says, in order."""
        return [one for one in self._engine.feed(sighting, sighting.at).emitted if isinstance(one, Located)]

    def wait(self, until: int) -> list[Located]:
        return [one for one in self._engine.advance(until).emitted if isinstance(one, Located)]


def _survey(made: Tower, folder: Path) -> str:
    """A calibration walk of the one floor, as `survey` of office.yaml has it."""
    air, tag, lines = Radio(made, SURVEY_SEED + made.seed), made.people[0].tag, ["t,receiver,rssi,x,y"]
    assert tag is not None
    spots = [SPACING_M * (n + 0.5) for n in range(int(SIDE / SPACING_M))]
    stands = product(product(spots, spots), (0.0, pi / 2, pi, -pi / 2), range(int(TURNS_S)))
    for at, (spot, facing, _) in enumerate(stands):
        for receiver in made.receivers:
            level = air.rssi(tag, Point(*spot, FLOOR), facing, receiver, at * SECOND)
            if level is not None:
                lines.append(f"{at},{receiver.id},{level},{spot[0]},{spot[1]}")
    (folder / "survey.csv").write_text("\n".join(lines) + "\n", encoding="ascii")
    return "survey.csv"


def answers_of(locator: Locator, heard: Iterator[tuple[int, list[Sighting]]], end: int) -> list[tuple[int, str]]:
    """(when, zone or `?`) of everything that it says."""
    told: list[Located] = []
    for at, sightings in heard:
        told += locator.wait(at - 1)
        for sighting in sightings:
            told += locator.hear(sighting)
    told += locator.wait(end)
    return [(one.at, "?" if one.zone is None else one.zone.split("/")[3]) for one in told]


def judge(told: list[tuple[int, str]], zone: str, end: int) -> Answers:
    """Everything since the first answer. `zone`: where the tag truly is."""
    answers = Answers()
    for (at, said), (until, after) in pairwise([*told, (end, told[-1][1])] if told else []):
        seconds = (until - at) / SECOND
        answers.seconds += seconds
        answers.flaps += said != after
        if said == "?":
            answers.unknown += seconds
        elif said != zone:
            answers.wrong += seconds
    return answers


def still(
    where: Point,
    zone: str,
    seed: int,
    hours: float,
    knows: str = KNOWLEDGE[0],
    *,
    eager: bool = False,
    receivers: int = 1,
) -> Answers:
    """A tag that lies there, while a crowd walks by."""
    made = make_tower(seed, floors=1, receivers=receivers)
    air, crowd = Radio(made, seed), Crowd(CROWD, f"{seed}/{where}", SIDE, ORDINARY.begin)
    facing = Random(f"still/{seed}/{where}").uniform(-pi, pi)
    start, end = ORDINARY.begin, ORDINARY.begin + int(hours * HOUR)
    tag = made.people[0].tag
    assert tag is not None

    def heard() -> Iterator[tuple[int, list[Sighting]]]:
        for at in range(start, end, int(STILL_TAG_S * SECOND)):
            near: list[Sighting] = []
            for receiver in made.receivers:
                level = air.rssi(tag, where, facing, receiver, at)
                if level is not None and (left := level - crowd.loss_db(where, receiver.at, at)) >= SENSITIVITY_DBM:
                    near.append(Sighting("p", receiver.id, left, at))
            yield at, near

    return judge(answers_of(Locator(made, STILL_TAG_S, knows, eager=eager), heard(), end), zone, end)


def walk(seed: int, knows: str = KNOWLEDGE[0], *, next_door_m: float | None = None, receivers: int = 1) -> Answers:
    """Up and down along the partition. `next_door_m`: the other zone's receiver hangs so far behind it."""
    made = make_tower(seed, floors=1, receivers=receivers)
    if next_door_m is not None:
        moved = tuple(
            replace(d, at=Point(12.0 - next_door_m, 12.0, FLOOR)) if d.id == f"ble-{FLOOR}-barat" else d
            for d in made.devices
        )
        made = replace(made, devices=moved)
    rng = Random(f"walk/{seed}")
    leg_s, start = (SIDE - 4.0) / PACE, ORDINARY.begin
    end = start + int(TURNS * leg_s * SECOND)

    def where(at: int) -> tuple[Point, float]:
        turn, share = divmod((at - start) / SECOND / leg_s, 1)
        north = int(turn) % 2 == 0
        y = 2.0 + (SIDE - 4.0) * (share if north else 1 - share)
        return Point(WALL_X + rng.uniform(-0.2, 0.2), y, FLOOR), pi / 2 if north else -pi / 2

    return judge(_carried(made, seed, knows, start, end, where), "timur", end)


def follow(seed: int, knows: str = KNOWLEDGE[0], *, receivers: int = 1) -> list[float]:
    """From the middle of one zone through the door to the other, and back: seconds from the door to the right answer.

    One that never comes counts as long as the person stays.
    """
    made = make_tower(seed, floors=1, receivers=receivers)
    reach = 12.0 - CENTRE["barat"][0]
    leg_s, start = 2 * reach / PACE, ORDINARY.begin
    turn_s = leg_s + STAY_S
    end = start + int(TURNS * turn_s * SECOND)

    def where(at: int) -> tuple[Point, float]:
        turn, passed = divmod((at - start) / SECOND, turn_s)
        share = max(0.0, passed - STAY_S) / leg_s
        east = int(turn) % 2 == 0
        x = 12.0 - reach + 2 * reach * (share if east else 1 - share)
        return Point(x, 12.0, FLOOR), 0.0 if east else pi

    told = _carried(made, seed, knows, start, end, where)
    took: list[float] = []
    for turn in range(TURNS - 1):
        crossed = start + int((turn * turn_s + STAY_S + leg_s / 2) * SECOND)
        there, until = ("timur", "barat")[turn % 2], crossed + int(turn_s * SECOND)
        before = [said for at, said in told if at <= crossed]
        right = crossed if before and before[-1] == there else until
        took.append(
            (min([right, *(at for at, said in told if crossed < at < until and said == there)]) - crossed) / SECOND
        )
    return took


def _carried(
    made: Tower, seed: int, knows: str, start: int, end: int, where: Callable[[int], tuple[Point, float]]
) -> list[tuple[int, str]]:
    """What is said of a tag that is somewhere, with its bearer facing some way, at each moment."""
    air, tag = Radio(made, seed), made.people[0].tag
    assert tag is not None

    def heard() -> Iterator[tuple[int, list[Sighting]]]:
        for at in range(start, end, int(WALK_TAG_S * SECOND)):
            here, facing = where(at)
            levels = ((r, air.rssi(tag, here, facing, r, at)) for r in made.receivers)
            yield at, [Sighting("p", r.id, level, at) for r, level in levels if level is not None]

    return answers_of(Locator(made, WALK_TAG_S, knows), heard(), end)
