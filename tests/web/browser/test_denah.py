"""Denah, and what else follows a floor, in a real browser: a tap turns the desk, keys reach everything, no reload."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gateway.web.viewer import Role
from tests.web.browser.windows import DESKTOP, Windows
from tests.web.running import RunningWeb

PLAN, EDITOR = "/denah/utama/l01", "/operator/denah/utama/l01"


@pytest.fixture(scope="module")
def cookies(running: RunningWeb, chromium: Browser) -> dict[str, str]:
    """Of somebody who is an employee and an operator."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{running.url}/masuk")
    page.fill("#kode", running.code(Role.EMPLOYEE, Role.OPERATOR, pid=running.holder(), units=("*",)))
    page.click("main button")
    page.wait_for_url(f"{running.url}/")
    found = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    context.close()
    return found


@pytest.fixture
def page(running: RunningWeb, windows: Windows, cookies: dict[str, str]) -> Page:
    """A wide window; what its console complains about fails the test."""
    return windows.open(running.url, size=DESKTOP, cookies=cookies)


def signed_in(running: RunningWeb, chromium: Browser, cookies: dict[str, str], **how: Any) -> BrowserContext:
    """A browser of its own kind."""
    context = chromium.new_context(base_url=running.url, **how)
    secure = running.url.replace("http:", "https:")
    context.add_cookies([{"name": name, "value": value, "url": secure} for name, value in cookies.items()])
    return context


def state(page: Page, place: str, wanted: str) -> None:
    page.wait_for_selector(f"[data-p='{place}'][data-s='{wanted}']", state="attached", timeout=15_000)


def test_a_tap_turns_the_desk_without_a_reload_and_a_lost_connection_heals(
    running: RunningWeb, windows: Windows, page: Page
) -> None:
    windows.expected.add("ERR_")  # the server is killed
    page.goto(PLAN)
    state(page, "timur/d-001", "unknown")
    page.evaluate("window.same = true")
    running.tap()
    state(page, "timur/d-001", "taken")
    assert page.get_attribute("[data-p='timur/d-001']", "aria-label") == "Meja 1: Terpakai"
    assert page.inner_text("[data-count=taken]") == "1"
    assert not page.is_visible("#offline")
    running.kill("web")
    page.wait_for_selector("#offline", state="visible")
    assert page.evaluate("document.body.classList.contains('stale')")
    running.serve()
    page.wait_for_selector("#offline", state="hidden", timeout=15_000)
    state(page, "timur/d-001", "taken")
    assert page.evaluate("window.same")
    page.reload()
    assert page.get_attribute("[data-p='timur/d-001']", "aria-label") == "Meja 1, meja saya: Terpakai"


def test_what_changes_before_a_page_follows_its_floor_is_not_missed(
    running: RunningWeb, windows: Windows, page: Page
) -> None:
    """Beranda and a desk's page say which picture they were made of, and are told all that came after."""
    windows.expected.add("ERR_")  # of the stream that is held back
    page.route("**/langsung/**", lambda route: route.abort())
    page.goto("/d/d-001")
    button = page.locator("#kini button").first
    before = button.inner_text()
    running.tap()
    deadline = time.monotonic() + 15
    while f">{before}</button>" in page.request.get("/d/d-001/kini").text():
        assert time.monotonic() < deadline
    page.unroute("**/langsung/**")
    expect(button).not_to_have_text(before, timeout=15_000)


def test_the_list_says_why_and_is_filtered_without_a_reload(running: RunningWeb, page: Page) -> None:
    page.goto(f"{PLAN}?tampil=daftar")
    why = page.locator("tr[data-p='timur/d-001'] .why")
    shown = page.locator("tr[data-p]:not([hidden])")
    before = why.inner_text()
    running.tap()
    expect(why).not_to_have_text(before, timeout=15_000)
    expect(page.locator("tr[data-p='timur/d-001'] .status")).to_have_text("Terpakai")
    page.select_option("#status", "taken")
    expect(shown).to_have_count(1)
    assert "status=taken" in page.url
    page.select_option("#status", "closed")
    expect(shown).to_have_count(0)
    assert page.is_visible("#tak-cocok")
    expect(page.locator("#cocok span").first).to_have_text("0 dari 4")


@pytest.mark.parametrize(("zone", "named"), [("Asia/Jakarta", True), ("Asia/Makassar", False)])
def test_times_name_the_sites_zone_to_whoever_is_in_another(
    running: RunningWeb, chromium: Browser, cookies: dict[str, str], zone: str, named: bool
) -> None:
    context = signed_in(running, chromium, cookies, timezone_id=zone)
    page = context.new_page()
    page.goto(PLAN)
    running.tap()
    state(page, "timur/d-001", "taken")
    page.click("[data-p='timur/d-001']")
    expect(page.locator("#lembar time")).to_be_visible()
    expect(page.locator("#lembar .zone")).to_be_visible(visible=named)
    page.reload()
    expect(page.locator("#lembar .zone")).to_be_visible(visible=named)
    context.close()


