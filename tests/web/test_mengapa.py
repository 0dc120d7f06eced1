"""Mengapa: evidence in people's words; about people only with a reason that they see."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.web.viewer import Role
from rules.api import SECOND
from tests.web.conftest import NOON, Web
from tests.web.office import DESK
from tests.web.test_gerbang import HOUR, MORNING, Book

CHECKIN = "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca"
RADAR = {"dev": "mmw-d-001", "modality": "radar", "kind": "occupied", "value": True, "age_s": 0.4, "weight": 0.92}


@pytest.fixture
def book(web: Web) -> Book:
    made = Book(web)
    made.tell("gateway.started", MORNING, {})
    seen = {"state": "occupied", "prev": "vacant", "cause": None, "since": MORNING + HOUR, "confidence": 0.92}
    lost = {"challenger": {"state": "vacant", "weight": 0.3}}
    made.tell("occupancy.changed", MORNING + HOUR, {**seen, **lost, "evidence": [RADAR]}, place=DESK)
    taken = {"checkin_id": CHECKIN, "method": "badge", "evidence": []}
    made.tell("desk.checkin.started", MORNING + HOUR + SECOND, taken, place=DESK)
    return made


async def test_a_state_says_on_what_it_rests_what_lost_and_what_would_change_it(web: Web, book: Book) -> None:
    client = web.client(Role.OPERATOR)
    page = (await client.get("/mengapa?tempat=d-001&saat=2026-11-26T09:00")).text
    assert "Meja: diambil; sensornya: ada orang sejak 08.30" in page
    assert "mmw-d-001 (radar) mengatakan ya, bobot 0,92" in page
    assert "Yang kalah: kosong, bobot 0,3" in page
    assert "Diambil 08.30 lewat kartu di pembaca, tanpa pesanan" in page
    assert "Menjadi kosong: bila perangkatnya (rdr-d-001, mmw-d-001)" in page
    assert "Keyakinan 92%" in page
    assert "Jam kerja sampai" in page
    client.cookies.set("hadir_bahasa", "en")
    assert (await client.get("/mengapa?tempat=d-001")).status_code == 200


async def test_what_was_not_known_is_not_made_up(web: Web, book: Book) -> None:
    client = web.client(Role.OPERATOR)
    page = (await client.get("/mengapa?tempat=d-003&saat=2026-11-26T09:00")).text
    assert "tidak diketahui karena belum ada petunjuk" in page
    assert (await client.get("/mengapa?tempat=barat&saat=2026-11-26T09:00")).status_code == 200
    assert "Tempat itu tidak ada" in (await client.get("/mengapa?tempat=<script>x")).text
    for when in ("2030-01-01T00:00", "kemarin", "9999-99-99T00:00"):
        assert "Waktu itu tidak dapat dibaca" in (await client.get(f"/mengapa?tempat=d-001&saat={when}")).text


async def test_a_person_is_told_of_with_a_reason_that_they_see_and_of_the_operators_units_only(
    web: Web, book: Book
) -> None:
    mine = web.person(unit="panrb", name="Sari Uji")
    foreign = web.person(unit="bkn", name="Budi Coba")
    client = web.client(Role.OPERATOR, units=["panrb"])
    asked = {"siapa": "sari uji", "alasan": "permintaan koreksi"}
    page = await client.post("/mengapa/orang", data=asked)
    assert page.status_code == 200
    assert "Mengapa? Sari Uji" in page.text
    assert "bukan bukti bahwa ia tidak hadir" in page.text
    ((at, _, what, reason),) = web.site.accounts.lookups(mine)
    assert (at, what, reason) == (NOON, "why", "permintaan koreksi")
    for who in ("Budi Coba", foreign, "bud", "x"):
        page = await client.post("/mengapa/orang", data={"siapa": who, "alasan": "permintaan koreksi"})
        assert page.status_code == 404
        assert "Budi Coba" not in page.text
    assert web.site.accounts.lookups(foreign) == []
    assert (await client.post("/mengapa/orang", data={"siapa": mine, "alasan": "     x"})).status_code == 422
    assert (await client.post("/mengapa/orang", data={"siapa": mine, "alasan": ""})).status_code == 422
    assert len(web.site.accounts.lookups(mine)) == 1
    assert (await web.employee().get("/mengapa")).status_code == 403


async def test_two_of_one_name_are_not_told_apart_and_both_see_that_they_were_looked_for(web: Web) -> None:
    twins = [web.person(unit="panrb", name="Dewi Kembar") for _ in range(2)]
    client = web.client(Role.OPERATOR, units=["*"])
    page = await client.post("/mengapa/orang", data={"siapa": "Dewi Kembar", "alasan": "permintaan"})
    assert "Ada beberapa orang" in page.text
    for pid in twins:
        assert [(what, why) for _, _, what, why in web.site.accounts.lookups(pid)] == [("why", "permintaan")]


async def test_a_search_that_finds_nobody_is_noted_of_who_searched(web: Web) -> None:
    web.person(unit="panrb", name="Budiman Uji")
    client = web.client(Role.OPERATOR, units=["panrb"])
    for who in ("Budi", "Budiman"):
        page = await client.post("/mengapa/orang", data={"siapa": who, "alasan": "permintaan koreksi"})
        assert (page.status_code, "Tidak ada orang seperti itu" in page.text) == (404, True)
    ((account, n),) = web.site.accounts.connection.execute(
        "SELECT account, count(*) FROM lookup WHERE pid = '' AND what = 'why' GROUP BY account"
    ).fetchall()
    assert (account, n) == (web.site.accounts.all()[-1].id, 2)
    own = (await client.get("/akun")).text
    assert "2 kali dengan akun ini" in own
    assert own.count("permintaan koreksi") == 2
    assert "Budi" not in own
    assert web.site.counters.get("web.search_missed", "nobody") == 2
    assert "Pencarian yang tidak" not in (await web.client(Role.OPERATOR, units=["*"]).get("/akun")).text


async def test_without_a_ledger_it_says_so(web: Web, tmp_path: Path) -> None:
    page = await web.client(Role.OPERATOR).get("/mengapa?tempat=d-001")
    assert page.status_code == 503
    assert "Catatannya belum dapat dibaca" in page.text
    assert str(tmp_path) not in page.text


async def test_the_plan_leads_an_operator_there_and_nobody_else(web: Web) -> None:
    path, link = "/denah/utama/l01?tempat=timur/d-001", f"/mengapa?tempat={DESK}"
    assert link in (await web.client(Role.OPERATOR).get(path)).text
    assert "/mengapa" not in (await web.employee().get(path)).text
