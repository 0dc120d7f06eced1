"""Many places in few words: a floor or zone that is there as a whole is named as a whole. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from gateway.config.model import Office


class Group(NamedTuple):
    """A floor, a zone, or a single place, by the names that people use."""

    name: str
    places: int
    """How many; 1 for a single place."""


def grouped(places: Collection[str], office: Office) -> list[Group]:
    """All of `places` (five levels), in the order of the configuration; what is not configured comes last, as it is."""
    left = set(places)
    found: list[Group] = []
    for building in office.buildings:
        top = f"{building.name or building.id} · " if len(office.buildings) > 1 else ""
        for floor in building.floors:
            on = f"{office.site}/{building.id}/{floor.id}"
            zones = {zone.id: [f"{on}/{zone.id}/{space.id}" for space in zone.spaces] for zone in floor.zones}
            every = [place for inside in zones.values() for place in inside]
            named = f"{top}{floor.name or floor.id}"
            if len(every) > 1 and left.issuperset(every):
                found.append(Group(named, len(every)))
                left.difference_update(every)
                continue
            for zone in floor.zones:
                inside, label = zones[zone.id], f"{named} · {zone.name or zone.id}"
                if len(inside) > 1 and left.issuperset(inside):
                    found.append(Group(label, len(inside)))
                else:
                    found += [
                        Group(f"{label} · {space.name or space.id}", 1)
                        for space in zone.spaces
                        if f"{on}/{zone.id}/{space.id}" in left
                    ]
                left.difference_update(inside)
    return [*found, *(Group(place, 1) for place in sorted(left))]
