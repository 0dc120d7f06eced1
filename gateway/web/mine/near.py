"""Free desks near a person: where they have sat lately first, then their unit's zones."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.web.live import FREE, PlaceNow
from gateway.web.mine.places import admits
from gateway.web.mine.record import Record
from gateway.web.site import Site

LATELY = 5
"""Desks that count as the last ones."""


def zones_of(site: Site, record: Record, unit: str) -> list[str]:
    """Zones in order of nearness: of the last desks, then the unit's own. Of somebody new without a unit: none."""
    last = [visit.place for visit in reversed(record.visits) if visit.kind == "desk"]
    found = [spot.zone for place in last[: LATELY * 4] if (spot := site.live.places.spots.get(place)) is not None]
    if unit != "_":
        found += [area.place for area in site.live.places.areas.values() if area.unit == unit]
        found += [spot.zone for spot in site.live.places.spots.values() if spot.unit == unit]
    return list(dict.fromkeys(found))


def free_near(site: Site, record: Record, unit: str, limit: int = 6) -> list[PlaceNow]:
    """Desks that the person may take now, nearest first: one of theirs of lately, then its zone, floor by floor."""
    zones = zones_of(site, record, unit)
    rank = {zone: at for at, zone in enumerate(zones)}
    floors = {zone.rsplit("/", 2)[0] for zone in zones}
    own = {visit.place: visit.at for visit in record.visits if visit.kind == "desk"}
    found: list[tuple[tuple[int, int, int], PlaceNow]] = []
    for order, now in enumerate(site.live.all()):
        if now.kind != "desk" or now.status != FREE or now.mode == "assigned":
            continue
        if zones and now.floor not in floors:
            continue
        if not admits(site.live.places.spots[now.place], unit):
            continue
        found.append(((rank.get(now.zone, len(zones)), -own.get(now.place, 0), order), now))
    found.sort(key=lambda each: each[0])
    return [now for _, now in found[:limit]]


def floor_of(site: Site, record: Record, unit: str, held: str = "") -> str:
    """`site/building/floor` that the person's page follows: of their desk, else the nearest zone's; empty: none."""
    places: Sequence[str] = [held] if held else zones_of(site, record, unit)
    for place in (*places, *site.live.floors()):
        floor = "/".join(place.split("/", 3)[:3])
        if floor in site.live.floors():
            return floor
    return ""
