"""The plan editor: a diff before anything is written, every mistake in place, and files that are never half written."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx

from gateway.config import plan_check
from gateway.config.document import Document
from gateway.config.load import load
from gateway.web.viewer import Role
from tests.web.conftest import Web

EDITOR = "/operator/denah/utama/l01"
PLAN = Path(__file__).parent.parent.parent / "config" / "plans" / "l01.geojson"


def field(page: str, name: str) -> str:
    return html.unescape(re.findall(rf'name="{name}"[^>]* value="([^"]*)"', page)[0])


def drawn(web: Web) -> None:
    """The site's floor has the example's plan."""
    file = web.site.file
    (file.parent / "plans").mkdir()
    shutil.copy(PLAN, file.parent / "plans" / "l01.geojson")
    text = file.read_text()
    file.write_text(
        text.replace("        owner: gw-01\n", "        owner: gw-01  # box\n        plan: plans/l01.geojson\n")
    )


async def post(client: httpx.AsyncClient, action: str, changes: list[dict[str, Any]], **more: str) -> httpx.Response:
    return await client.post(EDITOR, data={"aksi": action, "ubah": json.dumps(changes), **more})


async def test_a_desk_is_moved_reviewed_and_saved(web: Web) -> None:
    drawn(web)
    file = web.site.file
    plan = file.parent / "plans" / "l01.geojson"
    client = web.client(Role.OPERATOR)
    noted = await post(client, "catat", [], pilih="space:d-001", nama="Meja 1", x="3,5", y="4", putar="90")
    assert noted.status_code == 200
    changes = json.loads(field(noted.text, "ubah"))
    assert changes == [{"op": "move", "space": "d-001", "x": 3.5, "y": 4.0, "rotation": 90.0}]
    review = await post(client, "tinjau", changes)
    assert "tanpa kesalahan" in review.text
    assert "plans/l01.geojson" in review.text
    assert plan.read_text() == PLAN.read_text()
    saved = await post(client, "simpan", changes, dasar=field(review.text, "dasar"))
    assert saved.status_code == 200
    assert "tidak ada yang perlu dimulai ulang" in saved.text
    assert '"coordinates": [3.5, 4]' in plan.read_text()
    assert plan.with_name("l01.geojson.bak").read_text() == PLAN.read_text()
    assert not list(file.parent.rglob("*.new"))


async def test_office_yaml_keeps_its_comments_and_restarts_are_told(web: Web) -> None:
    drawn(web)
    file = web.site.file
    file.chmod(0o640)
    before = file.read_text()
    client = web.client(Role.OPERATOR)
    changes: list[dict[str, Any]] = [
        {"op": "rename", "space": "d-002", "name": "Meja jendela"},
        {"op": "bind", "device": "mmw-d-002", "place": "utama/l01/barat/d-003"},
        {"op": "hang", "device": "rdr-d-001", "x": 9.7, "y": 2.4},
    ]
    review = await post(client, "tinjau", changes)
    assert "hadir run --gateway gw-01" in review.text
    saved = await post(client, "simpan", changes, dasar=field(review.text, "dasar"))
    assert saved.status_code == 200
    text = file.read_text()
    assert "owner: gw-01  # box" in text
    assert "{id: d-002, kind: desk, name: Meja jendela, accessible: true}" in text
    assert "{id: mmw-d-002, driver: ld2410, place: utama/l01/barat/d-003}" in text
    assert "place: utama/l01/timur/d-001, at: [9.7, 2.4], role: desk}" in text
    assert len(text.splitlines()) == len(before.splitlines())
    assert file.stat().st_mode & 0o777 == 0o640
    again = await client.get(EDITOR)
    assert "Meja jendela" in again.text  # the editor shows the files, not what the web was started with


async def test_a_floor_without_a_plan_gets_one(web: Web) -> None:
    client = web.client(Role.OPERATOR)
    page = await client.get(EDITOR)
    assert "belum punya berkas denah" in page.text
    changes = [{"op": "move", "space": "d-003", "x": 2.0, "y": -3.0}]
    review = await post(client, "tinjau", changes)
    assert "plan: plans/utama-l01.geojson" in html.unescape(review.text)
    saved = await post(client, "simpan", changes, dasar=field(review.text, "dasar"))
    assert saved.status_code == 200
    office, document = load(web.site.file), Document.read(web.site.file)
    assert not plan_check.problems(office, document)
    assert not [note for note in plan_check.notes(office, document) if "not on the plan" in note.text]


async def test_mistakes_are_shown_and_nothing_is_saved(web: Web) -> None:
    drawn(web)
    before = web.site.file.read_text()
    client = web.client(Role.OPERATOR)
    changes = [
        {"op": "bind", "device": "mmw-d-002", "place": "utama/l01/timur/d-022"},
        {"op": "add", "device": "rdr-d-001", "driver": "ld241", "place": "utama/l01/musala"},
    ]
    review = await post(client, "tinjau", changes)
    said = html.unescape(review.text)
    assert 'did you mean "d-002"?' in said
    assert 'did you mean "ld2410"?' in said
    assert 'device "rdr-d-001" stands twice' in said
    assert str(web.site.file.parent) not in said
    assert 'value="simpan"' not in review.text
    saved = await post(client, "simpan", changes, dasar=field(review.text, "dasar"))
    assert 'value="simpan"' not in saved.text
    assert web.site.file.read_text() == before
    noted = await post(client, "tambah", [], id_baru="Bukan Id", driver="ld2410", tempat_baru="utama/l01/timur")
    assert noted.status_code == 422
    assert "Isian id salah" in noted.text
    half = await post(client, "catat", [], pilih="device:rdr-d-001", dx="3", dy="")
    assert half.status_code == 422
    lost = await post(client, "catat", [{"op": "erase"}])
    assert lost.status_code == 422
    unknown = await post(client, "tinjau", [{"op": "move", "space": "d-999", "x": 1, "y": 1}])
    assert "d-999" in unknown.text
    assert 'value="simpan"' not in unknown.text


async def test_a_file_that_changed_meanwhile_is_not_overwritten(web: Web) -> None:
    drawn(web)
    client = web.client(Role.OPERATOR)
    changes = [{"op": "rename", "space": "d-002", "name": "Baru"}]
    review = await post(client, "tinjau", changes)
    web.site.file.write_text(web.site.file.read_text() + "# somebody else\n")
    saved = await post(client, "simpan", changes, dasar=field(review.text, "dasar"))
    assert saved.status_code == 409
    assert "diubah orang lain" in saved.text
    assert "name: Baru" not in web.site.file.read_text()
    saved = await post(client, "simpan", changes, dasar=field(saved.text, "dasar"))
    assert saved.status_code == 200


async def test_a_broken_office_or_plan_is_told_and_never_replaced(web: Web) -> None:
    drawn(web)
    plan = web.site.file.parent / "plans" / "l01.geojson"
    plan.write_text("{")
    client = web.client(Role.OPERATOR)
    assert "bermasalah" in (await client.get(EDITOR)).text
    review = await post(client, "tinjau", [{"op": "move", "space": "d-001", "x": 1, "y": 1}])
    assert 'value="simpan"' not in review.text
    assert plan.read_text() == "{"
    web.site.file.write_text("site: [")
    broken = await client.get(EDITOR)
    assert broken.status_code == 409
    assert "office.yaml bermasalah" in broken.text


async def test_only_an_operator_with_a_token_may_change(web: Web) -> None:
    employee = web.employee()
    assert (await employee.get(EDITOR)).status_code == 403
    assert (await post(employee, "tinjau", [])).status_code == 403
    client = web.client(Role.OPERATOR)
    del client.headers["x-csrf-token"]
    assert (await post(client, "tinjau", [])).status_code == 403
    page = await client.get(EDITOR)
    token = field(page.text, "csrf")
    assert (await post(client, "tinjau", [], csrf=token)).status_code == 200
    assert (await client.get("/operator/denah/utama/l99")).status_code == 404
    assert "<script>alert" not in (await client.get(f"{EDITOR}?pilih=<script>alert(1)</script>")).text
