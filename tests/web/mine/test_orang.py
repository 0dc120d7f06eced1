"""Who is in: only who shares, only within the unit, the zone at most, and unknown where nothing is known."""

from __future__ import annotations

import pytest

from gateway.errors import HadirError
from gateway.people import PeopleTable
from gateway.web.mine.sensing import kinds_near
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.mine.book import HOUR, Book
from tests.web.office import DESK, FLOOR, OTHER, ready, told

VISIT = "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca"


def _colleague(web: Web, name: str, visibility: str, unit: str = "panrb") -> str:
    pid = web.person(name=name, unit=unit)
    web.site.people.set_visibility(pid, visibility)
    return pid


async def test_what_people_chose_is_kept_to(web: Web, book: Book) -> None:
    me = web.person(name="Saya Sendiri")
    client = web.client(Role.EMPLOYEE, pid=me, unit="panrb")
    _colleague(web, "Terbuka Uji", "unit")
    _colleague(web, "Setara Uji", "team")
    _colleague(web, "Tertutup Uji", "self")
    _colleague(web, "Asing Uji", "unit", unit="bkn")
    silent = _colleague(web, "Senyap Uji", "unit")
    web.site.people.set_quiet(silent, True)
    page = (await client.get("/orang")).text
    assert "Terbuka Uji" in page
    for hidden in ("Setara", "Tertutup", "Asing", "Senyap", silent, me):
        assert hidden not in page
    await client.post("/privasi/berbagi", data={"terlihat": "team"})
    page = (await client.get("/orang")).text
    assert "Setara Uji" in page
    assert "Rekan satu unit yang juga berbagi dapat melihat" in page
    await client.post("/privasi/senyap", data={"nyala": "1"})  # who does not let themselves be seen does not see
    page = (await client.get("/orang")).text
    assert "Setara" not in page
    assert "tidak terlihat oleh siapa pun" in page
    assert "belum terhubung" in (await web.employee(unit="_").get("/orang")).text


async def test_where_they_are_is_a_zone_or_unknown_and_left_only_by_an_act(web: Web, book: Book) -> None:
    me = web.person()
    client = web.client(Role.EMPLOYEE, pid=me, unit="panrb")
    at_desk = _colleague(web, "A Meja", "unit")
    tagged = _colleague(web, "B Tag", "unit")
    gone = _colleague(web, "C Pulang", "unit")
    lapsed = _colleague(web, "D Lupa", "unit")
    late = _colleague(web, "D Terlambat", "unit")
    private = _colleague(web, "E Musala", "unit")
    _colleague(web, "F Kosong", "unit")
    book.took(at_desk, NOON - HOUR)
    told(web.site.live, DESK, "occupied", NOON, life="taken")

    def seen(pid: str, kind: str = "presence.started", **data: object) -> None:
        shown = {"visit_id": VISIT, "state": "present", "method": "tag", "evidence": [], **data}
        place = str(data.get("zone") or f"{FLOOR}/barat/_")
        book.tell(kind, NOON - HOUR, place=place, pid=pid, **shown)

    seen(tagged, zone=f"{FLOOR}/barat/_")
    seen(private, zone=f"{FLOOR}/musala/_")
    seen(gone, "presence.ended", state="left", ended_by="act")
    seen(lapsed, "presence.ended", state="unknown", ended_by="inferred", cause="no_evidence")

    for at, by, reason in ((NOON - 3 * HOUR, "act", "user"), (NOON - 2 * HOUR, "inferred", "end_of_day")):
        how = {
            "method": "badge",
            "checkin_id": VISIT,
            "ended_by": by,
            "reason": reason,
            "last_evidence": NOON - 4 * HOUR,
        }
        book.tell("workplace.checkin.ended", at, place=f"{FLOOR}/_/_", pid=late, **how)

    def line(page: str, name: str) -> str:
        return page.split(f"<strong>{name}</strong>")[1].split("</li>")[0]

    page = (await client.get("/orang")).text
    assert "Timur, Lantai 1" in line(page, "A Meja")
    assert "Meja 1" not in page
    assert "Barat, Lantai 1" in line(page, "B Tag")
    assert "Sudah pulang" in line(page, "C Pulang")
    assert "Sudah pulang" in line(page, "D Terlambat"), "the tap was told after the end of the day was inferred"
    for name in ("D Lupa", "E Musala", "F Kosong"):
        assert "Tidak diketahui" in line(page, name)
    assert "Musala" not in page.replace("E Musala", "")
    ready(web.site.live, NOON, "lost")
    page = (await client.get("/orang")).text
    assert "Tidak diketahui" in line(page, "A Meja")
    assert "Tidak diketahui" in line(page, "B Tag")


