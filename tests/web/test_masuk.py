"""Signing in by a code, and what a request without it gets."""

from __future__ import annotations

import httpx

from gateway.web.viewer import Role
from tests.web.conftest import Web
from tests.web.office import DESK
from tests.web.running import RunningWeb


async def test_a_code_signs_in_once_and_a_session_ends_when_it_is_left(web: Web) -> None:
    client = web.client()
    away = await client.get("/")
    assert (away.status_code, away.headers["location"]) == (303, "/masuk?lanjut=/")
    pid = web.person()
    code = web.site.accounts.new_code(web.site.accounts.of_person(pid, "panrb"))
    inside = await client.post("/masuk", data={"kode": code.lower(), "lanjut": "//evil.example/x"})
    assert (inside.status_code, inside.headers["location"]) == (303, "/")
    cookie = inside.headers["set-cookie"]
    assert cookie.startswith("__Host-hadir=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "Domain" not in cookie
    page = await client.get("/")
    assert page.status_code == 200
    assert "Beranda" in page.text
    assert (await web.client().post("/masuk", data={"kode": code})).status_code == 403
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    assert (await client.post("/keluar")).status_code == 403
    assert (await client.post("/keluar", data={"csrf": csrf})).status_code == 303
    assert (await client.get("/")).status_code == 303


async def test_guessing_is_slow_and_another_site_cannot_sign_anybody_in(web: Web) -> None:
    client = web.client()
    answers = [(await client.post("/masuk", data={"kode": f"AAAAA-AAAA{n}"})).status_code for n in range(2, 14)]
    assert answers[:10] == [403] * 10
    assert answers[10:] == [429] * 2
    crossed = await client.post("/masuk", data={"kode": "A"}, headers={"sec-fetch-site": "cross-site"})
    assert crossed.status_code == 403


async def test_every_answer_has_its_headers_and_a_large_body_is_refused(web: Web) -> None:
    client = web.client(Role.OPERATOR)
    page = await client.get("/masuk")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert (await client.post("/masuk", content=b"x" * (1 << 20) + b"x")).status_code == 413
    lost = await client.get("/tidak-ada")
    assert lost.status_code == 404
    assert "Halaman itu tidak ada" in lost.text
    told = await client.get("/api/v1/tidak-ada")
    assert told.headers["content-type"] == "application/problem+json"


async def test_pages_are_indonesian_first_and_english_when_asked(web: Web) -> None:
    client = web.employee()
    assert 'lang="id"' in (await client.get("/")).text
    assert (await client.get("/bahasa/en?kembali=/")).headers["location"] == "/"
    assert 'lang="en"' in (await client.get("/")).text


async def test_a_command_without_a_broker_says_so(web: Web) -> None:
    answer = await web.site.asker.ask("checkin", DESK, actor="a-1", role="user", pid="p-0011223344556677")
    assert (answer.ok, answer.reason) == (False, "not_connected")


def test_a_running_site_serves_what_its_gateway_says(running: RunningWeb) -> None:
    with httpx.Client(base_url=running.url) as client:
        code = running.code(Role.EMPLOYEE, pid=running.holder())
        inside = client.post("/masuk", data={"kode": code})
        cookie = inside.headers["set-cookie"].partition(";")[0]  # a secure one, which only browsers send to 127.0.0.1
        page = client.get("/", headers={"cookie": cookie})
        assert (inside.status_code, page.status_code) == (303, 200)
        assert "Meja saya" in page.text


async def test_a_change_after_the_session_has_ended_says_so_and_leads_back_to_its_page(web: Web) -> None:
    client = web.client()
    here = {"referer": "https://kantor.test/riwayat/koreksi?hari=2026-11-26&jenis=gangguan"}
    page = await client.post("/riwayat/koreksi", data={"alasan": "x"}, headers=here)
    assert page.status_code == 401
    assert "Anda sudah keluar" in page.text
    assert 'href="/masuk?lanjut=/riwayat/koreksi%3Fhari%3D2026-11-26%26jenis%3Dgangguan"' in page.text
    for sent in ("https://evil.example/x", "https://kantor.test//evil.example/x", "https://[", "x", ""):
        page = await client.post("/privasi/senyap", headers={"referer": sent})
        assert (page.status_code, 'href="/masuk?lanjut=/"' in page.text) == (401, True), sent
