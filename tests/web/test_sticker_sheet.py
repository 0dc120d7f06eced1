"""The sheet of stickers: as many as there are desks, where the labels are, and the QR code that is meant."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
from pypdf import PdfReader

from gateway.cli import main, parser
from gateway.config.load import load
from gateway.credentials import SiteKey
from gateway.web.codes import made
from gateway.web.sticker_sheet import ENGLISH, PAD, PAGE, QUIET, SHEETS, Sticker, pdf, runs
from gateway.web.stickers import readable
from tests.web.office import DESK, write_office

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


def test_the_command_prints_the_stickers_of_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_office(tmp_path, port=1)
    out = tmp_path / "stickers.pdf"
    assert main(["stickers", str(file), "--out", str(out), "--url", "https://hadir.contoh.go.id/"]) == 0
    assert "4 stickers on 1 pages" in capsys.readouterr().out
    text = read(out.read_bytes()).pages[0].extract_text()
    assert "Ruang Mahakam" in text.replace("\n", " ")
    code = made(load(file), SiteKey.load(load(file).path(load(file).people.site_key))).of(DESK)
    assert code is not None
    assert readable(code) in text
    assert main(["stickers", str(file), "--out", str(out), "--place", "utama/l01/barat", "--sheet", "105x74"]) == 0
    text = read(out.read_bytes()).pages[0].extract_text()
    assert "Meja 3" in text
    assert "Meja 1" not in text
    assert main(["stickers", str(file), "--out", str(out), "--place", "utama/l99"]) == 1
    assert main(["stickers", str(file), "--out", str(out), "--place", "utama/l01/musala"]) == 1
    assert main(["stickers", str(file), "--out", str(out), "--skip", "21"]) == 1
    assert main(["stickers", str(file), "--out", str(tmp_path / "no" / "x.pdf")]) == 1


def test_the_command_offers_the_sheets_that_there_are() -> None:
    (choices,) = (
        set(action.choices or ())
        for action in parser()._subparsers._group_actions[0].choices["stickers"]._actions  # type: ignore[union-attr,index]
        if action.dest == "sheet"
    )
    assert choices == set(SHEETS)
