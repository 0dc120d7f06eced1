"""Acts end to end: a page, a command, a gateway's rules, the archive's ledger, and the page again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from gateway.web.viewer import Role
from tests.web.running import RunningWeb

WAIT_S = 20.0
"""A guard against hanging."""


class Browser:
    """Somebody signed in, without JavaScript."""

    def __init__(self, url: str, code: str) -> None:
        self.client = httpx.Client(base_url=url, headers={"accept": "text/html"})
        answer = self.client.post("/masuk", data={"kode": code})
        # a browser sends a Secure cookie to its own machine; httpx does not
        self.client.headers["cookie"] = answer.headers["set-cookie"].split(";")[0]

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **fields: str) -> str:
        csrf = self.get("/").split('name="csrf" value="')[1].split('"')[0]
        answer = self.client.post(path, data={"csrf": csrf, **fields})
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"])

    def until(self, path: str, text: str) -> str:
        """The page, as soon as it says this."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            page = self.get(path)
            if text in page:
                return page
            time.sleep(0.1)
        raise AssertionError(f"{path} never said {text!r}")


@pytest.fixture(scope="module")
def holder(running: RunningWeb) -> Iterator[Browser]:
    made = Browser(running.url, running.code(Role.EMPLOYEE, pid=running.holder()))
    yield made
    made.client.close()


@pytest.fixture(scope="module")
def other(running: RunningWeb) -> Iterator[Browser]:
    with running.people() as table:
        pid = table.enrol(unit="bkn", name="Orang Kedua")
    made = Browser(running.url, running.code(Role.EMPLOYEE, pid=pid))
    yield made
    made.client.close()


def test_a_desk_is_taken_by_its_page_refused_to_another_and_released(
    running: RunningWeb, holder: Browser, other: Browser
) -> None:
    holder.until("/d/d-002", ">Ambil meja</button>")
    page = holder.post("/d/d-002/ambil")
    assert "Meja ini sekarang Anda pakai." in page
    assert ">Lepaskan meja</button>" in page
    assert "Menunggu tersimpan" not in page
    assert "Kantor tahu: Anda memakai Meja 2" in holder.get("/")
    assert "dari halaman ini." in holder.get("/")

    other.until("/d/d-002", "Dipakai orang lain")
    refused = other.post("/d/d-002/ambil")
    assert "Meja ini sedang dipakai orang lain." in refused
    history = other.get("/riwayat")
    assert "Ditolak" in history
    assert "Meja ini sedang dipakai orang lain." in history
    assert "tidak sedang Anda pakai" in other.post("/d/d-002/lepas")

    moved = holder.post("/d/d-003/ambil")  # one desk a person: the other one is released
    assert "Meja ini sekarang Anda pakai." in moved
    other.until("/d/d-002", ">Ambil meja</button>")
    assert "Meja sudah dilepaskan" in holder.post("/d/d-003/lepas")
    assert "Anda pindah meja" in holder.until("/riwayat", "Anda lepaskan")


def test_a_tap_at_the_reader_is_on_the_page_and_an_operator_ends_it_by_a_correction(
    running: RunningWeb, holder: Browser
) -> None:
    running.tap()
    page = holder.until("/", "dari ketukan kartu")
    assert "Anda memakai Meja 1" in page
    history = holder.get("/riwayat")
    target = history.split("/riwayat/koreksi?catatan=")[-1].split('"')[0]  # a day is told in order of time
    today = datetime.now(ZoneInfo("Asia/Makassar"))
    holder.post("/riwayat/koreksi", jenis="lupa_tap", apa="event", hari=str(today.date()), catatan=target)
    operator = Browser(running.url, running.code(Role.OPERATOR, Role.EMPLOYEE, pid=_operator(running), units=("bkn",)))
    path = operator.get("/operator/koreksi").split('href="/operator/koreksi/')[1].split('"')[0]
    operator.post(f"/operator/koreksi/{path}", putusan="approved", alasan="Kartu tertinggal")
    operator.client.close()
    page = holder.until("/riwayat", "diakhiri lewat koreksi")
    assert "Jawaban operator: Kartu tertinggal" in page
    assert "Dikoreksi: Catatan itu tidak pernah terjadi" in holder.until("/riwayat", "Dikoreksi")
    (told,) = running.acts("presence.corrected")
    assert (told["data"]["target_id"], told["data"]["field"], told["data"]["reason"]) == (target, "event", "lupa_tap")
    assert "Kartu" not in str(told)  # what they wrote to each other stays between them
    assert "Permintaan koreksi Anda" in holder.get("/privasi")


