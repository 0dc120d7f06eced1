"""Places as an employee's pages name and address them."""

from __future__ import annotations

from gateway.config.places import Spot
from gateway.web.live import SILENT, PlaceNow
from gateway.web.site import Site
from gateway.web.stickers import Codes

LEVELS = 5


def place_of(site: Site, codes: Codes, code: str) -> str | None:
    """The desk behind `/d/<code>`: a sticker's code, `building.floor.zone.space`, or the id of only one space."""
    scanned = codes.place(code)
    if scanned is not None:
        return scanned
    spots = site.live.places.spots
    if code.count(".") == LEVELS - 2:
        place = f"{site.office.site}/{code.replace('.', '/')}"
        return place if place in spots else None
    found = [place for place in spots if place.rpartition("/")[2] == code]
    return found[0] if len(found) == 1 else None


def path_of(place: str) -> str:
    """The page of a desk. Identifiers have no dots, so that the four levels can be told apart."""
    return "/d/" + ".".join(place.split("/")[1:])


def zone_name(site: Site, place: str) -> str:
    """`Timur, Lantai 1` of a space or a zone; with its building, where the site has several."""
    _, building, floor, zone, *_ = [*place.split("/"), *["_"] * LEVELS]
    names: list[str] = []
    for one in site.office.buildings:
        if one.id != building:
            continue
        for level in one.floors:
            if level.id == floor:
                names += [area.name or area.id for area in level.zones if area.id == zone]
                names.append(level.name or level.id)
        if len(site.office.buildings) > 1 or not names:
            names.append(one.name or one.id)
    return ", ".join(names)


def space_name(site: Site, place: str) -> str:
    """`Meja 1`; of a place that is not configured any more its id."""
    now = site.live.now(place)
    if now is not None:
        return now.name
    last = place.rpartition("/")[2]
    return zone_name(site, place) if last == "_" else last


def admits(spot: Spot, unit: str) -> bool:
    """Whether people of `unit` may take or book it, as rules.desk_acts decides."""
    return spot.guests or spot.unit in ("_", unit)


def is_silent(site: Site, now: PlaceNow) -> bool:
    """Whether nothing can be asked of the place: its gateway, or the way to it, is not there."""
    return not site.live.connected or now.cause in SILENT
