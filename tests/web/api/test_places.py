"""Places and availability: as the live picture has them, paged, cheap to ask again."""

from __future__ import annotations

import gzip
import json

import pytest

from gateway.clock import ManualClock
from gateway.web import availability as module
from gateway.web.availability import BEAT_S, Availability, Question
from gateway.web.viewer import Role
from tests.web.api.books import HOUR, Archive
from tests.web.api.conftest import Backend
from tests.web.conftest import NOON, Web
from tests.web.office import DESK, FLOOR, FOREIGN, OTHER, ROOM, told


async def test_places_are_paged_and_filtered(web: Web, backend: Backend) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free", life_since=NOON)
    client = backend(Role.DISPLAY)
    first = (await client.get("/api/v1/places?limit=3")).json()
    assert [item["place"] for item in first["items"]] == [FOREIGN, DESK, OTHER]
    second = (await client.get("/api/v1/places", params={"limit": 3, "cursor": first["next"]})).json()
    assert ([item["place"] for item in second["items"]], second["next"]) == ([ROOM], None)
    free = (await client.get("/api/v1/places?status=free")).json()["items"]
    assert [(item["place"], item["life"], item["cause"]) for item in free] == [(DESK, "free", None)]
    rooms = (await client.get("/api/v1/places?kind=room&unit=panrb")).json()["items"]
    assert [item["name"] for item in rooms] == ["Ruang Mahakam"]
    below = (await client.get("/api/v1/places", params={"place": f"{FLOOR}/barat/_"})).json()["items"]
    assert [item["place"] for item in below] == [FOREIGN]


async def test_what_is_not_known_says_why(web: Web, backend: Backend) -> None:
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    found = (await client.get(f"/api/v1/places/{DESK}")).json()
    assert (found["status"], found["state"], found["cause"]) == ("unknown", "unknown", "gateway_down")
    web.site.live.set_connected(False)
    found = (await client.get(f"/api/v1/places/{DESK}")).json()
    assert (found["status"], found["cause"]) == ("unknown", "not_connected")


async def test_zones_floors_and_buildings_are_numbers(web: Web, backend: Backend) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free", life_since=NOON)
    client = backend(Role.DISPLAY)
    zone = (await client.get(f"/api/v1/places/{FLOOR}/timur/_")).json()
    assert (zone["kind"], zone["counts"]["free"], zone["counts"]["unknown"]) == ("zone", 1, 2)
    floor = (await client.get("/api/v1/places/kantor/utama/l01")).json()
    assert (floor["place"], floor["kind"], sum(floor["counts"].values())) == ("kantor/utama/l01/_/_", "floor", 4)
    assert (await client.get("/api/v1/places/kantor")).json()["kind"] == "site"
    for wrong in ("nowhere", "kantor/nowhere", f"{FLOOR}/timur/d-009", "kantor/utama/l01/timur/d-001/x"):
        assert (await client.get(f"/api/v1/places/{wrong}")).status_code == 404


async def test_an_etag_saves_the_body_until_something_changes(web: Web, backend: Backend) -> None:
    client = backend(Role.DISPLAY)
    for path in ("/api/v1/places?kind=desk", f"/api/v1/places/{DESK}", "/api/v1/availability", "/api/v1/asyncapi.yaml"):
        tag = (await client.get(path)).headers["etag"]
        again = await client.get(path, headers={"if-none-match": f'"other", {tag}'})
        assert (again.status_code, again.content) == (304, b"")
    tag = (await client.get("/api/v1/places?kind=desk")).headers["etag"]
    told(web.site.live, DESK, "occupied", NOON)
    assert (await client.get("/api/v1/places?kind=desk", headers={"if-none-match": tag})).status_code == 200


