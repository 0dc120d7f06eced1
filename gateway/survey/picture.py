"""The floor in characters: zones, receivers, and which spots are covered. Plain text, also into a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from string import ascii_lowercase

from gateway.survey.ground import COVERED, OPEN, THIN, Ground, Spot, Visit

WIDTH, MOST_ROWS = 72, 32
TALL = 2.0
"""A character is so many times as high as it is wide."""
MARKS = {COVERED: "#", THIN: "+", OPEN: "o"}
HERE, RECEIVER, STOOD = "@", "R", "*"
LEGEND = f"{MARKS[COVERED]} covered  {MARKS[THIN]} thin  {MARKS[OPEN]} open  {HERE} next  {RECEIVER} receiver  * stood"


def picture(ground: Ground, states: Mapping[Spot, str], visits: Sequence[Visit], here: Spot | None) -> str:
    """Lines, north (the highest y) first, with a legend below."""
    left, low, right, high = ground.box
    metres = max((right - left) / WIDTH, (high - low) / (MOST_ROWS * TALL), 0.05)
    across = max(1, ceil((right - left) / metres - 1e-6))
    down = max(1, ceil((high - low) / (metres * TALL) - 1e-6))
    letters = dict(zip(ground.zones, _letters(), strict=False))
    cells = [[" "] * across for _ in range(down)]
    for j, row in enumerate(cells):
        for i in range(across):
            name = ground.zone_at(left + (i + 0.5) * metres, low + (j + 0.5) * metres * TALL)
            if name is not None:  # a letter here and there, for spots are to be seen
                row[i] = "." if (i + 2 * j) % 4 else letters.get(name, ".")

    def put(x: float, y: float, mark: str) -> None:
        i, j = int((x - left) / metres), int((y - low) / (metres * TALL))
        if 0 <= i <= across and 0 <= j <= down:
            cells[min(j, down - 1)][min(i, across - 1)] = mark

    for x, y in ground.receivers.values():
        put(x, y, RECEIVER)
    for visit in visits:
        put(visit.x, visit.y, STOOD)
    for spot, state in states.items():
        put(spot.x, spot.y, MARKS[state])
    if here is not None:
        put(here.x, here.y, HERE)
    lines = ["".join(row).rstrip() for row in reversed(cells)]
    return "\n".join([*lines, LEGEND, *zones(ground, states, letters)]) + "\n"


def zones(ground: Ground, states: Mapping[Spot, str], letters: Mapping[str, str]) -> Iterator[str]:
    """A line a zone: how much of it is covered."""
    wide = max(map(len, ground.zones))
    for name in ground.zones:
        mine = [state for spot, state in states.items() if spot.zone == name]
        told = f"{letters.get(name, ' ')} {name.ljust(wide)}  {mine.count(COVERED)} of {len(mine)} spots"
        thin = mine.count(THIN)
        yield told + (f", {thin} thin" if thin else "") + ("  (private)" if name in ground.private else "")


def receivers(ground: Ground, visit: Visit) -> str:
    """A line a receiver: packets and mean signal at one spot; those that heard nothing last."""
    counts = visit.counts()
    names = sorted({*ground.receivers, *counts}, key=lambda name: (-counts[name], name))
    wide = max(map(len, names), default=0)
    lines = []
    for name in names:
        level = [one.rssi for one in visit.heard if one.receiver == name]
        heard = f"{counts[name]:4d} packets  {sum(level) / len(level):6.1f} dBm" if level else "   - not heard"
        lines.append(f"  {name.ljust(wide)} {heard}" + ("" if name in ground.receivers else "  (no position)"))
    return "\n".join(lines) + "\n"


def _letters() -> Iterator[str]:
    yield from (letter for letter in ascii_lowercase if letter != "o")
    while True:
        yield "."