def test_keys_reach_every_place_and_the_sheet(page: Page) -> None:
    page.goto(PLAN)
    page.wait_for_selector(".plan-tools", state="visible")
    whole = page.get_attribute("#denah", "viewBox")
    page.focus(".sp[tabindex='0']")
    seen = {page.evaluate("document.activeElement.dataset.p")}
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        seen.add(page.evaluate("document.activeElement.dataset.p"))
    assert seen == {"timur/d-001", "timur/d-002", "timur/r-01", "barat/d-003"}
    page.keyboard.press("+")
    assert page.get_attribute("#denah", "viewBox") != whole
    page.keyboard.press("0")
    assert page.get_attribute("#denah", "viewBox") == whole
    chosen = page.evaluate("document.activeElement.dataset.p")
    page.keyboard.press("Enter")
    page.wait_for_selector("#tempat", state="visible")
    assert f"tempat={chosen.replace('/', '%2F')}" in page.url
    assert page.evaluate("document.activeElement.id") == "tempat"
    page.keyboard.press("Escape")
    assert not page.is_visible("#tempat")
    assert page.evaluate("document.activeElement.dataset.p") == chosen


def test_on_a_phone_the_place_at_hand_and_the_counts_are_in_words_beside_the_drawing(
    running: RunningWeb, windows: Windows, cookies: dict[str, str]
) -> None:
    """A desk of 30 px has no room for a word: the bar above it has."""
    page = windows.open(running.url, cookies=cookies)
    page.goto(PLAN)
    line = page.locator("#denah-ini")
    expect(line).to_contain_text("Meja 1")
    page.click("[data-p='timur/d-002']")
    page.wait_for_selector("#tempat", state="visible")
    expect(line).to_have_text(re.compile(r"^\s*Meja 2\s+Tidak diketahui\s*$"))
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowUp")
    there = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert not there.startswith("Meja 2:")
    expect(line.locator("strong")).to_have_text(there.rpartition(": ")[0])
    expect(line.locator(".status")).to_have_text(there.rpartition(": ")[2])
    page.focus("[data-p='timur/d-001']")
    before = line.locator(".status").inner_text()
    if before != "Terpakai":
        running.tap()
        expect(line.locator(".status")).to_have_text("Terpakai", timeout=15_000)
    page.evaluate("document.getElementById('denah').scrollIntoView()")
    for word in ("free", "taken", "reserved", "unknown"):
        expect(page.locator(f".legend .status-{word}")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_two_fingers_and_the_wheel_zoom(page: Page) -> None:
    page.goto(PLAN)
    page.wait_for_selector(".plan-tools", state="visible")
    width = "Number(document.getElementById('denah').getAttribute('viewBox').split(' ')[2])"
    whole = page.evaluate(width)
    page.evaluate(
        """() => {
          const svg = document.getElementById("denah"), box = svg.getBoundingClientRect();
          const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
          const tell = (type, pointerId, dx) => svg.dispatchEvent(new PointerEvent(type,
            { pointerId, pointerType: "touch", clientX: x + dx, clientY: y, bubbles: true }));
          tell("pointerdown", 1, -40); tell("pointerdown", 2, 40);
          tell("pointermove", 1, -80); tell("pointermove", 2, 80);
          tell("pointerup", 1, -80); tell("pointerup", 2, 80);
        }"""
    )
    pinched = page.evaluate(width)
    assert pinched < whole * 0.6
    box = page.locator("#denah").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 400)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    assert page.evaluate(width) > pinched


def test_a_desk_is_dragged_reviewed_and_the_diff_is_shown(page: Page) -> None:
    page.goto(EDITOR)
    page.wait_for_selector(".plan-tools", state="visible")
    box = page.locator("[data-i='space:d-002'] rect").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 30, steps=4)
    page.mouse.up()
    (change,) = json.loads(page.input_value("#ubah"))
    assert (change["op"], change["space"]) == ("move", "d-002")
    assert page.input_value("#x") == str(change["x"])
    page.locator("[data-i='space:d-003']").focus()
    for key in ("Enter", "ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    moved = json.loads(page.input_value("#ubah"))
    assert [one["space"] for one in moved] == ["d-002", "d-003"]
    page.click("button[value=tinjau]")
    page.wait_for_selector(".diff")
    expect(page.locator("main")).to_contain_text("plan: plans/utama-l01.geojson")
    expect(page.locator("button[value=simpan]")).to_be_visible()
    page.click("button[value=ubah]")
    expect(page.locator(".changes li")).to_have_count(2)


def test_without_script_the_list_and_the_filter_work(
    running: RunningWeb, chromium: Browser, cookies: dict[str, str]
) -> None:
    context = signed_in(running, chromium, cookies, java_script_enabled=False)
    page = context.new_page()
    page.goto(PLAN)
    page.select_option("#jenis", "room")
    page.click(".filter-go button")
    expect(page.locator(".sp.dim")).to_have_count(3)
    page.click("#ganti")
    expect(page.locator("tr[data-p]:not([hidden])")).to_have_count(1)
    page.click("tr[data-p]:not([hidden]) a")
    expect(page.locator("#lembar-nama")).to_have_text("Ruang Mahakam")
    context.close()
