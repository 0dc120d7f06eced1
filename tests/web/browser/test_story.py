"""The whole story: a reader is paired, a card enrolled and tapped; the plan turns; the phone lets go; the report knows.

Everything is real: Mosquitto, gateway, archive, `hadir serve`, a reader on a pty, four windows of a browser.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from firmware_sim import ld2410, rdm6300
from gateway.clock import SECOND, ScaledClock
from gateway.config.load import load
from gateway.web.viewer import Role
from tests.system.site import GUARD_S
from tests.web.browser import looks
from tests.web.browser.windows import DESKTOP, PHONE, Windows
from tests.web.running import RunningWeb, running_site

NEW_CARD = "0F036856AA"
MORNING = int(datetime(2026, 11, 26, 10, 5, tzinfo=ZoneInfo("Asia/Makassar")).timestamp()) * SECOND
LATER_S = 1800
"""The report is looked at half an hour later: it counts whole quarters of an hour."""
GUARD_MS = 1000 * GUARD_S
LAST_DESK = "              - {id: d-003, kind: desk, name: Meja 3}\n"
MORE_DESKS = "".join(f"              - {{id: d-00{n}, kind: desk, name: Meja {n}}}\n" for n in range(4, 8))
"""Of fewer than five desks no report is made."""
RADARS = ("radar", "radar-2", "radar-3")
SOMEBODY = ld2410.Seen(ld2410.Target.STILL, still_cm=80, still_energy=70)
DESK = '[data-p="timur/d-001"]'
T = TypeVar("T")


class Story(RunningWeb):
    """A site on a Thursday morning, whatever the time is."""

    def __init__(self, *arguments: object) -> None:
        self.clock = ScaledClock(start=MORNING, anchor=time.monotonic_ns(), speed=1.0)
        super().__init__(*arguments)  # type: ignore[arg-type]
        text = self.file.read_text(encoding="utf-8")
        self.file.write_text(text.replace(LAST_DESK, LAST_DESK + MORE_DESKS), encoding="utf-8")
        self.office = load(self.file)
        self.sits = ""
        """Line of the radar that sees somebody."""
        self._over = threading.Event()
        self._radars = threading.Thread(target=self.watch, name="radars")
        self._radars.start()

    def launch(self, name: str, *module: str) -> None:
        role = ["ingest", str(self.file)] if name == "archive" else ["run", str(self.file), "--gateway", name]
        self._begin(name, [sys.executable, "-m", *module, *role])

    def launch_serve(self) -> None:
        self._begin("web", [sys.executable, "-m", "gateway.cli", "serve", str(self.file)])

    def _begin(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*command, "--clock", str(self.clock)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def pass_time(self, seconds: int) -> None:
        """Archive and pages begin again, so much later."""
        self.kill("web")
        self.kill("archive")
        self.clock = ScaledClock(start=self.clock.office() + seconds * SECOND, anchor=time.monotonic_ns(), speed=1.0)
        self.start("archive")
        self.serve()

    def watch(self) -> None:
        """Until `stop`: radars say five times a second what they see, which is Sari where she sits."""
        while not self._over.wait(0.2):
            for line in RADARS:
                seen = SOMEBODY if line == self.sits else ld2410.NOBODY
                self.lines[line].write(ld2410.basic(seen))

    def stop(self) -> None:
        self._over.set()
        self._radars.join()
        super().stop()

    def hold(self, card: str) -> float:
        """A card before the reader; when."""
        self.lines["reader"].write(rdm6300.frame(bytes.fromhex(card)))
        return time.monotonic()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running_site(tmp_path_factory.mktemp("story"), Story) as made:
        yield made


def beside(work: Callable[[], T]) -> T:
    """In a thread: the driver's event loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def sign_in(windows: Windows, story: Story, code: str, size: tuple[int, int]) -> Page:
    page = windows.open(story.url, size=size)
    page.set_default_timeout(GUARD_MS)
    page.goto("/masuk")
    page.get_by_label("Kode").fill(code)
    page.get_by_role("button", name="Masuk").click()
    expect(page.get_by_role("button", name="Keluar")).to_be_visible(timeout=GUARD_MS)
    return page


