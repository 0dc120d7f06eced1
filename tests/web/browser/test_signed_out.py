"""A session that ends while a page is open: the page says so, and what was typed is not lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from gateway.config.load import load
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from tests.conftest import free_port
from tests.web.browser.serving import Serving, serving
from tests.web.browser.windows import Windows
from tests.web.office import write_office

KEPT = "sessionStorage.length"
TEXT = "ST-12/2026, rapat di luar kantor"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(write_office(tmp_path_factory.mktemp("signed-out"), port=1, web_port=free_port())) as made:
        yield made


def person(site: Serving) -> str:
    office = load(site.file)
    key = SiteKey.load(office.path(office.people.site_key))
    with PeopleTable(office.path(office.people.table), key) as table:
        return table.enrol(unit="panrb", name="Wayan Uji")


def enter(page: Page, site: Serving, pid: str) -> None:
    page.get_by_label("Kode").fill(site.code(pid=pid))
    page.get_by_role("button", name="Masuk").click()
    expect(page.get_by_role("button", name="Keluar")).to_be_visible()


def open_at(windows: Windows, site: Serving, pid: str, path: str) -> Page:
    windows.expected |= {"401", "MIME"}
    page = windows.open(site.url)
    page.goto(f"/masuk?lanjut={path}")
    enter(page, site, pid)
    return page


def send(page: Page) -> None:
    """A correction is asked for, and the session has ended meanwhile."""
    page.get_by_label("Surat tugas").check()
    page.get_by_label("Apa yang perlu dibetulkan?").select_option("note")
    page.get_by_label("Penjelasan untuk operator").fill(TEXT)
    page.context.clear_cookies()
    page.get_by_role("button", name="Kirim permintaan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Anda sudah keluar")


def test_the_plan_asks_to_sign_in_again(windows: Windows, site: Serving) -> None:
    page = open_at(windows, site, person(site), "/")
    page.route(
        "**/langsung/**", lambda route: route.fulfill(content_type="text/event-stream", body="retry: 100\n\n")
    )  # a stream that ends, and is asked for again
    page.goto("/denah/utama/l01")
    expect(page.locator("#offline")).to_be_visible()
    page.context.clear_cookies()
    page.unroute_all()
    page.wait_for_url("**/masuk?lanjut=/denah/utama/l01")


def test_what_was_sent_too_late_is_in_its_form_again(windows: Windows, site: Serving) -> None:
    pid = person(site)
    page = open_at(windows, site, pid, "/riwayat/koreksi")
    send(page)
    page.get_by_role("link", name="Masuk lagi").click()
    enter(page, site, pid)
    expect(page.get_by_label("Penjelasan untuk operator")).to_have_value(TEXT)
    expect(page.get_by_label("Surat tugas")).to_be_checked()
    expect(page.get_by_label("Apa yang perlu dibetulkan?")).to_have_value("note")
    assert page.evaluate(KEPT) == 0
    page.get_by_role("button", name="Kirim permintaan").click()
    expect(page.get_by_text(TEXT)).to_be_visible()
    assert page.evaluate(KEPT) == 0


@pytest.mark.parametrize("how", ["another", "sign-out"])
def test_nobody_else_finds_it(windows: Windows, site: Serving, how: str) -> None:
    pid = person(site)
    page = open_at(windows, site, pid, "/riwayat/koreksi")
    send(page)
    assert page.evaluate(KEPT) == 1
    page.get_by_role("link", name="Masuk lagi").click()
    if how == "sign-out":
        page.goto("/masuk?keluar=&lanjut=/riwayat/koreksi")
    enter(page, site, pid if how == "sign-out" else person(site))
    expect(page.get_by_label("Penjelasan untuk operator")).to_have_value("")
    assert page.evaluate(KEPT) == 0