async def test_privacy_says_what_each_kind_of_device_sees_and_who_looked(web: Web, book: Book) -> None:
    client = web.employee()
    page = (await client.get("/privasi")).text
    assert "Pembaca kartu" in page
    assert "Radar kehadiran" in page
    assert "Sensor udara" not in page
    assert "30 hari, lalu dihapus sendiri" in page
    assert "Belum pernah ada" in page
    assert [(kind.modality, kind.count) for kind in kinds_near(web.site, [])] == [("badge", 1), ("radar", 3)]
    assert (await client.post("/privasi/berbagi", data={"terlihat": "semua"})).status_code == 422
    assert (await client.post("/privasi/senyap", data={"nyala": "x"})).status_code == 422
    answer = await client.post("/privasi/senyap", data={"nyala": "1"})
    assert "Matikan mode senyap" in (await client.get(answer.headers["location"])).text


async def test_nobody_else_is_in_any_of_these_pages(web: Web, book: Book) -> None:
    """Everything of another person is somewhere behind these pages, and in none of them."""
    me, other = web.person(name="Saya"), web.person(name="Kenari Rahasia", unit="bkn")
    web.site.people.set_visibility(other, "unit")
    key = book.took(other, NOON - HOUR, place=OTHER)
    data = {"booking_ref": "b-9", "due": NOON + HOUR, "until": NOON + 2 * HOUR, "cause": "user", "evidence": []}
    book.tell("desk.reservation.created", NOON, place=DESK, pid=other, unit="bkn", **data)
    told(web.site.live, OTHER, "occupied", NOON, life="taken")
    await web.client(Role.EMPLOYEE, pid=other, unit="bkn").post(
        "/riwayat/koreksi", data={"jenis": "gangguan", "apa": "note", "hari": "2026-11-26", "alasan": "Kenari"}
    )
    employee = web.client(Role.EMPLOYEE, pid=me, unit="panrb")
    operator = web.client(Role.OPERATOR, units=["panrb"])
    pages = [
        await employee.get(path)
        for path in (
            "/",
            "/beranda/kini",
            "/d/d-001",
            "/d/d-002",
            "/d/d-002/kini",
            "/orang",
            "/riwayat",
            "/riwayat/koreksi",
            "/riwayat/hapus",
            "/riwayat/unduh.json",
            "/riwayat/unduh.csv",
            "/riwayat/gangguan/2026-11-26",
            "/privasi",
        )
    ]
    pages.append(await operator.get("/operator/koreksi"))
    for page in pages:
        assert page.status_code == 200, page.url
        for canary in ("Kenari", other, key):
            assert canary not in page.text, (page.url, canary)
    for path in ("/", "/d/d-001", "/orang", "/riwayat", "/privasi", "/operator/koreksi"):
        assert (await web.client().get(path)).status_code == 303
    assert (await employee.get("/operator/koreksi")).status_code == 403
    assert (await operator.get("/riwayat")).status_code == 403


async def test_choices_are_the_tables_own(web: Web) -> None:
    people: PeopleTable = web.site.people
    pid = web.person(name="Uji")
    version = people.version
    with pytest.raises(HadirError):
        people.set_visibility(pid, "everybody")
    assert people.set_visibility(pid, "unit") == 1
    assert people.sharing("panrb") == [(pid, "Uji", "unit")]
    assert people.sharing("_") == []
    assert people.version >= version
    people.erase(pid)
    assert people.sharing("panrb") == []
    assert people.set_visibility(pid, "unit") == 0