async def test_availability_counts_and_items(web: Web, backend: Backend) -> None:
    told(web.site.live, DESK, "vacant", NOON, life="free", life_since=NOON)
    told(web.site.live, OTHER, "occupied", NOON, life="taken", life_since=NOON)
    client = backend(Role.DISPLAY)
    found = (await client.get("/api/v1/availability?kind=desk")).json()
    assert found["counts"] == {"free": 1, "taken": 1, "reserved": 0, "unknown": 1, "closed": 0}
    assert [(item["place"], item["status"]) for item in found["items"]] == [
        (FOREIGN, "unknown"),
        (DESK, "free"),
        (OTHER, "taken"),
    ]
    free = (await client.get("/api/v1/availability?status=free")).json()
    assert [item["place"] for item in free["items"]] == [DESK]
    page = (await client.get("/api/v1/availability?limit=2")).json()
    rest = (await client.get("/api/v1/availability", params={"limit": 2, "cursor": page["next"]})).json()
    assert [item["place"] for item in page["items"] + rest["items"]] == [FOREIGN, DESK, OTHER, ROOM]
    assert rest["next"] is None


async def test_at_a_time_to_come_what_is_taken_by_who_has_reserved_it(
    web: Web, backend: Backend, archive: Archive
) -> None:
    archive.reserved("b-1", NOON - HOUR, NOON + 3 * HOUR)
    archive.checkin(at=NOON - HOUR, booking_ref="b-1")
    query = {"at": "2026-11-26T04:30:00Z", "place": DESK}
    (item,) = (await backend(Role.DISPLAY).get("/api/v1/availability", params=query)).json()["items"]
    assert item["status"] == "reserved"


async def test_at_a_time_to_come_what_is_reserved(web: Web, backend: Backend, archive: Archive) -> None:
    archive.reserved("b-1", NOON + HOUR, NOON + 3 * HOUR)
    archive.reserved("b-2", NOON + HOUR, NOON + 3 * HOUR, place=OTHER)
    archive.reserved("b-2", NOON + HOUR, NOON + 3 * HOUR, place=OTHER, kind="cancelled")
    client = backend(Role.DISPLAY)
    found = (await client.get("/api/v1/availability", params={"at": "2026-11-26T04:30:00Z", "kind": "desk"})).json()
    assert {item["place"]: item["status"] for item in found["items"]} == {
        FOREIGN: "open",
        DESK: "reserved",
        OTHER: "open",
    }
    assert (found["counts"], found["at"]) == (None, "2026-11-26T04:30:00.000Z")
    for at in ("2026-11-26T00:30:00Z", "2029-11-26T00:30:00Z"):
        assert (await client.get("/api/v1/availability", params={"at": at})).status_code == 409
    assert (await client.get("/api/v1/availability?at=tomorrow")).status_code == 422


async def test_who_takes_gzip_gets_it_ready_made(web: Web, backend: Backend) -> None:
    client = backend(Role.DISPLAY)
    site = web.site
    given = site.availability.ask(Question(limit=1_000))
    plain = await client.get("/api/v1/availability", headers={"accept-encoding": "identity"})
    assert plain.content == given.body
    if given.packed:
        assert gzip.decompress(given.packed) == given.body
    assert (await client.get("/api/v1/availability", headers={"accept-encoding": "gzip"})).json() == plain.json()


def test_answers_are_kept_within_bounds(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    available = Availability(web.site.live, ManualClock(NOON, 10**12))
    size = available.ask(Question()).size
    monkeypatch.setattr(module, "MOST_BYTES", 3 * size)
    for n in range(1, 40):
        available.ask(Question(limit=n))
        assert available.held <= 3 * size
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    assert available.ask(Question()).size == size


def test_an_answer_is_at_most_a_beat_old(web: Web) -> None:
    clock = ManualClock(NOON, 10**12)
    available = Availability(web.site.live, clock)
    before = available.ask(Question())
    told(web.site.live, DESK, "occupied", NOON)
    assert available.ask(Question()) is before
    clock.advance(BEAT_S)
    after = available.ask(Question())
    assert after.version == web.site.live.version > before.version
    assert json.loads(after.body)["counts"]["taken"] == 1
    clock.advance(3600)
    assert available.ask(Question()) is after
