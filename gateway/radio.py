"""The radio maps of a building: learned at the start from the floors' surveys, or from where the receivers hang."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from gateway import tables
from gateway.config import geometry
from gateway.config.document import Document
from gateway.config.model import Building, Floor, Office
from gateway.errors import HadirError, Problem

if TYPE_CHECKING:
    from rules.locate_map import FloorMap
    from rules.radio_doubts import Doubt
    from rules.radio_map import Anchor, Sample

_log = logging.getLogger(__name__)

COLUMNS = ("t", "receiver", "rssi", "x", "y")
"""Of a survey: seconds, device, dBm, metres."""


class Maps(NamedTuple):
    """Of one building."""

    building: str
    """Empty: there is no geometry, and tags are where the strongest receiver is."""
    floors: tuple[FloorMap, ...]


def maps(office: Office, names: frozenset[str]) -> Maps:
    """The maps of that of the buildings `names` that has any; a gateway may coordinate one at most.

    Takes a second or two for a floor with a long survey. Raises ConfigError with all mistakes of the surveys.
    """
    building = next((one for one in office.buildings if one.id in names and geometry.mapped(office, one)), None)
    if building is not None and find_spec("numpy") is None:
        _log.warning("numpy is missing: tags are located by the strongest receiver; install hadir[locate]")
        building = None
    if building is None:
        return Maps("", ())
    found = (floor for floor in building.floors if geometry.receivers(office, building, floor))
    return Maps(building.id, tuple(_map(office, building, floor) for floor in found))


def _map(office: Office, building: Building, floor: Floor) -> FloorMap:
    from rules.locate_map import FloorMap
    from rules.radio_doubts import doubts
    from rules.radio_map import learn

    prefix = f"{office.site}/{building.id}/{floor.id}"
    samples, anchors = survey(office, floor), _anchors(office, building, floor)
    areas = _areas(floor)
    for doubt in doubts(samples, anchors, areas):
        _log.warning("radio map of %s: %s; %s", prefix, doubt.what, doubt.remedy)
    return FloorMap(
        radio=learn(samples, anchors, {f"{prefix}/{zone}/_": area for zone, area in areas.items()}),
        private=frozenset(f"{prefix}/{zone.id}/_" for zone in floor.zones if zone.private),
    )


def _anchors(office: Office, building: Building, floor: Floor) -> dict[str, Anchor]:
    from rules.radio_map import Anchor

    found = geometry.receivers(office, building, floor)
    return {device.id: Anchor(*device.at) for device in found if device.at is not None}


def _areas(floor: Floor) -> dict[str, list[tuple[float, float]]]:
    return {zone.id: list(zone.area) for zone in floor.zones if zone.area is not None}


def doubtful(office: Office, building: Building, floor: Floor, samples: Sequence[Sample]) -> tuple[Doubt, ...]:
    """What is wrong with the survey of a floor and its receivers' positions; nothing without numpy, or geometry."""
    anchors, areas = _anchors(office, building, floor), _areas(floor)
    if find_spec("numpy") is None or not anchors or not areas:
        return ()
    from rules.radio_doubts import doubts

    return doubts(samples, anchors, areas)


def notes(office: Office, document: Document) -> Iterator[Problem]:
    """The same of all floors, for `hadir check`. Raises ConfigError with all mistakes of a survey."""
    if find_spec("numpy") is None:
        return
    for b, building in enumerate(office.buildings):
        for f, floor in enumerate(building.floors):
            if not _areas(floor) or (floor.survey is not None and not office.path(floor.survey).is_file()):
                continue  # geometry.py tells
            for doubt in doubtful(office, building, floor, survey(office, floor)):
                text = f'floor "{floor.id}": {doubt.what}; {doubt.remedy}'
                yield document.problem(("buildings", b, "floors", f, "survey"), text)


def survey(office: Office, floor: Floor) -> list[Sample]:
    """What was heard on the calibration walk; empty without one. Raises ConfigError with all its mistakes."""
    from rules.radio_map import Sample

    if floor.survey is None:
        return []
    path, mistakes = office.path(floor.survey), tables.Mistakes()
    if not path.is_file():
        raise HadirError(f"{path}: there is no such file; leave out `survey`, or make one")
    fields = {**dict.fromkeys(COLUMNS, tables.number), "receiver": tables.word, "rssi": tables.signal}
    rows = [Sample(*row) for row in tables.rows(path, fields, mistakes, measured=True)]
    for problem in mistakes.settle():
        _log.warning("%s; left out", problem)
    return rows
