"""The page behind a desk's sticker: what it says in each state, and exactly why it cannot be taken."""

from __future__ import annotations

import re

import httpx
import pytest

from gateway.web.codes import made
from gateway.web.mine.attempts import Attempt, Attempts
from gateway.web.mine.places import path_of, place_of
from gateway.web.mine.problems import Problems
from gateway.web.stickers import readable
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.mine.book import HOUR, Book
from tests.web.office import DESK, FOREIGN, OTHER, ROOM, ready, told

TAKE, LEAVE = ">Ambil meja</button>", ">Lepaskan meja</button>"


@pytest.fixture
def client(web: Web) -> httpx.AsyncClient:
    return web.employee()


async def test_who_is_not_signed_in_comes_back_after_signing_in(web: Web) -> None:
    answer = await web.client().get("/d/d-001")
    assert (answer.status_code, answer.headers["location"]) == (303, "/masuk?lanjut=/d/d-001")


async def test_a_code_is_a_desk_or_nothing(web: Web, client: httpx.AsyncClient) -> None:
    codes = made(web.site.office, web.site.key)
    scanned = codes.of(DESK)
    assert scanned is not None
    for code in ("d-001", "utama.l01.timur.d-001", scanned, readable(scanned).lower()):
        assert place_of(web.site, codes, code) == DESK
    assert path_of(DESK) == "/d/utama.l01.timur.d-001"
    for code in ("d-999", "utama.l01.timur.d-999", "...", "utama.l01", "d-001.x"):
        assert (await client.get(f"/d/{code}")).status_code == 404


async def test_a_free_desk_is_taken_by_one_button(web: Web, client: httpx.AsyncClient) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free")
    page = (await client.get("/d/d-001")).text
    assert TAKE in page
    assert "Bebas</span>" in page


@pytest.mark.parametrize(
    ("state", "life", "said", "takes"),
    [
        ("occupied", "taken", "Dipakai orang lain sejak sekitar pukul", False),
        ("vacant", "away", "Orangnya sedang tidak di meja", False),
        ("vacant", "reserved", "dipesan orang lain", False),
        ("vacant", "out_of_order", "ditutup oleh operator", False),
        ("occupied", "free", "Kalau itu Anda, ambillah", True),
    ],
)
async def test_why_it_is_not_to_be_had(
    web: Web, client: httpx.AsyncClient, state: str, life: str, said: str, takes: bool
) -> None:
    told(web.site.live, OTHER, "vacant", NOON, life="free")
    told(web.site.live, DESK, state, NOON, life=life, life_since=NOON - HOUR)
    page = (await client.get("/d/d-001")).text
    assert said in page
    assert (TAKE in page) is takes
    if not takes:
        assert "Bebas di dekat Anda" in page
        assert path_of(OTHER) in page


async def test_unknown_says_why_and_is_never_called_free(web: Web, client: httpx.AsyncClient) -> None:
    told(web.site.live, DESK, "unknown", NOON, life="free", cause="sensor_stale")
    page = (await client.get("/d/d-001")).text
    assert "Tidak diketahui</span>" in page
    assert "sensornya tidak terdengar" in page
    assert TAKE in page  # the gateway hears the act all the same
    ready(web.site.live, NOON, "lost")
    page = (await client.get("/d/d-001")).text
    assert "gerbangnya tidak terdengar" in page
    assert "menyusul" in page
    assert TAKE not in page


async def test_a_desk_of_another_unit_that_takes_no_guests_says_whose_it_is(web: Web) -> None:
    spot = web.site.live.places.spots[FOREIGN]
    object.__setattr__(spot, "guests", False)
    told(web.site.live, FOREIGN, "vacant", NOON, life="free")
    assert "hanya untuk pegawai unit bkn" in (await web.employee(unit="panrb").get(path_of(FOREIGN))).text
    assert TAKE in (await web.employee(unit="bkn").get(path_of(FOREIGN))).text


async def test_a_room_is_not_taken(web: Web, client: httpx.AsyncClient) -> None:
    told(web.site.live, ROOM, "vacant", NOON)
    page = (await client.get(path_of(ROOM))).text
    assert "tidak diambil seperti meja" in page
    assert TAKE not in page


async def test_my_own_desk_is_left_and_another_says_that_it_would_be(web: Web, book: Book) -> None:
    pid = web.person()
    client = web.client(Role.EMPLOYEE, pid=pid, unit="panrb")
    book.took(pid, NOON - HOUR)
    told(web.site.live, DESK, "occupied", NOON, life="taken")
    told(web.site.live, OTHER, "vacant", NOON, life="free")
    assert LEAVE in (await client.get("/d/d-001")).text
    assert "Anda masih memakai Meja 1" in (await client.get("/d/d-002")).text


