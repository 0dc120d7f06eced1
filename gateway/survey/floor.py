"""The floor of a survey, of the configuration: its ground, its file, what has been walked, and where receivers hang."""

from __future__ import annotations

from pathlib import Path

from gateway.config import geometry
from gateway.config.model import Building, Floor, Office
from gateway.config.sources import alone
from gateway.errors import HadirError
from gateway.survey.ground import Ground, Visit, ground
from gateway.survey.store import visits_in


def ground_of(office: Office, building: Building, floor: Floor) -> Ground:
    """Raises HadirError: no zone has an area, or no receiver a position."""
    zones = {zone.id: zone.area for zone in floor.zones if zone.area is not None}
    receivers = {
        device.id: (device.at[0], device.at[1])
        for device in geometry.receivers(office, building, floor)
        if device.at is not None
    }
    if not zones or not receivers:
        what = "no zone has an area ([[x, y], ...])" if not zones else "no receiver has a position (at: [x, y])"
        raise HadirError(f'floor "{floor.id}": {what}; measure them first, in metres')
    return ground(zones, receivers, frozenset(zone.id for zone in floor.zones if zone.private))


def file_of(office: Office, building: Building, floor: Floor) -> Path:
    """Where its survey is, or will be if nobody names another file."""
    return office.path(floor.survey or Path(f"{building.id}-{floor.id}-survey.csv.gz"))


def visits_of(office: Office, building: Building, floor: Floor) -> list[Visit]:
    """What has been walked; empty: nothing. The file is not touched. Raises HadirError for one that cannot be read."""
    path = file_of(office, building, floor)
    return visits_in(path) if path.is_file() else []


def hanging(office: Office, building: Building, floor: Floor) -> dict[str, set[str]]:
    """The floor's receivers by the gateway that they hang on."""
    here = {device.id for device in geometry.receivers(office, building, floor)}
    return {g.id: here & {name for one in g.sources if (name := alone(one)) is not None} for g in office.gateways}
