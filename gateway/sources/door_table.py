"""Lines of a door system's CSV file become rows: the first line names the columns and shows what parts them.

Pure. A row is one line: a line end inside quotes is not understood, and costs the lines that it parts.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Literal, NamedTuple

from gateway.config.sources import DoorFields
from gateway.errors import PermanentError

Encoding = Literal["utf-8", "latin-1"]
DELIMITERS = ",;\t"
BOM = b"\xef\xbb\xbf"


class Table(NamedTuple):
    """How the lines of a file are read."""

    columns: tuple[str, ...]
    delimiter: str
    encoding: Encoding

    def row(self, line: bytes) -> Mapping[str, str] | None:
        """Cells by column; None: an empty line, or the names again. Raises PermanentError: encoding, bad_line."""
        if not line.strip():
            return None
        cells = _cells(_decoded(line, self.encoding), self.delimiter)
        width = len(self.columns)
        if len(cells) < width or any(cells[width:]):  # one more by a delimiter without quotes: nobody knows where
            raise PermanentError("bad_line", f"{len(cells)} cells for {width} columns")
        row = dict(zip(self.columns, cells, strict=False))
        return None if all(name == cell.strip() for name, cell in row.items()) else row


def table(header: bytes, fields: DoorFields, encoding: Encoding) -> Table:
    """Of a file's first line. Raises PermanentError(encoding or columns) with a sentence for people."""
    try:
        text = _decoded(header.removeprefix(BOM), encoding)
    except PermanentError as error:
        if header[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise PermanentError("encoding", "is UTF-16; have it written as UTF-8") from error
        raise PermanentError("encoding", "is not UTF-8; write encoding: latin-1 if that is what it is") from error
    wanted = [name for name in (fields.reader, fields.badge, fields.facility, fields.at, fields.id) if name is not None]
    best: list[str] = wanted
    for delimiter in DELIMITERS:
        try:
            columns = tuple(cell.strip() for cell in _cells(text, delimiter))
        except PermanentError:
            continue
        missing = [name for name in wanted if columns.count(name) != 1]
        if not missing:
            return Table(columns, delimiter, encoding)
        best = min(best, missing, key=len)
    raise PermanentError("columns", f"its first line must name each of these columns once: {', '.join(best)}")


def _decoded(line: bytes, encoding: Encoding) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as error:
        raise PermanentError("encoding", f"not {encoding}") from error


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise PermanentError("bad_line", "not CSV") from error
