"""Where zones write their names: inside their outline, over no space, no other name, no smaller zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.config.plans import area, holds

SIZE = 40
"""cm: of the letters."""
LETTER = 0.68
"""Of their size: about their width."""
INSET, STEP = 30, 60
"""cm: from the outline, and between two places that are tried."""

ROUND = 18
"""cm: around a name, to the outline."""

Point = tuple[int, int]
Ring = tuple[Point, ...]
Box = tuple[int, int, int, int]
"""West, north, east, south; y down."""


def places(rings: Mapping[str, Ring], names: Mapping[str, str], taken: Sequence[Box]) -> dict[str, tuple[Point, str]]:
    """Left end of each name's base line and what is written there, by zone; nothing for a zone without an outline."""
    made: dict[str, tuple[Point, str]] = dict.fromkeys(rings, ((0, 0), ""))
    full = list(taken)
    order = sorted((name for name, ring in rings.items() if ring), key=lambda name: abs(area(rings[name])))
    for name in order:  # the smallest first: it has the least choice
        ring = rings[name]
        west, _, east, _ = _around(ring)
        text = _cut(names[name], east - west - 2 * INSET)
        wide = round(LETTER * SIZE * len(text))
        tried = list(_tried(ring, wide))
        free = [box for box in tried if _inside(box, ring) and not any(_meet(box, other) for other in full)]
        box = (free or tried)[0]
        made[name] = (box[0], box[3] - 8), text
        full += [box, _around(ring)] if len(ring) == 4 else [box]
    return made


def _cut(text: str, room: int) -> str:
    fits = int(room / (LETTER * SIZE))
    return text if len(text) <= fits else f"{text[: max(fits - 1, 1)].rstrip()}…"


def _tried(ring: Ring, wide: int) -> Iterator[Box]:
    """Along the upper edge from the left, then along the lower one, then row by row."""
    west, north, east, south = _around(ring)
    high = round(SIZE * 1.2)
    rows = [north + INSET, south - INSET - high, *range(north + INSET, south - high, STEP)]
    for top in rows:
        yield from (
            (x, top, x + wide, top + high) for x in range(west + INSET, max(east - wide, west + INSET + 1), STEP)
        )


def _inside(box: Box, ring: Ring) -> bool:
    west, north, east, south = box[0] - ROUND, box[1] - ROUND, box[2] + ROUND, box[3] + ROUND
    return all(holds(ring, corner) for corner in ((west, north), (east, north), (east, south), (west, south)))


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _around(ring: Ring) -> Box:
    return min(x for x, _ in ring), min(y for _, y in ring), max(x for x, _ in ring), max(y for _, y in ring)
