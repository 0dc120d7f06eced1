"""A kiosk in a real browser, before a running site: tap, choose, confirm; and nothing is left of who stood there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect

from bench.screens.browser import browser as chromium
from gateway.clock import SystemClock
from gateway.web.accounts import Accounts
from gateway.web.viewer import Role
from tests.conftest import THOROUGH
from tests.system.site import GUARD_S
from tests.web.office import OTHER
from tests.web.running import RunningWeb

SARI, SARIS_CARD, STRANGER = "Sari Wulandari", "4B00423C15", "0004340758"
SIZES: tuple[ViewportSize, ViewportSize] = ({"width": 1280, "height": 800}, {"width": 800, "height": 1280})
EXPECT_MS = 10_000
SOON_S = 0.5
"""A clock is stopped a little ahead of now."""
SMALLEST = "button, input:not([type=hidden]):not([type=radio]), .unit"


class Kiosk:
    """One screen at an entrance."""

    def __init__(self, running: RunningWeb, browser: Browser, size: ViewportSize) -> None:
        self.running = running
        self.context: BrowserContext = browser.new_context(viewport=size, locale="id-ID")
        self.context.set_default_timeout(EXPECT_MS)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.clock.install()
        accounts = Accounts(running.office.path(running.office.web.data) / "web.sqlite", SystemClock())
        try:
            code = accounts.new_code(accounts.create(roles=[Role.KIOSK], place="kantor/utama/l01/_/_"))
        finally:
            accounts.close()
        self.page.goto(f"{running.url}/kiosk")
        self.page.get_by_label("Kode").fill(code)
        self.page.get_by_role("button", name="Masuk").click()
        self.says("Tempelkan kartu Anda")

    def says(self, title: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title, timeout=EXPECT_MS)
        expect(self.page.locator("body[data-ready]")).to_have_count(1)

    def tap(self, number: str = SARIS_CARD) -> None:
        """A reader that types: at once, by the page's clock, however long this machine takes for it."""
        self.page.clock.pause_at(self.page.evaluate("Date.now()") / 1000 + SOON_S)
        self.page.keyboard.type(number)
        self.page.keyboard.press("Enter")
        self.page.clock.resume()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def wait(self, seconds: int) -> None:
        """Nobody touches the screen for so long."""
        self.page.clock.run_for(seconds * 1000)

    def history(self) -> int:
        return int(self.page.evaluate("history.length"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def sari(running: RunningWeb) -> str:
    with running.people() as table:
        return table.enrol(unit="bkn", name=SARI, credentials=[(f"em4100:{SARIS_CARD}", "kantor")])


@pytest.fixture
def open_kiosk(running: RunningWeb, browser: Browser, sari: str) -> Iterator[Callable[..., Kiosk]]:
    del sari
    made: list[Kiosk] = []

    def opened(size: ViewportSize = SIZES[0]) -> Kiosk:
        made.append(Kiosk(running, browser, size))
        return made[-1]

    yield opened
    for kiosk in made:
        kiosk.context.close()
        assert kiosk.errors == []


def until(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + GUARD_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("never happened")


class News:
    """Acts of a kind that come from now on."""

    def __init__(self, running: RunningWeb, kind: str) -> None:
        self._acts = lambda: running.acts(kind)
        self._known = len(self._acts())

    def next(self) -> dict[str, Any]:
        """The first of them, when it is there."""
        act: dict[str, Any] = until(lambda: self._acts()[self._known :])[0]
        return act


def test_a_card_a_desk_and_nothing_left_of_whoever_took_it(
    running: RunningWeb, open_kiosk: Callable[..., Kiosk], sari: str
) -> None:
    kiosk, other = open_kiosk(), open_kiosk(SIZES[1])
    desk, arrival, departure = (
        News(running, kind) for kind in ("desk.checkin.started", "workplace.checkin.started", "workplace.checkin.ended")
    )
    page, before = kiosk.page, kiosk.history()
    kiosk.tap()
    kiosk.says("Kartu terbaca. Halo, Sari")
    kiosk.press("Meja 2")
    kiosk.says("Pakai Meja 2?")
    kiosk.press("Ya, pakai meja ini")
    kiosk.says("Meja 2 untuk Anda")
    drawn = other.page.locator(f'.sp[data-p="{OTHER.split("/", 3)[3]}"]')
    expect(drawn).to_have_attribute("data-s", "taken", timeout=EXPECT_MS)
    kiosk.press("Catat juga presensi masuk")
    expect(page.get_by_role("status").first).to_contain_text("Presensi masuk Anda tercatat")
    taken, came = desk.next(), arrival.next()
    assert (taken["subject"], taken["data"]["method"], taken["data"]["assurance"]) == (OTHER, "kiosk", "claimed")
    assert (came["data"]["pid"], came["data"]["method"], came["subject"]) == (sari, "kiosk", "kantor/utama/l01/_/_")
    assert came["data"]["arrangement"] == "home_unit"
    assert "Sari" in page.content()

    kiosk.wait(8)
    expect(page.locator("#hitung")).to_be_visible()
    page.mouse.click(5, 300)  # somebody needs more time
    kiosk.wait(12)
    kiosk.says("Kartu terbaca. Halo, Sari")
    kiosk.wait(4)
    kiosk.says("Tempelkan kartu Anda")
    assert kiosk.history() == before
    left = page.content() + page.url + page.title()
    for trace in ("Sari", sari, SARIS_CARD, "data-visit"):
        assert trace not in left
    assert [cookie["name"] for cookie in kiosk.context.cookies()] == ["__Host-hadir"]
    assert page.evaluate("[localStorage.length, sessionStorage.length, window.name]") == [0, 0, ""]
    assert (
        page.evaluate("[...document.querySelectorAll('input:not([type=hidden])')].map(one => one.value).join('')") == ""
    )
    page.go_back()
    kiosk.says("Tempelkan kartu Anda")
    assert "Sari" not in page.content()

    kiosk.tap()
    kiosk.says("Kartu terbaca. Halo, Sari")
    expect(page.get_by_text("Anda memakai Meja 2 (Timur, Lantai 1).")).to_be_visible(timeout=EXPECT_MS)
    kiosk.press("Presensi pulang dan lepaskan meja")
    kiosk.says("Presensi pulang tercatat")
    expect(drawn).not_to_have_attribute("data-s", "taken", timeout=EXPECT_MS)
    gone = departure.next()
    assert (gone["data"]["ended_by"], gone["data"]["checkin_id"]) == ("act", came["data"]["checkin_id"])


def test_an_unknown_card_signs_a_guest_in_and_a_card_between_is_no_name(
    running: RunningWeb, open_kiosk: Callable[..., Kiosk]
) -> None:
    kiosk, arrival = open_kiosk(SIZES[1]), News(running, "workplace.checkin.started")
    page, before = kiosk.page, kiosk.history()
    kiosk.tap(STRANGER)
    kiosk.says("Kartu ini belum terdaftar")
    page.get_by_label("Nama Anda").fill("Wayan")
    page.get_by_label("Nama Anda").focus()
    kiosk.tap(STRANGER)  # once more, while the field has the focus
    kiosk.says("Kartu ini belum terdaftar")
    expect(page.get_by_label("Nama Anda")).to_have_value("")
    page.get_by_label("Nama Anda").press_sequentially("Wayan Tamu", delay=5)
    page.get_by_label("BKN").check()
    kiosk.press("Daftar dan masuk")
    kiosk.says("Selamat datang, Wayan")
    came = arrival.next()
    assert (came["data"]["unit"], came["data"]["arrangement"]) == ("_", "visitor")
    kiosk.press("Selesai")
    kiosk.says("Tempelkan kartu Anda")
    assert (kiosk.history(), "Wayan" in page.content()) == (before, False)
    kiosk.press("Saya tamu")
    kiosk.says("Selamat datang")
    for _ in range(5):  # typing goes on for ever: two minutes are enough
        page.get_by_label("Nama Anda").press_sequentially("x")
        kiosk.wait(25)
    kiosk.says("Tempelkan kartu Anda")
    assert kiosk.history() == before


def test_a_guest_without_a_card_leaves_by_their_number(running: RunningWeb, open_kiosk: Callable[..., Kiosk]) -> None:
    arrival, departure = (News(running, f"workplace.checkin.{what}") for what in ("started", "ended"))
    kiosk = open_kiosk()
    page = kiosk.page
    kiosk.press("Saya tamu")
    page.get_by_label("Nama Anda").fill("Made Tamu")
    kiosk.press("Daftar dan masuk")
    kiosk.says("Selamat datang, Made")
    number = page.locator(".number").inner_text()
    came = arrival.next()
    kiosk.press("Selesai")
    kiosk.says("Tempelkan kartu Anda")
    assert number not in page.content()
    kiosk.press("Saya tamu")
    page.get_by_label("Nomor tamu").press_sequentially(number, delay=5)  # as fast as a reader
    page.keyboard.press("Enter")
    kiosk.says("Halo, Made")
    kiosk.press("Presensi pulang")
    kiosk.says("Presensi pulang tercatat")
    gone = departure.next()
    assert (gone["data"]["unit"], came["data"]["unit"]) == ("_", "_")
    assert (gone["data"]["checkin_id"], gone["data"]["ended_by"]) == (came["data"]["checkin_id"], "act")


@pytest.mark.parametrize("asks", [False, True], ids=["nothing-asked", "an-answer-awaited"])
def test_a_network_that_hangs_keeps_nobody_on_the_screen(open_kiosk: Callable[..., Kiosk], *, asks: bool) -> None:
    kiosk = open_kiosk()
    page, held = kiosk.page, list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    kiosk.tap()
    kiosk.says("Kartu terbaca. Halo, Sari")
    page.route(re.compile("/kiosk"), hold)
    if asks:
        kiosk.press("Meja 2")
        kiosk.tap(STRANGER)  # and somebody else comes: no touch of hers
    kiosk.wait(16)
    expect(page.locator("#layar")).to_have_attribute("data-step", "kembali")
    kiosk.wait(2)
    assert "Sari" not in page.content()
    assert "data-visit" not in page.content()
    left = until(lambda: [route for route in held if route.request.url.endswith("/kiosk")])
    assert len(left) == 1, "it leaves once"
    page.unroute_all()  # what waits goes on
    kiosk.says("Tempelkan kartu Anda")
    kiosk.tap()
    kiosk.says("Kartu terbaca. Halo, Sari")


def test_keys_alone_and_the_other_language(open_kiosk: Callable[..., Kiosk]) -> None:
    kiosk = open_kiosk()
    page = kiosk.page
    kiosk.press("English")
    kiosk.says("Tap your card")
    page.get_by_label("Or type the card number").fill(SARIS_CARD)
    page.keyboard.press("Enter")
    kiosk.says("Card read. Hello, Sari")
    assert page.evaluate("document.activeElement.tagName") == "H1", "a screen reader begins there"
    for _ in range(30):
        page.keyboard.press("Tab")
        if "Meja 3" in page.evaluate("document.activeElement.innerText"):
            break
    page.keyboard.press("Enter")
    kiosk.says("Use Meja 3?")
    kiosk.press("Cancel")
    kiosk.says("Tempelkan kartu Anda")


@pytest.mark.parametrize("size", SIZES if THOROUGH else SIZES[1:], ids=["wide", "high"][-(2 if THOROUGH else 1) :])
def test_every_screen_can_be_touched_and_read(open_kiosk: Callable[..., Kiosk], size: ViewportSize) -> None:
    kiosk = open_kiosk(size)
    page = kiosk.page

    def look(step: str) -> None:
        assert page.locator("#layar").get_attribute("data-step") == step
        for element in page.locator(SMALLEST).all():
            box = element.bounding_box()
            assert box is None or min(box["width"], box["height"]) >= 64, element.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []

    look("awal")
    kiosk.tap()
    kiosk.says("Kartu terbaca. Halo, Sari")
    look("pilih")
    page.locator('.sp[data-p="barat/d-003"]').click()  # on the plan
    kiosk.says("Pakai Meja 3?")
    look("yakin")
    kiosk.press("Pilih meja lain")
    kiosk.says("Kartu terbaca. Halo, Sari")
    page.locator('.sp[data-p="timur/r-01"]').click()
    kiosk.press("Meja 3")
    kiosk.says("Pakai Meja 3?")
    kiosk.press("Batal")
    kiosk.says("Tempelkan kartu Anda")
    kiosk.press("Saya tamu")
    kiosk.says("Selamat datang")
    look("tamu")
