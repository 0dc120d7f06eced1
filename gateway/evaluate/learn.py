"""`hadir learn DIR|FILE`: the model of one room, as a file for the folder that office.yaml names in rules.room_models.

With train_truth.csv, people's labels teach all sensors. Without it the room's own motion sensor, radar or people
counter teaches the others (air, light, sound): what the occupancy rule held by them is the label, and where it held
nothing there is none. So it is with FILE, a recording of `hadir record`: the room as its gateway heard it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from gateway.clock import SECOND
from gateway.config.room_models import save
from gateway.counters import Counters
from gateway.errors import HadirError
from gateway.evaluate import room as rooms
from gateway.evaluate.occupancy import follow
from gateway.recording import Recording
from rules.api import Reading
from rules.occupancy import PlaceSettings
from rules.room_model import RoomModel
from rules.room_model_features import FAMILY
from rules.room_model_learn import learn
from rules.room_model_table import Label
from rules.witness import SIGNS

EVERY_S = 30
"""Between two labels that a room gives itself."""
STAY_S = 900
"""A stay that teaches: three times as long as a motion sensor holds one movement."""
LEAST_S = 2 * 3600
"""In use, and empty, before a room can teach itself."""


def run(arguments: argparse.Namespace) -> int:
    """The command."""
    if len(arguments.place.split("/")) != 5:
        raise HadirError(f"{arguments.place} is no place: site/building/floor/zone/space, with _ for an empty one")
    if arguments.folder.is_file():
        training, told = recorded(arguments.folder, arguments.place), []
    else:
        found = rooms.read(arguments.folder, arguments.place, to_learn=True)
        training, told = list(found.training), list(found.labels)
    try:
        model = learn(training, told) if told else taught(training)
    except ValueError as error:
        raise HadirError(f"{arguments.folder}: {error}") from error
    save(arguments.out, arguments.place, model)
    teacher = "people's" if told else "the room's own"
    sys.stdout.write(
        f"{arguments.out}: {len(model.sensors)} sensors, from {model.samples} labels ({teacher}); "
        f"{100 * model.accuracy:.1f} % right of those not seen\n"
    )
    return 0


def recorded(path: Path, place: str) -> list[Reading]:
    """What a recording has of a room's sensors, in order of time. Raises ConfigError, and HadirError without any."""
    recording = Recording(path)
    found = [
        item
        for _, item in recording.inputs(Counters())
        if isinstance(item, Reading) and item.place == place and (item.kind in FAMILY or item.kind in SIGNS - {"badge"})
    ]
    for problem in recording.problems:
        sys.stderr.write(f"{problem}\n")
    if not found:
        places = sorted({item.place for _, item in recording.inputs(Counters()) if isinstance(item, Reading)})
        raise HadirError(
            f"{path}: has no reading of a sensor at {place}; it has some of {', '.join(places) or 'no place'}"
        )
    return sorted(found, key=lambda one: one.at)


def taught(readings: Sequence[Reading]) -> RoomModel:
    """A model of what bears no witness by itself, learned from what does.

    Raises ValueError where nothing does, or where it saw too little: an empty week teaches stray movements.
    """
    if not any(one.kind in SIGNS for one in readings):
        raise ValueError("has neither labels (train_truth.csv) nor a sensor of presence that could give them")
    told = labels(readings)
    used = sum(label.occupied for label in told)
    if min(used, len(told) - used) * EVERY_S < LEAST_S:
        hours = f"{LEAST_S / 3600:g} h"
        raise ValueError(f"its own sensors saw less than {hours} of it in use, or of it empty: it cannot teach itself")
    return learn([one for one in readings if one.kind not in SIGNS], told)


def labels(readings: Sequence[Reading]) -> list[Label]:
    """What the occupancy rule holds by the room's sensors of presence alone; nothing where it is unknown.

    Nothing either where somebody was there for less than STAY_S, which may have been a stray movement or a ghost, nor
    of a stretch in which a sensor was stuck, from its beginning on.
    """
    teachers = [one for one in readings if one.kind in SIGNS]
    at: list[int] = []
    for one in readings:
        if not at or one.at >= at[-1] + EVERY_S * SECOND:
            at.append(one.at)
    settings = PlaceSettings(devices=rooms.devices(teachers, ()))
    told: list[Label] = []
    followed = zip(at, follow(teachers, at, settings), strict=True)
    for word, stretch in groupby(followed, key=lambda one: "stuck" if one[1].stuck else one[1].state):
        times = [time for time, _ in stretch]
        if word == "stuck":
            while told and told[-1].occupied:
                told.pop()
        elif word == "vacant" or (word == "occupied" and times[-1] - times[0] >= STAY_S * SECOND):
            told += [Label(time, word == "occupied") for time in times]
    return told


__all__ = ["labels", "run", "taught"]
