"""Tables as files for spreadsheets: no text of theirs is ever computed by the program that opens them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from gateway.web.table_cells import neutral

Cell = str | int | float | date | None
BOM = "\ufeff"
_NAME_LENGTH = 31
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table."""

    name: str
    header: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def to_csv(sheets: Sequence[Sheet]) -> bytes:
    """RFC 4180, UTF-8 with a byte order mark. Several tables stand below each other, under their names."""
    out = io.StringIO(newline="")
    out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    for at, sheet in enumerate(sheets):
        if len(sheets) > 1:
            writer.writerows([[]] * min(at, 1))
            writer.writerow([neutral(sheet.name)])
        writer.writerow([neutral(text) for text in sheet.header])
        writer.writerows([_written(cell) for cell in row] for row in sheet.rows)
    return out.getvalue().encode("utf-8")


def to_xlsx(sheets: Sequence[Sheet], made: date) -> bytes:
    """Office Open XML. `made`: the day that the file says it was made."""
    import xlsxwriter

    out = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": True,
    }
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"created": _midnight(made), "title": sheets[0].name if sheets else ""})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    number = book.add_format({"num_format": "#,##0.##"})
    share = book.add_format({"num_format": "0.000"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    taken: set[str] = set()
    for sheet in sheets:
        page = book.add_worksheet(_sheet_name(sheet.name, taken))
        page.freeze_panes(1, 0)
        page.set_column(0, max(len(sheet.header) - 1, 0), 18)
        for x, text in enumerate(sheet.header):
            page.write_string(0, x, neutral(text), head)
        for y, row in enumerate(sheet.rows, start=1):
            for x, cell in enumerate(row):
                match cell:
                    case None:
                        pass
                    case str():
                        page.write_string(y, x, neutral(cell))
                    case date():
                        page.write_datetime(y, x, _midnight(cell), day)
                    case float():
                        page.write_number(y, x, cell, share)
                    case int():
                        page.write_number(y, x, cell, number)
    book.close()
    return out.getvalue()


def _written(cell: Cell) -> str | int | float:
    match cell:
        case None:
            return ""
        case str():
            return neutral(cell)
        case date():
            return cell.isoformat()
        case float():
            return round(cell, 4)
        case int():
            return cell


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that the format allows, and no other sheet has."""
    plain = neutral(name).translate(_NOT_IN_NAMES).strip()[:_NAME_LENGTH] or "Data"
    found, number = plain, 2
    while found.casefold() in taken or found.casefold() == "history":
        tail = f" {number}"
        found, number = plain[: _NAME_LENGTH - len(tail)] + tail, number + 1
    taken.add(found.casefold())
    return found
