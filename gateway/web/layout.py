"""Places for the spaces of a floor that nobody has drawn: tidy, deterministic, without overlaps.

Where zones have areas, desks stand in rows inside of them, as large as fits. Where they have none, zones are blocks:
rooms above, desks in double rows, aisles between. Pure; metres, y up, as in the floor's coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.config.model import Floor, Space, Zone
from gateway.config.plans import Point, area, holds

SIZES: dict[str, Point] = {"desk": (1.4, 1.0), "room": (3.8, 2.8), "booth": (1.8, 1.8), "other": (2.2, 1.8)}
"""Metres along and deep."""
GAP, AISLE, PAD, TITLE = 0.2, 1.2, 0.6, 0.8
EMPTY: Point = (3.2, 2.4)
"""Of a block without spaces."""
BLOCK_SHAPE, FLOOR_SHAPE = 1.4, 1.15
"""Wide to deep: a phone is held upright, a desk's screen is not."""
SCALES = tuple(1.6 * 0.88**step for step in range(32))
FINEST = 90
"""Cells along a zone's side at most, when desks are fitted into its area."""


class Rect(NamedTuple):
    """Its south-west corner, and metres east and north."""

    x: float
    y: float
    width: float
    height: float

    @property
    def ring(self) -> tuple[Point, ...]:
        """Its corners, counter-clockwise."""
        east, north = self.x + self.width, self.y + self.height
        return (self.x, self.y), (east, self.y), (east, north), (self.x, north)

    def moved(self, x: float, y: float) -> Rect:
        """The same by so many metres."""
        return Rect(self.x + x, self.y + y, self.width, self.height)


@dataclass(slots=True)
class Layout:
    """Where everything is."""

    zones: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    """Outline by zone id."""
    spaces: dict[str, Rect] = field(default_factory=dict)
    """By space id."""


def lay_out(floor: Floor) -> Layout:
    """Every space of the floor, once. Zones without an outline are those that hold nothing where others have areas."""
    if any(zone.area for zone in floor.zones):
        fitted = _in_areas(floor)
        if fitted is not None:
            return fitted
    return _blocks(floor.zones)


def rows_below(spaces: Iterable[Space], x: float, y: float, width: float) -> dict[str, Rect]:
    """Spaces beside each other in rows that go south from (x, y), each row `width` metres at most."""
    made: dict[str, Rect] = {}
    east, top, deep = x, y, 0.0
    for space in spaces:
        along, depth = SIZES[space.kind]
        if east > x and east + along > x + width:
            east, top, deep = x, top - deep - GAP, 0.0
        made[space.id] = Rect(east, top - depth, along, depth)
        east += along + GAP
        deep = max(deep, depth)
    return made


# --- zones as blocks ------------------------------------------------------------------------------------------------


class _Block(NamedTuple):
    """A zone before it has its place: what it holds, from its own south-west corner."""

    zone: Zone
    width: float
    height: float
    spaces: dict[str, Rect]


def _blocks(zones: Sequence[Zone]) -> Layout:
    blocks = [_block(zone) for zone in zones]
    rows = min((_shelves(blocks, width) for width in _widths(blocks)), key=_how_odd, default=[])
    width = max((sum(block.width for block in row) for row in rows), default=0.0)
    layout = Layout()
    top = 0.0
    for row in rows:
        filled = _filled(row, width)
        deep = max(block.height for block in filled)
        west = 0.0
        for block in filled:
            layout.zones[block.zone.id] = Rect(west, top - deep, block.width, deep).ring
            layout.spaces |= {name: rect.moved(west, top - block.height) for name, rect in block.spaces.items()}
            west += block.width
        top -= deep
    return Layout(
        zones={name: tuple((x, y - top) for x, y in ring) for name, ring in layout.zones.items()},
        spaces={name: rect.moved(0.0, -top) for name, rect in layout.spaces.items()},
    )


