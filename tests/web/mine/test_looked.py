"""Who looked one up: equal look-ups of a day are one line, none is pushed off, and it is said who they were."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.clock import SECOND
from gateway.web.mine import looked
from gateway.web.mine.words import LOOKUP_WORDS
from gateway.web.viewer import Role, Viewer
from tests.web.conftest import NOON, Web

DAY_S = 86_400
WEB = Path(looked.__file__).parents[1]


def viewer_of(web: Web, *roles: Role, units: tuple[str, ...] = ("panrb",), label: str = "") -> Viewer:
    session = web.site.accounts.sign_in(web.site.accounts.create(roles=roles, units=units, label=label))
    assert session is not None
    return session.viewer


async def test_a_backend_that_polls_does_not_push_an_operators_look_up_off_the_page(web: Web) -> None:
    pid = web.person()
    client = web.client(Role.EMPLOYEE, pid=pid, unit="panrb")
    note = web.site.accounts.note_lookup
    note(viewer_of(web, Role.OPERATOR), pid, "panrb", "why", "memeriksa kartu")
    backend = viewer_of(web, Role.INTEGRATOR, label="Absensi PANRB")
    for _ in range(300):
        web.clock.advance(300)
        note(backend, pid, "panrb", "attendance", "sinkronisasi")
    page = (await client.get("/privasi")).text
    assert "memeriksa kartu" in page
    assert page.count("Absensi PANRB") == 2, "one line a day"
    (before, after) = (int(n) for n in re.findall(r"(\d+) kali pada hari itu", page))
    assert before + after == 300
    exported = (await client.get("/riwayat/unduh.json")).json()["looked_up"]
    assert [(one["count"], one["reason"], one["roles"], one["units"]) for one in exported] == [
        (before, "sinkronisasi", ["integrator"], ["panrb"]),
        (after, "sinkronisasi", ["integrator"], ["panrb"]),
        (1, "memeriksa kartu", ["operator"], ["panrb"]),
    ]


async def test_many_reasons_of_one_day_are_one_line_that_says_how_many(web: Web) -> None:
    pid = web.person()
    client = web.client(Role.EMPLOYEE, pid=pid, unit="panrb")
    backend = viewer_of(web, Role.INTEGRATOR)
    for n in range(looked.MOST_REASONS + 1):
        web.clock.advance(1)
        web.site.accounts.note_lookup(backend, pid, "panrb", "attendance", f"permintaan {n}")
    ((one,), older) = looked.page(web.site, pid)
    assert (one.times, one.other_reasons, one.reason) == (13, 12, "permintaan 12")
    assert (one.first, one.last, older) == (NOON + SECOND, NOON + 13 * SECOND, None)
    assert "(dan 12 alasan lain)" in (await client.get("/privasi")).text


async def test_the_list_goes_back_page_by_page_to_the_first(web: Web) -> None:
    pid = web.person()
    operator = viewer_of(web, Role.OPERATOR)
    for n in range(100):
        web.site.accounts.note_lookup(operator, pid, "panrb", "name", f"alasan nomor {n:03}")
        web.clock.advance(DAY_S // 4)
    client = web.client(Role.EMPLOYEE, pid=pid, unit="panrb")
    seen: list[str] = []
    path, pages = "/privasi", 0
    while path:
        page = (await client.get(path)).text
        seen += re.findall(r"Alasan: (alasan nomor \d+)", page)
        more = re.search(r'href="(/privasi\?sebelum=[\d-]+)#', page)
        path, pages = more[1] if more else "", pages + 1
    assert (seen, pages) == ([f"alasan nomor {n:03}" for n in reversed(range(100))], 3)
    assert (await client.get("/privasi?sebelum=0001-01-01")).status_code == 404
    assert "Tidak ada sebelum hari itu" in (await client.get("/privasi?sebelum=2020-01-01")).text


async def test_it_is_said_of_what_role_and_unit_who_looked_is_also_when_the_account_has_ended(web: Web) -> None:
    pid = web.person()
    client = web.client(Role.EMPLOYEE, pid=pid, unit="panrb")
    somebody = viewer_of(web, Role.OPERATOR, units=("*",))
    own = web.site.accounts.of_person(web.person(name="Nama Operator"), "panrb")
    web.site.accounts.grant(own, [Role.OPERATOR], ["panrb"])
    colleague = web.site.accounts.sign_in(own)
    assert colleague is not None
    for who in (somebody, colleague.viewer):
        web.site.accounts.note_lookup(who, pid, "panrb", "walk", "uji penerima")
    web.site.accounts.disable(somebody.account)
    page = (await client.get("/privasi")).text
    assert "operator · semua unit" in page
    assert "operator · unit panrb" in page
    assert f"Akun {somebody.account}" in page
    assert "Nama Operator" not in page
    assert "sinyal tag Anda pada uji jalan" in page


def test_every_word_of_what_is_looked_up_is_in_peoples_words() -> None:
    found = re.compile(r"what=\"(\w+)\", reason|note_lookup\([^)]*?\"(\w+)\"")
    texts = [path.read_text(encoding="utf-8") for path in WEB.rglob("*.py")]
    said = {match[1] or match[2] for text in texts for match in found.finditer(text)}
    assert {"walk", "why", "code", "enrol", "attendance"} <= said
    assert said <= LOOKUP_WORDS.keys()
