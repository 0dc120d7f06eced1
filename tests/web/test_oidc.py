"""Signing in at an agency's own provider: what is believed of its answers, and whom it may sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway import sqlite
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.web.arriving import REFUSALS
from gateway.web.oidc import SILENT_S
from gateway.web.serve import Serve
from gateway.web.viewer import Role
from tests.conftest import free_port
from tests.web.conftest import Web
from tests.web.office import write_office
from tests.web.provider import SECRET, STRANGE, Provider

NIP = "19850330 200312 1 002"
ISSUER = """
web:
  port: {port}
  issuers:
    - id: panrb
      name: Kementerian PANRB
      url: "{url}"
      client_id: hadir-test
      client_secret_file: oidc.secret
      unit: panrb
    - id: bersama
      name: Layanan Bersama
      url: "{url}"
      client_id: hadir-test
      client_secret_file: oidc.secret
      unit_claim: instansi
      units: {{"Kementerian PANRB": panrb, "BKN": bkn}}
      person_claim: nip
"""


@pytest.fixture
def provider(clock: ManualClock) -> Iterator[Provider]:
    made = Provider(now=lambda: clock.office() // SECOND)
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def web(tmp_path: Path, clock: ManualClock, provider: Provider) -> AsyncIterator[Web]:
    """An office with two providers: one of an agency, one that several share and that tells staff numbers."""
    secret = tmp_path / "oidc.secret"
    secret.touch(0o600)
    secret.write_text(SECRET)
    port = free_port()
    file = write_office(tmp_path, port=1, web_port=port)
    text = file.read_text().replace(f"web: {{port: {port}}}\n", ISSUER.format(port=port, url=provider.url))
    file.write_text(text)
    made = Web(Serve(load(file), file, clock, clock), clock)
    yield made
    for client in made.clients:
        await client.aclose()
    made.serve.close()


async def there(client: httpx.AsyncClient, issuer: str = "panrb", onward: str = "/riwayat") -> str:
    """Go to the provider and be sent back; the address that the browser is sent to."""
    away = await client.get(f"/masuk/{issuer}", params={"lanjut": onward})
    assert away.status_code == 303
    async with httpx.AsyncClient(verify=False) as outside:
        returned = await outside.get(away.headers["location"])
    parts = urlsplit(returned.headers["location"])
    return f"{parts.path}?{parts.query}"


async def arrive(client: httpx.AsyncClient, issuer: str = "panrb", onward: str = "/riwayat") -> httpx.Response:
    return await client.get(await there(client, issuer, onward))


def member(web: Web, number: str = NIP, unit: str = "panrb") -> str:
    return web.site.people.enrol(unit=unit, name="Uji Coba", staff_number=number)


def claimed(provider: Provider, number: str = "198503302003121002", agency: str = "Kementerian PANRB") -> None:
    provider.claims = {"nip": number, "instansi": agency}


async def test_a_staff_number_signs_its_person_in_and_again(web: Web, provider: Provider) -> None:
    pid = member(web)
    claimed(provider)
    client = web.client()
    inside = await arrive(client, "bersama")
    assert (inside.status_code, inside.headers["location"]) == (303, "/riwayat")
    session = next(value for name, value in inside.headers.multi_items() if "__Host-hadir=" in value)
    assert all(word in session for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"))
    viewer = web.site.accounts.viewer(session=client.cookies[web.site.cookie])
    assert viewer is not None
    assert (viewer.pid, viewer.unit, viewer.roles) == (pid, "panrb", {Role.EMPLOYEE})
    again = web.client()
    await arrive(again, "bersama")
    other = web.site.accounts.viewer(session=again.cookies[web.site.cookie])
    assert other is not None
    assert other.account == viewer.account
    kept = web.site.accounts.sessions.of(viewer.account, web.site.accounts.limits.of(viewer))
    assert [one.issuer for one in kept] == ["bersama", "bersama"]


async def test_leaving_offers_to_leave_the_provider_as_well(web: Web, provider: Provider) -> None:
    member(web)
    claimed(provider)
    client = web.client()
    await arrive(client, "bersama")
    viewer = web.site.accounts.viewer(session=client.cookies[web.site.cookie])
    assert viewer is not None
    left = await client.post("/keluar", data={"csrf": viewer.csrf})
    assert left.headers["location"] == "/masuk?keluar=bersama"
    assert "/masuk/bersama/keluar" in (await client.get(left.headers["location"])).text
    away = await client.get("/masuk/bersama/keluar")
    end = urlsplit(away.headers["location"])
    assert f"{end.scheme}://{end.netloc}{end.path}" == f"{provider.url}/logout"
    assert parse_qs(end.query)["post_logout_redirect_uri"] == [f"{web.site.office.web.address}/masuk"]


def lie(**changed: Any) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update(changed)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name)


LIES = [
    lie(nonce="another"),
    without("nonce"),
    lie(aud="another"),
    lie(aud=["hadir-test", "another"]),
    lie(azp="another"),
    without("aud"),
    lie(iss="https://another.example"),
    without("iss"),
    lie(exp=1),
    without("exp"),
    lie(iat=4_000_000_000),
    lie(nbf=4_000_000_000),
    lie(sub=""),
    lie(sub=7),
    without("sub"),
    lie(exp="soon"),
]


async def test_a_token_that_is_not_for_us_now_signs_nobody_in(web: Web, provider: Provider) -> None:
    member(web)
    claimed(provider)
    client = web.client()
    for n, twist in enumerate(LIES):
        provider.twist = twist
        refused = await arrive(client, "bersama")
        assert refused.status_code == 403, n
        assert "tidak dapat dipercaya" in refused.text
        assert web.site.cookie not in client.cookies
    assert web.site.accounts.all() == []


async def test_only_the_providers_own_key_signs(web: Web, provider: Provider) -> None:
    member(web)
    claimed(provider)
    for header in ({"alg": "none"}, {"alg": "HS256"}, {"alg": "RS256", "kid": "unknown"}):
        provider.header = header
        assert (await arrive(web.client(), "bersama")).status_code == 403


async def test_a_key_that_is_not_listed_is_refused_until_it_is(
    web: Web, provider: Provider, clock: ManualClock
) -> None:
    member(web)
    claimed(provider)
    client = web.client()
    assert (await arrive(client, "bersama")).status_code == 303
    provider.key = STRANGE
    for _ in range(3):
        assert (await arrive(web.client(), "bersama")).status_code == 403
    assert provider.asked.count("/keys") == 1  # an unknown key makes us ask once a minute, no more
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    provider.keys = [STRANGE]
    clock.advance(61)
    assert (await arrive(web.client(), "bersama")).status_code == 303
    assert provider.asked.count("/keys") == 2


async def test_a_state_is_of_one_browser_one_issuer_and_one_use(web: Web, provider: Provider) -> None:
    member(web)
    claimed(provider)
    client, stranger = web.client(), web.client()
    address = await there(client, "bersama")
    assert (await stranger.get(address)).status_code == 403  # an address that was sent to somebody else
    assert (await client.get(address.replace("/bersama/", "/panrb/"))).status_code == 403
    address = await there(client, "bersama")
    forged = address.replace("state=", "state=x")
    assert (await client.get(forged)).status_code == 403
    address = await there(client, "bersama")
    kept = client.cookies["__Host-hadir-masuk"]
    assert (await client.get(address)).status_code == 303
    client.cookies.set("__Host-hadir-masuk", kept)
    assert (await client.get(address)).status_code == 403  # played again, cookie and all
    late = await there(client, "bersama")
    web.clock.advance(601)
    assert (await client.get(late)).status_code == 403


async def test_a_code_that_the_provider_does_not_know_and_a_refusal(web: Web, provider: Provider) -> None:
    client = web.client()
    address = await there(client)
    assert (await client.get(address.replace("code=", "code=x"))).status_code == 403
    state = parse_qs(urlsplit(await there(client)).query)["state"][0]
    denied = await client.get("/masuk/panrb/kembali", params={"state": state, "error": "access_denied<script>"})
    assert denied.status_code == 403
    assert "access_denied" not in denied.text
    state = parse_qs(urlsplit(await there(client)).query)["state"][0]
    mixed = {"state": state, "code": "x", "iss": "https://another.example"}
    assert (await client.get("/masuk/panrb/kembali", params=mixed)).status_code == 403


STRANGERS: list[tuple[dict[str, Any], str]] = [
    ({"nip": "198503302003121002", "instansi": "Kementerian Lain"}, "unit"),
    ({"nip": "198503302003121002"}, "unit"),
    ({"nip": "198503302003121002", "instansi": ["Kementerian PANRB"]}, "unit"),
    ({"nip": "198503302003121002", "instansi": "BKN"}, "person"),
    ({"nip": "1", "instansi": "Kementerian PANRB"}, "person"),
    ({"instansi": "Kementerian PANRB"}, "person"),
    ({"nip": True, "instansi": "Kementerian PANRB"}, "person"),
    ({"nip": "9" * 500, "instansi": "Kementerian PANRB"}, "person"),
]


async def test_who_is_not_mapped_or_not_known_is_refused_and_told(web: Web, provider: Provider) -> None:
    member(web)
    for claims, cause in STRANGERS:
        before = web.site.counters.get("web.sign_in_refused", cause)
        provider.claims = claims
        refused = await arrive(web.client(), "bersama")
        assert refused.status_code == 403
        assert REFUSALS[cause] in refused.text
        assert web.site.counters.get("web.sign_in_refused", cause) == before + 1


async def test_a_number_that_two_people_have_names_nobody(web: Web, provider: Provider) -> None:
    member(web)
    member(web, unit="bkn")
    older = sqlite.connect(web.site.office.path(web.site.office.people.table), exclusive=False)
    older.execute("UPDATE person SET unit = 'panrb'")  # as tables of before may have it; now it is refused
    older.close()
    claimed(provider)
    assert (await arrive(web.client(), "bersama")).status_code == 403


async def test_a_code_links_once_and_then_the_provider_is_enough(web: Web, provider: Provider) -> None:
    accounts = web.site.accounts
    pid = member(web)
    code = accounts.new_code(accounts.of_person(pid, "panrb"))
    client = web.client()
    page = await arrive(client)
    assert (page.status_code, "Hubungkan akun" in page.text) == (200, True)
    assert web.site.cookie not in client.cookies
    assert (await client.post("/masuk/panrb/hubungkan", data={"kode": "AAAAA-AAAAA"})).status_code == 403
    crossed = {"sec-fetch-site": "cross-site"}
    assert (await client.post("/masuk/panrb/hubungkan", data={"kode": code}, headers=crossed)).status_code == 403
    linked = await client.post("/masuk/panrb/hubungkan", data={"kode": code})
    assert (linked.status_code, linked.headers["location"]) == (303, "/riwayat")
    assert (await arrive(web.client())).status_code == 303
    stranger = web.client()
    assert (await stranger.post("/masuk/panrb/hubungkan", data={"kode": code})).status_code == 403


async def test_a_linked_subject_and_a_linked_account_stay_together_until_the_operator_parts_them(
    web: Web, provider: Provider
) -> None:
    accounts = web.site.accounts
    account = accounts.of_person(member(web), "panrb")
    other = accounts.of_person(member(web, "199001012015031001"), "panrb")
    accounts.identities.link("panrb", "subject-1", account)
    provider.subject = "subject-2"
    client = web.client()
    await arrive(client)
    taken = await client.post("/masuk/panrb/hubungkan", data={"kode": accounts.new_code(account)})
    assert taken.status_code == 403
    assert web.site.cookie not in client.cookies
    await arrive(client)
    assert (await client.post("/masuk/panrb/hubungkan", data={"kode": accounts.new_code(other)})).status_code == 303
    assert accounts.identities.unlink(account) == 1
    assert accounts.identities.account("panrb", "subject-1") == ""


async def test_a_provider_signs_in_people_of_its_own_units_only(web: Web, provider: Provider) -> None:
    accounts = web.site.accounts
    foreign = accounts.of_person(member(web, unit="bkn"), "bkn")
    client = web.client()
    await arrive(client)
    refused = await client.post("/masuk/panrb/hubungkan", data={"kode": accounts.new_code(foreign)})
    assert refused.status_code == 403
    assert REFUSALS["other_unit"] in refused.text
    accounts.identities.link("panrb", "subject-1", foreign)  # one that was linked before its person changed units
    assert (await arrive(web.client())).status_code == 403


async def test_a_subject_whose_number_changes_and_a_person_whose_subject_changes_are_refused(
    web: Web, provider: Provider
) -> None:
    member(web)
    member(web, "199001012015031001")
    claimed(provider)
    assert (await arrive(web.client(), "bersama")).status_code == 303
    claimed(provider, "199001012015031001")
    changed = await arrive(web.client(), "bersama")
    assert (changed.status_code, REFUSALS["changed"] in changed.text) == (403, True)
    claimed(provider)
    provider.subject = "subject-2"
    assert (await arrive(web.client(), "bersama")).status_code == 403


async def test_who_is_disabled_or_erased_does_not_come_in(web: Web, provider: Provider) -> None:
    pid = member(web)
    claimed(provider)
    client = web.client()
    await arrive(client, "bersama")
    (account,) = web.site.accounts.all()
    web.site.accounts.disable(account.id)
    assert (await client.get("/")).status_code == 303
    assert REFUSALS["disabled"] in (await arrive(web.client(), "bersama")).text
    web.site.accounts.enable(account.id)
    assert (await arrive(client, "bersama")).status_code == 303
    web.site.people.erase(pid)
    assert (await client.get("/")).status_code == 303
    assert (await arrive(web.client(), "bersama")).status_code == 403


async def test_a_provider_that_answers_nonsense_is_a_page_that_says_so(web: Web, provider: Provider) -> None:
    other = b'{"issuer": "https://another.example"}'
    for raw in (b"no json", b"[]", b"[" * 100_000, b"x" * (300 << 10), other):
        provider.raw = {"/.well-known/openid-configuration": raw}
        page = await web.client().get("/masuk/panrb")
        assert page.status_code == 503
        assert "tidak menjawab" in page.text
        provider.raw, asked = {}, len(provider.asked)
        assert (await web.client().get("/masuk/panrb")).status_code == 503  # it is not asked again at once
        assert len(provider.asked) == asked
        web.clock.advance(SILENT_S)
    assert (await web.client().get("/masuk/panrb")).status_code == 303


async def test_keys_that_cannot_be_read_sign_nobody_in(web: Web, provider: Provider) -> None:
    for raw in (b"no json", b'{"keys": 7}', b'{"keys": [{"kty": "RSA", "n": "!", "e": []}]}'):
        provider.raw = {"/keys": raw}
        assert (await arrive(web.client())).status_code == 503


async def test_endpoints_without_tls_elsewhere_are_not_asked(web: Web, provider: Provider) -> None:
    provider.metadata = {"token_endpoint": "http://another.example/token"}
    assert (await web.client().get("/masuk/panrb")).status_code == 503


async def test_a_provider_that_is_away_is_a_page_that_says_so(web: Web, provider: Provider) -> None:
    client = web.client()
    address = await there(client)
    provider.stop()
    assert (await client.get(address)).status_code == 503
    assert (await client.get("/masuk/tidak-ada")).status_code == 404
    assert (await client.get("/masuk")).status_code == 200
