"""Pemasangan: a new card is given to a person, and its number goes nowhere."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from firmware_sim import rdm6300
from gateway.clock import SECOND, SystemClock
from gateway.contract.times import written
from gateway.web.accounts import Accounts
from gateway.web.pairing import Pairing
from gateway.web.privacy_words import QUIET, QUIET_DOES, QUIET_KEEPS, VISIBILITY_WORDS
from gateway.web.viewer import Role
from tests.system.site import GUARD_S
from tests.web.conftest import NOON, Web
from tests.web.running import CARD, RunningWeb
from tests.web.test_ringkasan import device

NEW = "0F036856AA"
INDEX = "00112233445566778899aabbccddeeff"


def tapped(web: Web, account: str) -> str:
    """A window in which a card was tapped; its word."""
    window = web.site.pairing.open(account, ["gw-01"], "rdr-d-001")
    window.card = INDEX
    return window.word


def account_of(web: Web) -> str:
    return web.site.accounts.all()[-1].id


PERSON = {"baru": "true", "nama": "Sari Uji", "nip": "1990 01", "unit": "panrb", "terlihat": "team", "setuju": "true"}


async def test_a_card_is_given_to_a_new_person_who_gets_a_code_that_signs_in(web: Web) -> None:
    client = web.client(Role.OPERATOR, units=["panrb"])
    word = tapped(web, account_of(web))
    form = await client.get(f"/operator/pemasangan/kartu/{word}")
    assert "Kepada siapa kartu ini diberikan?" in form.text
    assert INDEX not in form.text
    assert "bkn" not in form.text
    slip = await client.post(f"/operator/pemasangan/kartu/{word}/orang", data=PERSON)
    assert slip.status_code == 200
    assert "Sari Uji" in slip.text
    code = re.search(r"[2-9A-Z]{5}-[2-9A-Z]{5}", slip.text)
    assert code is not None
    ((pid, unit, credentials),) = web.site.people.people()
    assert (unit, credentials) == ("panrb", 1)
    assert (await web.client().post("/masuk", data={"kode": code.group()})).status_code == 303
    again = await client.post(f"/operator/pemasangan/kartu/{word}/orang", data=PERSON)
    assert again.status_code == 410
    word = tapped(web, account_of_operator(web))
    taken = await client.post(f"/operator/pemasangan/kartu/{word}/orang", data={**PERSON, "nip": "1991"})
    assert "sudah dimiliki orang lain" in taken.text
    assert [one for one, *_ in web.site.people.people()] == [pid]


def account_of_operator(web: Web) -> str:
    return next(one.id for one in web.site.accounts.all() if Role.OPERATOR in one.roles)


async def test_nobody_is_enrolled_without_consent_or_into_a_foreign_unit_or_by_anothers_window(web: Web) -> None:
    client = web.client(Role.OPERATOR, units=["panrb"])
    word = tapped(web, account_of(web))
    path = f"/operator/pemasangan/kartu/{word}/orang"
    assert "harus menyetujui" in (await client.post(path, data={**PERSON, "setuju": "false"})).text
    assert "bukan bagian Anda" in (await client.post(path, data={**PERSON, "unit": "bkn"})).text
    assert (await client.post(path, data={**PERSON, "terlihat": "semua"})).status_code == 422
    assert (await client.post(path, data={**PERSON, "nip": "'; --"})).status_code == 422
    other = web.client(Role.OPERATOR, units=["*"])
    assert (await other.post(path, data=PERSON)).status_code == 410
    assert INDEX not in (await other.get(f"/operator/pemasangan/kartu/{word}")).text
    assert web.site.people.people() == []
    assert (await web.employee().get("/operator/pemasangan")).status_code == 403


async def test_what_is_signed_is_what_the_persons_own_page_says(web: Web) -> None:
    client = web.client(Role.OPERATOR, units=["*"])
    window = f"/operator/pemasangan/kartu/{tapped(web, account_of(web))}"
    form = (await client.get(window)).text
    slip = (await client.post(f"{window}/orang", data=PERSON)).text
    (pid,) = (pid for pid, _, _ in web.site.people.people())
    privacy = (await web.client(Role.EMPLOYEE, pid=pid, unit="panrb").get("/privasi")).text
    team = "Rekan satu unit yang juga berbagi"
    assert f"Siapa boleh melihat zona saya</dt><dd>{team}</dd>" in slip
    for said in (QUIET, QUIET_DOES, QUIET_KEEPS):
        assert all(said in page for page in (form, slip, privacy)), said
    for said in VISIBILITY_WORDS.values():
        assert said in form
        assert said in privacy


async def test_a_staff_number_that_the_unit_has_is_refused_and_its_holder_sees_that_it_was_typed(web: Web) -> None:
    pid = web.site.people.enrol(unit="panrb", name="Sari Lama", staff_number="199001")
    client = web.client(Role.OPERATOR, units=["panrb"])
    word = tapped(web, account_of(web))
    refused = await client.post(f"/operator/pemasangan/kartu/{word}/orang", data=PERSON)
    assert (refused.status_code, "sudah terdaftar di unit ini" in refused.text) == (422, True)
    assert "Sari Lama" not in refused.text
    assert web.site.people.people() == [(pid, "panrb", 0)]
    assert [what for _, _, what, _ in web.site.accounts.lookups(pid)] == ["enrol"]


CODE = re.compile(r"[2-9A-Z]{5}-[2-9A-Z]{5}")
KNOWN = {"baru": "false", "alasan": "kartu lama hilang", "setuju": "true"}


def sealed(page: httpx.Response) -> dict[str, str]:
    """What a page that asks sends back."""
    found = re.search(r'name="orang" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return {"orang": found[1]}


def seen(web: Web, pid: str) -> list[tuple[str, str]]:
    """(what, reason) of who looked, as it came."""
    return [(what, reason) for _, _, what, reason in reversed(web.site.accounts.lookups(pid))]


async def test_another_card_is_given_to_whom_the_operator_was_shown_and_who_sees_why(web: Web) -> None:
    pid = web.person(unit="panrb", name="Sari Uji")
    client = web.client(Role.OPERATOR, units=["panrb"])
    word = tapped(web, account_of(web))
    path = f"/operator/pemasangan/kartu/{word}"
    asked = await client.post(f"{path}/orang", data={**KNOWN, "siapa": "sari  uji"})
    assert (asked.status_code, "Benar orang ini?" in asked.text, "Sari Uji" in asked.text) == (200, True, True)
    assert pid not in asked.text
    assert web.site.people.people() == [(pid, "panrb", 0)]
    assert seen(web, pid) == [("name", "kartu lama hilang")]
    slip = await client.post(f"{path}/benar", data=sealed(asked))
    assert (slip.status_code, "Sari Uji" in slip.text, CODE.search(slip.text)) == (200, True, None)
    assert web.site.people.people() == [(pid, "panrb", 1)]
    assert seen(web, pid)[1:] == [("enrol", "kartu lama hilang")]
    assert web.site.accounts.holder(pid) == ""
    assert (await client.post(f"{path}/benar", data=sealed(asked))).status_code == 410


async def test_a_part_of_a_name_another_unit_and_a_missing_reason_bind_no_card(web: Web) -> None:
    pid = web.person(unit="panrb", name="Budiman Uji")
    foreign = web.person(unit="bkn", name="Budi Coba")
    client = web.client(Role.OPERATOR, units=["panrb"])
    account = account_of(web)
    path = f"/operator/pemasangan/kartu/{tapped(web, account)}/orang"
    for who in ("Budi", "udi", "Budiman", foreign, "Budi Coba", "Tidak Ada"):
        refused = await client.post(path, data={**KNOWN, "siapa": who})
        assert (refused.status_code, "Tidak ada orang seperti itu" in refused.text) == (404, True), who
        assert "Budiman Uji" not in refused.text
    for who in (pid, "Budiman Uji", "Tidak Ada"):
        refused = await client.post(path, data={**KNOWN, "siapa": who, "alasan": " a "})
        assert (refused.status_code, "Tulis alasannya" in refused.text) == (422, True)
    assert (seen(web, pid), seen(web, foreign)) == ([], [])
    missed = web.site.accounts.connection.execute("SELECT account, what, reason FROM lookup WHERE pid = ''").fetchall()
    assert missed == [(account, "name", "kartu lama hilang")] * 6


async def test_a_code_for_somebody_known_is_printed_when_it_is_asked_for_and_they_see_it(web: Web) -> None:
    pid = web.person(unit="panrb", name="Sari Uji")
    client = web.client(Role.OPERATOR, units=["panrb"])
    word = tapped(web, account_of(web))
    path = f"/operator/pemasangan/kartu/{word}"
    asked = await client.post(f"{path}/orang", data={**KNOWN, "siapa": "Sari Uji", "kode": "true"})
    slip = await client.post(f"{path}/benar", data=sealed(asked))
    code = CODE.search(slip.text)
    assert code is not None
    assert [what for what, _ in seen(web, pid)] == ["name", "enrol", "code"]
    person = web.client()
    assert (await person.post("/masuk", data={"kode": code.group()})).status_code == 303
    assert "kode masuk baru untuk akun Anda" in (await person.get("/privasi")).text


async def test_what_one_operator_was_asked_is_not_answered_by_another_or_of_another_card(web: Web) -> None:
    web.person(unit="panrb", name="Sari Uji")
    client = web.client(Role.OPERATOR, units=["panrb"])
    account = account_of_operator(web)
    asked = await client.post(
        f"/operator/pemasangan/kartu/{tapped(web, account)}/orang", data={**KNOWN, "siapa": "Sari Uji"}
    )
    another = f"/operator/pemasangan/kartu/{tapped(web, account)}/benar"
    assert (await client.post(another, data=sealed(asked))).status_code == 410
    assert (await client.post("/operator/pemasangan/kode/cetak", data=sealed(asked))).status_code == 410
    found = await client.post("/operator/pemasangan/kode", data={"siapa": "Sari Uji", "alasan": "ganti ponsel"})
    other = web.client(Role.OPERATOR, units=["*"])
    for who, kept in ((other, sealed(found)), (client, {"orang": "x"})):
        assert (await who.post("/operator/pemasangan/kode/cetak", data=kept)).status_code == 410
    web.clock.advance(301)
    assert (await client.post("/operator/pemasangan/kode/cetak", data=sealed(found))).status_code == 410


async def test_an_operator_gives_a_new_code_with_a_reason_that_the_person_sees(web: Web) -> None:
    pid = web.person(unit="panrb", name="Sari Uji")
    client = web.client(Role.OPERATOR, units=["panrb"])
    assert "/operator/pemasangan/kode" in (await client.get("/operator/pemasangan")).text
    assert (await client.get("/operator/pemasangan/kode")).status_code == 200
    path = "/operator/pemasangan/kode"
    assert (await client.post(path, data={"siapa": "Sari Uji", "alasan": ""})).status_code == 422
    assert (await client.post(path, data={"siapa": "Sari", "alasan": "ganti ponsel"})).status_code == 404
    assert seen(web, pid) == []
    reason = "\N{GRINNING FACE}" * 200  # the longest of the widest
    for why in (reason, "ganti ponsel"):
        asked = await client.post(path, data={"siapa": "Sari Uji", "alasan": why})
        slip = await client.post(f"{path}/cetak", data=sealed(asked))
    code = CODE.search(slip.text)
    assert code is not None
    assert "Yang Anda setujui" not in slip.text
    assert seen(web, pid)[2:] == [("name", "ganti ponsel"), ("code", "ganti ponsel")]
    assert (await web.client().post("/masuk", data={"kode": code.group()})).status_code == 303


async def test_an_operator_prints_no_code_for_themselves_or_for_who_may_more(web: Web) -> None:
    own, chief = web.person(unit="panrb", name="Operator Uji"), web.person(unit="panrb", name="Kepala Uji")
    web.client(Role.EMPLOYEE, Role.OPERATOR, pid=chief, unit="panrb", units=["*"])
    client = web.client(Role.EMPLOYEE, Role.OPERATOR, pid=own, unit="panrb", units=["panrb"])
    for who in (own, chief):
        asked = await client.post("/operator/pemasangan/kode", data={"siapa": who, "alasan": "ganti ponsel"})
        slip = await client.post("/operator/pemasangan/kode/cetak", data=sealed(asked))
        assert (slip.status_code, CODE.search(slip.text)) == (200, None)
        assert "Kode tidak dicetak" in slip.text


async def test_without_a_broker_a_window_says_so_and_closes(web: Web) -> None:
    client = web.client(Role.OPERATOR, units=["*"])
    opened = await client.post("/operator/pemasangan/kartu", data={"pembaca": "rdr-d-001"})
    page = (await client.get(opened.headers["location"])).text
    assert "tidak terhubung ke broker" in page
    assert 'data-left="60"' in page
    web.clock.advance(61)
    assert "Mulai 60 detik lagi" in (await client.get(opened.headers["location"])).text
    web.clock.advance(700)
    assert "sudah lewat" in (await client.get(opened.headers["location"])).text
    nothing = await client.post("/operator/pemasangan/kartu", data={"pembaca": "mmw-d-001"})
    assert nothing.headers["location"] == "/operator/pemasangan"


def test_a_window_is_its_openers_alone_and_a_new_one_ends_it(web: Web) -> None:
    pairing = Pairing(web.clock)
    first = pairing.open("a-1", ["gw-01"], "rdr-1")
    assert first.until == NOON + 60 * SECOND
    assert pairing.of(first.word, "a-2") is None
    second = pairing.open("a-1", ["gw-01"])
    assert pairing.of(first.word, "a-1") is None
    assert pairing.of(second.word, "a-1") is second


@pytest.mark.timeout(120)
def test_a_card_tapped_at_a_real_reader_becomes_a_persons(running: RunningWeb) -> None:
    accounts = Accounts(running.office.path(running.office.web.data) / "web.sqlite", SystemClock())
    token = accounts.new_token(accounts.create(roles=[Role.OPERATOR], units=["*"]), "test")
    accounts.close()
    headers = {"accept": "text/html", "authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.url, follow_redirects=True, headers=headers, timeout=GUARD_S) as client:
        page = client.post("/operator/pemasangan/kartu", data={"pembaca": "rdr-d-001"})
        assert "Tempelkan kartu baru" in page.text
        running.lines["reader"].write(rdm6300.frame(bytes.fromhex(NEW)))
        path, deadline = page.url.path, time.monotonic() + GUARD_S
        while "Kepada siapa" not in page.text and time.monotonic() < deadline:
            time.sleep(0.1)
            page = client.get(f"{path}/isi")
        assert "Kepada siapa" in page.text
        slip = client.post(f"{path}/orang", data={**PERSON, "unit": "bkn"})
        assert "Kode masuk hadir" in slip.text
        version = running.people().version
        running.until(lambda status: status["people_version"] == version)
        time.sleep(1.6)  # a card that is held is one tap; this is another
        running.lines["reader"].write(rdm6300.frame(bytes.fromhex(NEW)))
        deadline = time.monotonic() + GUARD_S
        while not running.acts("desk.checkin.started") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(running.acts("desk.checkin.started")) == 1, (running.status(), running.log())
        assert running.stored("badge.rejected") == []
        assert NEW not in running.log()
        page = client.post("/operator/pemasangan/kartu", data={"pembaca": "rdr-d-001"})
        running.lines["reader"].write(rdm6300.frame(bytes.fromhex(CARD)))
        path, deadline = page.url.path, time.monotonic() + GUARD_S
        while "sudah dimiliki" not in page.text and time.monotonic() < deadline:
            time.sleep(0.1)
            page = client.get(f"{path}/isi")
        assert "sudah dimiliki seseorang" in page.text
        assert "Berjalan; kata terakhirnya" in client.get("/operator/gerbang").text


async def test_what_is_switched_on_in_the_window_is_told_from_what_always_speaks(web: Web) -> None:
    device(web, "mmw-d-001", alive=True, last_heard=written(NOON - 5 * SECOND))
    device(web, "mmw-d-002", alive=False, cause="silent", last_heard=written(NOON - 9000 * SECOND))
    web.site.watch.hear()
    client = web.client(Role.OPERATOR)
    opened = (await client.post("/operator/pemasangan/perangkat")).headers["location"]
    web.clock.advance(3)
    device(web, "mmw-d-001", alive=True, last_heard=written(web.clock.office()))
    device(web, "mmw-d-002", alive=True, last_heard=written(web.clock.office()))
    window = web.site.pairing.of(opened.rpartition("/")[2], account_of(web))
    assert window is not None
    window.strangers[("gw-01", "hub", "serial:esp3", "05A4B2C1")] = None
    page = (await client.get(f"{opened}/isi")).text
    likely, rest = page.split("Belum ada di office.yaml")
    assert "mmw-d-002" in likely
    assert "mmw-d-001" not in likely
    assert "05A4B2C1" in rest
    assert "pilih=device%3Ammw-d-002" in likely
    assert "2 perangkat di office.yaml belum pernah terdengar" in rest
