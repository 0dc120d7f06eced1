"""The page, its charts and its files: who sees what, and that each figure has its coverage."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
import zipfile

from pypdf import PdfReader

from gateway.web.viewer import Role
from tests.web.conftest import Web
from tests.web.reports.world import DAY, HOUR, MONDAY, QUARTER, World, desk

WEEK = "periode=rentang&dari=2026-11-02&sampai=2026-11-08"
FLOOR = f"tempat=ikn/kk2/l01&{WEEK}"
FILES = ("rekap.pdf", "tabel.csv", "tabel.xlsx", "grafik/heatmap.svg", "grafik/puncak.svg", "grafik/satuan.svg")


def fill(world: World) -> None:
    """A week: ten people of panrb, six of bkn, and three of another; sensors for a morning."""
    nine = MONDAY + 9 * HOUR
    told, points = [], []
    for day in (0, 2):
        for at in range(6):
            told += world.visit(desk(at), nine + day * DAY, 3600 * (at + 1), unit="panrb", booked=at < 2)
            told += world.visit(desk(at, "l01/barat"), nine + day * DAY, 7200, unit="bkn")
        for at in range(4):
            told += world.visit(desk(at, "l02/utara"), nine + day * DAY, 7200, unit="rahasia-kecil")
        points += [
            world.use(desk(at), nine + day * DAY + q * QUARTER, 900.0 if at < 4 else 0.0)
            for q in range(8)
            for at in range(6)
        ]
    world.commit(told)
    world.write(points)


async def test_an_analyst_sees_figures_each_with_its_coverage(office: Web, world: World) -> None:
    fill(world)
    page = await office.client(Role.ANALYST, units=["*"]).get(f"/laporan?{FLOOR}")
    assert page.status_code == 200
    text = page.text
    assert len(re.findall('<dd class="value', text)) == len(re.findall("Cakupan data: ", text)) == 10
    assert "4 dari 14 meja" in text
    assert "Sen, 2 Nov 2026, pukul 09.00" in text
    assert "masa WFA" in text
    assert "Hari &lt;b&gt;jadi&lt;/b&gt;" in text
    assert "bukan penilaian kinerja" in text
    assert text.count("<h1") == 1
    for chart in re.findall(r'src="(/laporan/grafik[^"]+)"', text):
        drawn = await office.clients[-1].get(chart.replace("&amp;", "&"))
        assert drawn.headers["content-type"] == "image/svg+xml"
        ET.fromstring(drawn.content)
        assert "script" not in drawn.headers["content-security-policy"]


async def test_english_has_no_indonesian_left(office: Web, world: World) -> None:
    fill(world)
    client = office.client(Role.OPERATOR, units=["*"])
    client.cookies.set("hadir_bahasa", "en")
    text = (await client.get(f"/laporan?{FLOOR}")).text
    plain = re.sub(r"<[^>]+>", " ", text[text.index("<main") : text.index("</main")])
    found = {"meja", "cakupan", "satuan", "puncak", "tanpa", "yang", "dari", "orang"} & set(
        re.findall(r"[a-z]+", plain.lower())
    )
    assert not found
    assert "Desks in use at the same time" in plain
    drawn = (await client.get(f"/laporan/grafik/heatmap.svg?{FLOOR}")).text
    assert "no data" in drawn
    assert "tanpa" not in drawn


async def test_only_operators_and_analysts(office: Web) -> None:
    out = office.client()
    inside = [office.employee(), *(office.client(role, units=["*"]) for role in (Role.INTEGRATOR, Role.DISPLAY))]
    for path in ("", *(f"/{name}" for name in FILES)):
        url = f"/laporan{path}?{WEEK}"
        assert (await out.get(url)).status_code == 303
        for client in inside:
            assert (await client.get(url)).status_code == 403


async def test_an_agency_sees_its_own_people_and_everybodys_places(office: Web, world: World) -> None:
    fill(world)
    client = office.client(Role.ANALYST, units=["bkn"])
    text = (await client.get(f"/laporan?{FLOOR}")).text
    assert "Angka tentang orang hanya dari satuan Anda: bkn." in text
    assert "4 dari 14 meja" in text
    assert ">12<" in text  # its own check-ins
    for name in FILES:
        answer = await client.get(f"/laporan/{name}?{FLOOR}&satuan=panrb")
        assert answer.status_code == 403, name
    refused = await client.get(f"/laporan?{FLOOR}&satuan=panrb")
    assert refused.status_code == 422
    assert "tidak melihat angka satuan itu" in refused.text
    rows = await client.get(f"/laporan/tabel.csv?{FLOOR}&isi=satuan")
    assert "panrb" not in rows.text
    nobodys = office.client(Role.OPERATOR)
    assert "tidak melihat satuan mana pun" in (await nobodys.get(f"/laporan?{FLOOR}")).text


async def test_a_small_unit_is_named_nowhere(office: Web, world: World) -> None:
    fill(world)
    client = office.client(Role.OPERATOR, units=["*"])
    for place in ("ikn", "ikn/kk2/l02"):
        asked = f"tempat={place}&{WEEK}"
        found = (await client.get(f"/laporan?{asked}")).text
        for key in ("ringkasan", "jam", "harian", "satuan", "antarsatuan"):
            found += (await client.get(f"/laporan/tabel.csv?{asked}&isi={key}")).text
        found += (await client.get(f"/laporan/grafik/satuan.svg?{asked}")).text
        assert "Pemakaian meja" in found
        assert "rahasia" not in found
    pdf = (await client.get(f"/laporan/rekap.pdf?tempat=ikn&{WEEK}")).content
    assert "rahasia" not in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


async def test_files(office: Web, world: World) -> None:
    fill(world)
    client = office.client(Role.ANALYST, units=["*"])
    pdf = await client.get(f"/laporan/rekap.pdf?{FLOOR}")
    (sheet,) = PdfReader(io.BytesIO(pdf.content)).pages
    words = " ".join(sheet.extract_text().split())
    assert "Gedung Dua, Lantai 1" in words
    assert "bukan penilaian kinerja" in words
    assert "4 dari 14 meja" in words
    assert pdf.headers["content-disposition"].endswith('"laporan-ikn-kk2-l01-2026-11-02-2026-11-08.pdf"')
    table = await client.get(f"/laporan/tabel.csv?{FLOOR}&isi=jam")
    rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + 7 * 24
    monday_nine = rows[1 + 9]
    assert monday_nine[:4] == ["Senin", "09.00", "0.6667", "0.4286"]
    assert rows[1 + 24 + 9][2:4] == ["", ""]  # the holiday on Tuesday
    book = await client.get(f"/laporan/tabel.xlsx?{FLOOR}")
    with zipfile.ZipFile(io.BytesIO(book.content)) as archive:
        assert sum(name.startswith("xl/worksheets/sheet") for name in archive.namelist()) == 5
    assert (await client.get(f"/laporan/tabel.csv?{FLOOR}&isi=lain")).status_code == 404
    assert (await client.get(f"/laporan/grafik/lain.svg?{FLOOR}")).status_code == 404


MISTAKES = (
    "periode=rentang&dari=2026-11-08&sampai=2026-11-02",
    "periode=rentang&dari=2026-01-01&sampai=2026-12-31",
    "periode=rentang&dari=8/11/2026&sampai=x",
    "periode=rentang",
    "periode=rentang&dari=0001-01-01&sampai=0001-01-02",
    "periode=lain",
    "tempat=ikn/kk2/l02/pojok",
    "tempat=<script>alert(1)</script>",
    "satuan=' onload='x" + "&tempat=../..",
)


async def test_what_cannot_be_asked_is_said(office: Web) -> None:
    client = office.client(Role.ANALYST, units=["*"])
    for asked in MISTAKES:
        page = await client.get(f"/laporan?{asked}")
        assert page.status_code == 422, asked
        assert 'role="status"' in page.text
        assert "<script>alert" not in page.text
        assert (await client.get(f"/laporan/rekap.pdf?{asked}")).status_code in (404, 422), asked


async def test_an_empty_period_says_that_nothing_is_known_not_that_nobody_came(office: Web) -> None:
    text = (await office.client(Role.OPERATOR, units=["*"]).get("/laporan?periode=bulan-lalu")).text
    assert "Itu tidak berarti mejanya kosong" in text
    assert "0%</dd>" not in text.replace("Cakupan data: 0%</dd>", "")


async def test_an_office_without_an_archive_yet(office: Web, world: World) -> None:
    world.close()
    (world.folder / "points.sqlite").unlink()
    text = (await office.client(Role.ANALYST, units=["*"]).get("/laporan")).text
    assert "Arsip belum menyimpan data" in text
    assert (await office.clients[-1].get("/laporan/rekap.pdf")).status_code == 503


async def test_an_office_of_few_desks_has_no_reports(web: Web) -> None:
    client = web.client(Role.ANALYST, units=["*"])
    small = await client.get("/laporan")
    assert (small.status_code, "sedikitnya lima meja" in small.text) == (200, True)
    assert (await client.get("/laporan/rekap.pdf")).status_code == 404


async def test_the_page_and_its_charts_are_one_question(office: Web, world: World) -> None:
    fill(world)
    client = office.client(Role.ANALYST, units=["*"])
    await client.get(f"/laporan?{FLOOR}")
    world.commit(world.visit(desk(0), MONDAY + 12 * HOUR))
    kept = await client.get(f"/laporan/tabel.csv?{FLOOR}&isi=satuan")
    office.clock.advance(900)
    later = await client.get(f"/laporan/tabel.csv?{FLOOR}&isi=satuan")
    assert kept.status_code == later.status_code == 200
