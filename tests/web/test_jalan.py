"""Uji jalan: signal by zone while somebody walks; somebody else's tag only with a reason that they see."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.survey.feed import Told
from gateway.survey.ground import Heard, Visit, ground
from gateway.web.coverage_picture import draw
from gateway.web.viewer import Role
from gateway.web.walks import Walks
from tests.conftest import free_port
from tests.web.conftest import NOON, Web, opened
from tests.web.office import write_office

AREAS = {"timur": "[[0, 0], [10, 0], [10, 8], [0, 8]]", "barat": "[[10, 0], [20, 0], [20, 8], [10, 8]]"}


@pytest.fixture
async def walked(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Web]:
    """The office with two receivers that have positions, and zones that have areas."""
    file = write_office(tmp_path, port=1, web_port=free_port())
    text = file.read_text()
    for zone, area in AREAS.items():
        text = text.replace(
            f"            name: {zone.title()}\n", f"            name: {zone.title()}\n            area: {area}\n"
        )
    more = [
        f"  - {{id: ble-{z}, driver: receiver, place: utama/l01/{z}, at: [{x}, 4]}}\n"
        for z, x in (("timur", 2), ("barat", 18))
    ]
    source = "".join(
        f"      - {{id: radio-{z}, type: ble, adapter: hci{n}, device: ble-{z}}}\n" for n, z in enumerate(AREAS)
    )
    text = text.replace("devices:\n", f"{source}devices:\n" + "".join(more), 1)
    file.write_text(text)
    async with opened(file, clock) as made:
        yield made


class Steps:
    """A feed of what a test lets be heard."""

    def __init__(self, *stands: list[Heard]) -> None:
        self._stands = list(stands)

    def stand(self, seconds: float, told: Told) -> list[Heard]:
        return self._stands.pop(0) if self._stands else []

    def wind(self, word: str) -> None:
        raise NotImplementedError


async def test_a_floor_without_measures_says_what_is_missing(web: Web) -> None:
    assert "Belum dapat digambar" in (await web.client(Role.OPERATOR).get("/operator/pemasangan/jalan")).text
    assert (await web.employee().get("/operator/pemasangan/jalan")).status_code == 403
    posted = await web.client(Role.OPERATOR).post("/operator/pemasangan/jalan", data={"lantai": "utama/l01"})
    assert posted.status_code == 409


async def test_the_picture_of_a_floor(walked: Web) -> None:
    client = walked.client(Role.OPERATOR, units=["*"])
    page = (await client.get("/operator/pemasangan/jalan")).text
    assert "belum disurvei" in page
    assert page.count('class="receiver"') == 3
    file = walked.site.file.parent / "utama-l01-survey.csv.gz"
    rows = "".join(f"{n},ble-{zone},-60,5,4\n" for n in range(10) for zone in AREAS)
    file.write_bytes(gzip.compress(f"t,receiver,rssi,x,y\n{rows}".encode()))
    assert "1 titik, 20 paket" in (await client.get("/operator/pemasangan/jalan")).text
    file.write_bytes(gzip.compress(b"t,receiver,rssi,x,y\n<script>,1\n"))
    assert "tidak dapat dibaca" in (await client.get("/operator/pemasangan/jalan")).text


def test_covered_thin_and_open_spots_are_counted_by_zone() -> None:
    floor = ground({"a": [(0, 0), (4, 0), (4, 4), (0, 4)]}, {"r1": (0, 0), "r2": (4, 4)})
    spot = floor.spots[0]
    heard = tuple(Heard(float(n), f"r{1 + n % 2}", -60.0) for n in range(12))
    picture = draw(floor, [Visit(spot.x, spot.y, heard)])
    (share,) = picture.shares
    assert share.covered >= 1
    assert share.covered + share.thin + share.open == len(floor.spots)
    assert (picture.visits, picture.packets) == (1, 12)
    assert all(0 <= dot.x <= picture.width and 0 <= dot.y <= picture.height for dot in picture.spots)


async def test_a_walk_shows_the_strongest_zone_first_and_is_its_openers_alone(walked: Web) -> None:
    client = walked.client(Role.OPERATOR, units=["*"])
    account = walked.site.accounts.all()[-1].id
    walks: Walks = walked.site.walks
    feed = Steps([Heard(1.0, "ble-timur", -58.0), Heard(1.1, "ble-timur", -62.0), Heard(1.2, "ble-barat", -90.0)])
    walk = walks.begin(account, "utama/l01", "tag-1", lambda: feed)
    assert walk is not None
    running = asyncio.ensure_future(walks.run())
    for _ in range(500):
        if walk.signals:
            break
        await asyncio.sleep(0.01)
    running.cancel()
    page = (await client.get(f"/operator/pemasangan/jalan/{walk.word}/isi")).text
    assert re.search(r"Timur.*kuat.*-60.*Barat.*lemah.*-90", page, re.DOTALL)
    other = walked.client(Role.OPERATOR, units=["*"])
    assert "sudah selesai" in (await other.get(f"/operator/pemasangan/jalan/{walk.word}/isi")).text
    walked.clock.advance(121)
    page = (await client.get(f"/operator/pemasangan/jalan/{walk.word}")).text
    assert "Tidak ada yang disimpan" in page


async def test_somebody_elses_tag_needs_a_reason_that_they_see(walked: Web) -> None:
    pid = walked.person(unit="panrb", name="Sari Uji")
    foreign = walked.person(unit="bkn", name="Budi Coba")
    client = walked.client(Role.OPERATOR, units=["panrb"])
    path, floor = "/operator/pemasangan/jalan", {"lantai": "utama/l01"}
    assert (await client.post(path, data={**floor, "tanda": pid})).status_code == 422
    assert (await client.post(path, data={**floor, "tanda": foreign, "alasan": "uji penerima"})).status_code == 404
    begun = await client.post(path, data={**floor, "tanda": pid, "alasan": "uji penerima"})
    assert begun.status_code == 303
    ((at, _, what, reason),) = walked.site.accounts.lookups(pid)
    assert (at, what, reason) == (NOON, "walk", "uji penerima")
    word = begun.headers["location"].rpartition("/")[2]
    walk = walked.site.walks.of(word, walked.site.accounts.all()[-1].id)
    assert walk is not None
    walk.stopped = True
