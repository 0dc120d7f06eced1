"""Signing in at a provider of another site, in a real Chromium: cookies come back, policies let it through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.screens.browser import browser
from gateway.config.load import load
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from tests.conftest import free_port
from tests.web.browser.serving import Serving, serving
from tests.web.office import write_office
from tests.web.provider import SECRET, Provider

NIP = "198503302003121002"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider(host="localhost", shows=True, claims={"nip": NIP})
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def running(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("provider")
    port = free_port()
    file = write_office(folder, port=1, web_port=port)
    (folder / "oidc.secret").touch(0o600)
    (folder / "oidc.secret").write_text(SECRET)
    same = f"name: PANRB, url: '{provider.url}', client_id: hadir-test, client_secret_file: oidc.secret, unit: panrb"
    issuers = f"issuers: [{{id: nomor, {same}, person_claim: nip}}, {{id: sandi, {same}}}]"
    file.write_text(file.read_text().replace(f"web: {{port: {port}}}", f"web: {{port: {port}, {issuers}}}"))
    with serving(file) as made:
        yield made


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A browser that may ask this machine under another name."""
    with browser("127.0.0.1", "localhost") as made:
        yield made.new_page()


def person(folder: Path, number: str | None) -> str:
    office = load(folder / "office.yaml")
    with PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key))) as table:
        return table.enrol(unit="panrb", name="Uji Coba", staff_number=number)


def test_a_staff_number_signs_in_and_out_at_both(page: Page, running: Serving, provider: Provider) -> None:
    person(running.file.parent, NIP)
    page.goto(f"{running.url}/akun")
    page.click("a[href^='/masuk/nomor']")
    page.click("#agree")
    page.wait_for_url(f"{running.url}/akun")
    assert "PANRB" in page.inner_text("main")
    page.reload()
    assert page.inner_text("h1") == "Akun saya"
    page.click("header form[action='/keluar'] button")
    page.wait_for_url("**/masuk?keluar=nomor")
    page.click("a[href='/masuk/nomor/keluar']")
    page.wait_for_url(f"{running.url}/masuk")
    assert provider.asked[-1] == "/logout"


def test_a_code_links_an_account_once(page: Page, running: Serving, provider: Provider) -> None:
    provider.subject = "subject-2"
    code = running.code(pid=person(running.file.parent, None))
    page.goto(f"{running.url}/masuk")
    page.click("a[href^='/masuk/sandi']")
    page.click("#agree")
    expect(page.locator("h1")).to_have_text("Hubungkan akun")
    page.fill("#kode", code)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{running.url}/")
    page.context.clear_cookies()
    page.goto(f"{running.url}/masuk?lanjut=/akun")
    page.click("a[href^='/masuk/sandi']")
    page.click("#agree")
    page.wait_for_url(f"{running.url}/akun")