def test_a_correction_that_no_gateway_hears_is_told_later_also_after_a_restart(
    running: RunningWeb, holder: Browser
) -> None:
    holder.until("/d/d-002", ">Ambil meja</button>")
    holder.post("/d/d-002/ambil")
    holder.post("/d/d-002/lepas")
    history = holder.until("/riwayat", "Anda lepaskan")
    target = history.split("/riwayat/koreksi?catatan=")[-1].split('"')[0]
    today = datetime.now(ZoneInfo("Asia/Makassar"))
    holder.post("/riwayat/koreksi", jenis="gangguan", apa="event", hari=str(today.date()), catatan=target)
    before = len(running.acts("presence.corrected"))
    running.kill("gw-01")
    operator = Browser(running.url, running.code(Role.OPERATOR, Role.EMPLOYEE, pid=_operator(running), units=("bkn",)))
    path = operator.get("/operator/koreksi").split('href="/operator/koreksi/')[1].split('"')[0]
    operator.post(f"/operator/koreksi/{path}", putusan="approved", alasan="Alat memang mati")
    assert "belum sampai ke gerbang" in operator.get("/operator/koreksi")
    running.kill("web")
    running.serve()
    running.start("gw-01")
    running.ready()
    deadline = time.monotonic() + 3 * WAIT_S  # the pauses between tries are of chance, and grow
    while "belum sampai ke gerbang" in operator.get("/operator/koreksi"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    operator.client.close()
    told = running.acts("presence.corrected")[before:]
    assert [(one["data"]["target_id"], one["data"]["reason"]) for one in told] == [(target, "gangguan")]


def _operator(running: RunningWeb) -> str:
    with running.people() as table:
        return table.enrol(unit="bkn", name="Operator Uji")


def test_a_desk_is_reserved_for_today_and_the_reservation_is_the_holders_own(
    running: RunningWeb, holder: Browser, other: Browser
) -> None:
    now = datetime.now(ZoneInfo("Asia/Makassar"))
    if now.hour == 23 and now.minute > 55:
        pytest.skip("no time of today is left to be reserved")
    page = holder.post("/d/d-003/pesan", mulai=f"{now:%H:%M}", selesai="23:59")
    assert "Meja sudah dipesan untuk Anda." in page
    other.until("/d/d-003", "dipesan orang lain untuk saat ini")
    assert "Meja ini dipesan orang lain" in other.post("/d/d-003/ambil")
    assert "Sudah ada pemesanan lain" in other.post("/d/d-003/pesan", mulai=f"{now:%H:%M}", selesai="23:58")
    assert "23.59</time>" in other.get("/d/d-003")
    assert "Jam selesai harus setelah" in holder.post("/d/d-002/pesan", mulai="00:01", selesai="00:00")
    home = holder.until("/", "Batalkan")
    ref = home.split('name="pesanan" value="')[1].split('"')[0]
    assert "Pemesanan itu sudah tidak ada." in other.post("/d/d-003/batal", pesanan=ref)
    assert "Pesanan sudah dibatalkan." in holder.post("/d/d-003/batal", pesanan=ref)
    other.until("/d/d-003", ">Ambil meja</button>")


def test_coming_to_the_office_and_leaving_it_are_acts_of_their_own(running: RunningWeb, holder: Browser) -> None:
    assert "Kedatangan Anda tercatat." in holder.post("/beranda/kantor", apa="arrive", gedung="utama")
    assert "Anda tercatat datang pukul" in holder.get("/")
    assert "Anda sudah tercatat datang." in holder.post("/beranda/kantor", apa="arrive", gedung="utama")
    assert "Kepulangan Anda tercatat." in holder.post("/beranda/kantor", apa="depart", gedung="utama")
    assert "Gedung Utama" in holder.get("/riwayat")
