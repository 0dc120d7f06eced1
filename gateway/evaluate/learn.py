"""`hadir learn DIR`: the model of one room, as a file for the folder that office.yaml names in rules.room_models.

With train_truth.csv, people's labels teach all sensors. Without it the room's own motion sensor, radar or people
counter teaches the others (air, light, sound): what the occupancy rule held by them is the label, and where it held
nothing there is none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gateway.clock import SECOND
from gateway.config.room_models import save
from gateway.errors import HadirError
from gateway.evaluate import room as rooms
from gateway.evaluate.occupancy import follow
from rules.api import Reading
from rules.occupancy import PlaceSettings
from rules.room_model import RoomModel
from rules.room_model_learn import learn
from rules.room_model_table import Label
from rules.witness import SIGNS

EVERY_S = 30
"""Between two labels that a room gives itself."""


def run(arguments: argparse.Namespace) -> int:
    """The command."""
    if len(arguments.place.split("/")) != 5:
        raise HadirError(f"{arguments.place} is no place: site/building/floor/zone/space, with _ for an empty one")
    found = rooms.read(arguments.folder, arguments.place, to_learn=True)
    try:
        model = learn(found.training, found.labels) if found.labels else taught(found.training)
    except ValueError as error:
        raise HadirError(f"{arguments.folder}: {error}") from error
    save(arguments.out, arguments.place, model)
    teacher = "people's" if found.labels else "the room's own"
    sys.stdout.write(
        f"{arguments.out}: {len(model.sensors)} sensors, from {model.samples} labels ({teacher}); "
        f"{100 * model.accuracy:.1f} % right of those not seen\n"
    )
    return 0


def taught(readings: Sequence[Reading]) -> RoomModel:
    """A model of what bears no witness by itself, learned from what does. Raises ValueError where nothing does."""
    if not any(one.kind in SIGNS for one in readings):
        raise ValueError("has neither labels (train_truth.csv) nor a sensor of presence that could give them")
    return learn([one for one in readings if one.kind not in SIGNS], labels(readings))


def labels(readings: Sequence[Reading]) -> list[Label]:
    """What the occupancy rule holds by the room's sensors of presence alone; nothing where it is unknown."""
    teachers = [one for one in readings if one.kind in SIGNS]
    at: list[int] = []
    for one in readings:
        if not at or one.at >= at[-1] + EVERY_S * SECOND:
            at.append(one.at)
    settings = PlaceSettings(devices=rooms.devices(teachers, ()))
    return [
        Label(time, state.state == "occupied")
        for time, state in zip(at, follow(teachers, at, settings), strict=True)
        if state.state != "unknown"
    ]


__all__ = ["labels", "run", "taught"]
