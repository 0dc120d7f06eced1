"""A kiosk's screens, asked for one by one: what each says, to whom, and what is never in it."""

from __future__ import annotations

import re

import pytest
from babel.messages.extract import extract

from gateway.config import web as config
from gateway.web.asking import Answer
from gateway.web.cards import SETTINGS
from gateway.web.rendering import HERE, catalogues
from gateway.web.viewer import Role
from gateway.web.visits import LASTS_S, LONGEST_S, Visits
from tests.web.conftest import NOON, Web
from tests.web.kiosks import CARD, STRANGER, Kiosk, step
from tests.web.office import DESK, FOREIGN, ROOM, told

NAME = "Sari Wulandari"


def person(web: Web, card: str = CARD, unit: str = "panrb") -> str:
    return web.person(unit=unit, name=NAME, credentials=[(f"em4100:{card}", "kantor")])


async def test_the_start_says_what_is_free_and_knows_nobody(kiosk: Kiosk) -> None:
    page = await kiosk.get()
    assert step(page) == "awal"
    for said in ("Tempelkan kartu Anda", "Meja di Lantai 1", 'data-p="timur/d-001"', "Bebas", "Saya tamu"):
        assert said in page.text
    assert re.search(r"Timur</span> <span><strong data-free>2</strong> meja bebas", page.text)
    assert re.search(r"Barat</span> <span><strong data-free>0</strong>", page.text), "unknown is not free"
    assert page.headers["cache-control"] == "no-store"
    assert 'data-idle="0"' in page.text


async def test_only_a_kiosk_with_a_place_opens_it(web: Web) -> None:
    assert (await web.client().get("/kiosk")).headers["location"] == "/masuk?lanjut=/kiosk"
    for roles in ([Role.OPERATOR], [Role.DISPLAY], [Role.ANALYST]):
        assert (await web.client(*roles).get("/kiosk")).status_code == 403
    assert (await web.employee().get("/kiosk")).status_code == 403
    assert (await web.client(Role.KIOSK).get("/kiosk")).status_code == 403, "it has no place"


async def test_a_kiosk_stays_signed_in_for_a_year(web: Web) -> None:
    accounts = web.site.accounts
    days = {
        roles: session.max_age_s / 86_400
        for roles in ((Role.KIOSK,), (Role.KIOSK, Role.DISPLAY), (Role.KIOSK, Role.OPERATOR), (Role.OPERATOR,))
        if (session := accounts.sign_in(accounts.create(roles=roles))) is not None
    }
    assert list(days.values()) == [365, 365, 0.5, 0.5]


