"""A floor as a drawing: what stands where, from its GeoJSON plan or, without one, from the configuration.

Drawings are in whole centimetres, x to the right, y down, from the upper left corner of the paper. Pure: no state of
any place, no text of any language but names from the configuration; the page adds those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from gateway.config.model import Device, Floor, Office, Space, Zone
from gateway.config.plans import Feature, Plan
from gateway.config.plans import Point as Metres
from gateway.web import titles
from gateway.web.layout import GAP, SIZES, Layout, Rect, lay_out, rows_below

MARGIN = 50
"""Of the paper around what is drawn, cm."""
APART = 1.0
"""Metres between the plan and the spaces that it leaves out."""
BESIDE = 2.0
"""Metres around a plan: a device that hangs farther away has a wrong position, and is drawn at its place."""

Point = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnZone:
    """A zone's outline."""

    place: str
    """`site/building/floor/zone/_`."""
    id: str
    name: str
    private: bool
    outline: tuple[Point, ...]
    """Empty: the zone is nowhere on the plan."""
    at: Point
    """Where its name begins, on its base line; see titles.py."""
    title: str
    """As much of its name as there is room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSpace:
    """A desk or room."""

    place: str
    """`site/building/floor/zone/space`."""
    space: Space
    zone: str
    """Id of its zone."""
    x: int
    y: int
    """Its middle."""
    width: int
    height: int
    """Before it is turned; of a polygon, its bounding box."""
    turn: float
    """Degrees clockwise, -180 to 180."""
    outline: tuple[Point, ...]
    """Of a polygon; empty for a rectangle."""
    placed: bool
    """False: the plan leaves it out."""

    @property
    def name(self) -> str:
        """As people call it."""
        return self.space.name or self.space.id

    @property
    def short(self) -> str:
        """What fits on a desk: `Meja 12` is 12."""
        words = self.name.split()
        return words[-1] if len(self.name) > 5 and len(words[-1]) <= 5 else self.name

    @property
    def box(self) -> tuple[int, int, int, int]:
        """West, north, east, south of what it covers when it is turned by a multiple of 90 degrees."""
        across = round(self.turn / 90) % 2 == 1
        wide, high = (self.height, self.width) if across else (self.width, self.height)
        return self.x - wide // 2, self.y - high // 2, self.x + wide // 2, self.y + high // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLabel:
    """Words on the plan."""

    text: str
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnDevice:
    """A device: where it hangs, or at its place where nobody has said."""

    device: Device
    x: int
    y: int
    placed: bool
    """It has a position of its own, and the floor has coordinates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A floor on paper."""

    source: Literal["plan", "areas", "made_up"]
    """Made up: its coordinates mean nothing outside of the drawing."""
    width: int
    height: int
    west: float
    north: float
    """The floor's coordinates of the paper's upper left corner, metres."""
    walls: tuple[tuple[Point, ...], ...]
    zones: tuple[DrawnZone, ...]
    spaces: tuple[DrawnSpace, ...]
    labels: tuple[DrawnLabel, ...]
    devices: tuple[DrawnDevice, ...]

    def metres(self, x: float, y: float) -> Metres:
        """A point of the paper in the floor's coordinates."""
        return round(self.west + x / 100, 2), round(self.north - y / 100, 2)

    def paper(self, x: float, y: float) -> Point:
        """A point of the floor on the paper."""
        return round((x - self.west) * 100), round((self.north - y) * 100)


def draw(office: Office, building: str, floor: Floor, plan: Plan | None) -> Drawing:
    """The drawing of a floor. `plan`: that of its file, checked; None: it has none that can be read."""
    if plan is not None:
        return _Paper(office, building, floor).from_plan(plan)
    return _Paper(office, building, floor).from_layout(lay_out(floor))


