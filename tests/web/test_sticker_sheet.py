"""The sheet of stickers: as many as there are desks, where the labels are, and the QR code that is meant."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
import segno
from pypdf import PdfReader

from gateway.web.sticker_sheet import ENGLISH, PAD, PAGE, QUIET, SHEETS, Sticker, pdf, runs

URL = "https://hadir.contoh.go.id/d/{}"
MM = 72 / 25.4
DEFAULT = SHEETS["63.5x38.1"]


def stickers(count: int) -> list[Sticker]:
    return [
        Sticker(f"Meja T-{n:03d}", "Lantai 5, Zona Timur", URL.format(f"K7QM4X{n:02d}"), f"K7QM-4X{n:02d}")
        for n in range(count)
    ]


def read(body: bytes) -> PdfReader:
    return PdfReader(BytesIO(body))


def rectangles(page: Any) -> list[tuple[float, float, float, float]]:
    """(left, top, width, height) of what is filled, in mm from the page's upper left corner."""
    found = []
    for operands, operator in page.get_contents().operations:
        if operator == b"re":
            x, y, width, height = (float(value) / MM for value in operands)
            found.append((x, PAGE[1] - y - height, width, height))
    return found


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (21, 1), (22, 2), (43, 3)])
def test_there_are_as_many_pages_as_desks_need(count: int, pages: int) -> None:
    assert len(read(pdf(stickers(count), DEFAULT)).pages) == pages


def test_a_label_says_the_desk_its_place_and_how_to_get_there() -> None:
    text = read(pdf(stickers(22), DEFAULT)).pages[1].extract_text()
    for said in ("Meja T-021", "Lantai 5, Zona Timur", "K7QM-4X21", "hadir.contoh.go.id/d", "Pindai"):
        assert said in text.replace("\n", " ").replace("  ", " ")
    assert "Scan to use this desk" in read(pdf(stickers(1), DEFAULT, ENGLISH)).pages[0].extract_text().replace(
        "\n", " "
    )


@pytest.mark.parametrize("name", SHEETS)
def test_what_is_drawn_is_the_qr_code_of_the_address_inside_its_label(name: str) -> None:
    sheet = SHEETS[name]
    made = stickers(sheet.labels)
    drawn = rectangles(read(pdf(made, sheet)).pages[0])
    for number, sticker in enumerate(made):
        left, top = sheet.corner(number)
        mine = [one for one in drawn if left <= one[0] < left + sheet.width and top <= one[1] < top + sheet.height]
        matrix = [
            [int(bool(module)) for module in row] for row in segno.make(sticker.url, error="m", micro=False).matrix
        ]
        module = min(height for *_, height in mine)
        x0, y0 = min(one[0] for one in mine), min(one[1] for one in mine)
        found = [[0] * len(matrix) for _ in matrix]
        for x, y, width, height in mine:
            assert left + PAD <= x
            assert x + width <= left + sheet.width - PAD
            assert height == pytest.approx(module, abs=0.01)
            for step in range(round(width / module)):
                found[round((y - y0) / module)][round((x - x0) / module) + step] = 1
        assert found == matrix
        assert x0 - (left + PAD) >= QUIET * module - 0.01, "the quiet zone"
        assert module >= 0.6, "a phone reads it from an arm's length"
    assert len(drawn) == sum(len(list(runs(segno.make(one.url, error="m", micro=False).matrix))) for one in made)


@pytest.mark.parametrize("name", SHEETS)
def test_labels_stay_on_the_page(name: str) -> None:
    sheet = SHEETS[name]
    left, top = sheet.corner(0)
    right, bottom = sheet.corner(sheet.labels - 1)
    assert min(left, top) >= 0
    assert right + sheet.width <= PAGE[0] + 0.01
    assert bottom + sheet.height <= PAGE[1] + 0.01


def test_a_sheet_that_was_begun_is_used_up() -> None:
    pages = read(pdf(stickers(3), DEFAULT, first=20)).pages
    assert len(pages) == 2
    assert "T-000" in pages[0].extract_text()
    assert "T-001" in pages[1].extract_text()


def test_long_names_are_made_to_fit_and_the_same_desks_give_the_same_file() -> None:
    long = [Sticker("Meja " + "sangat panjang " * 12, "Zona " + "x" * 300, URL.format("K7QM4X2P"), "K7QM-4X2P")]
    body = pdf(long, DEFAULT)
    assert body == pdf(long, DEFAULT)
    assert "…" in read(body).pages[0].extract_text()
