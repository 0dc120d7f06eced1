"""The places of an office, as five-level strings, and who decides each."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.model import Office, Space, Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One space with everything around it that matters for deciding about it."""

    place: str
    """`site/building/floor/zone/space`."""
    zone: str
    """`site/building/floor/zone/_`."""
    space: Space
    owner: str
    unit: str
    """Owner unit, `_` if none."""
    guests: bool
    """Whether people of other units may take or book it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One zone."""

    place: str
    zone: Zone
    owner: str
    unit: str


class Places:
    """Look-ups over the places of one office. Owners may be empty strings in an office that is not yet checked."""

    def __init__(self, office: Office) -> None:
        self._site = office.site
        self.spots: dict[str, Spot] = {}
        self.areas: dict[str, Area] = {}
        self.candidates: dict[str, tuple[str, ...]] = {b.id: b.candidates for b in office.buildings}
        """By building: the gateways that may be its coordinator, ranked."""
        self.home: dict[str, str] = {gateway.id: gateway.place.split("/")[0] for gateway in office.gateways}
        """By gateway: the building that it stands in."""
        self._known: set[str] = set()
        for building in office.buildings:
            self._known.add(f"{office.site}/{building.id}/_/_/_")
            for floor in building.floors:
                self._known.add(f"{office.site}/{building.id}/{floor.id}/_/_")
                for zone in floor.zones:
                    area = f"{office.site}/{building.id}/{floor.id}/{zone.id}/_"
                    self.areas[area] = Area(
                        place=area, zone=zone, owner=zone.owner or floor.owner or "", unit=zone.unit or "_"
                    )
                    self._known.add(area)
                    for space in zone.spaces:
                        place = f"{office.site}/{building.id}/{floor.id}/{zone.id}/{space.id}"
                        self.spots[place] = Spot(
                            place=place,
                            zone=area,
                            space=space,
                            owner=space.owner or zone.owner or floor.owner or "",
                            unit=space.unit or zone.unit or "_",
                            guests=(space.guests or zone.guests or office.rules.desk.guests) == "allow",
                        )
                        self._known.add(place)

    def full(self, short: str) -> str | None:
        """`building/floor/zone/space` (or fewer levels) of the file -> five levels; None if there is no such place."""
        levels = short.split("/")
        if not 1 <= len(levels) <= 4:
            return None
        place = "/".join([self._site, *levels, *["_"] * (4 - len(levels))])
        return place if place in self._known else None

    def is_known(self, place: str) -> bool:
        """Whether the office has `place`, five levels of any depth: from a building to a space."""
        return place in self._known

    def may_coordinate(self, gateway: str) -> frozenset[str]:
        """Buildings of which `gateway` may be the coordinator."""
        return frozenset(building for building, names in self.candidates.items() if gateway in names)

    def owner(self, place: str) -> str:
        """The gateway that decides `place` (a space or a zone); empty if there is none."""
        if place in self.spots:
            return self.spots[place].owner
        return self.areas[place].owner if place in self.areas else ""

    def zone_of(self, place: str) -> str:
        """The zone in which `place` lies: itself, if it is one."""
        return self.spots[place].zone if place in self.spots else place
