"""Sheets of desk stickers, as a PDF for a printer: QR code, desk, and the address to type where no camera is.

Everything is vector graphics; sizes are in millimetres until they are drawn. A sheet is A4, its labels stand in its
middle, so that a size and the gaps say all. Print at 100 % ("actual size"): a page says so where no label is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import reportlab
import segno
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

PAGE = (210.0, 297.0)
QUIET = 4
"""Modules around a QR code that stay white (ISO/IEC 18004, 9.1)."""
PAD = 2.0
"""Of a label: where printers and cutters are not exact."""
PLAIN, BOLD = "HadirPlain", "HadirBold"
_POINT = 25.4 / 72.0


class Sheet(NamedTuple):
    """A sheet of labels; millimetres."""

    width: float
    height: float
    columns: int
    rows: int
    gap_x: float = 0.0
    gap_y: float = 0.0

    @property
    def labels(self) -> int:
        return self.columns * self.rows

    def corner(self, number: int) -> tuple[float, float]:
        """Left and top edge of a label, from the page's left and top; by rows."""
        row, column = divmod(number, self.columns)
        left = (PAGE[0] - self.columns * self.width - (self.columns - 1) * self.gap_x) / 2
        top = (PAGE[1] - self.rows * self.height - (self.rows - 1) * self.gap_y) / 2
        return left + column * (self.width + self.gap_x), top + row * (self.height + self.gap_y)


SHEETS: Mapping[str, Sheet] = {
    "63.5x38.1": Sheet(63.5, 38.1, 3, 7, gap_x=2.54),
    "70x37": Sheet(70.0, 37.0, 3, 8),
    "99.1x67.7": Sheet(99.1, 67.7, 2, 4, gap_x=2.5),
    "105x74": Sheet(105.0, 74.0, 2, 4),
}
"""Common label sheets, by the size of a label. The first is the default."""


class Sticker(NamedTuple):
    """What a label says."""

    name: str
    """Of the desk."""
    where: str
    """Zone and floor."""
    url: str
    """Behind the QR code."""
    code: str
    """As it is typed: `K7QM-4X2P`."""


class Words(NamedTuple):
    """The sentences of a sheet, in the language of the site."""

    scan: str
    """Pindai untuk memakai meja ini"""
    type: str
    """atau buka %(address)s dan ketik"""
    title: str
    """Of the document."""
    scale: str
    """Cetak pada skala 100 %"""


INDONESIAN = Words(
    "Pindai untuk memakai meja ini", "atau buka %(address)s lalu ketik", "Stiker meja", "Cetak pada skala 100 %"
)
ENGLISH = Words("Scan to use this desk", "or open %(address)s and type", "Desk stickers", "Print at 100 %")


def pdf(stickers: Sequence[Sticker], sheet: Sheet, words: Words = INDONESIAN, *, first: int = 0) -> bytes:
    """The sheets, at least one page. `first`: labels that the first sheet has lost already. The same for the same."""
    _fonts()
    out = BytesIO()
    canvas = Canvas(out, pagesize=(PAGE[0] * mm, PAGE[1] * mm), invariant=True, lang="id")
    canvas.setTitle(words.title)
    canvas.setCreator("hadir")
    for number, sticker in enumerate(stickers, start=first):
        at = number % sheet.labels
        if at == 0 and number > first:
            canvas.showPage()
        if at == 0 or number == first:
            _scale(canvas, sheet, words)
        left, top = sheet.corner(at)
        _label(canvas, sticker, sheet, left, top, words)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def runs(matrix: Iterable[Iterable[int]]) -> Iterator[tuple[int, int, int]]:
    """Dark modules of a QR code as (column, row, how many): fewer shapes, and no hairlines between modules."""
    for row, modules in enumerate(matrix):
        column = 0
        for dark, group in groupby(modules, bool):
            length = len(list(group))
            if dark:
                yield column, row, length
            column += length


