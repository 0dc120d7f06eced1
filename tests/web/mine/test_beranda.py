"""The first page: one's desk, one button, what is free near, and what the office knows."""

from __future__ import annotations

import httpx

from gateway.web.mine.attempts import Attempt, Attempts
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.mine.book import HOUR, MINUTE, Book
from tests.web.office import DESK, FOREIGN, OTHER, ready, told


def _employee(web: Web, name: str = "Uji Coba", unit: str = "panrb") -> tuple[str, httpx.AsyncClient]:
    pid = web.person(name=name, unit=unit)
    return pid, web.client(Role.EMPLOYEE, pid=pid, unit=unit)


async def test_who_is_new_is_offered_a_desk_of_their_unit_and_told_that_nothing_is_known(web: Web) -> None:
    for place in (DESK, OTHER, FOREIGN):
        told(web.site.live, place, "vacant", NOON, life="free")
    _, client = _employee(web)
    page = (await client.get("/")).text
    assert "Ambil meja di dekat saya" in page
    assert page.index("Meja 1") < page.index("Meja 3")
    assert (
        "Catatan kantor sedang tidak dapat dibaca" in page
    )  # there is no ledger yet: it is not said that nobody knows
    assert len(page.encode()) < 30_000
    assert f'data-version="{web.site.live.version}"' in page


async def test_a_tap_at_the_reader_is_my_desk_and_the_sentence_says_by_what(web: Web, book: Book) -> None:
    pid, client = _employee(web)
    book.took(pid, NOON - HOUR)
    told(web.site.live, DESK, "occupied", NOON, life="taken")
    page = (await client.get("/")).text
    assert "Lepaskan meja" in page
    assert "Kantor tahu: Anda memakai Meja 1 sejak pukul" in page
    assert "09.30</time>" in page
    assert "dari ketukan kartu." in page
    english = (await client.get("/bahasa/en?kembali=/")).headers["location"]
    assert "The office knows: you have been using Meja 1 since" in (await client.get(english)).text


async def test_a_record_and_a_desk_that_disagree_are_both_told(web: Web, book: Book) -> None:
    pid, client = _employee(web)
    book.took(pid, NOON - HOUR)
    told(web.site.live, DESK, "vacant", NOON, life="free")
    assert "Meja 1 tampaknya sudah dilepas" in (await client.get("/")).text
    ready(web.site.live, NOON, "lost")
    assert "tetap tercatat atas nama Anda" in (await client.get("/")).text


async def test_who_seems_to_have_left_is_offered_what_works_and_not_to_leave_again(web: Web, book: Book) -> None:
    """The end may never be stored: a button that can only be refused would stand there for two days."""
    pid, client = _employee(web)
    key = book.took(pid, NOON - HOUR)
    due = {"due": NOON + 4 * MINUTE, "cause": "no_evidence", "checkin_id": key, "evidence": []}
    book.tell("desk.release.warning", NOON - MINUTE, place=DESK, pid=pid, **due)
    told(web.site.live, DESK, "vacant", NOON, life="free")
    page = (await client.get("/")).text
    assert "Meja 1 tampaknya sudah dilepas" in page
    assert "Lepaskan meja" not in page
    assert "akan dilepas" not in page
    assert "Kantor tahu: Anda memakai" not in page
    assert "Ambil meja di dekat saya" in page
    assert f'name="tempat" value="{DESK}"' in page
    assert f'data-places="{DESK}' in page
    told(web.site.live, OTHER, "vacant", NOON, life="free")
    assert "Mengambil meja ini melepaskannya" not in (await client.get("/d/d-002")).text
    booked = {"booking_ref": "web-1", "due": NOON, "until": NOON + 2 * HOUR, "cause": "user", "evidence": []}
    book.tell("desk.reservation.created", NOON - HOUR, place=OTHER, pid=pid, **booked)
    told(web.site.live, OTHER, "vacant", NOON, life="reserved")
    page = (await client.get("/")).text
    assert "Meja 1 tampaknya sudah dilepas" in page
    assert "Anda memesan meja ini sampai pukul" in page


