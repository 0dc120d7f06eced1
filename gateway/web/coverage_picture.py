"""The coverage of a surveyed floor as a drawing: zones, receivers, and which spots are covered. Pure numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.survey.ground import COVERED, OPEN, THIN, Ground, Visit

METRE = 100
MARGIN = 60


class Shape(NamedTuple):
    """A zone."""

    name: str
    points: str
    """As `points` of a polygon."""
    x: int
    y: int
    """Where its name stands."""
    private: bool


class Dot(NamedTuple):
    """A spot or a receiver: x, y, and what it is: covered, thin, open, or a receiver's name."""

    x: int
    y: int
    what: str


class Share(NamedTuple):
    """How much of a zone is covered."""

    zone: str
    covered: int
    thin: int
    open: int
    private: bool


class Picture(NamedTuple):
    """Centimetres, x to the right, y down."""

    width: int
    height: int
    zones: list[Shape]
    spots: list[Dot]
    receivers: list[Dot]
    shares: list[Share]
    visits: int
    packets: int


def draw(ground: Ground, visits: Sequence[Visit]) -> Picture:
    """All of a floor; without visits every spot is open."""
    left, low, right, high = ground.box

    def at(x: float, y: float) -> tuple[int, int]:
        return round((x - left) * METRE) + MARGIN, round((high - y) * METRE) + MARGIN

    zones = []
    for name, area in ground.zones.items():
        corners = [at(*point) for point in area]
        x, y = min(corners, key=lambda corner: (corner[1], corner[0]))
        text = " ".join(f"{one[0]},{one[1]}" for one in corners)
        zones.append(Shape(name, text, x, y, name in ground.private))
    states = ground.states(visits)
    shares = []
    for name in ground.zones:
        mine = [state for spot, state in states.items() if spot.zone == name]
        shares.append(Share(name, mine.count(COVERED), mine.count(THIN), mine.count(OPEN), name in ground.private))
    return Picture(
        round((right - left) * METRE) + 2 * MARGIN,
        round((high - low) * METRE) + 2 * MARGIN,
        zones,
        [Dot(*at(spot.x, spot.y), state) for spot, state in states.items()],
        [Dot(*at(*point), name) for name, point in ground.receivers.items()],
        shares,
        len(visits),
        sum(len(visit.heard) for visit in visits),
    )
