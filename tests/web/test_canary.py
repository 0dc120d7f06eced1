"""Nothing about a person leaves in a page, file, stream, header or log that the reader may not see.

People with names, staff numbers, cards and pids that stand nowhere else are in the people table, the ledger, the live
picture and the requests. Every route is asked as every role; what is found is compared with MAY_SEE.
"""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import HTTPException
from pypdf import PdfReader

from gateway.clock import ManualClock
from gateway.config.load import load
from gateway.web.lookups import look_up, look_up_unit, of_unit
from gateway.web.mine.requests import Requests
from gateway.web.serve import Serve
from gateway.web.viewer import SAFE, Role
from tests.conftest import free_port
from tests.web.conftest import NOON, Web
from tests.web.driver import ROLES, Answer, Reader, endpoints, reader
from tests.web.mine.book import HOUR, MINUTE, Book
from tests.web.office import DESK, FLOOR, FOREIGN, OTHER, ready, told, write_office
from tests.web.test_routes import target

UNITS = {"sendiri": "panrb", "rekan": "panrb", "berbagi": "panrb", "asing": "bkn", "tamu": "_", "terhapus": "panrb"}
"""Who: the employee who looks, a colleague, one who shares, another agency's, a guest, one who was erased."""
DATE = "2026-11-26"
VARIANTS = {
    "GET /api/v1/attendance": [
        f"?unit=panrb&date={DATE}",
        f"?unit=panrb&date={DATE}&format=csv",
        f"?unit=bkn&date={DATE}",
        f"?unit=bkn&date={DATE}&reason=rekap+bulanan",
        f"?unit=_&date={DATE}",
        f"?unit=panrb&date={DATE}&staff_numbers=true",
    ],
    "GET /api/v1/events": ["?after=0", "?after=0&limit=1000"],
    "GET /mengapa": ["", f"?tempat={DESK}", f"?tempat={OTHER}", f"?tempat={FOREIGN}"],
    "GET /operator/gerbang/laporan": ["", f"?tanggal={DATE}"],
    "GET /denah/{building}/{floor}/tempat/{zone}/{space}": [""],
    "GET /laporan": ["", f"?dari={DATE}&sampai={DATE}"],
}
"""Routes whose answers depend on what is asked."""


@dataclass
class Canary:
    """One person's words, none of which stands anywhere else."""

    who: str
    pid: str = ""
    words: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """An office whose people are known by their words."""

    web: Web
    canaries: dict[str, Canary]
    request: str
    accounts: dict[str, str]

    def seen(self, answer: Answer) -> set[str]:
        """`who.what` of every word that is in an answer."""
        text = "\n".join((*_texts(answer), *answer.headers.values()))
        return {
            f"{canary.who}.{what}"
            for canary in self.canaries.values()
            for what, word in canary.words.items()
            if word in text
        }


def _texts(answer: Answer) -> Iterator[str]:
    yield answer.text
    if answer.body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.body)) as book:
            yield from (book.read(name).decode("utf-8", "replace") for name in book.namelist())
    if answer.body.startswith(b"%PDF"):
        pdf = PdfReader(io.BytesIO(answer.body))
        yield from (page.extract_text() for page in pdf.pages)
        yield str(pdf.metadata)


@pytest.fixture
async def web(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Web]:
    """As everywhere, with screens that anybody may look at."""
    port = free_port()
    file = write_office(tmp_path, port=1, web_port=port)
    text = file.read_text()
    file.write_text(text.replace(f"web: {{port: {port}}}", f"web: {{port: {port}, display: public}}"))
    assert file.read_text() != text
    made = Web(Serve(load(file), file, clock, clock), clock)
    ready(made.site.live, clock.office())
    yield made
    made.serve.close()


@pytest.fixture
def world(web: Web) -> Iterator[World]:
    with _made(web) as made:
        yield made