class _Paper:
    """Puts metres, y up, on paper."""

    def __init__(self, office: Office, building: str, floor: Floor) -> None:
        self._prefix = f"{office.site}/{building}/{floor.id}"
        self._floor = floor
        here = f"{building}/{floor.id}/"
        self._devices = [device for device in office.devices if device.place.startswith(here)]
        self._west = self._north = 0.0

    def from_plan(self, plan: Plan) -> Drawing:
        features = plan.spaces
        shapes = {space.id: features[space.id] for _, space in self._all() if space.id in features}
        left_out = [space for _, space in self._all() if space.id not in features]
        west, south, east, _ = _bounds(_reach(plan.features))
        beside = rows_below(left_out, west, south - APART, max(east - west, 6.0))
        devices = self._at(_reach(plan.features))
        reach = [*_reach(plan.features), *_corners(beside.values()), *devices.values()]
        size = self._open(reach)
        spaces = tuple(
            self._from_feature(zone, space, shapes[space.id])
            if space.id in shapes
            else self._from_rect(zone, space, beside[space.id], placed=False)
            for zone, space in self._all()
        )
        outlines = {name: feature.lines[0] for name, feature in plan.zones.items()}
        return Drawing(
            source="plan",
            width=size[0],
            height=size[1],
            west=self._west,
            north=self._north,
            walls=tuple(
                self._line((*points, points[0]) if feature.closed else points)
                for feature in plan.of("wall")
                for points in feature.lines
            ),
            zones=tuple(self._zones(outlines, spaces)),
            spaces=spaces,
            labels=tuple(
                DrawnLabel(text=feature.text, x=x, y=y)
                for feature in plan.of("label")
                for x, y in (self._point(feature.lines[0][0]),)
            ),
            devices=tuple(self._hung(devices, spaces, outlines)),
        )

    def from_layout(self, layout: Layout) -> Drawing:
        real = any(zone.area == layout.zones.get(zone.id) for zone in self._floor.zones if zone.area)
        outlines = [point for ring in layout.zones.values() for point in ring]
        devices = self._at(outlines) if real else {}
        size = self._open([*outlines, *_corners(layout.spaces.values()), *devices.values()])
        spaces = tuple(
            self._from_rect(zone, space, layout.spaces[space.id], placed=True) for zone, space in self._all()
        )
        return Drawing(
            source="areas" if real else "made_up",
            width=size[0],
            height=size[1],
            west=self._west,
            north=self._north,
            walls=() if real or not outlines else (self._line(_frame(outlines)),),
            zones=tuple(self._zones(layout.zones, spaces)),
            spaces=spaces,
            labels=(),
            devices=tuple(self._hung(devices, spaces, layout.zones)),
        )

    def _all(self) -> Iterator[tuple[Zone, Space]]:
        return ((zone, space) for zone in self._floor.zones for space in zone.spaces)

    def _open(self, reach: list[Metres]) -> Point:
        """Takes a sheet that is large enough; its width and height."""
        west, south, east, north = _bounds(reach)
        self._west, self._north = west - MARGIN / 100, north + MARGIN / 100
        return round((east - west) * 100) + 2 * MARGIN, round((north - south) * 100) + 2 * MARGIN

    def _point(self, point: Metres) -> Point:
        return round((point[0] - self._west) * 100), round((self._north - point[1]) * 100)

    def _line(self, points: Iterable[Metres]) -> tuple[Point, ...]:
        return tuple(self._point(point) for point in points)

    def _zones(self, outlines: dict[str, tuple[Metres, ...]], spaces: Iterable[DrawnSpace]) -> Iterator[DrawnZone]:
        rings = {zone.id: self._line(outlines.get(zone.id, ())) for zone in self._floor.zones}
        names = {zone.id: zone.name or zone.id for zone in self._floor.zones}
        places = titles.places(rings, names, [space.box for space in spaces])
        for zone in self._floor.zones:
            yield DrawnZone(
                place=f"{self._prefix}/{zone.id}/_",
                id=zone.id,
                name=names[zone.id],
                private=zone.private,
                outline=rings[zone.id],
                at=places[zone.id][0],
                title=places[zone.id][1],
            )

    def _from_rect(self, zone: Zone, space: Space, rect: Rect, *, placed: bool) -> DrawnSpace:
        x, y = self._point((rect.x + rect.width / 2, rect.y + rect.height / 2))
        return self._space(zone, space, (x, y), (rect.width, rect.height), 0.0, (), placed=placed)

    def _from_feature(self, zone: Zone, space: Space, feature: Feature) -> DrawnSpace:
        middle = self._point(feature.middle)
        if not feature.closed:
            turn = (180 - feature.rotation) % 360 - 180
            return self._space(zone, space, middle, feature.size or SIZES[space.kind], turn, (), placed=True)
        west, south, east, north = _bounds(feature.lines[0])
        outline = self._line(feature.lines[0])
        return self._space(zone, space, middle, (east - west, north - south), 0.0, outline, placed=True)

    def _space(
        self,
        zone: Zone,
        space: Space,
        middle: Point,
        size: Metres,
        turn: float,
        outline: tuple[Point, ...],
        *,
        placed: bool,
    ) -> DrawnSpace:
        return DrawnSpace(
            place=f"{self._prefix}/{zone.id}/{space.id}",
            space=space,
            zone=zone.id,
            x=middle[0],
            y=middle[1],
            width=round(size[0] * 100),
            height=round(size[1] * 100),
            turn=turn,
            outline=outline,
            placed=placed,
        )

    def _at(self, drawn: list[Metres]) -> dict[str, Metres]:
        """Where devices say that they hang, if that is on the plan."""
        west, south, east, north = _bounds(drawn)
        return {
            device.id: (device.at[0], device.at[1])
            for device in self._devices
            if device.at is not None
            and west - BESIDE <= device.at[0] <= east + BESIDE
            and south - BESIDE <= device.at[1] <= north + BESIDE
        }

    def _hung(
        self, at: dict[str, Metres], spaces: Iterable[DrawnSpace], zones: dict[str, tuple[Metres, ...]]
    ) -> Iterator[DrawnDevice]:
        """Each device of the floor. Without a position: beside each other at their space's edge, or in their zone."""
        homes: dict[str, tuple[int, int, int]] = {}
        for drawn in spaces:
            west, north, east, _ = drawn.box
            homes[drawn.place.split("/", 1)[1]] = west + 20, north, east
        here = self._prefix.split("/", 1)[1]
        for name, ring in zones.items():
            left, low, right, high = _bounds(ring)
            x, y = self._point(((left + right) / 2, (low + high) / 2))
            homes[f"{here}/{name}"] = x, y, x + 300
        beside: dict[str, int] = {}
        for device in self._devices:
            if device.id in at:
                x, y = self._point(at[device.id])
                yield DrawnDevice(device=device, x=x, y=y, placed=True)
            elif device.place in homes:
                first, y, last = homes[device.place]
                number = beside[device.place] = beside.get(device.place, -1) + 1
                yield DrawnDevice(device=device, x=min(first + number * 30, last), y=y, placed=False)


def _frame(points: Iterable[Metres]) -> tuple[Metres, ...]:
    west, south, east, north = _bounds(points)
    return (west, south), (east, south), (east, north), (west, north), (west, south)


def _reach(features: Iterable[Feature]) -> list[Metres]:
    """Points that enclose them; a desk that is a point reaches as far as its diagonal."""
    made: list[Metres] = []
    for feature in features:
        if feature.closed or len(feature.lines[0]) > 1:
            made += [point for points in feature.lines for point in points]
            continue
        x, y = feature.lines[0][0]
        along, deep = feature.size or SIZES.get(feature.kind, (GAP, GAP))
        half = (along**2 + deep**2) ** 0.5 / 2
        made += [(x - half, y - half), (x + half, y + half)]
    return made


def _corners(rects: Iterable[Rect]) -> list[Metres]:
    return [point for rect in rects for point in rect.ring]


def _bounds(points: Iterable[Metres]) -> tuple[float, float, float, float]:
    """West, south, east, north; of nothing, a little nothing."""
    found = list(points) or [(0.0, 0.0), (1.0, 1.0)]
    return min(x for x, _ in found), min(y for _, y in found), max(x for x, _ in found), max(y for _, y in found)
