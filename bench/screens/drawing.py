"""Floors of a tower as GeoJSON plans, as an architect would hand them over: walls, zones, rooms, desks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware_sim.office import Office as Tower
from firmware_sim.space import Box
from firmware_sim.tower import AIR_ROOM, ROOM, SIDE, stairs

DESK = [1.4, 1.0]


def write(tower: Tower, floor: str, folder: Path) -> str:
    """The plan of a floor; its path beside office.yaml."""
    path = f"plans/{floor}.geojson"
    (folder / "plans").mkdir(exist_ok=True)
    document = {"type": "FeatureCollection", "features": list(_features(tower, floor))}
    (folder / path).write_text(json.dumps(document), encoding="utf-8")
    return path


def _features(tower: Tower, floor: str) -> Iterator[dict[str, Any]]:
    yield _feature({"kind": "wall"}, "LineString", _ring(Box(0, 0, SIDE, SIDE)))
    for wall in tower.walls:
        if wall.floor == floor:
            yield _feature({"kind": "wall"}, "LineString", [[wall.x1, wall.y1], [wall.x2, wall.y2]])
    for zone in tower.zones:
        if zone.floor == floor:
            yield _feature({"kind": "zone", "id": zone.id}, "Polygon", [_ring(zone.box)])
    for space in tower.spaces:
        if space.floor != floor:
            continue
        if space.kind == "room":
            box = AIR_ROOM if space.id.endswith("3") else ROOM[space.zone]
            yield _feature({"kind": "room", "id": space.id}, "Polygon", [_ring(box)])
        else:
            yield _feature({"kind": "desk", "id": space.id, "size": DESK}, "Point", [space.at.x, space.at.y])
    yield _feature({"kind": "label", "text": "Tangga"}, "Point", [stairs(floor).x + 2, stairs(floor).y])


def _feature(properties: dict[str, Any], shape: str, coordinates: list[Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": shape, "coordinates": coordinates}}


def _ring(box: Box) -> list[list[float]]:
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]
