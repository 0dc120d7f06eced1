"""The simulated floors as GeoJSON plans: walls, zones, rooms and desks where firmware_sim has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware_sim.office import SIZE, STAIRS, Office, Space
from firmware_sim.space import Box

DESK = [1.4, 1.0]
"""Metres along and deep."""
STAIRS_TEXT = "Tangga"
BESIDE = 1.5
"""Metres: a wall stands where they are."""


def path_of(floor: str) -> str:
    """Of a floor's plan, relative to office.yaml."""
    return f"plans/{floor}.geojson"


def write(office: Office, folder: Path) -> None:
    """A plan for each floor."""
    for floor in office.floors:
        path = folder / path_of(floor.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = ",\n".join("  " + json.dumps(feature, ensure_ascii=False) for feature in _features(office, floor.id))
        path.write_text(f'{{"type": "FeatureCollection", "features": [\n{rows}\n]}}\n', encoding="utf-8")


def _features(office: Office, floor: str) -> Iterator[dict[str, Any]]:
    yield _feature({"kind": "wall"}, "LineString", _ring(Box(0, 0, SIZE, SIZE)))
    for wall in office.walls:
        if wall.floor == floor:
            yield _feature({"kind": "wall"}, "LineString", [[wall.x1, wall.y1], [wall.x2, wall.y2]])
    for zone in office.zones:
        if zone.floor == floor:
            yield _feature({"kind": "zone", "id": zone.id}, "Polygon", [_ring(zone.box)])
    for space in office.spaces:
        if space.floor == floor:
            yield _space(space)
    yield _feature({"kind": "label", "text": STAIRS_TEXT}, "Point", [STAIRS[floor].x + BESIDE, STAIRS[floor].y])


def _space(space: Space) -> dict[str, Any]:
    properties: dict[str, Any] = {"kind": space.kind, "id": space.id}
    if space.box is not None:
        return _feature(properties, "Polygon", [_ring(space.box)])
    if space.floor == "l05":  # its rows run north
        properties["rotation"] = 90
    return _feature(properties | {"size": DESK}, "Point", [space.at.x, space.at.y])


def _feature(properties: dict[str, Any], shape: str, coordinates: list[Any]) -> dict[str, Any]:
    geometry = {"type": shape, "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _ring(box: Box) -> list[list[float]]:
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]
