"""The radio maps of a building: learned at the start from the floors' surveys, or from where the receivers hang."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from gateway import tables
from gateway.config import geometry
from gateway.config.model import Building, Floor, Office
from gateway.errors import HadirError

if TYPE_CHECKING:
    from rules.locate_map import FloorMap
    from rules.radio_map import Sample

_log = logging.getLogger(__name__)


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
    from rules.radio_map import Anchor, learn

    prefix = f"{office.site}/{building.id}/{floor.id}"
    anchors = {
        device.id: Anchor(*device.at) for device in geometry.receivers(office, building, floor) if device.at is not None
    }
    return FloorMap(
        radio=learn(
            _survey(office, floor),
            anchors,
            {f"{prefix}/{zone.id}/_": list(zone.area) for zone in floor.zones if zone.area is not None},
        ),
        private=frozenset(f"{prefix}/{zone.id}/_" for zone in floor.zones if zone.private),
    )


def _survey(office: Office, floor: Floor) -> list[Sample]:
    from rules.radio_map import Sample

    if floor.survey is None:
        return []
    path, mistakes = office.path(floor.survey), tables.Mistakes()
    fields = {"t": tables.number, "receiver": tables.word, "rssi": level, "x": tables.number, "y": tables.number}
    if not path.is_file():
        raise HadirError(f"{path}: there is no such file; leave out `survey`, or make one")
    rows = [Sample(*row) for row in tables.rows(path, fields, mistakes, measured=True)]
    for problem in mistakes.settle():
        _log.warning("%s; left out", problem)
    return rows


def level(cell: str) -> float:
    """A signal, dBm. Raises ValueError with words."""
    found: float = tables.number(cell)
    if not -130 <= found <= 30:
        raise ValueError(f"{cell[:40]!r} is no signal in dBm")
    return found
