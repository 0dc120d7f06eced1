"""A day of one building with 750 people, as the gateways would replay it: how long one core needs.

What reaches the rules is made before (bytes, hops 1 to 4, are the sources' business); measured is what `hadir replay`
does with a recording of hop 4: every reading, sighting and tick through the pipeline and the rules of the gateway that
decides it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from bench.accuracy import office_file
from bench.accuracy.building import Building, pid_of
from bench.accuracy.days import Ear, reservation
from firmware_sim.actions import SECOND
from firmware_sim.day_run import TAG_S, DayRun, Heard
from firmware_sim.deeds import Reserve
from firmware_sim.scenario import ORDINARY
from firmware_sim.tower import make_tower
from firmware_sim.watchers import Said
from rules.api import Input, Sighting

PEOPLE, FLOORS, DESKS = 750, 10, 30
BATCH = SECOND
"""What arrives within so long shares a transaction, as in a gateway that has much to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Of one replay."""

    items: int
    events: int
    cpu_s: float
    wall_s: float


def measure(
    people: int = PEOPLE, floors: int = FLOORS, desks: int = DESKS, *, seed: int = 1, positions: bool = True
) -> Speed:
    """`desks`: in each of two zones a floor. `positions`: tags are located by radio maps (office_file.py)."""
    made = make_tower(
        seed, floors=floors, desks=desks, people=people, guests=people // 8, receivers=2 if positions else 1
    )
    run = DayRun(made, replace(ORDINARY, down=None), seed, tag_s=TAG_S)
    with TemporaryDirectory(prefix="hadir-accuracy-") as folder:
        office = office_file.read(made, Path(folder), tag_s=TAG_S, positions=positions)
        recorded = _recording(Building(made, office, Ear()), run)
        building = Building(made, office, Ear())
    cpu, wall = process_time(), perf_counter()
    building.start(run.truth.scenario.begin)
    for _, within in groupby(recorded, key=lambda one: one[2] // BATCH):
        building.play_all(within)
    building.pass_until(run.truth.scenario.end)
    cpu, wall = process_time() - cpu, perf_counter() - wall
    events = sum(gateway.memory.events for gateway in building.gateways.values())
    return Speed(items=len(recorded), events=events, cpu_s=cpu, wall_s=wall)


def _recording(building: Building, run: DayRun) -> list[tuple[str, Input, int]]:
    """(gateway that decides, input, when) of a whole day."""
    building.start(run.truth.scenario.begin)
    found: list[tuple[str, Input, int]] = []
    for item in run.items():
        match item:
            case Said():
                found += [(gateway, one, item.at) for gateway, one in building.inputs(item)]
            case Heard():
                sighting = Sighting(pid_of(item.person), item.receiver, item.rssi, item.at)
                found.append((building.coordinator, sighting, item.at))
            case Reserve():
                command = reservation(item, run.truth)
                found.append((building.places.owner(command.place), command, item.at))
            case _:
                pass
    return found
