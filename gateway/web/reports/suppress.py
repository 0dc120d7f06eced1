"""Small groups are not told, and cannot be computed from what is told.

What happened is cut, once and by a fixed rule that no question changes, into atoms of at least five people each. A
question about places, units and days is answered by the sum of the atoms that lie wholly inside. Every figure is then
made of whole atoms, so that whatever is added, subtracted or solved, the least that comes out is an atom: totals need
no cell to be hidden for them, and another period, place or unit brings no difference below five.

An atom is the cell of a zone, an owner unit, a person's unit and a day. What is smaller is put together, step by step:
over a week, the floor and the building; over owner units, then over people's units, first apart as guests and those at
home, then together. What is still smaller is in no figure. How many people a group has is counted from below, without
knowing anybody: as many as held desks of one building at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

FEWEST = 5
"""People."""
WEEK = 7
HOME, GUEST, COMMON, UNTOLD = "home", "guest", "common", "untold"
"""Of a person at a desk: of their own unit, of another, of nobody's; of a person whose unit is not told."""
T = TypeVar("T")


class Cell(NamedTuple):
    """The finest thing that a question can ask for."""

    zone: str
    """`site/building/floor/zone`."""
    host: str
    """Owner unit of the place."""
    unit: str
    """Unit of the person."""
    relation: str
    """What the two are to each other, HOME, GUEST, COMMON or UNTOLD: that follows from them."""
    day: int
    """Local days since 1970-01-01."""


class Bounds(NamedTuple):
    """What an atom may contain, whatever is in it."""

    place: str
    """`site/building` and deeper."""
    host: str | None
    """None: several."""
    unit: str | None
    relation: str | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Atom(Generic[T]):
    """At least five people, together."""

    bounds: Bounds
    items: tuple[T, ...]

    def inside(self, place: str, units: frozenset[str] | None, first: int, last: int) -> bool:
        """Whether a question about a place, some units (None: all) and days has all of it."""
        its = self.bounds
        return (
            (its.place == place or its.place.startswith(f"{place}/"))
            and (units is None or its.unit in units)
            and first <= its.first
            and its.last <= last
        )


def atoms(cells: Iterable[tuple[Cell, T]], people: Callable[[Sequence[T]], int], closed: int) -> list[Atom[T]]:
    """Items of whole buildings and whole weeks, in atoms; each item is in one atom, or in none.

    `people`: a lower bound of how many people some items are of. `closed`: the last day of which nothing is added any
    more; younger items are in no atom, and those of a week that is not over in none that spans it: figures that grow
    while one looks would tell who came.
    """
    left: dict[Cell, list[T]] = {}
    for cell, item in cells:
        if cell.day <= closed:
            left.setdefault(cell, []).append(item)
    made: list[Atom[T]] = []
    for step in STEPS:
        groups: dict[Bounds, list[Cell]] = {}
        for cell in sorted(left):
            bounds = step(cell)
            if bounds.last <= closed:
                groups.setdefault(bounds, []).append(cell)
        for bounds, members in groups.items():
            items = [item for cell in members for item in left[cell]]
            if people(items) >= FEWEST:
                made.append(Atom(bounds, tuple(items)))
                for cell in members:
                    del left[cell]
    return made


def _day(cell: Cell) -> Bounds:
    return Bounds(cell.zone, cell.host, cell.unit, cell.relation, cell.day, cell.day)


def _week(cell: Cell, levels: int, *, host: bool = True, unit: bool = True, relation: bool = True) -> Bounds:
    monday = cell.day - (cell.day + 3) % WEEK
    return Bounds(
        "/".join(cell.zone.split("/")[:levels]),
        cell.host if host else None,
        cell.unit if unit else None,
        cell.relation if relation else None,
        monday,
        monday + WEEK - 1,
    )


ZONE, FLOOR, BUILDING = 4, 3, 2
STEPS: tuple[Callable[[Cell], Bounds], ...] = (
    _day,
    lambda cell: _week(cell, ZONE),
    lambda cell: _week(cell, FLOOR),
    lambda cell: _week(cell, BUILDING),
    lambda cell: _week(cell, FLOOR, host=False),
    lambda cell: _week(cell, BUILDING, host=False),
    lambda cell: _week(cell, FLOOR, host=False, unit=False),
    lambda cell: _week(cell, BUILDING, host=False, unit=False),
    lambda cell: _week(cell, FLOOR, host=False, unit=False, relation=False),
    lambda cell: _week(cell, BUILDING, host=False, unit=False, relation=False),
)
"""From the finest to the coarsest."""


def concurrent(spans: Iterable[tuple[int, int]]) -> int:
    """The most of [from, to) at one instant; one without a length counts for the instant that it begins."""
    moves = sorted(move for begin, end in spans for move in ((begin, 1), (max(end, begin + 1), -1)))
    most = now = 0
    for _, step in moves:
        now += step
        most = max(most, now)
    return most