@contextmanager
def _made(web: Web) -> Iterator[World]:
    people, accounts = web.site.people, web.site.accounts
    canaries: dict[str, Canary] = {}
    for n, (who, unit) in enumerate(UNITS.items()):
        name, staff = f"Kenari{who.title()} Kuning", f"NIPKENARI{who.upper()}"
        card = f"{n}fca7a0{n}{n}{n}"
        if who == "tamu":
            pid = people.enrol_guest(name=name, valid_until=NOON + HOUR, credentials=[(f"em4100:{card}", "kantor")])
        else:
            visibility = "unit" if who == "berbagi" else "self"
            pid = people.enrol(
                unit=unit,
                name=name,
                staff_number=staff,
                visibility=visibility,
                credentials=[(f"em4100:{card}", "kantor")],
            )
        words = {"name": f"Kenari{who.title()}", "staff": staff, "card": card, "pid": pid}
        canaries[who] = Canary(who, pid, words)
    book = Book(web)
    places = {"sendiri": DESK, "rekan": OTHER, "berbagi": OTHER, "asing": FOREIGN, "tamu": OTHER, "terhapus": OTHER}
    for n, (who, place) in enumerate(places.items()):
        pid, unit = canaries[who].pid, UNITS[who]
        at = NOON - 3 * HOUR + n * 20 * MINUTE
        key = book.took(pid, at, place=place, unit=unit)
        if who not in ("sendiri", "asing"):
            book.left(pid, key, at, at + 10 * MINUTE, place=place, unit=unit)
        book.tell(
            "workplace.checkin.started",
            at - MINUTE,
            place=f"{FLOOR}/_/_",
            pid=pid,
            unit=unit,
            checkin_id=key.replace(key[0], "0", 1),
            method="badge",
            assurance="claimed",
            arrangement="home_unit",
            evidence=[],
        )
    book.close()
    people.erase(canaries["terhapus"].pid)
    told(web.site.live, DESK, "occupied", NOON, life="taken")
    told(web.site.live, FOREIGN, "occupied", NOON, life="taken")
    told(web.site.live, OTHER, "vacant", NOON, life="free")
    request = Requests(accounts.connection).ask(
        pid=canaries["rekan"].pid, unit="panrb", at=NOON - HOUR, kind="lupa_tap", field="note", target="", old="",
        new=DATE, note="kartu tertinggal di rumah",
    )  # fmt: skip
    made = {
        "employee": accounts.of_person(canaries["sendiri"].pid, "panrb"),
        **{
            f"{role}@{unit}": accounts.create(roles=[role], units=[unit], place=f"{FLOOR}/timur/_")
            for role in ROLES
            if role != Role.EMPLOYEE
            for unit in (("panrb", "bkn") if role in (Role.OPERATOR, Role.INTEGRATOR) else ("panrb",))
        },
    }
    yield World(web, canaries, request, made)


OWN = frozenset({"sendiri.name", "sendiri.staff", "sendiri.pid"})
PANRB = frozenset({"sendiri.pid", "rekan.pid", "berbagi.pid", "terhapus.pid"})
"""The erased one's pid stays in the ledger until the archive has heard of it; their name is gone at once."""
MAY_SEE: dict[str, dict[str, frozenset[str]]] = {
    "employee": {
        "GET /": OWN,
        "GET /api/v1/me": OWN,
        "GET /orang": OWN | {"berbagi.name"},
        "GET /privasi": OWN,
        "GET /riwayat": OWN,
        "GET /riwayat/unduh.json": OWN,
        "GET /riwayat/unduh.csv": OWN,
        "GET /riwayat/gangguan/{tanggal}": OWN,
    },
    "operator@panrb": {
        "GET /operator/koreksi/{identity}": frozenset({"rekan.name"}),  # opening it is a look-up, which is logged
    },
    "operator@bkn": {"GET /api/v1/attendance": frozenset({"asing.pid"})},  # with a reason
    "integrator@panrb": {"GET /api/v1/attendance": PANRB, "GET /api/v1/events": PANRB, "GET /api/v1/stream": PANRB},
    "integrator@bkn": {
        "GET /api/v1/attendance": frozenset({"asing.pid"}),
        "GET /api/v1/events": frozenset({"asing.pid"}),
        "GET /api/v1/stream": frozenset({"asing.pid"}),
    },
}
"""Who may see whose words where; whoever and whatever is not here sees nothing of anybody."""
MUST_SEE = {
    ("employee", "GET /orang", "berbagi.name"),
    ("employee", "GET /riwayat/unduh.json", "sendiri.staff"),
    ("operator@panrb", "GET /operator/koreksi/{identity}", "rekan.name"),
    ("integrator@panrb", "GET /api/v1/events", "rekan.pid"),
    ("integrator@bkn", "GET /api/v1/attendance", "asing.pid"),
}
"""What the table would be worth nothing without: words are found where they are."""
ENDS = ("POST /keluar", "POST /akun/keluar-semua", "POST /riwayat/hapus")


