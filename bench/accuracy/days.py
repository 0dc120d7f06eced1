"""One simulated day through the gateways, and its score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.accuracy import office_file
from bench.accuracy.building import DEAD_AFTER, Building, index_of, pid_of
from firmware_sim.day_run import TAG_S, DayRun, Heard, Item
from firmware_sim.day_truth import DayTruth
from firmware_sim.deeds import Down, Reserve
from firmware_sim.desk_ends import Ended
from firmware_sim.office import Office as Tower
from firmware_sim.scenario import Scenario
from firmware_sim.scores import Published, Score, Told, score
from firmware_sim.tower import make_tower
from firmware_sim.watchers import Said
from rules.api import Command, Event

Json = Mapping[str, Any]


class Ear:
    """Takes down what is said, as the judge needs it."""

    def __init__(self) -> None:
        self.said = Published()

    def __call__(self, event: Event) -> None:
        place, at, data, said = event.place, event.at, event.data, self.said
        match event.type:
            case "occupancy.changed":
                said.occupancy.setdefault(place, []).append(Told(at, data["state"], _why(data)))
            case "desk.checkin.started" if event.cls == "evt":
                said.life.setdefault(place, []).append((at, True))
                self._outcome(data, at, "started")
            case "desk.checkin.ended" if event.cls == "evt":
                said.life.setdefault(place, []).append((at, False))
                if data["reason"] == "user":
                    self._outcome(data, at, "ended")
                elif data["reason"] != "moved":
                    said.ended.append(Ended(at, place, data["reason"]))
            case "desk.reservation.released" if event.cls == "evt" and data["cause"] == "no_show":
                said.ended.append(Ended(at, place, "no_show", data["booking_ref"]))
            case "badge.rejected":
                said.outcomes.setdefault(data["reader"], []).append((at, "rejected"))
            case "workplace.checkin.started" | "workplace.checkin.ended" if data.get("reader"):  # else no tap's outcome
                what = event.type.rpartition(".")[2]
                said.outcomes.setdefault(data["reader"], []).append((at, what))
            case "presence.started" | "presence.moved":
                self._zone(event.person, at, "/".join(data["zone"].split("/")[2:4]))
            case "presence.ended":
                self._zone(event.person, at, "")
                if data["state"] == "left":
                    said.left.append((at, index_of(event.person)))
            case _:
                pass

    def _outcome(self, data: Json, at: int, what: str) -> None:
        reader = data["evidence"][0].get("dev", "") if data["evidence"] else ""
        self.said.outcomes.setdefault(reader, []).append((at, what))

    def _zone(self, person: str, at: int, zone: str) -> None:
        self.said.zones.setdefault(index_of(person), []).append((at, zone))


def _why(data: Json) -> str:
    """The verdict with its evidence, on one line."""
    words = ("dev", "kind", "modality", "value", "weight", "age_s")
    evidence = [" ".join(str(one[word]) for word in words if word in one) for one in data["evidence"]]
    cause = f" ({data['cause']})" if data["cause"] else ""
    against = f", against {json.dumps(data['challenger'])}" if data["challenger"] else ""
    return f"{data['state']}{cause} by {'; '.join(evidence) or 'nothing'}{against}"


def building(seed: int) -> Tower:
    """The office of a seed."""
    return make_tower(seed, receivers=2)


def day(
    scenario: Scenario,
    seed: int,
    *,
    tower: Tower | None = None,
    control: str | None = None,
    digest: bool = False,
    models: Path | None = None,
) -> tuple[Score, str]:
    """The score of one day, and the SHA-256 of all its events where `digest` asks for it.

    `models`: folder of what rooms' sensors mean, as `hadir learn` writes it.
    """
    run, ear, played = _played(scenario, seed, tower, control, digest=digest, models=models)
    return score(run.truth, ear.said), played.digest.hexdigest() if played.digest else ""


def trace(scenario: Scenario, seed: int, models: Path | None = None) -> tuple[Score, DayTruth, Published]:
    """One day with its truth and everything that was said."""
    run, ear, _ = _played(scenario, seed, None, None, digest=False, models=models)
    return score(run.truth, ear.said), run.truth, ear.said


def _played(
    scenario: Scenario, seed: int, tower: Tower | None, control: str | None, *, digest: bool, models: Path | None
) -> tuple[DayRun, Ear, Building]:
    made, ear = tower or building(seed), Ear()
    run = DayRun(made, scenario, seed)
    with TemporaryDirectory(prefix="hadir-accuracy-") as folder:
        office = office_file.read(made, Path(folder), tag_s=TAG_S, models=models)
        played = Building(made, office, ear, control=control, digest=digest)
    play(played, run, ear)
    return run, ear, played


def play(building: Building, run: DayRun, ear: Ear) -> None:
    """Everything in order of time."""
    truth = run.truth
    building.start(truth.scenario.begin)
    later: list[tuple[int, str]] = []
    for item in run.items():
        while later and later[0][0] <= item.at:
            _restart(building, ear, truth, *later.pop(0))
        _one(building, item, truth, later)
    building.pass_until(truth.scenario.end)


def _one(building: Building, item: Item, truth: DayTruth, later: list[tuple[int, str]]) -> None:
    match item:
        case Said():
            building.said(item)
        case Heard():
            building.heard(item.person, item.receiver, item.rssi, item.at)
        case Reserve():
            building.ask(reservation(item, truth))
        case Down():
            building.down(item.gateway, item.at)
            later += [(item.at + DEAD_AFTER, "lost"), (item.until, "up")]


def reservation(item: Reserve, truth: DayTruth) -> Command:
    """What the web asks for."""
    args = {"booking_ref": item.ref, "start": item.start, "end": item.end}
    return Command("reserve", truth.desks[item.desk], item.at, pid_of(item.person), "_", "user", args)


def _restart(building: Building, ear: Ear, truth: DayTruth, at: int, what: str) -> None:
    """A lost gateway's places are unknown: its coordinator says so."""
    assert truth.down is not None
    gateway = truth.down.gateway
    if what == "up":
        building.up(gateway, at)
        return
    building.pass_until(at)
    for place, about in truth.places.items():
        if about.gateway == gateway:
            ear.said.occupancy.setdefault(place, []).append(Told(at, "unknown", "gateway_down"))
    building.lost(gateway, at)
