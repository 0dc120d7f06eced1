"""Edits of a floor's GeoJSON plan that leave every other byte of the file as it is. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config import plans
from gateway.config.json_marks import spans
from gateway.config.plans import Feature, Point
from gateway.web.floorplan import Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a space is to stand."""

    kind: str
    x: float
    y: float
    """Its middle, metres, y up."""
    rotation: float | None = None
    """Degrees counter-clockwise, of a space that is drawn as a point; None: as it is."""


def apply(text: str, stands: Mapping[str, Stand], name: str = "plan") -> str:
    """`text` with spaces moved, by id; one that is not on the plan is added. Raises ConfigError: `text` is no plan."""
    plan = plans.parse(text.encode(), name)
    marks = spans(text, plans.DEEP)
    known = plan.spaces
    edits: list[tuple[int, int, str]] = []
    added = []
    for space, stand in stands.items():
        if space not in known:
            added.append(_row(_point(space, stand.kind, (stand.x, stand.y), stand.rotation or 0.0)))
            continue
        feature = known[space]
        here = ("features", feature.number)
        edits.append((*marks[(*here, "geometry", "coordinates")], _moved(text, marks, feature, stand)))
        if stand.rotation is None or feature.closed:
            continue
        turn = marks.get((*here, "properties", "rotation"))
        if turn is not None:
            edits.append((*turn, _number(stand.rotation)))
        elif stand.rotation:
            end = marks[(*here, "properties")].end - 1
            while text[end - 1].isspace():
                end -= 1
            edits.append((end, end, f', "rotation": {_number(stand.rotation)}'))
    if added:
        count = len(plan.lines)
        end = marks[("features", count - 1)].end
        edits.append((end, end, "".join(f",\n  {row}" for row in added)))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def from_drawing(drawing: Drawing) -> str:
    """A plan of a floor that has none: what its drawing shows."""
    rows = [_row(feature) for feature in _features(drawing)]
    return '{"type": "FeatureCollection", "features": [\n' + ",\n".join(f"  {row}" for row in rows) + "\n]}\n"


def _features(drawing: Drawing) -> Iterator[dict[str, Any]]:
    for wall in drawing.walls:
        yield _feature({"kind": "wall"}, "LineString", [drawing.metres(x, y) for x, y in wall])
    for zone in drawing.zones:
        if zone.outline:
            ring = [drawing.metres(x, y) for x, y in (*zone.outline, zone.outline[0])]
            yield _feature({"kind": "zone", "id": zone.id}, "Polygon", [ring])
    for space in drawing.spaces:
        at = drawing.metres(space.x, space.y)
        size = (space.width / 100, space.height / 100)
        yield _point(space.space.id, space.space.kind, at, -space.turn, size)


def _point(
    space: str, kind: str, at: Point, rotation: float, size: tuple[float, float] | None = None
) -> dict[str, Any]:
    properties: dict[str, Any] = {"kind": kind, "id": space}
    if rotation:
        properties["rotation"] = json.loads(_number(rotation))
    if size is not None:
        properties["size"] = list(size)
    return _feature(properties, "Point", at)


def _feature(properties: dict[str, Any], shape: str, coordinates: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": shape, "coordinates": coordinates}}


def _row(feature: dict[str, Any]) -> str:
    return json.dumps(feature, ensure_ascii=False)


def _moved(text: str, marks: Mapping[Any, tuple[int, int]], feature: Feature, stand: Stand) -> str:
    """New coordinates of a feature whose middle is to be at `stand`; heights stay."""
    start, end = marks[("features", feature.number, "geometry", "coordinates")]
    given = json.loads(text[start:end])
    x, y = feature.middle
    if not feature.closed:
        return _list([stand.x, stand.y, *given[2:]])
    ring = [[px + stand.x - x, py + stand.y - y, *rest] for px, py, *rest in given[0]]
    return f"[[{', '.join(_list(point) for point in ring)}]]"


def _list(numbers: list[float]) -> str:
    return f"[{', '.join(map(_number, numbers))}]"


def _number(value: float) -> str:
    """To the centimetre, without noughts at its end."""
    rounded = round(value, 2)
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)