def _filled(row: Sequence[_Block], width: float) -> list[_Block]:
    """The blocks of a row made so wide that they fill it; zones that hold something take what is left over."""
    full = [block for block in row if block.spaces] or list(row)
    spare = width - sum(block.width for block in row)
    share = sum(block.width for block in full)
    return [_block(b.zone, b.width * (1 + spare / share)) if b in full else b for b in row]


def _block(zone: Zone, width: float | None = None) -> _Block:
    """A zone as a block, as wide as is wanted; without a wish of a good shape."""
    desks = [space for space in zone.spaces if space.kind == "desk"]
    others = [space for space in zone.spaces if space.kind != "desk"]
    if not zone.spaces:
        return _Block(zone, EMPTY[0] if width is None else width, EMPTY[1], {})
    along, deep = SIZES["desk"]
    widest = max((SIZES[space.kind][0] for space in others), default=0.0)
    if width is None:
        columns = min(range(1, len(desks) + 1), key=lambda n: abs(math.log(_bench_shape(len(desks), n))), default=1)
        inner = max(columns * (along + GAP) - GAP if desks else 0.0, widest)
        if others and not desks:
            inner = max(inner, math.sqrt(len(others)) * (widest + GAP))
    else:
        inner = width - 2 * PAD
        most = max(1, int((inner + GAP + 1e-6) / (along + GAP)))
        columns = math.ceil(len(desks) / math.ceil(len(desks) / most)) if desks else 1
    placed = rows_below(others, 0.0, 0.0, inner)
    top = min((rect.y for rect in placed.values()), default=AISLE) - AISLE
    for number, desk in enumerate(desks):
        row, column = divmod(number, columns)
        y = top - deep - _row_top(row)
        placed[desk.id] = Rect(column * (along + GAP), y, along, deep)
    low = min(rect.y for rect in placed.values())
    wide = max(rect.x + rect.width for rect in placed.values())
    outer = wide + 2 * PAD if width is None else width
    moved = {name: rect.moved(PAD + (outer - 2 * PAD - wide) / 2, PAD - low) for name, rect in placed.items()}
    return _Block(zone, outer, -low + 2 * PAD + TITLE, moved)


def _row_top(row: int) -> float:
    """How far below the first row's upper edge a row's is: two rows face each other, then an aisle."""
    deep = SIZES["desk"][1]
    return row * deep + (row + 1) // 2 * GAP + row // 2 * AISLE


def _bench_shape(desks: int, columns: int) -> float:
    """How far from the wanted shape, as a factor."""
    along, deep = SIZES["desk"]
    rows = math.ceil(desks / columns)
    return (columns * (along + GAP) + 2 * PAD) / (_row_top(rows - 1) + deep + 2 * PAD + TITLE) / BLOCK_SHAPE


def _widths(blocks: Sequence[_Block]) -> list[float]:
    """Widths of a floor that are worth a try: those of the first zones beside each other."""
    sums: list[float] = []
    for block in blocks:
        sums.append((sums[-1] if sums else 0.0) + block.width)
    widest = max((block.width for block in blocks), default=0.0)
    return [max(widest, total) for total in sums]


def _shelves(blocks: Sequence[_Block], width: float) -> list[list[_Block]]:
    rows: list[list[_Block]] = [[]]
    for block in blocks:
        if rows[-1] and sum(other.width for other in rows[-1]) + block.width > width + 1e-6:
            rows.append([])
        rows[-1].append(block)
    return rows


def _how_odd(rows: Sequence[Sequence[_Block]]) -> float:
    """A floor of a bad shape, or one that has to be stretched much, is odd."""
    widths = [sum(block.width for block in row) for row in rows]
    width, deep = max(widths), sum(max(block.height for block in row) for row in rows)
    used = sum(block.width * block.height for row in rows for block in row)
    return abs(math.log(width / deep / FLOOR_SHAPE)) + 1.5 * (1 - used / (width * deep))


# --- zones with areas -----------------------------------------------------------------------------------------------


