"""The recap is one page that says everything, however much there is."""

from __future__ import annotations

from io import BytesIO

import pytest
from pypdf import PdfReader

from gateway.web.reports.charts import Words, heatmap
from gateway.web.reports.recap import Recap, Row, to_pdf

STATEMENT = "Ini bukan penilaian kinerja siapa pun."


@pytest.fixture(scope="module")
def picture() -> bytes:
    rows = [(hour, f"{hour:02}.00") for hour in range(7, 18)]
    return heatmap({}, ("Sen", "Sel"), rows, Words(unknown="tanpa data", value="%"), "png")


def recap(picture: bytes, units: int = 2, notes: int = 1, name: str = "Lantai 1") -> Recap:
    return Recap(
        language="id",
        title="Rekap pemakaian meja",
        place=name,
        period="2–8 November 2026",
        header=("Ukuran", "Nilai", "Cakupan"),
        figures=[Row(label=f"Ukuran {at}", value=f"{at}1,5%", coverage=f"9{at}%") for at in range(9)],
        unit_header=("Satuan", "Presensi meja", "Cakupan"),
        units=[Row(label=f"Satuan {at} & <b>", value="12", coverage="97%") for at in range(units)],
        pictures=[("Pemakaian per jam", picture), ("Puncak per hari", picture)],
        notes_title="Catatan",
        notes=[f"masa WFA {at} " + "panjang " * 30 for at in range(notes)],
        suppression="Kelompok di bawah lima orang tidak dihitung.",
        statement=STATEMENT,
        made="Dibuat 9 November 2026 08.00 WITA",
    )


@pytest.mark.parametrize(("units", "notes", "name"), [(0, 0, "L"), (2, 1, "Lantai 1"), (40, 30, "Gedung " * 30)])
def test_one_page_with_every_figure(picture: bytes, units: int, notes: int, name: str) -> None:
    made = recap(picture, units, notes, name)
    pdf = to_pdf(made)
    (page,) = PdfReader(BytesIO(pdf)).pages
    text = " ".join(page.extract_text().split())
    for row in made.figures:
        assert f"{row.label} {row.value} {row.coverage}" in text
    for words in (made.title, made.period, made.suppression, STATEMENT, made.made):
        assert words in text
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    assert pdf == to_pdf(made)