@pytest.mark.timeout(180)
def test_from_a_new_card_to_the_report(
    story: Story, windows: Windows, record_property: Callable[[str, object], None]
) -> None:
    operator = sign_in(windows, story, story.code(Role.OPERATOR, Role.ANALYST, units=("*",)), DESKTOP)

    # the reader is paired: what speaks within a minute is shown
    operator.goto("/operator/pemasangan")
    operator.locator("section", has_text="Pasang perangkat").get_by_role("button", name="Mulai 60 detik").click()
    expect(operator.locator("[data-left]")).to_be_visible()
    story.hold(NEW_CARD)  # nobody's yet: the reader speaks all the same
    expect(operator.locator(".candidate", has_text="rdr-d-001").first).to_be_visible(timeout=GUARD_MS)
    well(operator)

    # the card is enrolled: tapped at that reader, given to a person, who gets a code
    operator.goto("/operator/pemasangan")
    operator.get_by_label(re.compile("rdr-d-001")).check()
    operator.locator("section", has_text="Daftarkan kartu").get_by_role("button", name="Mulai 60 detik").click()
    expect(operator.locator("[data-left]")).to_be_visible()
    well(operator)
    story.hold(NEW_CARD)
    operator.get_by_label("Nama", exact=True).fill("Sari Wulandari")
    operator.get_by_label("Unit").select_option("panrb")
    operator.locator("input[name=setuju]").check()
    well(operator)
    operator.get_by_role("button", name="Lanjutkan").click()
    well(operator)
    code = operator.locator(".code").inner_text()
    version = story.people().version
    beside(lambda: story.until(lambda status: status["people_version"] == version))

    # the plan, in the window of somebody who is not Sari
    plan = sign_in(windows, story, story.code(Role.DISPLAY), DESKTOP)
    plan.goto("/denah/utama/l01")
    expect(plan.locator(f"{DESK}[data-s=free]")).to_be_attached(timeout=GUARD_MS)

    # Sari's phone
    phone = sign_in(windows, story, code, PHONE)
    expect(phone.get_by_text("Anda belum memakai meja.")).to_be_visible(timeout=GUARD_MS)

    # the tap: both windows turn by themselves
    story.sits = "radar"
    at = story.hold(NEW_CARD)
    plan.locator(f"{DESK}[data-s=taken]").wait_for(state="attached", timeout=GUARD_MS)
    seen_s = time.monotonic() - at
    record_property("tap_to_plan_s", round(seen_s, 3))
    print(f"tap to plan: {seen_s:.2f} s")
    leave = phone.get_by_role("button", name="Lepaskan meja")
    expect(leave).to_be_visible(timeout=GUARD_MS)

    # it is released from the phone
    story.sits = ""
    leave.click()
    plan.locator(f"{DESK}[data-s=free]").wait_for(state="attached", timeout=GUARD_MS)
    expect(phone.get_by_text("Anda belum memakai meja.")).to_be_visible(timeout=GUARD_MS)
    phone.goto("/riwayat")
    expect(phone.locator("main")).to_contain_text("Meja 1", timeout=GUARD_MS)

    # half an hour later the report has it, and says nothing about anybody
    for page in (plan, phone):
        page.close()
    beside(lambda: story.pass_time(LATER_S))
    deadline = time.monotonic() + GUARD_S
    while "1 dari 7 meja" not in (shown := _report(operator)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "1 dari 7 meja" in shown, shown
    assert "Sari" not in shown


def well(page: Page) -> None:
    """What test_pages.py asks of every page, for those that only a story leads to."""
    wrong = [*looks.serious(page), *looks.too_wide(page), *looks.spilt(page)]
    assert not wrong, "\n".join(wrong)


def _report(operator: Page) -> str:
    operator.goto("/laporan")
    return operator.locator("main").inner_text()