async def test_tap_the_card_tap_the_desk_confirm(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = person(kiosk.web)
    kiosk.answering(monkeypatch)
    read = await kiosk.post("kartu", kartu=CARD)
    assert step(read) == "pilih"
    assert "Halo, Sari" in read.text
    assert "Wulandari" not in read.text, "the first name is enough"
    sure = await kiosk.post("meja", tempat=DESK)
    assert (step(sure), "Pakai Meja 1?" in sure.text) == ("yakin", True)
    done = await kiosk.post("pakai", tempat=DESK)
    assert step(done) == "selesai"
    assert "Di Timur, Lantai 1." in done.text
    (name, place, more) = kiosk.asked[0]
    assert (name, place, more["pid"], more["role"]) == ("checkin", DESK, pid, "kiosk")
    assert (more["args"], more["actor"]) == ({"method": "kiosk"}, kiosk.account)
    for page in (read, sure, done):
        assert pid not in page.text + str(page.headers)
        assert CARD.lower() not in page.text.lower()
        assert "set-cookie" not in page.headers


async def test_coming_and_going_ask_the_coordinator(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    person(kiosk.web)
    kiosk.answering(monkeypatch)
    await kiosk.post("kartu", kartu=CARD)
    came = await kiosk.post("hadir", arah="masuk")
    assert "Presensi masuk Anda tercatat, pukul 10.30" in came.text
    assert step(came) == "pilih", "and a desk may follow"
    gone = await kiosk.post("hadir", arah="pulang", tempat=DESK)
    assert "Presensi pulang tercatat" in gone.text
    assert "Meja 1 juga sudah dilepaskan" in gone.text
    assert [(name, place) for name, place, _ in kiosk.asked] == [
        ("arrive", "kantor/utama/l01/_/_"),
        ("depart", "kantor/utama/l01/_/_"),
        ("checkout", DESK),
    ]
    first = kiosk.asked[0][2]
    assert (first["gateway"], first["args"]) == ("gw-01", {"method": "kiosk", "arrangement": "home_unit"})


async def test_somebody_of_another_agency_comes_as_such_and_sees_whose_desks_are_not_theirs(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(kiosk.web, unit="kemenkeu")
    kiosk.answering(monkeypatch)
    await kiosk.post("kartu", kartu=CARD)
    await kiosk.post("hadir", arah="masuk")
    assert kiosk.asked[0][2]["args"] == {"method": "kiosk", "arrangement": "other_office"}
    spot = kiosk.web.site.live.places.spots[FOREIGN]
    object.__setattr__(spot, "guests", False)
    page = await kiosk.post("pilih")
    assert "untuk BKN" in page.text
    refused = await kiosk.post("meja", tempat=FOREIGN)
    assert (step(refused), "hanya untuk pegawai" in refused.text) == ("pilih", True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(ok=False, reason="no_change"), "keadaannya sudah lain"),
        (Answer(ok=False, reason="no_answer"), "tidak menjawab"),
        (Answer(ok=False, reason="not_connected"), "terputus"),
    ],
)
async def test_what_did_not_happen_is_said_and_the_choice_is_there_again(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, answer: Answer, said: str
) -> None:
    person(kiosk.web)
    kiosk.answering(monkeypatch, [answer])
    await kiosk.post("kartu", kartu=CARD)
    page = await kiosk.post("pakai", tempat=DESK)
    assert (step(page), said in page.text) == ("pilih", True)


async def test_a_desk_that_was_taken_meanwhile_says_so(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    person(kiosk.web)
    kiosk.answering(monkeypatch, [Answer(ok=False, reason="no_change")])
    await kiosk.post("kartu", kartu=CARD)
    told(kiosk.web.site.live, DESK, "occupied", NOON, life="taken", life_since=NOON)
    assert "baru saja dipakai orang lain" in (await kiosk.post("pakai", tempat=DESK)).text
    assert "baru saja dipakai orang lain" in (await kiosk.post("meja", tempat=DESK)).text
    assert "Ruang dan bilik dipesan" in (await kiosk.post("meja", tempat=ROOM)).text
    assert "Tempat itu tidak ada" in (await kiosk.post("meja", tempat="kantor/utama/l01/timur/d-999")).text


async def test_unknown_is_said_before_it_is_taken(kiosk: Kiosk) -> None:
    person(kiosk.web)
    await kiosk.post("kartu", kartu=CARD)
    sure = await kiosk.post("meja", tempat=FOREIGN)
    assert "Kami tidak tahu apakah meja ini kosong: gerbangnya tidak terdengar" in sure.text


async def test_cards_that_are_nobodys(kiosk: Kiosk) -> None:
    web = kiosk.web
    pid = person(web)
    web.site.people.disable(pid)
    lost = await kiosk.post("kartu", kartu=CARD)
    assert (step(lost), "dinonaktifkan" in lost.text) == ("awal", True)
    assert 'data-idle="15"' in lost.text, "also a refusal goes away"
    assert "bukan nomor kartu" in (await kiosk.post("kartu", kartu="hello")).text
    for number, card in enumerate(("AA0368568B", "BB0368568B")):
        web.person(name=f"Orang {number}", credentials=[(f"em4100:{card}", "kantor")])
    assert "lebih dari sekali" in (await kiosk.post("kartu", kartu=f"{0x0368568B:010d}")).text
    assert step(await kiosk.post("kartu", kartu=STRANGER)) == "tamu"


async def test_numbers_are_not_tried_until_one_is_somebodys(kiosk: Kiosk) -> None:
    person(kiosk.web)
    for _ in range(60):  # a morning's rush
        assert step(await kiosk.post("kartu", kartu=CARD)) == "pilih"
        kiosk.web.clock.advance(2)
    for number in range(21):
        assert step(await kiosk.post("kartu", kartu=f"{number:010d}")) == "tamu"
    answer = await kiosk.post("kartu", kartu=CARD)
    assert (answer.status_code, "Terlalu sering" in answer.text, "Sari" in answer.text) == (429, True, False)
    assert step(await Kiosk(kiosk.web).post("kartu", kartu=CARD)) == "pilih", "the kiosk beside it reads on"
    kiosk.web.clock.advance(61)
    assert step(await kiosk.post("kartu", kartu=CARD)) == "pilih"


async def test_a_visit_is_over_when_it_is_ended_and_after_a_minute(kiosk: Kiosk) -> None:
    person(kiosk.web)
    await kiosk.post("kartu", kartu=CARD)
    assert step(await kiosk.post("pilih")) == "pilih"
    other = Kiosk(kiosk.web)
    other.word = kiosk.word
    assert step(await other.post("pilih")) == "awal", "a word of another kiosk is none"
    over = await kiosk.post("selesai")
    assert (over.status_code, over.headers["location"]) == (303, "/kiosk")
    for path, more in (
        ("pilih", {}),
        ("meja", {"tempat": DESK}),
        ("pakai", {"tempat": DESK}),
        ("lepas", {"tempat": DESK}),
    ):
        page = await kiosk.post(path, **more)
        assert (step(page), "Sari" in page.text) == ("awal", False)
    await kiosk.post("kartu", kartu=CARD)
    kiosk.web.clock.advance(LASTS_S + 1)
    assert step(await kiosk.post("hadir", arah="masuk")) == "awal"


def test_visits_end_by_themselves(web: Web) -> None:
    visits = Visits(web.clock)
    word = visits.begin("a-1", pid="p-1").word
    for _ in range(LONGEST_S // 50):
        web.clock.advance(50)
        assert visits.of("a-1", word) is not None
    web.clock.advance(50)
    assert visits.of("a-1", word) is None, "nobody stands there for so long"
    assert len(visits) == 0
    for _ in range(1_100):
        visits.begin("a-1")
    assert len(visits) == 1_000


async def test_a_kiosk_forgets_its_language_and_a_cookie_of_it(kiosk: Kiosk) -> None:
    english = await kiosk.get("/kiosk?bahasa=en")
    assert 'lang="en"' in english.text
    assert "Tap your card" in english.text
    assert 'data-idle="15"' in english.text, "it goes back to Indonesian"
    kiosk.client.cookies.set("hadir_bahasa", "en")
    clean = await kiosk.get()
    assert (clean.status_code, clean.headers["location"]) == (303, "/kiosk")
    assert 'hadir_bahasa=""' in clean.headers["set-cookie"]


async def test_names_are_text_and_nothing_else(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk.answering(monkeypatch)
    await kiosk.get("/kiosk/tamu")
    page = await kiosk.post("tamu", nama="<script>alert(1)</script>\"'", unit="_")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_change_needs_the_page_it_comes_from(kiosk: Kiosk) -> None:
    kiosk.csrf = "wrong"
    for path in ("kartu", "pilih", "meja", "pakai", "lepas", "hadir", "tamu", "tamu/nomor", "selesai"):
        assert (await kiosk.post(path, kartu=CARD, tempat=DESK, arah="masuk", nama="x", nomor="1")).status_code == 403


def test_the_configuration_knows_every_setting_of_readers() -> None:
    assert config.Kiosk(cards=SETTINGS).cards == SETTINGS


def test_every_text_of_kiosks_and_displays_is_there_in_english() -> None:
    texts: set[str] = set()
    for path in (HERE / "templates" / "kiosk").glob("*.html"):
        with path.open("rb") as file:
            found = extract("jinja2.ext:babel_extract", file, options={"newstyle_gettext": "true", "trimmed": "true"})
            texts |= {str(text) for _, text, _, _ in found}
    for name in ("kiosk_screen.py", "pages/kiosk.py", "pages/display.py"):
        with (HERE / name).open("rb") as file:
            texts |= {str(text) for _, text, _, _ in extract("python", file, keywords={"N_": None})}
    english = catalogues("en")
    assert len(texts) > 60
    assert {text for text in texts if english.gettext(text) == text} == set()
