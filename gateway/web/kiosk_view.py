"""What a kiosk's screens show of the building: floors, zones, and desks that one may take."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.model import Building, Floor
from gateway.web.live import FREE, PlaceNow
from gateway.web.site import Site

NOT_CHOOSABLE = frozenset({"taken", "closed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A desk on the screen."""

    now: PlaceNow
    choosable: bool
    """Whether it may be asked for. Unknown may: it is said that it is not known."""
    foreign: bool
    """It is for another unit's people only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A zone."""

    name: str
    unit: str
    tiles: tuple[Tile, ...]

    @property
    def free(self) -> int:
        """Desks that are free, and for whoever looks."""
        return sum(tile.now.status == FREE and not tile.foreign for tile in self.tiles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A floor, for the choice of floors."""

    id: str
    name: str
    free: int
    here: bool
    """It is the one that is shown."""


def building_of(site: Site, place: str) -> Building | None:
    """The building that a kiosk's place is in."""
    levels = place.split("/")
    return next((one for one in site.office.buildings if len(levels) > 1 and one.id == levels[1]), None)


def floor_of(building: Building, place: str, wanted: str = "") -> Floor | None:
    """The floor to show: the one that was asked for, the kiosk's own, the first with desks."""
    own = place.split("/")[2] if place.count("/") >= 2 else "_"
    with_desks = [floor for floor in building.floors if any(zone.spaces for zone in floor.zones)]
    for name in (wanted, own):
        found = next((floor for floor in with_desks if floor.id == name), None)
        if found is not None:
            return found
    return with_desks[0] if with_desks else None


def levels_of(site: Site, building: Building, shown: Floor, unit: str = "") -> list[Level]:
    """All floors with desks, in the building's order. `unit`: of whoever looks; empty: nobody is known."""
    found = []
    for floor in building.floors:
        areas = areas_of(site, building, floor, unit)
        if areas:
            free = sum(area.free for area in areas)
            found.append(Level(id=floor.id, name=floor.name or floor.id, free=free, here=floor.id == shown.id))
    return found


def areas_of(site: Site, building: Building, floor: Floor, unit: str = "") -> list[Area]:
    """Zones of a floor that have desks."""
    found = []
    for zone in floor.zones:
        places = [f"{site.office.site}/{building.id}/{floor.id}/{zone.id}/{space.id}" for space in zone.spaces]
        tiles = tuple(
            tile
            for place in places
            if (now := site.live.now(place)) is not None
            and now.kind == "desk"
            and (tile := tile_of(site, now, unit)) is not None
        )
        if tiles:
            found.append(Area(name=zone.name or zone.id, unit=zone.unit or "_", tiles=tiles))
    return found


def tile_of(site: Site, now: PlaceNow, unit: str = "") -> Tile:
    """One desk, for a person of `unit`."""
    spot = site.live.places.spots[now.place]
    foreign = bool(unit) and spot.unit not in ("_", unit) and not spot.guests
    return Tile(now=now, choosable=not foreign and now.status not in NOT_CHOOSABLE, foreign=foreign)


def units_of(site: Site, building: Building) -> list[str]:
    """Units that have zones or desks in a building: whom guests come to see."""
    inside = f"{site.office.site}/{building.id}/"
    units = {spot.unit for place, spot in site.live.places.spots.items() if place.startswith(inside)}
    return sorted(units - {"_"})


def where(site: Site, place: str) -> str:
    """Zone and floor of a place, as people call them."""
    _, building, floor, zone, _ = place.split("/")
    for one in site.office.buildings:
        for level in one.floors:
            if (one.id, level.id) == (building, floor):
                area = next((area.name or area.id for area in level.zones if area.id == zone), zone)
                return f"{area}, {level.name or level.id}"
    return ""
