"""What every answer carries and every request must keep: headers, bodies, haste, redirects, files, proxies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse

from gateway.clock import ManualClock
from gateway.web import security
from gateway.web.patience import Patient
from gateway.web.rendering import own_path
from gateway.web.security import HEADERS, MAX_BODY, Guarded, Haste, caller
from gateway.web.viewer import Role
from tests.web.conftest import Web
from tests.web.driver import Reader, reader
from tests.web.office import DESK

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "//evil.example/%2f..",
    "/%09/evil.example\x00",
    "/\x7f/evil.example",
    "//google.com%2F@evil.example",
    "@evil.example",
    "/a\\..\\//evil.example",
    "ht\ntps://evil.example",
    "",
    "\u2028//evil.example",
    "／／evil.example",
]


async def test_no_redirect_leads_elsewhere(web: Web) -> None:
    mine, other = (web.site.accounts.of_person(web.person(), "panrb") for _ in range(2))
    who = reader(web.site, web.app, other)  # an account has 16 sessions, and the oldest ends
    for path in ELSEWHERE:
        assert own_path(path) == "/"
        query = str(httpx.QueryParams({"kembali": path, "lanjut": path}))
        for target in ("/bahasa/en", "/masuk"):
            assert (await who.ask("GET", f"{target}?{query}")).headers["location"] == "/", path
        form = {"kode": web.site.accounts.new_code(mine), "lanjut": path}
        assert (await Reader(web.app).ask("POST", "/masuk", data=form)).headers["location"] == "/", path


@pytest.mark.parametrize("path", ["/", "/riwayat?hari=2026-11-26", "/denah/utama/l01#d-001", "/d/a%2fb"])
def test_our_own_addresses_stay(path: str) -> None:
    assert own_path(path) == path


async def test_every_answer_has_its_headers_also_mistakes_and_files(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    who = reader(web.site, web.app, web.site.accounts.create(roles=[Role.OPERATOR], units=["*"]))
    answers = [
        await who.ask("GET", target)
        for target in ("/masuk", "/akun", "/tidak-ada", "/kiosk", "/static/hadir.css", "/static/none", "/api/v1/none")
    ]
    answers.append(
        await who.ask("POST", "/keluar", data={"x": "y" * (MAX_BODY + 1)}, headers={"content-length": "9" * 9})
    )

    def breaks(*_: object) -> None:
        raise RuntimeError("Siti Rahasia")

    monkeypatch.setattr(web.site.accounts.sessions, "of", breaks)
    with pytest.raises(RuntimeError):
        await who.ask("GET", "/akun")
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(web.app, raise_app_exceptions=False), base_url="https://kantor.test"
    )
    broken = await client.get("/akun", headers={"accept": "text/html", "cookie": f"{web.site.cookie}={who.secret}"})
    await client.aclose()
    assert broken.status_code == 500
    assert "Siti Rahasia" not in broken.text
    for headers in (*(answer.headers for answer in answers), broken.headers):
        for name, value in HEADERS.items():
            assert headers[name.lower()] == value
    assert [answer.headers["cache-control"] for answer in answers[:3]] == ["no-store"] * 3
    assert answers[4].headers["cache-control"].startswith("public")
    me = await who.ask("GET", "/api/v1/me", headers={"accept": "application/json"})
    assert me.headers["cache-control"] == "no-store"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


OUTSIDE = [
    "/static/../accounts.py",
    "/static/..%2faccounts.py",
    "/static/%2e%2e/accounts.py",
    "/static//etc/passwd",
    "/static/....//accounts.py",
    "/static/..\\accounts.py",
    "/static/htmx/../../hadir.css",
    "/static/\x00",
    "/static/" + "a/" * 2000,
    "/static/hadir.css/../../accounts.py",
]


async def test_no_file_but_ours_is_served(web: Web) -> None:
    for path in OUTSIDE:
        answer = await Reader(web.app).ask("GET", path)
        assert answer.status in (400, 404, 405), path
        assert b"import" not in answer.body


async def test_changes_of_an_account_and_requests_of_a_token_have_a_limit(web: Web) -> None:
    mine = web.site.accounts.of_person(web.person(), "panrb")
    who = reader(web.site, web.app, mine)
    answers = [await who.ask("POST", "/akun/keluar", data={"sesi": "x"}) for _ in range(61)]
    assert [answer.status for answer in answers] == [303] * 60 + [429]
    assert answers[-1].headers["retry-after"] == "10"
    assert (await who.ask("GET", "/akun")).status == 200
    web.clock.advance(2)
    assert (await who.ask("POST", "/akun/keluar", data={"sesi": "x"})).status == 303
    program = Reader(web.app, token=web.site.accounts.new_token(mine, "uji"))
    most = web.site.office.web.requests_per_minute // 10
    for _ in range(most - 1):
        assert web.site.requests.allows(mine)
    assert (await program.ask("GET", "/akun")).status == 200
    over = await program.ask("GET", "/akun", headers={"accept": "application/json"})
    assert (over.status, over.headers["content-type"]) == (429, "application/problem+json")


def test_a_bucket_fills_again_and_forgets_who_was_long_away(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(0, 0)
    haste = Haste(clock, burst=2, per_minute=60)
    assert [haste.allows("a") for _ in range(3)] == [True, True, False]
    assert not haste.has("a")
    clock.advance(1)
    assert haste.has("a")
    assert haste.allows("a")
    monkeypatch.setattr(security, "MOST_CALLERS", 2)
    for name in ("b", "c"):
        haste.allows(name)
    assert haste.has("a")  # forgotten: it begins anew


@pytest.mark.parametrize(
    ("peer", "said", "caller_is"),
    [
        ("10.0.0.9", "1.2.3.4", "10.0.0.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.1", "2001:DB8::1", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", "x, " * 5000 + "1.2.3.4", "1.2.3.4"),
    ],
)
def test_only_our_own_proxies_say_for_whom_they_ask(peer: str, said: str, caller_is: str) -> None:
    headers = [(b"x-forwarded-for", said.encode())] if said else []
    found = caller({"client": (peer, 5), "headers": headers}, {"10.0.0.1", "10.0.0.2"})
    assert found is not None
    assert found[0] == caller_is


# --- over real sockets: what uvicorn lets through -------------------------------------------------------------------


class Quick(Patient):
    head_s = 0.3


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """An application on a free port of this machine, with our protocol."""
    config = uvicorn.Config(app, http=Quick, ws="none", log_config=None, lifespan="off", timeout_keep_alive=1)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])
    try:
        yield listener.getsockname()[1]
    finally:
        await server.shutdown([listener])
        listener.close()


def small() -> FastAPI:
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    from starlette.requests import ClientDisconnect

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("gone", 400)

    app.add_middleware(Guarded, encrypted=True)
    return app


async def said(port: int, *parts: bytes, wait_s: float = 0.0) -> bytes:
    """Everything that comes back until the other side closes, or 2 s are over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got: list[bytes] = []

    async def listen() -> None:
        while part := await reader.read(65_536):
            got.append(part)

    heard = asyncio.get_running_loop().create_task(listen())
    try:
        with contextlib.suppress(ConnectionError):  # who is refused may be cut off in the middle of a word
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(wait_s)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(heard, 2.5)
        return b"".join(got)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_slow_heads_slow_bodies_and_large_bodies_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_S", 0.3)
    head = b"POST / HTTP/1.1\r\nHost: x\r\n"
    async with served(small()) as port:
        well = await said(port, head + b"Content-Length: 2\r\n\r\nab")
        assert b" 200 " in well
        assert b"strict-transport-security: max-age=31536000" in well
        assert await said(port, b"POST / HTTP/1.1\r\nHos") == b""  # a head that never ends
        assert await said(port) == b""  # a caller that says nothing
        slow = await said(port, head + b"Content-Length: 5\r\n\r\na")
        assert b" 408 " in slow
        chunk = b"%x\r\n" % 65_536 + b"x" * 65_536 + b"\r\n"
        large = await said(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)
        assert b" 413 " in large
        assert b"content-security-policy" in large
        announced = await said(port, head + b"Content-Length: 99999999999999999999\r\n\r\n")
        assert b" 413 " in announced
        nonsense = await said(port, head + b"Content-Length: -1\r\n\r\n")
        assert b" 400 " in nonsense
        smuggled = await said(
            port, head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        )
        assert smuggled.count(b"HTTP/1.1 200") <= 1
        huge = await said(port, head + b"X: " + b"y" * 20_000)
        assert b" 400 " in huge


