"""Where things are, in metres: whether a building's tags can be located by a radio map, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from gateway.config.document import Document
from gateway.config.model import Building, Device, Floor, Office
from gateway.errors import Problem

FEWEST, FEWEST_SURVEYED = 3, 2
"""Receivers of a floor, without which a map says nothing: levels of two cannot tell where a tag is, and how loud."""
RECEIVER = "receiver"


def receivers(office: Office, building: Building, floor: Floor) -> list[Device]:
    """Of a floor."""
    return [
        device
        for device in office.devices
        if device.driver == RECEIVER and device.place.split("/")[:2] == [building.id, floor.id]
    ]


def mapped(office: Office, building: Building) -> bool:
    """Whether every floor of it that has receivers has zones with areas and enough receivers with positions."""
    floors = [floor for floor in building.floors if receivers(office, building, floor)]
    return bool(floors) and all(
        any(zone.area for zone in floor.zones)
        and sum(device.at is not None for device in receivers(office, building, floor))
        >= (FEWEST if floor.survey is None else FEWEST_SURVEYED)
        for floor in floors
    )


def notes(office: Office, document: Document) -> Iterator[Problem]:
    """What keeps a map that was begun from being used, or from being good."""
    at = {device.id: number for number, device in enumerate(office.devices)}
    for b, building in enumerate(office.buildings):
        begun = any(zone.area for floor in building.floors for zone in floor.zones)
        if begun and find_spec("numpy") is None:
            text = "zones have areas, but numpy is missing: tags are located by the strongest receiver"
            yield document.problem(("buildings", b, "id"), f"{text}; install hadir[locate]")
        for f, floor in enumerate(building.floors):
            here = ("buildings", b, "floors", f)
            found = receivers(office, building, floor)
            if floor.survey is not None and not any(zone.area for zone in floor.zones):
                yield document.problem((*here, "survey"), f'floor "{floor.id}" has a survey, but no zone has an area')
            if floor.survey is not None and not office.path(floor.survey).is_file():
                yield document.problem((*here, "survey"), f"there is no file {office.path(floor.survey)}")
            if not begun:
                continue
            for device in found:
                if device.at is None:
                    text = f'receiver "{device.id}" has no position (at: [x, y]): the radio map does without it'
                    yield document.problem(("devices", at[device.id], "id"), text)
            for z, zone in enumerate(floor.zones):
                if zone.area is None and found:
                    text = f'zone "{zone.id}" has no area, others of the building have: no tag is ever located in it'
                    yield document.problem((*here, "zones", z, "id"), text)
        if begun and not mapped(office, building):
            text = (
                f'building "{building.id}": tags are located by the strongest receiver until each floor with receivers'
            )
            yield document.problem(
                ("buildings", b, "id"),
                f"{text} has zones with areas and {FEWEST} receivers with positions ({FEWEST_SURVEYED} with a survey)",
            )
