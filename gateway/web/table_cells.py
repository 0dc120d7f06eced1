"""Cells of a table for spreadsheets: text that stays text."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

FORMULA = frozenset("=+-@|%")
"""What a spreadsheet takes for the beginning of a formula, or of a command, of text in a CSV file."""
MOST_TEXT = 1000


def neutral(text: str) -> str:
    """Text that stays text: an apostrophe before what begins like a formula, also full-width or after blanks.

    Control characters become blanks; what is longer than MOST_TEXT is cut.
    """
    plain = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text[:MOST_TEXT])
    begun = unicodedata.normalize("NFKC", plain).lstrip()
    while begun and (unicodedata.category(begun[0]) in ("Cf", "Mn") or begun[0].isspace()):
        begun = begun[1:]
    risky = begun[:1] in FORMULA or (text[:1] in ("\t", "\r", "\n"))
    return f"'{plain}" if begun and risky else plain


def cell(value: object) -> str:
    """Any value as a cell's text; None: an empty cell."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) else neutral(str(value))


def sheet(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([cell(text) for text in head])
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()