async def test_words_of_people_are_seen_by_those_who_may(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    web, found = world.web, set()
    wrong: list[str] = []
    asked = sorted(endpoints(web.app), key=lambda endpoint: endpoint.name in ENDS)
    for name, account in [("nobody", ""), *world.accounts.items()]:
        may = MAY_SEE.get(name, {})
        who = reader(web.site, web.app, account) if account else Reader(web.app)
        for endpoint in asked:
            web.clock.advance(1 if endpoint.method not in SAFE else 0)
            path = target(endpoint).replace("c-none", world.request)
            for variant in VARIANTS.get(endpoint.name, [""]):
                answer = await who.ask(endpoint.method, path + variant, data=None if endpoint.method in SAFE else {})
                seen = world.seen(answer)
                found |= {(name, endpoint.name, word) for word in seen}
                if more := seen - may.get(endpoint.name, frozenset()):
                    wrong.append(f"{endpoint.name}{variant} shows {sorted(more)} to {name} ({answer.status})")
    assert not wrong, "\n".join(wrong)
    assert found >= MUST_SEE
    assert not world.seen(Answer(200, {}, caplog.text.encode()))


async def test_a_look_up_needs_a_reason_that_the_person_sees_and_stays_in_its_unit(world: World) -> None:
    web = world.web
    who = reader(web.site, web.app, world.accounts["operator@panrb"])
    for other in ("asing", "tamu", "terhapus"):
        for word in world.canaries[other].words.values():
            answer = await who.ask("POST", "/mengapa/orang", data={"siapa": word, "alasan": "memeriksa kartu"})
            assert answer.status == 404
            assert not world.seen(answer) - {f"{other}.{what}" for what in ("name", "staff", "card", "pid")}
    colleague = world.canaries["rekan"]
    bare = await who.ask("POST", "/mengapa/orang", data={"siapa": colleague.words["staff"], "alasan": ""})
    assert "rekan.name" not in world.seen(bare)
    assert web.site.accounts.lookups(colleague.pid) == []
    form = {"siapa": colleague.words["staff"], "alasan": "memeriksa kartu"}
    told_of = await who.ask("POST", "/mengapa/orang", data=form)
    assert "rekan.name" in world.seen(told_of)
    ((_, account, _, reason),) = web.site.accounts.lookups(colleague.pid)
    assert (account, reason) == (world.accounts["operator@panrb"], "memeriksa kartu")
    themselves = web.site.accounts.of_person(colleague.pid, "panrb")
    page = await reader(web.site, web.app, themselves).ask("GET", "/privasi")
    assert "memeriksa kartu" in page.text
    numbers = f"/api/v1/attendance?unit=panrb&date={DATE}&staff_numbers=true&reason=rekap+bulanan"
    backend = await reader(web.site, web.app, world.accounts["integrator@panrb"]).ask("GET", numbers)
    assert "rekan.staff" in world.seen(backend)
    assert "rekan.name" not in world.seen(backend)
    assert web.site.accounts.lookups(colleague.pid)[0][3] == "rekap bulanan"
    foreign = await reader(web.site, web.app, world.accounts["integrator@bkn"]).ask("GET", numbers)
    assert foreign.status == 403


async def test_the_one_way_to_a_person_wants_a_reason(world: World) -> None:
    web, pid = world.web, world.canaries["rekan"].pid
    operator = web.site.accounts.sign_in(world.accounts["operator@panrb"])
    assert operator is not None
    viewer = operator.viewer
    for reason in ("", "abcd", "x" * 201, "     "):
        with pytest.raises(HTTPException) as caught:
            look_up(web.site, viewer, pid, what="name", reason=reason)
        assert caught.value.status_code == 422
    assert web.site.accounts.lookups(pid) == []
    for other in ("asing", "terhapus"):
        with pytest.raises(HTTPException) as caught:
            look_up(web.site, viewer, world.canaries[other].pid, what="name", reason="memeriksa kartu")
        assert caught.value.status_code == 404
    assert look_up(web.site, viewer, pid, what="name", reason=" memeriksa  kartu ").name is not None
    assert [(what, why) for _, _, what, why in web.site.accounts.lookups(pid)] == [("name", "memeriksa kartu")]
    everybody = [canary.pid for canary in world.canaries.values()]
    await look_up_unit(web.site, viewer, "panrb", everybody, what="attendance", reason="rekap bulanan")
    assert web.site.accounts.lookups(world.canaries["terhapus"].pid) == []
    found = of_unit(web.site, "panrb", everybody)
    assert {person.pid for person in found} == {world.canaries[who].pid for who in ("sendiri", "rekan", "berbagi")}
    own = web.site.accounts.sign_in(world.accounts["employee"])
    assert own is not None
    assert look_up(web.site, own.viewer, own.viewer.pid, what="name", reason="").name is not None


async def test_a_kiosk_says_a_first_name_to_who_holds_the_card_and_forgets_it(world: World) -> None:
    web = world.web
    who = reader(web.site, web.app, world.accounts["kiosk@panrb"])
    card = world.canaries["rekan"].words["card"]
    answer = await who.ask("POST", "/kiosk/kartu", data={"kartu": f"em4100:{card}"})
    if "rekan.name" not in world.seen(answer):
        answer = await who.ask("POST", "/kiosk/kartu", data={"kartu": card})
    assert world.seen(answer) - {"rekan.card"} == {"rekan.name"}
    for target_ in ("/kiosk", "/kiosk/tamu"):
        assert world.seen(await who.ask("GET", target_)) == set()
    other = reader(web.site, web.app, world.accounts["operator@panrb"])
    assert world.seen(await other.ask("GET", "/operator")) == set()