async def test_bookings_of_others_are_times_without_a_name(web: Web, book: Book) -> None:
    other = web.person(name="Nama Rahasia")
    data = {"booking_ref": "b-1", "due": NOON + HOUR, "until": NOON + 2 * HOUR, "cause": "user", "evidence": []}
    book.tell("desk.reservation.created", NOON - HOUR, place=DESK, **data)
    book.tell("desk.reservation.created", NOON - HOUR, place=DESK, pid=other, **data)
    told(web.site.live, DESK, "vacant", NOON, life="free")
    page = (await web.employee().get("/d/d-001")).text
    assert "Sudah dipesan orang lain" in page
    assert "11.30</time>" in page
    assert other not in page
    assert "Rahasia" not in page


async def test_each_of_ones_own_bookings_is_ones_own_and_can_be_given_back(web: Web, book: Book) -> None:
    pid = web.person()
    client = web.client(Role.EMPLOYEE, pid=pid, unit="panrb")
    for ref, whose, start in (("b-1", pid, 1), ("b-2", pid, 4), ("b-3", web.person(name="Orang Lain"), 6)):
        data = {"due": NOON + start * HOUR, "until": NOON + (start + 1) * HOUR, "cause": "user", "evidence": []}
        for reader in ("", whose):
            book.tell("desk.reservation.created", NOON - HOUR, place=DESK, pid=reader, booking_ref=ref, **data)
    told(web.site.live, DESK, "vacant", NOON, life="free")
    page = (await client.get("/d/d-001")).text
    assert page.count("Pesanan Anda:") == 2
    assert re.findall(r'name="pesanan" value="([^"]+)"', page) == ["b-1", "b-2"]
    others = page.split("Sudah dipesan orang lain")[1]
    assert "16.30</time>" in others
    assert "14.30</time>" not in others
    assert "11.30</time>" not in others


async def test_ones_own_booking_that_one_has_come_to_is_nobody_elses(web: Web, book: Book) -> None:
    pid = web.person()
    client = web.client(Role.EMPLOYEE, pid=pid, unit="panrb")
    data = {"due": NOON - HOUR, "until": NOON + HOUR, "cause": "user", "evidence": [], "booking_ref": "b-1"}
    for reader in ("", pid):
        book.tell("desk.reservation.created", NOON - 2 * HOUR, place=DESK, pid=reader, **data)
        book.took(reader, NOON - HOUR, booking_ref="b-1")
    told(web.site.live, DESK, "occupied", NOON, life="taken")
    page = (await client.get("/d/d-001")).text
    assert LEAVE in page
    assert "Sudah dipesan orang lain" not in page
    assert "Sudah dipesan orang lain" in (await web.employee().get("/d/d-001")).text


async def test_a_time_that_is_none_is_refused_and_an_unanswered_booking_is_told(
    web: Web, client: httpx.AsyncClient
) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free")
    for wrong in ("25:00", "9", "ab:cd", "-1:30", "٩:٣٠"):
        answer = await client.post("/d/d-001/pesan", data={"mulai": wrong, "selesai": "12:00"})
        assert answer.status_code == 422, wrong
    answer = await client.post("/d/d-001/pesan", data={"mulai": "11:00", "selesai": "12:00"})
    assert "Sambungan ke kantor sedang terputus" in (await client.get(answer.headers["location"])).text


async def test_a_problem_reaches_operators_without_a_name(web: Web, client: httpx.AsyncClient) -> None:
    answer = await client.post("/d/d-001/lapor", data={"jenis": "reader", "catatan": "x" * 200})
    assert "Laporan Anda sudah sampai" in (await client.get(answer.headers["location"])).text
    (problem,) = Problems(web.site.accounts.connection).open()
    assert (problem.place, problem.kind) == (DESK, "reader")
    assert (await client.post("/d/d-001/lapor", data={"jenis": "reader", "catatan": "x" * 201})).status_code == 422
    assert (await client.post("/d/d-001/lapor", data={"jenis": "lain"})).status_code == 422


async def test_attempts_are_kept_for_a_day(web: Web) -> None:
    attempts = Attempts(web.site.accounts.connection)
    for n, hours in enumerate((30, 20, 0)):
        attempts.note(Attempt(id=str(n), pid="p-1", at=NOON - hours * HOUR, act="checkin", place=DESK, state="refused"))
    assert [one.id for one in attempts.of("p-1", 0)] == ["1", "2"]