def _in_areas(floor: Floor) -> Layout | None:
    """None where they do not fit, or where zones overlap so that they cannot be told apart."""
    layout = Layout()
    areas = {zone.id: zone.area for zone in floor.zones if zone.area and abs(area(zone.area)) > 0.01}
    homeless: list[Space] = []
    for zone in floor.zones:
        if zone.id not in areas:
            homeless += zone.spaces
            continue
        ring = areas[zone.id]
        layout.zones[zone.id] = ring
        others = [other for name, other in areas.items() if name != zone.id and abs(area(other)) < abs(area(ring))]
        fitted = _fit(zone.spaces, ring, others)
        if fitted is None:
            return None
        layout.spaces |= fitted
    points = [point for ring in areas.values() for point in ring]
    if not points:
        return None
    west, south = min(x for x, _ in points), min(y for _, y in points)
    width = max(x for x, _ in points) - west
    layout.spaces |= rows_below(homeless, west, south - AISLE, max(width, 6.0))
    return layout if not overlapping(layout.spaces.values()) else None


def overlapping(rects: Iterable[Rect]) -> bool:
    """Whether two of them share more than an edge."""
    inner = sorted(rects)
    for number, one in enumerate(inner):
        for other in inner[number + 1 :]:
            if other.x >= one.x + one.width - 1e-6:
                break
            if other.y < one.y + one.height - 1e-6 and one.y < other.y + other.height - 1e-6:
                return True
    return False


def _fit(spaces: Sequence[Space], ring: tuple[Point, ...], others: Sequence[Sequence[Point]]) -> dict[str, Rect] | None:
    if not spaces:
        return {}
    ordered = sorted(spaces, key=lambda space: space.kind == "desk")
    for scale in SCALES:
        placed = _Grid(ring, others, scale).place(ordered)
        if placed is not None:
            return placed
    return None


class _Grid:
    """The inside of a zone in cells; what is taken is no longer free."""

    def __init__(self, ring: tuple[Point, ...], others: Sequence[Sequence[Point]], scale: float) -> None:
        self._west, self._north = min(x for x, _ in ring), max(y for _, y in ring)
        wide = max(x for x, _ in ring) - self._west
        deep = self._north - min(y for _, y in ring)
        self._scale = scale
        self._cell = max(GAP * scale, max(wide, deep) / FINEST)
        columns, rows = int(wide / self._cell), int(deep / self._cell)

        def good(column: int, row: int) -> bool:
            point = self._west + column * self._cell, self._north - row * self._cell
            return holds(ring, point) and not any(holds(tuple(other), point) for other in others)

        nodes = [[good(column, row) for column in range(columns + 1)] for row in range(rows + 1)]
        self._free = [
            [all((nodes[r][c], nodes[r][c + 1], nodes[r + 1][c], nodes[r + 1][c + 1])) for c in range(columns)]
            for r in range(rows)
        ]

    def place(self, spaces: Sequence[Space]) -> dict[str, Rect] | None:
        """Where they stand, rooms first; None when there is no room for one."""
        placed: dict[str, Rect] = {}
        row, odd = 1, False
        left = list(spaces)
        while left:
            kind = left[0].kind
            along, deep = (math.ceil(size * self._scale / self._cell) for size in SIZES[kind])
            if row + deep > len(self._free):
                return None
            column, found = 1, False
            while left and left[0].kind == kind and column + along <= len(self._free[0]):
                if self._take(column, row, along, deep):
                    placed[left.pop(0).id] = self._rect(column, row, kind)
                    column += along + 1
                    found = True
                else:
                    column += 1
            if left and left[0].kind != kind:
                row, odd = 1, False
            elif found:
                odd = not odd and kind == "desk"
                row += deep + 1 + (0 if odd else math.ceil(AISLE * self._scale / self._cell))
            else:
                row += 1
        return placed

    def _take(self, column: int, row: int, along: int, deep: int) -> bool:
        rows = self._free[row : row + deep]
        if not all(all(line[column : column + along]) for line in rows):
            return False
        for line in rows:
            line[column : column + along] = [False] * along
        return True

    def _rect(self, column: int, row: int, kind: str) -> Rect:
        along, deep = (size * self._scale for size in SIZES[kind])
        return Rect(self._west + column * self._cell, self._north - row * self._cell - deep, along, deep)
