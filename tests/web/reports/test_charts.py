"""Charts are the same for the same figures, say what they are given, and show what is not known as that."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from gateway.web.reports.charts import DARK, Bar, Words, bars, heatmap, split

WORDS = Words(unknown="tanpa data", value="Terpakai (%)", off="Hari libur", most="Semua meja")
DAYS = ("Sen", "Sel", "Rab", "Kam", "Jum", "Sab", "Min")
ROWS = [(hour, f"{hour:02}.00") for hour in range(7, 18)]


def texts(svg: bytes) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_heat_map_writes_each_share_and_hatches_what_is_not_known() -> None:
    cells = {(0, 9): 0.63, (1, 9): 0.0, (2, 9): None}
    svg = heatmap(cells, DAYS, ROWS, WORDS)
    assert svg == heatmap(cells, DAYS, ROWS, WORDS)
    found = texts(svg)
    assert {"63", "0", *DAYS, "07.00", "tanpa data", "Terpakai (%)"} <= set(found)
    assert b"<pattern" in svg  # the hatch
    assert b"<script" not in svg
    assert len(svg) < 100_000
    assert heatmap(cells, DAYS, ROWS, WORDS, "png").startswith(b"\x89PNG")


def test_names_are_text_and_no_markup_and_no_formula() -> None:
    name = "<b>$x^2$ & </text>"
    svg = split([Bar(name, 0.5, "50%"), Bar("lain", None, "kelompok kecil")], WORDS)
    assert name in texts(svg)
    assert svg == split([Bar(name, 0.5, "50%"), Bar("lain", None, "kelompok kecil")], WORDS)


@pytest.mark.parametrize("many", [0, 1, 92])
def test_bars_of_any_number_of_days(many: int) -> None:
    days = [Bar(f"{at}", None if at % 5 == 0 else float(at % 9), "", off=at % 7 > 4) for at in range(many)]
    found = texts(bars(days, 12, WORDS))
    assert {"tanpa data", "Hari libur", "Semua meja"} <= set(found)


def test_libraries_are_loaded_when_something_is_drawn_and_not_at_start() -> None:
    code = (
        "import sys, gateway.web.pages.laporan, gateway.web.api.reports\n"
        "assert not {'matplotlib', 'numpy', 'reportlab', 'xlsxwriter'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_nothing_to_split_is_still_a_picture() -> None:
    ET.fromstring(split([], WORDS))


def test_letters_can_be_read_on_every_colour() -> None:
    from matplotlib import colormaps

    def luminance(colour: tuple[float, ...]) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for step in range(101):
        light = luminance(colormaps["cividis"](step / 100))
        contrast = 1.05 / (light + 0.05) if step / 100 < DARK else (light + 0.05) / 0.05
        assert contrast >= 4.5, step
