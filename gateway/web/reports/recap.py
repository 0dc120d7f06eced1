"""The recap of a report: one page, A4, to print or to send. All its words are passed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

FONT, BOLD = "hadir", "hadir-bold"
MOST_NOTES, MOST_UNITS, LONGEST = 6, 8, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure with the coverage beside it, both written."""

    label: str
    value: str
    coverage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recap:
    """What stands on the page."""

    language: str
    title: str
    place: str
    period: str
    header: tuple[str, str, str]
    """Over figure, value and coverage."""
    figures: Sequence[Row]
    unit_header: tuple[str, str, str]
    units: Sequence[Row]
    pictures: Sequence[tuple[str, bytes]]
    """Titles and PNGs, below each other."""
    notes_title: str
    notes: Sequence[str]
    suppression: str
    """That small groups are not told."""
    statement: str
    """That this is no score of anybody's performance."""
    made: str
    """When it was made."""


def to_pdf(recap: Recap) -> bytes:
    """One page; what is too much for it is made smaller, and lists are cut. The same bytes for the same words."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Image, KeepInFrame, Paragraph, Spacer, Table

    _fonts()
    styles = _styles()
    width, height = A4
    margin, gap = 16 * mm, 6 * mm
    inner = width - 2 * margin

    def text(words: str, style: str = "text") -> Paragraph:
        return Paragraph(escape(words[:LONGEST] if style == "cell" else words), styles[style])

    def table(header: Sequence[str], rows: Sequence[Row], columns: Sequence[float]) -> Table:
        lines = [[text(words, "head") for words in header]]
        lines += [[text(row.label, "cell"), text(row.value, "bold"), text(row.coverage, "cell")] for row in rows]
        made = Table(lines, colWidths=list(columns), repeatRows=1)
        made.setStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, "#c9ced4"),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ]
        )
        return made

    left = (inner - gap) * 0.57
    right = inner - gap - left
    figures = table(recap.header, recap.figures, (left * 0.48, left * 0.31, left * 0.21))
    column: list[object] = [figures, Spacer(1, 4 * mm)]
    if recap.units:
        more = len(recap.units) - MOST_UNITS
        shown = [*recap.units[:MOST_UNITS]]
        if more > 0:
            shown.append(Row(label=f"+ {more}", value="", coverage=""))
        column.append(table(recap.unit_header, shown, (left * 0.48, left * 0.31, left * 0.21)))
    beside: list[object] = []
    for title, png in recap.pictures:
        wide, tall = ImageReader(BytesIO(png)).getSize()
        picture = Image(BytesIO(png), width=right, height=right * tall / wide)
        beside += [text(title, "head"), Spacer(1, 1 * mm), picture, Spacer(1, 4 * mm)]
    body: list[object] = [
        text(recap.title, "title"),
        text(recap.place, "place"),
        text(recap.period, "period"),
        Spacer(1, 4 * mm),
        Table(
            [[column, "", beside]],
            colWidths=[left, gap, right],
            style=[
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ],
        ),
        Spacer(1, 5 * mm),
    ]
    if recap.notes:
        more = len(recap.notes) - MOST_NOTES
        body.append(text(recap.notes_title, "head"))
        body += [text(f"• {note[:LONGEST]}") for note in recap.notes[:MOST_NOTES]]
        body += [text(f"• + {more}")] * (more > 0)
        body.append(Spacer(1, 3 * mm))
    body += [text(recap.suppression), Spacer(1, 2 * mm), text(recap.statement, "bold")]

    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1, lang=recap.language)
    canvas.setTitle(recap.title)
    canvas.setSubject(f"{recap.place}, {recap.period}")
    canvas.setCreator("hadir")
    frame = KeepInFrame(inner, height - 2 * margin - 8 * mm, body, mode="shrink")
    _, used = frame.wrapOn(canvas, inner, height - 2 * margin - 8 * mm)
    frame.drawOn(canvas, margin, height - margin - used)
    canvas.setFont(FONT, 7.5)
    canvas.setFillColor("#4a525c")
    canvas.drawString(margin, margin - 2 * mm, recap.made)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


@cache
def _fonts() -> None:
    """A font with the letters of all names, which comes with matplotlib."""
    import matplotlib
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdfmetrics.registerFont(TTFont(FONT, str(folder / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont(BOLD, str(folder / "DejaVuSans-Bold.ttf")))
    for bold, name in ((0, FONT), (1, BOLD)):
        addMapping(FONT, bold, 0, name)


@cache
def _styles() -> dict[str, object]:
    from reportlab.lib.styles import ParagraphStyle

    def style(name: str, font: str, size: float, colour: str = "#1b1f24", after: float = 0) -> ParagraphStyle:
        return ParagraphStyle(
            name, fontName=font, fontSize=size, leading=size * 1.3, textColor=colour, spaceAfter=after, splitLongWords=1
        )

    return {
        "title": style("title", BOLD, 16, after=2),
        "place": style("place", BOLD, 11),
        "period": style("period", FONT, 10, "#4a525c"),
        "head": style("head", BOLD, 9, "#4a525c"),
        "text": style("text", FONT, 9),
        "cell": style("cell", FONT, 9),
        "bold": style("bold", BOLD, 9),
    }
