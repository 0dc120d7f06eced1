"""Denah: the plan and the list show what the office is, and say why."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import httpx
from babel.messages.extract import extract_from_dir
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contract.fields import UnknownCause
from gateway.web import app, rendering, titles
from gateway.web.live import PlaceNow, status_of
from gateway.web.reasons import key, sentences
from gateway.web.rendering import Language, catalogues
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.office import DESK, OTHER, ROOM, ready, told

PLAN = "/denah/utama/l01"
WEB = Path(app.__file__).parent
MINE = ("denah", "editor", "floors", "reasons")
"""Beginnings of the names of the modules whose texts this file answers for."""
ZONED = re.compile(r'<time datetime="[^"]+" data-clock>([^<]+)</time><span class="zone">([^<]+)</span>')


async def page(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def spaces(html: str) -> dict[str, str]:
    """Status by zone/space, of a plan or a list."""
    return dict(re.findall(r'data-p="([^"]+)" data-k="[a-z]+" data-s="([a-z]+)"', html))


async def test_the_plan_shows_each_place_by_colour_shape_and_word(web: Web) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free")
    told(web.site.live, ROOM, "occupied", NOON)
    client = web.employee()
    html = await page(client, PLAN)
    assert spaces(html) == {
        "timur/d-001": "free",
        "timur/d-002": "unknown",
        "timur/r-01": "taken",
        "barat/d-003": "unknown",
    }
    assert 'aria-label="Meja 1: Bebas"' in html
    assert 'href="#s-free"' in html
    assert "style=" not in html
    assert " onclick" not in html
    assert 'data-count="unknown">2<' in html


async def test_the_list_is_the_same_and_says_why(web: Web) -> None:
    told(web.site.live, DESK, "unknown", NOON, life="free", cause="sensor_stale")
    client = web.employee()
    html = await page(client, f"{PLAN}?tampil=daftar")
    assert spaces(html) == spaces(await page(client, PLAN))
    assert "Belum diketahui: sensornya tidak terdengar." in html
    assert "<table>" in html
    assert "<svg id=" not in html


async def test_a_silent_gateway_is_named_and_no_sensor_blamed(web: Web) -> None:
    told(web.site.live, DESK, "occupied", NOON, life="taken", life_since=NOON)
    told(web.site.live, OTHER, "vacant", NOON, life="reserved", life_since=NOON)
    ready(web.site.live, NOON, "lost")
    html = await page(web.employee(), f"{PLAN}?tampil=daftar")
    assert spaces(html)["timur/d-001"] == "taken"
    assert "Dipakai menurut catatan terakhir; sekarang tidak pasti: gerbangnya tidak terdengar." in html
    assert spaces(html)["timur/d-002"] == "unknown"
    assert "Sudah dipesan." not in html.split("<script")[0]
    assert "sensor" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    web.clock.advance(9 * 3600)
    web.site.live.expire()
    html = await page(web.employee(), PLAN)
    assert 'data-count="unknown">4<' in html


async def test_a_filter_works_without_script(web: Web) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free")
    client = web.employee()
    html = await page(client, f"{PLAN}?jenis=desk&status=free")
    assert html.count('class="sp dim"') == 3
    assert "1 dari 4" in html
    html = await page(client, f"{PLAN}?tampil=daftar&zona=barat")
    assert re.findall(r'<tr data-p="([^"]+)"[^>]* hidden>', html) == ["timur/d-001", "timur/d-002", "timur/r-01"]
    html = await page(client, f"{PLAN}?jenis=%22%3E%3Cscript%3E&tampil=daftar")
    assert "<script>" not in html
    assert "Tidak ada tempat yang cocok" in html


async def test_a_place_has_a_sheet_on_the_page_and_as_a_part(web: Web) -> None:
    told(web.site.live, DESK, "occupied", NOON, life="taken", life_since=NOON)
    client = web.employee()
    for path in (f"{PLAN}?tempat=timur/d-001", f"{PLAN}/tempat/timur/d-001"):
        html = await page(client, path)
        assert '<h2 id="lembar-nama">Meja 1</h2>' in html
        assert "Sedang dipakai." in html
        assert ZONED.findall(html) == [("10.30", " WITA")]
    part = await page(client, f"{PLAN}/tempat/timur/d-001")
    assert "<html" not in part
    assert (await client.get(f"{PLAN}/tempat/timur/d-999")).status_code == 404
    assert 'id="tempat" aria-labelledby="lembar-nama" tabindex="-1" hidden' in await page(client, f"{PLAN}?tempat=x")


async def test_what_is_not_there_is_404_and_what_is_nobodys_needs_a_sign_in(web: Web) -> None:
    client = web.employee()
    assert (await client.get("/denah/utama/l99")).status_code == 404
    assert spaces(await page(client, "/denah")) == spaces(await page(client, PLAN))
    assert (await client.get("/denah/saya")).json() == {"place": ""}
    for path in ("/denah", "/denah/saya", PLAN, f"{PLAN}/tempat/timur/d-001"):
        assert (await web.client().get(path)).status_code == 303
        assert (await web.client(Role.INTEGRATOR).get(path)).status_code == 403
        assert (await web.client(Role.DISPLAY).get(path)).status_code in (200, 303)


async def test_an_analyst_sees_the_same_and_changes_nothing(web: Web) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free")
    client = web.client(Role.ANALYST)
    html = await page(client, f"{PLAN}?tempat=timur/d-001")
    assert spaces(html)["timur/d-001"] == "free"
    assert '<a href="/denah" aria-current="page">Denah</a>' in html
    for path in ("/d/", "/mengapa", "/operator"):
        assert f'href="{path}' not in html
    assert html.count("<form") == 2  # sign out, and the filter
    assert (await client.get("/denah/saya")).json() == {"place": ""}
    assert (await client.get(f"/operator{PLAN}")).status_code == 403


async def test_no_person_is_on_the_plan(web: Web) -> None:
    pid = web.person(name="Kenari Burung")
    told(web.site.live, DESK, "occupied", NOON, life="taken")
    client = web.client(Role.OPERATOR)
    for path in (PLAN, f"{PLAN}?tampil=daftar", f"{PLAN}/tempat/timur/d-001"):
        html = await page(client, path)
        assert pid not in html
        assert "Kenari" not in html


async def test_english_has_no_indonesian_left(web: Web) -> None:
    client = web.client(Role.OPERATOR)
    client.cookies.set("hadir_bahasa", "en")
    html = await page(client, PLAN)
    assert "See the list" in html
    data = json.loads(html.split('id="denah-data">')[1].split("</script>")[0])
    assert data["why"]["unknown.sensor_stale"].startswith("Not known: ")


async def test_names_and_labels_are_text_wherever_they_stand(web: Web) -> None:
    """The plan's file is read again when it changes; names come from office.yaml, which is made anew."""
    folder = web.site.file.parent
    bad = '"><script>alert(1)</script>'
    text = (
        web.site.file.read_text().replace("name: Meja 1}", f"name: '{bad}'}}").replace("name: Timur", f"name: '{bad}'")
    )
    web.site.file.write_text(text.replace("        owner: gw-01\n", "        owner: gw-01\n        plan: p.geojson\n"))
    shape = {"type": "Point", "coordinates": [1, 1]}
    label = {"type": "Feature", "properties": {"kind": "label", "text": bad}, "geometry": shape}
    (folder / "p.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [label]}))
    client = web.client(Role.OPERATOR)
    for path in (f"/operator{PLAN}", f"/operator{PLAN}?pilih=space:d-001"):
        html = await page(client, path)
        assert "<script>alert" not in html
        assert html.count("&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


def texts() -> Iterator[tuple[str, str]]:
    """Every text of this area that is marked for translation, with its file."""
    keywords = {"_": None, "N_": None, "gettext": None}
    methods = [("templates/denah/*.html", "jinja2"), ("templates/editor/*.html", "jinja2"), ("**.py", "python")]
    for file, _, text, _, _ in extract_from_dir(str(WEB), methods, keywords=keywords):
        name = file.removeprefix("pages/")
        if name.startswith("templates/") or name.startswith(MINE):
            yield file, text if isinstance(text, str) else text[0]


def test_every_text_of_the_area_has_its_english() -> None:
    english = catalogues("en")
    found = list(texts())
    assert len(found) > 40
    assert [item for item in found if english.gettext(item[1]) == item[1] and item[1] not in ("Unit", "Status")] == []


def test_two_hundred_desks_are_less_than_100_kb_on_the_first_screen(tmp_path: Path) -> None:
    """Measured over HTML, styles and scripts of the plan; gzip as the server sends it."""
    sent = [
        WEB / "static" / name for name in ("hadir.css", "denah.css", "denah.js", "panzoom.js", "live.js", "times.js")
    ]
    assert sum(path.stat().st_size for path in sent) < 40_000
    assert sum(len(gzip.compress(path.read_bytes())) for path in sent) < 14_000


@given(
    state=st.sampled_from(["occupied", "vacant", "unknown"]),
    life=st.sampled_from(["", "free", "reserved", "taken", "away", "out_of_order"]),
    mode=st.sampled_from(["walk_up", "out_of_order"]),
    cause=st.sampled_from([*get_args(UnknownCause), "not_connected"]),
)
@settings(max_examples=50)
def test_every_state_has_a_sentence_in_both_languages(state: str, life: str, mode: str, cause: str) -> None:
    now = PlaceNow(
        place=DESK, kind="desk", name="", unit="_", mode=mode, capacity=1, accessible=False,
        status=status_of(state=state, life=life, mode=mode), state=state, cause=cause if state == "unknown" else "",
        life=life, since=0, sensed="", quality="", gateway="",
    )  # fmt: skip
    for language in LANGUAGES:
        assert sentences(language)[key(now)]


LANGUAGES = [Language(code, "Asia/Makassar") for code in rendering.LANGUAGES]


def test_names_of_zones_stand_inside_and_not_over_each_other() -> None:
    rings = {
        "utara": ((0, 0), (2400, 0), (2400, 1200), (0, 1200)),
        "musala": ((0, 0), (400, 0), (400, 400), (0, 400)),
        "": (),
    }
    found = titles.places(rings, {"utara": "Utara", "musala": "Musala", "": "x"}, [(450, 0, 900, 300)])
    assert found[""] == ((0, 0), "")
    assert found["musala"] == ((30, 70), "Musala")
    assert found["utara"][0][0] > 900
