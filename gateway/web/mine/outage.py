"""The outage report of one's own day: what could not record a person where they could have been.

It shows that equipment did not work, with the ids of the events that say so. It does not show that somebody was there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.places import Places
from gateway.ledger_view import View
from gateway.web.outages import COVERAGE_LOST, Outage, outages


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where a person could have been recorded."""

    places: frozenset[str]
    zones: frozenset[str]
    gateways: frozenset[str]
    readers: frozenset[str]


def around(office: Office, zones: Iterable[str]) -> Around:
    """Everything that belongs to the floors of some zones; none named: the whole site."""
    places, owners = Places(office), Owners(office)
    floors = {zone.rsplit("/", 2)[0] for zone in zones} or {area.rsplit("/", 2)[0] for area in places.areas}
    buildings = {f"{floor.rsplit('/', 1)[0]}/" for floor in floors}

    def inside(place: str) -> bool:
        return "/".join(place.split("/", 3)[:3]) in floors

    spaces = frozenset(place for place in places.spots if inside(place))
    areas = frozenset(area for area in places.areas if inside(area))
    readers = set()
    for device in office.devices:
        place = places.full(device.place)
        # a workplace reader hangs where people come in, which may be another floor of the building
        if place is not None and (inside(place) or (device.role != "desk" and place.startswith(tuple(buildings)))):
            readers.add(device.id)
    return Around(
        places=spaces,
        zones=areas,
        gateways=frozenset(owners.owner(place) for place in (*spaces, *areas)) - {""},
        readers=frozenset(readers),
    )


def outages_around(view: View, office: Office, where: Around, start: int, end: int) -> list[Outage]:
    """Of [start, end), by time: those of its gateways, and of its places and readers, with nothing else in them.

    Raises ConfigError: the calendar names a country whose holidays are not to be had.
    """
    found = []
    for one in outages(view, office, start, end).outages:
        places = tuple(place for place in one.places if place in where.places | where.zones)
        readers = tuple(reader for reader in one.readers if reader in where.readers)
        if places or readers or (one.kind != COVERAGE_LOST and one.gateway in where.gateways):
            found.append(replace(one, places=places, readers=readers))
    return found