async def test_a_connection_is_used_again_while_it_is_quick() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    async with served(small()) as port:
        twice = await said(port, head, head, wait_s=0.2)
        assert twice.count(b" 200 ") == 2


async def test_forms_and_fields_have_a_limit(web: Web) -> None:
    who = Reader(web.app)
    assert (await who.ask("POST", "/masuk", data={"kode": "A" * 65})).status == 422
    assert (await who.ask("POST", "/masuk", data={})).status == 422
    assert (await who.ask("POST", "/masuk", data={f"x{n}": "" for n in range(2000)})).status in (400, 422)
    mixed = {"content-type": "multipart/form-data; boundary=x"}
    assert (await who.ask("POST", "/masuk", data={"kode": "A"}, headers=mixed)).status in (400, 422)
    file = {"content-type": "application/json"}
    assert (await who.ask("POST", "/masuk", data={"kode": "A"}, headers=file)).status in (400, 422)


async def test_nothing_of_a_sign_in_is_logged(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    mine = web.site.accounts.of_person(web.person(name="Siti Rahasia"), "panrb")
    code = web.site.accounts.new_code(mine)
    entered = await Reader(web.app).ask("POST", "/masuk", data={"kode": code})
    secret = entered.headers["set-cookie"].split("=", 1)[1].split(";")[0]
    await Reader(web.app).ask("POST", "/masuk", data={"kode": code})
    await Reader(web.app, secret=secret).ask("GET", f"/tidak-ada/{DESK}")
    pid = web.site.people.people()[0][0]
    for word in (code, code.replace("-", ""), secret, pid, "Siti Rahasia", mine):
        assert word not in caplog.text
