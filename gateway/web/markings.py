"""What is written on a space of a drawing, and how large: its sign of state above, its short name below. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.web.floorplan import DrawnSpace

LETTER = 0.71
"""Of a letter's size: about its width, bold."""
LINE = 1.15
"""Of a letter's size: from one line to the next."""
LEAST, MOST = 16.0, 46.0
"""cm: smaller letters are not worth their ink."""
BEST = 28.0
"""cm: a name that would be smaller than this gets a second line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marking:
    """All in cm of the drawing."""

    sign: int
    """Side of the square of the sign."""
    sign_x: int
    sign_y: int
    """Its upper left corner."""
    lines: tuple[tuple[str, int], ...]
    """Text and its base line; none where nothing fits. They are centred on the space."""
    size: int
    """Of the letters."""


def marking(space: DrawnSpace) -> Marking:
    """Where sign and name stand."""
    west, north, east, south = space.box
    wide, high = east - west, south - north
    large = space.space.kind != "desk"
    most = min(high * (0.2 if large else 0.3), MOST)
    room = wide * 0.92
    lines: tuple[str, ...] = (space.name,) if large else (space.short,)
    if large and _size(lines, room, most) < BEST:
        lines = max((_split(space.name), lines), key=lambda some: _size(some, room, most))
    size = _size(lines, room, most)
    if size < LEAST:
        size = min(LEAST, most)
        lines = tuple(filter(None, (_cut(line, int(room / (LETTER * size))) for line in lines)))
    sign = min(high * 0.4, wide * 0.6, 64.0)
    gap = 0.16 * size
    top = space.y - (sign + gap + size * (0.8 + LINE * (len(lines) - 1))) / 2
    first = top + sign + gap + size * 0.78
    return Marking(
        sign=round(sign),
        sign_x=round(space.x - sign / 2),
        sign_y=round(top),
        lines=tuple((line, round(first + number * LINE * size)) for number, line in enumerate(lines)),
        size=round(size),
    )


def width(text: str, size: float) -> float:
    """About how wide a text is."""
    return LETTER * size * len(text)


def _size(lines: tuple[str, ...], room: float, most: float) -> float:
    return min(most, room / (LETTER * max((len(line) for line in lines), default=1) or 1))


def _split(text: str) -> tuple[str, ...]:
    """Two lines, as even as words allow."""
    words = text.split()
    cuts = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    return min(cuts, key=lambda pair: max(map(len, pair)), default=(text,))


def _cut(text: str, fits: int) -> str:
    if len(text) <= fits:
        return text
    return f"{text[: fits - 1].rstrip()}…" if fits >= 3 else ""
