"""Spreadsheets: text stays text, in both forms."""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
from datetime import date
from xml.etree import ElementTree

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.web.reports.sheets import Sheet, to_csv, to_xlsx
from gateway.web.table_cells import FORMULA, neutral

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ATTACKS = ("=1+1", "＝1", " =1", "\t=1", "\r=1", "\u200b=1", "@SUM(A1)", "-2+3", "+62", "\ufeff=1", "|x", "\u00a0＋1")


def table(*cells: str) -> Sheet:
    return Sheet(name="Satuan", header=("Nama",), rows=[(cell,) for cell in cells])


def strings(book: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert not any("<f>" in archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name)
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    return ["".join(cell.itertext()) for cell in sheet.iter(f"{MAIN}c") if cell.get("t") == "inlineStr"]


def begins(text: str) -> str:
    """What a spreadsheet sees first."""
    plain = unicodedata.normalize("NFKC", text)
    while plain and (plain[0].isspace() or unicodedata.category(plain[0]) in ("Cf", "Cc", "Mn")):
        plain = plain[1:]
    return plain[:1]


@settings(max_examples=50)
@given(st.text(max_size=40))
@example("=")
@example("\u0338=1")
@example("\u200e\u200f=cmd|' /C calc'!A0")
def test_no_text_begins_like_a_formula(text: str) -> None:
    assert begins(neutral(text)) not in FORMULA
    ((header,), (cell,)) = csv.reader(io.StringIO(to_csv([table(text or "x")]).decode("utf-8-sig"), newline=""))
    assert header == "Nama"
    assert begins(cell) not in FORMULA


def test_known_attacks_in_both_forms() -> None:
    for attack in ATTACKS:
        assert neutral(attack).startswith("'"), attack
    found = strings(to_xlsx([table(*ATTACKS)], date(2026, 11, 2)))
    assert len(found) == 1 + len(ATTACKS)
    assert all(begins(text) not in FORMULA for text in found)


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("Meja 1", "2-3", "p=1", "", "'x", "Ruang «A»"):
        assert neutral(text) == text


def test_csv_has_a_mark_and_crlf_and_numbers_as_numbers() -> None:
    sheet = Sheet(name="x", header=("a", "b", "c", "d"), rows=[('say "hi", all', 0.123456, date(2026, 11, 2), None)])
    assert to_csv([sheet]) == '\ufeffa,b,c,d\r\n"say ""hi"", all",0.1235,2026-11-02,\r\n'.encode()
    assert to_csv([sheet, sheet]).decode().count("\r\n") == 7


def test_a_workbook_keeps_types_and_is_the_same_each_time() -> None:
    sheets = [
        Sheet(name="a/b:c*" + "x" * 40, header=("n",), rows=[(1,), (0.5,), (date(2026, 11, 2),), (None,)]),
        Sheet(name="a/b:c*" + "x" * 40, header=("n",), rows=[]),
    ]
    one = to_xlsx(sheets, date(2026, 11, 2))
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        values = [
            node.text for node in ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml")).iter(f"{MAIN}v")
        ]
    names = [node.get("name") for node in book.iter(f"{MAIN}sheet")]
    assert len(set(names)) == 2
    assert all(name is not None and len(name) <= 31 for name in names)
    assert values == ["1", "0.5", "46328"]
    assert one == to_xlsx(sheets, date(2026, 11, 2))
