"""Ringkasan: what needs the operator, and quiet otherwise."""

from __future__ import annotations

import re

from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.times import written
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.office import BOOT, GATEWAY, ready


def archive_speaks(web: Web, **more: object) -> None:
    import json
    import os

    from gateway.archive_health import beside

    path = beside(web.site.office.path(web.site.office.archive.ledger))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"connected": True, "link": "", "stores": {}, "two_boots": [], **more}))
    now = web.clock.office() / 1e9
    os.utime(path, (now, now))


def look(web: Web, seconds: int = 0) -> None:
    """Let office and wall time pass, and look as the daemon would."""
    from gateway.archive_health import read

    for _ in range(max(1, seconds // 5)):
        web.clock.advance(min(seconds, 5))
        web.site.watch.archive = read(web.site.office.path(web.site.office.archive.ledger), web.clock)
        web.site.watch.look()


def device(web: Web, name: str, **more: object) -> None:
    body = wire.write(wire.DeviceState, {"place": "kantor/utama/l01/timur/d-001", "driver": "ld2410", **more})
    web.site.live.take(topics.device("kantor", GATEWAY, name), body)


async def test_quiet_when_all_is_well(web: Web) -> None:
    archive_speaks(web)
    look(web, 40)
    page = await web.client(Role.OPERATOR).get("/operator")
    assert page.status_code == 200
    assert "Semua baik. Terakhir diperiksa" in page.text
    assert 'data-clock>10.30</time><span class="zone"> WITA</span>' in page.text


async def test_a_lost_gateway_is_raised_once_takes_its_devices_along_and_can_be_muted(web: Web) -> None:
    archive_speaks(web)
    look(web, 20)
    device(web, "mmw-d-001", alive=False, cause="silent", last_heard=written(NOON))
    ready(web.site.live, NOON, "lost")
    look(web, 15)
    client = web.client(Role.OPERATOR)
    page = await client.get("/operator")
    assert "Gerbang gw-01 tidak terdengar" in page.text
    assert "Perangkat mmw-d-001" not in page.text
    muted = await client.post("/operator/bisukan", data={"tentang": GATEWAY, "detik": 3600})
    assert muted.status_code == 303
    page = await client.get("/operator")
    assert "Semua baik" not in page.text
    assert "Tidak ada yang mendesak. Terakhir diperiksa" in page.text
    assert "1 hal dibisukan" in page.text
    assert (await client.post("/operator/bisukan", data={"tentang": "tidak-ada", "detik": 3600})).status_code == 303
    assert set(web.site.muting.all()) == {(GATEWAY, "*")}


async def test_behind_a_lost_gateway_or_broker_nothing_is_called_over(web: Web) -> None:
    archive_speaks(web)
    assert "Baru mulai memeriksa" in (await web.client(Role.OPERATOR).get("/operator")).text
    look(web, 20)
    device(web, "mmw-d-001", alive=False, cause="silent", last_heard=written(NOON))
    look(web, 15)
    ready(web.site.live, NOON, "lost")
    look(web, 120)
    page = (await web.client(Role.OPERATOR).get("/operator")).text
    assert "Perangkat mmw-d-001" not in page
    web.site.live.set_connected(False)
    look(web, 120)
    page = (await web.client(Role.OPERATOR).get("/operator")).text
    assert "tidak terhubung ke broker" in page
    assert "gw-01" not in page
    ready(web.site.live, NOON)
    look(web, 30)
    assert "Perangkat mmw-d-001 tidak terdengar" in (await web.client(Role.OPERATOR).get("/operator")).text


async def test_outside_working_time_only_what_is_urgent_is_loud_and_silence_by_design_is_nothing(web: Web) -> None:
    web.clock.advance(12 * 3600)
    archive_speaks(web)
    ready(web.site.live, web.clock.office())
    look(web, 20)
    device(web, "mmw-d-001", alive=None)
    device(web, "mmw-d-002", alive=False, cause="silent")
    look(web, 15)
    assert web.site.watch.kind() == "off"
    page = await web.client(Role.OPERATOR).get("/operator")
    assert "Semua baik" not in page.text
    assert "Tidak ada yang mendesak" in page.text
    assert "1 hal dapat menunggu jam kerja" in page.text
    assert "mmw-d-001" not in page.text
    archive_speaks(web, two_boots=[GATEWAY])
    look(web, 15)
    assert "Dua kotak" in (await web.client(Role.OPERATOR).get("/operator")).text.split("hal dapat menunggu")[0]


async def figures(web: Web) -> dict[str, str]:
    """What stands below, by its word."""
    page = (await web.client(Role.OPERATOR).get("/operator")).text
    return {word.strip(): n for n, word in re.findall(r"<strong>([^<]*)</strong>([^<]*)</a></li>", page)}


async def test_only_what_is_known_to_work_is_counted_as_working(web: Web) -> None:
    device(web, "mmw-d-001", alive=True)
    device(web, "mmw-d-002", alive=None)
    device(web, "mmw-d-003", alive=False, cause="silent")
    device(web, "sensor-lama", alive=True)  # is in no configuration any more
    assert (await figures(web))["perangkat bekerja"] == "2/4"
    ready(web.site.live, NOON, "lost")
    found = await figures(web)
    assert (found["gerbang terdengar"], found["perangkat bekerja"]) == ("0/1", "0/4")


async def test_without_a_broker_nothing_is_counted_and_nothing_is_well(web: Web) -> None:
    archive_speaks(web)
    device(web, "mmw-d-001", alive=True)
    look(web, 20)
    web.site.live.set_connected(False)
    assert await figures(web) == {}
    page = (await web.client(Role.OPERATOR).get("/operator")).text
    assert "tidak diketahui: sambungan ke broker terputus" in page
    assert "Semua baik" not in page


async def test_the_changing_part_is_answered_by_304_while_nothing_changes(web: Web) -> None:
    archive_speaks(web)
    look(web, 30)
    client = web.client(Role.OPERATOR)
    first = await client.get("/operator/isi")
    again = await client.get("/operator/isi", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_what_a_gateway_says_of_itself_is_in_words_of_people(web: Web) -> None:
    archive_speaks(web)
    alarm = {"name": "broker_refuses", "about": "hadir/v1/evt/#", "why": "not authorized", "do": "see"}
    unknown = {"name": "something_new", "about": "", "why": "<b>new</b>", "do": "x"}
    body = wire.write(
        wire.GatewayHealth,
        {
            "boot": BOOT,
            "at": written(NOON),
            "alarms": (alarm, unknown),
            "backlog": {"count": 3, "bytes": 10, "oldest_s": 1.0, "dead": 2},
        },
    )
    web.site.live.take(topics.gateway_health("kantor", GATEWAY), body)
    look(web, 30)
    page = (await web.client(Role.OPERATOR).get("/operator")).text
    assert "Broker menolak kiriman gerbang gw-01" in page
    assert "2 kejadian gerbang gw-01 ditolak arsip" in page
    assert "&lt;b&gt;new" in page


async def test_only_an_operator_looks(web: Web) -> None:
    for path in ("/operator", "/operator/isi"):
        assert (await web.employee().get(path)).status_code == 403
        assert (await web.client().get(path)).status_code == 303
