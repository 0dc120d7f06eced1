"""The display beside a desk: 296 x 128 points, black or white, as the common 2.9 inch e-paper panels have.

    +------------------------------+-----------+
    | Meja 12                      |  ## # ##  |
    | Timur, Lantai 5              |  #  ## #  |   the desk's QR code, as on its sticker
    | O  Bebas                     |  ## #  #  |
    |    until, or why             |           |
    +------------------------------+-----------+

State is told by a shape and a word; there is no colour. Nobody's name is ever here: what is drawn is what everybody may
know of a desk. Pure; the same in gives the same bytes, so that a panel need not be drawn again (its ETag stays).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

import segno
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 296, 128
QUIET = 4
"""White modules around a QR code (ISO/IEC 18004, 9.1)."""
MARGIN, GAP = 6, 0
NAME_HEIGHT, STATE = 44, 76
"""Of the name's lines; and where the state begins."""
LINE = 1.15
BLACK, WHITE = 0, 1
STATUSES = ("free", "taken", "reserved", "unknown", "closed")
"""gateway.web.live.STATUSES."""


class Face(NamedTuple):
    """What a display shows."""

    name: str
    """Of the desk."""
    where: str
    """Zone and floor."""
    status: str
    """One of STATUSES: the shape."""
    word: str
    """The state in words: Bebas, Terpakai, Dipesan, Tidak diketahui."""
    more: str
    """Until when it is reserved, or why it is not known; empty: nothing."""
    url: str
    """Behind the QR code."""


def png(face: Face) -> bytes:
    """The picture, one bit a point. Raises ValueError for an address that is too long for the panel."""
    image = Image.new("1", (WIDTH, HEIGHT), WHITE)
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"  # no grey: it would be dithered
    code = _code(face.url)
    left = WIDTH - code.width
    width = left - GAP - MARGIN
    y = _lines(draw, face.name, (26, 22, 18, 15), width, MARGIN, MARGIN - 2, most=2, bold=True)
    _lines(draw, face.where, (14, 12), width, MARGIN, y + 2, most=1)
    size, top = 28, STATE
    draw.line((MARGIN, top - 4, MARGIN + width, top - 4), fill=BLACK)
    _SHAPES[face.status](draw, MARGIN + 1, top + 2, size - 4)
    beside = MARGIN + size + 6
    _lines(draw, face.word, (22, 18, 16, 14), left - GAP - beside, beside, top, most=1, bold=True)
    _lines(draw, face.more, (14, 12, 11), width, MARGIN, top + size + 1, most=1)
    image.paste(WHITE, (left, 0, WIDTH, HEIGHT))  # whatever letters reach beyond their own width
    image.paste(code, (left, (HEIGHT - code.height) // 2))
    out = BytesIO()
    image.save(out, "PNG", optimize=False, compress_level=9)
    return out.getvalue()


def _code(url: str) -> Image.Image:
    """The QR code in its quiet zone. Modules are whole points, at least two."""
    matrix = segno.make(url, error="m", micro=False).matrix
    modules = len(matrix) + 2 * QUIET
    scale = min(4, HEIGHT // modules)
    if scale < 2:
        raise ValueError("the address is too long for a desk display: set web.url to a shorter one")
    image = Image.new("1", (modules * scale, modules * scale), WHITE)
    for row, line in enumerate(matrix):
        for column, dark in enumerate(line):
            if dark:
                x, y = (column + QUIET) * scale, (row + QUIET) * scale
                image.paste(BLACK, (x, y, x + scale, y + scale))
    return image


def _lines(
    draw: ImageDraw.ImageDraw,
    text: str,
    sizes: Iterable[int],
    width: int,
    x: int,
    y: int,
    *,
    most: int,
    bold: bool = False,
) -> int:
    """Write `text` in the largest of `sizes` with which it needs at most `most` lines, else cut; where it ends."""
    if not text:
        return y
    size = 0
    rows: list[str] = []
    for size in sizes:
        rows = _broken(text, size, width)
        if len(rows) <= most and round(size * LINE) * len(rows) <= NAME_HEIGHT:
            break
    if len(rows) > most:
        rows = [*rows[: most - 1], _cut(" ".join(rows[most - 1 :]), size, width)]
    for row in rows:
        for shift in range(1 + bold):  # the font has one weight
            draw.text((x + shift, y), row, font=_font(size), fill=BLACK)
        y += round(size * LINE)
    return y


def _broken(text: str, size: int, width: int) -> list[str]:
    rows: list[str] = []
    for word in text.split():
        longer = f"{rows[-1]} {word}" if rows else word
        if rows and _font(size).getlength(longer) <= width:
            rows[-1] = longer
        else:
            rows.append(word)
    return rows if all(_font(size).getlength(row) <= width for row in rows) else [*rows, ""] * 9  # never fits


def _cut(text: str, size: int, width: int) -> str:
    while text and _font(size).getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101 the wheels have FreeType
    return font


def _free(draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    draw.ellipse((x, y, x + size, y + size), outline=BLACK, width=4)


def _taken(draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    draw.rectangle((x, y, x + size, y + size), fill=BLACK)


def _reserved(draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    draw.polygon(((x + size // 2, y), (x + size, y + size), (x, y + size)), outline=BLACK, width=4)


def _unknown(draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    for step in range(0, size, 6):  # a broken frame, and a question mark
        for at in (y, y + size):
            draw.line((x + step, at, x + step + 2, at), fill=BLACK, width=2)
        for at in (x, x + size):
            draw.line((at, y + step, at, y + step + 2), fill=BLACK, width=2)
    draw.text((x + size // 2, y + size // 2 + 1), "?", font=_font(size), fill=BLACK, anchor="mm")


def _closed(draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    draw.line((x, y, x + size, y + size), fill=BLACK, width=5)
    draw.line((x + size, y, x, y + size), fill=BLACK, width=5)


_SHAPES: dict[str, Callable[[ImageDraw.ImageDraw, int, int, int], None]] = {
    "free": _free,
    "taken": _taken,
    "reserved": _reserved,
    "unknown": _unknown,
    "closed": _closed,
}
