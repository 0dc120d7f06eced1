"""Guests at a kiosk: they sign in for a day, and leave; nobody can look for them there."""

from __future__ import annotations

import re

import pytest

from gateway.clock import SECOND
from gateway.config import web as config
from gateway.web.asking import Answer
from tests.web.conftest import NOON
from tests.web.kiosks import STRANGER, Kiosk, step


async def test_a_guest_of_the_evening_is_forgotten_before_the_next_day(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.answering(monkeypatch)
    kiosk.web.clock.advance(10 * 3600)  # 20:30
    await kiosk.get("/kiosk/tamu")
    assert "sampai pukul 23.59" in (await kiosk.post("tamu", nama="Wayan")).text


async def test_a_guest_signs_in_for_the_day_and_is_told_what_is_kept(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = kiosk.web
    kiosk.answering(monkeypatch)
    monkeypatch.setitem(web.site.office.web.__dict__, "kiosk", config.Kiosk(cards=("em10h",)))
    form = await kiosk.post("kartu", kartu=STRANGER)
    assert "dihapus pukul 19.00 hari ini" in form.text
    assert "BKN" in form.text
    assert "Tulis nama Anda" in (await kiosk.post("tamu", nama=" ", unit="bkn")).text
    assert "Tulis nama Anda" in (await kiosk.post("tamu", nama="x" * 81, unit="bkn")).text
    assert "Tulis nama Anda" in (await kiosk.post("tamu", nama="Wayan\u202egnp", unit="bkn")).text
    done = await kiosk.post("tamu", nama="  Wayan   Tamu ", unit="bkn")
    assert step(done) == "tamu_selesai"
    assert "Selamat datang, Wayan" in done.text
    assert "Kartu tadi berlaku" in done.text
    ((pid, unit, works),) = web.site.people.people()
    assert (unit, works) == ("_", 1)
    guest = web.site.people.person(pid)
    assert guest is not None
    assert (guest.name, guest.host, guest.valid_until) == ("Wayan Tamu", "bkn", NOON + 30_600 * SECOND)
    assert [(name, more["args"]) for name, _, more in kiosk.asked] == [
        ("arrive", {"method": "kiosk", "arrangement": "visitor"})
    ]
    again = await kiosk.post("kartu", kartu=STRANGER)
    assert (step(again), "Halo, Wayan" in again.text) == ("pilih", True)
    assert step(await kiosk.post("tamu", nama="Lain", unit="bkn")) == "awal", "who has a pid is no new guest"


async def test_a_guest_without_a_card_and_a_site_without_guests(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk.answering(monkeypatch, [Answer(ok=False, reason="no_answer")])
    await kiosk.get("/kiosk/tamu?bahasa=en")
    done = await kiosk.post("tamu", nama="Wayan", unit="somewhere else")
    assert "gerbang tidak menjawab" in done.text, "not told is not hidden"
    assert "Kartu tadi" not in done.text
    monkeypatch.setitem(kiosk.web.site.office.web.__dict__, "kiosk", config.Kiosk(guests=False))
    assert "Saya tamu" not in (await kiosk.get()).text
    assert "tamu mendaftar pada petugas" in (await kiosk.get("/kiosk/tamu")).text
    assert step(await kiosk.post("kartu", kartu=STRANGER)) == "awal"


async def test_a_guest_without_a_card_leaves_by_the_number_that_was_shown_once(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.answering(monkeypatch)
    await kiosk.get("/kiosk/tamu")
    found = re.search(r'class="number">(\d{3} \d{3})<', (await kiosk.post("tamu", nama="Wayan Tamu", unit="bkn")).text)
    assert found is not None
    ((pid, _, works),) = kiosk.web.site.people.people()
    assert works == 1
    await kiosk.post("selesai")
    other = Kiosk(kiosk.web)
    form = await other.get("/kiosk/tamu")
    assert ("Wayan" in form.text, "Sudah terdaftar hari ini?" in form.text) == (False, True)
    for wrong in ("000 00", "x" * 64, "٠١٢٣٤٥", f"{(int(found[1].replace(' ', '')) + 1) % 10**6:06d}"):
        page = await other.post("tamu/nomor", nomor=wrong)
        assert (step(page), "tidak dikenal" in page.text) == ("tamu", True), wrong
    back = await other.post("tamu/nomor", nomor=found[1])
    assert step(back) == "pilih"
    assert '<h1 tabindex="-1">Halo, Wayan</h1>' in back.text
    assert found[1].replace(" ", "") not in back.text
    assert "Presensi pulang tercatat" in (await other.post("hadir", arah="pulang")).text
    (_, (name, place, more)) = kiosk.asked
    assert (name, place, more["pid"], more["unit"]) == ("depart", "kantor/utama/l01/_/_", pid, "_")
    assert step(await other.post("tamu/nomor", nomor=found[1])) == "awal", "who is known is no stranger"
    kiosk.web.site.people.erase(pid)
    await other.get("/kiosk/tamu")
    assert step(await other.post("tamu/nomor", nomor=found[1])) == "tamu"


async def test_guests_numbers_are_not_tried_until_one_is_somebodys(kiosk: Kiosk) -> None:
    await kiosk.get("/kiosk/tamu")
    for number in range(21):
        assert step(await kiosk.post("tamu/nomor", nomor=f"{number:06d}")) == "tamu"
    assert (await kiosk.post("tamu/nomor", nomor="000021")).status_code == 429