def _label(canvas: Canvas, sticker: Sticker, sheet: Sheet, left: float, top: float, words: Words) -> None:
    side = min(sheet.height - 2 * PAD, sheet.width * 0.45)
    bottom = top + (sheet.height - side) / 2
    _qr(canvas, sticker.url, left + PAD, bottom, side)
    at = left + PAD + side + 1.0
    width = left + sheet.width - PAD - at
    unit = min(1.0, sheet.height / 38.1 * 0.7 + 0.3) if sheet.height < 38.1 else min(1.8, sheet.height / 38.1)
    y = top + PAD + 2.0 * unit
    y = _text(canvas, sticker.name, BOLD, 13 * unit, 8.0, at, y, width, lines=2)
    y = _text(canvas, sticker.where, PLAIN, 7.5 * unit, 5.5, at, y + 0.6, width, lines=2)
    _text(canvas, words.scan, PLAIN, 6.5 * unit, 5.0, at, y + 1.4 * unit, width, lines=2)
    address = sticker.url.partition("://")[2].rsplit("/", 1)[0]
    y = top + sheet.height - PAD - 9.5 * unit
    y = _text(canvas, words.type % {"address": address}, PLAIN, 5.5 * unit, 4.5, at, y, width, lines=2)
    _text(canvas, sticker.code, BOLD, 11 * unit, 7.0, at, top + sheet.height - PAD - 4.4 * unit, width, lines=1)


def _qr(canvas: Canvas, url: str, left: float, top: float, side: float) -> None:
    code = segno.make(url, error="m", micro=False)
    size = len(code.matrix)
    module = side / (size + 2 * QUIET)
    path = canvas.beginPath()
    for column, row, length in runs(code.matrix):
        x, y = left + (QUIET + column) * module, top + (QUIET + row + 1) * module
        path.rect(x * mm, (PAGE[1] - y) * mm, length * module * mm, module * mm)
    canvas.drawPath(path, stroke=0, fill=1)


def _text(
    canvas: Canvas,
    text: str,
    font: str,
    size: float,
    least: float,
    left: float,
    top: float,
    width: float,
    *,
    lines: int,
) -> float:
    """Write `text` below `top`, smaller where it must be, cut where that is not enough; where it ends."""
    while size > least and len(_broken(text, font, size, width)) > lines:
        size -= 0.5
    rows = _broken(text, font, size, width)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], _cut(" ".join(rows[lines - 1 :]), font, size, width)]
    for row in rows:
        top += size * _POINT * 1.15
        canvas.setFont(font, size)
        canvas.drawString(left * mm, (PAGE[1] - top + size * _POINT * 0.25) * mm, row)
    return top


def _broken(text: str, font: str, size: float, width: float) -> list[str]:
    """Lines of whole words; a word that is too long for one is cut into pieces."""
    rows: list[str] = []
    for word in text.split():
        if rows and _fits(f"{rows[-1]} {word}", font, size, width):
            rows[-1] = f"{rows[-1]} {word}"
            continue
        while word and not _fits(word, font, size, width):
            end = next((n for n in range(len(word) - 1, 1, -1) if _fits(word[:n], font, size, width)), 1)
            rows.append(word[:end])
            word = word[end:]
        if word:
            rows.append(word)
    return rows


def _cut(text: str, font: str, size: float, width: float) -> str:
    while text and not _fits(f"{text}…", font, size, width):
        text = text[:-1]
    return f"{text}…"


def _fits(text: str, font: str, size: float, width: float) -> bool:
    return bool(pdfmetrics.stringWidth(text, font, size) <= width * mm)


def _scale(canvas: Canvas, sheet: Sheet, words: Words) -> None:
    """In the margin, where it is high enough."""
    if sheet.corner(0)[1] > 6.0:
        canvas.setFont(PLAIN, 6)
        canvas.drawString(10 * mm, (PAGE[1] - 5) * mm, words.scale)


def _fonts() -> None:
    """Vera comes with reportlab, is embedded, and holds more letters than the fonts that a PDF reader has."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, file in ((PLAIN, "Vera.ttf"), (BOLD, "VeraBd.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / file)))