async def test_without_a_broker_nothing_is_offered_as_free(web: Web, book: Book) -> None:
    _, client = _employee(web)
    for place in (DESK, OTHER):
        told(web.site.live, place, "vacant", NOON, life="free")
    web.site.live.set_connected(False)
    page = (await client.get("/")).text
    assert "Kantor sedang tidak tersambung" in page
    assert "tidak ada meja yang dapat dipastikan bebas" in page
    assert "Ambil meja di dekat saya" not in page


async def test_a_release_warning_says_how_long_and_has_one_answer(web: Web, book: Book) -> None:
    pid, client = _employee(web)
    key = book.took(pid, NOON - HOUR)
    book.tell(
        "desk.release.warning",
        NOON - MINUTE,
        place=DESK,
        pid=pid,
        due=NOON + 4 * MINUTE,
        cause="no_evidence",
        checkin_id=key,
        evidence=[],
    )
    told(web.site.live, DESK, "vacant", NOON, life="away")
    page = (await client.get("/")).text
    assert "Meja 1 akan dilepas 4 menit lagi." in page
    assert "Saya datang" in page
    told(web.site.live, DESK, "occupied", NOON, life="taken")  # they are sensed there: no event says so
    assert "akan dilepas" not in (await client.get("/")).text
    told(web.site.live, DESK, "vacant", NOON, life="away")
    Attempts(web.site.accounts.connection).note(
        Attempt(id="a", pid=pid, at=NOON, act="extend", place=DESK, state="sent")
    )
    assert "akan dilepas" not in (await client.get("/")).text


async def test_what_was_accepted_and_is_not_stored_yet_is_mine_and_pending(web: Web, book: Book) -> None:
    pid, client = _employee(web)
    told(web.site.live, DESK, "vacant", NOON, life="taken")
    attempts = Attempts(web.site.accounts.connection)
    attempts.note(
        Attempt(id="a", pid=pid, at=NOON, act="checkin", place=DESK, state="sent", events=("not-in-the-ledger",))
    )
    page = (await client.get("/")).text
    assert "Menunggu tersimpan" in page
    assert "Lepaskan meja" in page
    assert "data-waiting" in page


async def test_a_reservation_that_begins_is_taken_with_the_same_button(web: Web, book: Book) -> None:
    pid, client = _employee(web)
    book.tell(
        "desk.reservation.created",
        NOON - HOUR,
        place=OTHER,
        pid=pid,
        booking_ref="web-1",
        due=NOON,
        until=NOON + 2 * HOUR,
        cause="user",
        evidence=[],
    )
    told(web.site.live, OTHER, "vacant", NOON, life="reserved")
    told(web.site.live, DESK, "vacant", NOON, life="free")
    page = (await client.get("/")).text
    assert "Saya datang" in page
    assert f'name="tempat" value="{OTHER}"' in page
    assert "Batalkan" in page


async def test_a_refusal_is_told_to_whoever_asked_and_to_nobody_else(web: Web, book: Book) -> None:
    pid, client = _employee(web)
    _, stranger = _employee(web, "Orang Lain")
    Attempts(web.site.accounts.connection).note(
        Attempt(id="abc", pid=pid, at=NOON, act="checkin", place=DESK, state="refused", reason="taken")
    )
    assert "sedang dipakai orang lain" in (await client.get("/?hasil=abc")).text
    assert "sedang dipakai orang lain" not in (await stranger.get("/?hasil=abc")).text


async def test_a_command_that_cannot_be_sent_is_refused_with_the_reason_and_remembered(web: Web, book: Book) -> None:
    _, client = _employee(web)
    told(web.site.live, DESK, "vacant", NOON, life="free")
    answer = await client.post("/beranda/ambil", data={"tempat": DESK})
    assert answer.status_code == 303
    page = (await client.get(answer.headers["location"])).text
    assert "Sambungan ke kantor sedang terputus" in page
    nowhere = await client.post("/beranda/ambil", data={"tempat": "kantor/utama/l01/timur/d-999"})
    assert nowhere.status_code == 404


async def test_an_operator_who_is_nobody_here_goes_to_their_own_page(web: Web) -> None:
    assert (await web.client(Role.OPERATOR).get("/")).headers["location"] == "/operator"
    assert (await web.client(Role.ANALYST).get("/")).headers["location"] == "/laporan"
