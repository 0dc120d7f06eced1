"""The floor that is walked: its zones, the spots to stand at, how far each is covered, and which comes next.

Pure: nothing of files, gateways or the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import NamedTuple

FINEST_M, COARSEST_M = 1.2, 3.0
"""Between proposed spots."""
A_ZONE = 6
"""Spots that a zone has, about, where its size allows it."""
NEAR = 0.6
"""Of the spacing: who stands nearer to a proposed spot has covered it."""
ENOUGH, RECEIVERS = 10, 2
"""Packets, of so many receivers, without which a spot is thin."""
FAR_M = 10.0
"""Beyond the box around the floor: a slip of the finger."""
COVERED, THIN, OPEN = "covered", "thin", "open"

Point = tuple[float, float]


class Heard(NamedTuple):
    """A packet of the walker's tag."""

    at: float
    """Seconds."""
    receiver: str
    rssi: float


class Visit(NamedTuple):
    """What was heard at one spot."""

    x: float
    y: float
    heard: tuple[Heard, ...]

    def counts(self) -> Counter[str]:
        """Packets by receiver."""
        return Counter(one.receiver for one in self.heard)


class Spot(NamedTuple):
    """Where to stand."""

    zone: str
    x: float
    y: float
    middle: bool
    """Of its zone, or as near to it as the zone's form allows."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A floor, metres."""

    zones: Mapping[str, Sequence[Point]]
    private: frozenset[str]
    receivers: Mapping[str, Point]
    spots: tuple[Spot, ...]
    """Zone by zone; the middle first."""
    spacing: Mapping[str, float]
    """By zone."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Lowest x and y, highest x and y."""
        points = [*self.receivers.values(), *(corner for area in self.zones.values() for corner in area)]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return min(xs), min(ys), max(xs), max(ys)

    def zone_at(self, x: float, y: float) -> str | None:
        """The zone around a point."""
        return next((name for name, area in self.zones.items() if inside(x, y, area)), None)

    def is_far(self, x: float, y: float) -> bool:
        """Whether a point cannot be meant."""
        left, low, right, high = self.box
        return not (left - FAR_M <= x <= right + FAR_M and low - FAR_M <= y <= high + FAR_M)

    def state(self, spot: Spot, visits: Iterable[Visit]) -> str:
        """How far a proposed spot is covered."""
        reach = NEAR * self.spacing[spot.zone]
        counts: Counter[str] = Counter()
        for visit in visits:
            if hypot(visit.x - spot.x, visit.y - spot.y) <= reach:
                counts.update(visit.counts())
        if counts.total() >= ENOUGH and len(counts) >= RECEIVERS:
            return COVERED
        return THIN if counts else OPEN

    def states(self, visits: Sequence[Visit]) -> dict[Spot, str]:
        """Of all spots."""
        return {spot: self.state(spot, visits) for spot in self.spots}


def ground(
    zones: Mapping[str, Sequence[Point]], receivers: Mapping[str, Point], private: frozenset[str] = frozenset()
) -> Ground:
    """A floor with its proposed spots. Raises ValueError without zones."""
    if not zones:
        raise ValueError("no zone of the floor has an area")
    spots: list[Spot] = []
    spacing: dict[str, float] = {}
    for name, area in zones.items():
        spacing[name] = min(COARSEST_M, max(FINEST_M, (surface(area) / A_ZONE) ** 0.5))
        spots += _spots(name, area, spacing[name])
    return Ground(zones, private, receivers, tuple(spots), spacing)


def following(
    states: Mapping[Spot, str], skipped: frozenset[Spot], here: Point | None, zone: str | None
) -> Spot | None:
    """The next spot: of the zone that was begun; when that is done, of the one that is covered least.

    Its middle first, then open ones before thin ones, the nearest first. None: all are covered or skipped.
    """
    left = [spot for spot, state in states.items() if state != COVERED and spot not in skipped]
    if not left:
        return None
    if zone not in {spot.zone for spot in left}:
        zone = min(
            {spot.zone: None for spot in left},
            key=lambda name: (_share(states, name), _way(here, next(s for s in left if s.zone == name))),
        )
    return min(
        (spot for spot in left if spot.zone == zone),
        key=lambda spot: (states[spot] == THIN, not spot.middle, _way(here, spot)),
    )


def _share(states: Mapping[Spot, str], zone: str) -> float:
    mine = [state for spot, state in states.items() if spot.zone == zone]
    return mine.count(COVERED) / len(mine)


def _way(here: Point | None, spot: Spot) -> float:
    return 0.0 if here is None else hypot(spot.x - here[0], spot.y - here[1])


def _spots(name: str, area: Sequence[Point], spacing: float) -> Iterator[Spot]:
    middle = centre(area)
    found = [point for point in _grid(area, spacing) if hypot(point[0] - middle[0], point[1] - middle[1]) > spacing / 2]
    yield Spot(name, *_written(middle, area), True)
    for point in found:
        yield Spot(name, *_written(point, area), False)


def _written(point: Point, area: Sequence[Point]) -> Point:
    """As it is told to people: to the decimetre, where that is inside."""
    x, y = round(point[0], 1), round(point[1], 1)
    return (x, y) if inside(x, y, area) else (round(point[0], 3), round(point[1], 3))


def _grid(area: Sequence[Point], spacing: float) -> list[Point]:
    """Points inside, evenly spread over the box around it."""
    left, low = min(x for x, _ in area), min(y for _, y in area)
    width, height = max(x for x, _ in area) - left, max(y for _, y in area) - low
    across, along = max(1, round(width / spacing)), max(1, round(height / spacing))
    points = [
        (left + width * (i + 0.5) / across, low + height * (j + 0.5) / along)
        for j in range(along)
        for i in (range(across) if j % 2 == 0 else reversed(range(across)))  # as one walks
    ]
    return [point for point in points if inside(*point, area)]


def centre(area: Sequence[Point]) -> Point:
    """The point inside an area that is nearest to its centre of gravity."""
    doubled = sum(a * d - c * b for (a, b), (c, d) in _edges(area))
    if abs(doubled) > 1e-9:
        x = sum((a + c) * (a * d - c * b) for (a, b), (c, d) in _edges(area)) / (3 * doubled)
        y = sum((b + d) * (a * d - c * b) for (a, b), (c, d) in _edges(area)) / (3 * doubled)
    else:
        x, y = (sum(values) / len(area) for values in zip(*area, strict=True))
    if inside(x, y, area):
        return x, y
    size = max(surface(area), 1e-6) ** 0.5
    for finer in (4, 16, 64):
        if points := _grid(area, size / finer):
            return min(points, key=lambda point: hypot(point[0] - x, point[1] - y))
    return area[0]


def surface(area: Sequence[Point]) -> float:
    """Square metres."""
    return abs(sum(a * d - c * b for (a, b), (c, d) in _edges(area))) / 2


def inside(x: float, y: float, area: Sequence[Point]) -> bool:
    """By the even-odd rule."""
    found = False
    for (x1, y1), (x2, y2) in _edges(area):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            found = not found
    return found


def _edges(area: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return zip(area, [*area[1:], area[0]], strict=True)
