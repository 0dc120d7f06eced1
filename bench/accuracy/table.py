"""The one table: rows with a measure, what was measured, the bar, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

HEAD = ("measure", "measured", "ordinary", "Friday", "Ramadan", "bar", "met")


class Row(NamedTuple):
    """One line. `met` None: there is no bar."""

    measure: str
    measured: str
    by_day: tuple[str, ...] = ("", "", "")
    bar: str = ""
    met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        met = "" if self.met is None else "yes" if self.met else "**NO**"
        return (self.measure, self.measured, *self.by_day, self.bar, met)


def title(text: str) -> Row:
    """A line that groups those below it."""
    return Row(f"**{text}**", "")


def draw(rows: Iterable[Row]) -> str:
    """Markdown that reads well as plain text too."""
    cells = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
