"""Events, attendance and the way there: cursors, files, look-ups that people see."""

from __future__ import annotations

import asyncio
import csv
import io
import json

from gateway.contract.events import EVENTS
from gateway.ledger import Ledger
from gateway.web.api.attendance_wire import Day
from gateway.web.api.events import _followed, scope
from gateway.web.mine.requests import APPROVED, REFUSED, Requests
from gateway.web.readers import MOST_EACH
from gateway.web.records.cursors import Cursor
from gateway.web.records.feed import page
from gateway.web.records.rows import Rows
from gateway.web.viewer import Role, Viewer
from tests.web.api.books import HOUR, MORNING, VISIT, Archive
from tests.web.api.conftest import Backend
from tests.web.conftest import NOON, Web
from tests.web.office import DESK
from tests.web.records.ledgers import put_back


async def test_events_go_on_where_the_cursor_says(web: Web, backend: Backend, archive: Archive) -> None:
    told = [archive.changed(MORNING + n) for n in range(5)]
    client = backend(Role.INTEGRATOR, units=["panrb"])
    got, cursor, more = [], "", "true"
    while more == "true":
        answer = await client.get("/api/v1/events", params={"after": cursor, "limit": 2})
        assert answer.headers["content-type"] == "application/x-ndjson"
        got += [json.loads(line)["id"] for line in answer.text.splitlines()]
        cursor, more = answer.headers["hadir-cursor"], answer.headers["hadir-more"]
    assert got == told
    later = archive.changed(MORNING + HOUR)
    assert json.loads((await client.get("/api/v1/events", params={"after": cursor})).text)["id"] == later
    ahead = await client.get("/api/v1/events?after=99")
    assert (ahead.status_code, ahead.headers["content-type"]) == (409, "application/problem+json")
    assert "begin at 0" in ahead.json()["title"]


async def test_a_reader_of_an_archive_that_was_put_back_is_told(web: Web, backend: Backend, archive: Archive) -> None:
    path = web.site.reading.ledger
    archive.changed()
    copied = archive.copy()
    archive.changed(MORNING + 1)
    client = backend(Role.INTEGRATOR, units=["panrb"])
    at_copy = (await client.get("/api/v1/events?limit=1")).headers["hadir-cursor"]
    cursor = (await client.get("/api/v1/events")).headers["hadir-cursor"]
    archive.close()
    put_back(copied, path)
    archive.ledger = Ledger(path)
    told = [archive.changed(MORNING + 10 + n) for n in range(3)]
    for ask in (f"/api/v1/events?after={cursor}", f"/api/v1/stream?after={cursor}"):
        assert (await client.get(ask)).status_code == 409
    assert (await client.get("/api/v1/stream", headers={"last-event-id": cursor})).status_code == 409
    found = await client.get(f"/api/v1/events?after={at_copy}")  # what it has read is in both
    assert [json.loads(line)["id"] for line in found.text.splitlines()] == told


async def test_events_by_type_and_place(web: Web, backend: Backend, archive: Archive) -> None:
    archive.changed()
    rejected = archive.tell("badge.rejected", reader="rdr-d-001", cause="unknown")
    client = backend(Role.OPERATOR)
    answer = await client.get("/api/v1/events", params={"type": "badge.rejected", "place": "kantor/utama/l01/timur/_"})
    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == [rejected]
    assert (await client.get("/api/v1/events?type=nonsense")).status_code == 422


async def test_who_follows_gets_what_is_committed_and_goes_on_after_a_break(web: Web, archive: Archive) -> None:
    archive.changed()
    viewer = Viewer(account="a", roles=frozenset({Role.INTEGRATOR}), units=frozenset({"panrb"}))
    who = scope(viewer)
    first = await web.site.reading.ask(lambda view: page(Rows.over(view), who, Cursor()))
    following = _followed(web.site, viewer, Cursor(), first, (), "")
    assert (await anext(following)).startswith(b"retry:")
    assert b"id: 1." in await anext(following)
    assert web.site.followers.readers.count == 1
    archive.checkin(web.person())
    found = await asyncio.wait_for(anext(following), 5)
    newest = await web.site.reading.ask(lambda view: Rows.over(view).newest())
    assert found.startswith(b"event: desk.checkin.started\nid: %b\ndata: {" % str(newest).encode())
    await following.aclose()
    assert web.site.followers.readers.count == 0


async def test_an_account_that_leaks_streams_locks_nobody_else_out(
    web: Web, backend: Backend, archive: Archive
) -> None:
    archive.changed()
    leaking, other = backend(Role.INTEGRATOR, units=["panrb"]), Viewer(account="o", roles=frozenset({Role.INTEGRATOR}))
    (account,) = {str(row[0]) for row in web.site.accounts.connection.execute("SELECT account FROM token")}
    viewer = Viewer(account=account, roles=frozenset({Role.INTEGRATOR}))
    first = await web.site.reading.ask(lambda view: page(Rows.over(view), scope(viewer), Cursor()))
    opened = [_followed(web.site, viewer, Cursor(), first, (), "") for _ in range(MOST_EACH)]
    for stream in opened:
        await anext(stream)
    refused = await leaking.get("/api/v1/stream")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
    assert web.site.followers.readers.has_room(other.each)
    for stream in opened:
        await stream.aclose()
    assert web.site.followers.readers.count == 0


async def test_a_day_as_json_and_csv(web: Web, backend: Backend, archive: Archive) -> None:
    pid = web.site.people.enrol(unit="panrb", name="Ani Uji", staff_number="12345")
    archive.tell("gateway.started", MORNING)
    archive.checkin(pid)
    client = backend(Role.INTEGRATOR, units=["panrb"])
    query = "/api/v1/attendance?unit=panrb&date=2026-11-26"
    found = (await client.get(query)).json()
    (act,) = found["acts"]
    assert (act["pid"], act["place"], act["ended"], act["assurance"]) == (pid, DESK, None, "claimed")
    assert "staff_number" not in act
    assert found["complete_until"] is None
    assert found["complete_day"] is False
    assert "not the official" in found["note"].lower()
    answer = await client.get(f"{query}&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attendance-panrb-2026-11-26.csv" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["pid"], row["staff_number"]) == (pid, "")
    assert web.site.accounts.lookups(pid) == []


async def test_staff_numbers_need_a_reason_that_the_person_sees(web: Web, backend: Backend, archive: Archive) -> None:
    pid = web.site.people.enrol(unit="panrb", name="Ani Uji", staff_number="12345")
    archive.checkin(pid)
    client = backend(Role.INTEGRATOR, units=["panrb"])
    query = "/api/v1/attendance?unit=panrb&date=2026-11-26&staff_numbers=true"
    assert (await client.get(query)).status_code == 403
    found = (await client.get(f"{query}&reason=rekap bulanan")).json()
    Day.model_validate(found)
    assert found["acts"][0]["staff_number"] == "12345"
    ((_, _, what, reason),) = web.site.accounts.lookups(pid)
    assert (what, reason) == ("attendance", "rekap bulanan")
    (row,) = csv.DictReader(io.StringIO((await client.get(f"{query}&reason=rekap bulanan&format=csv")).text))
    assert row["staff_number"] == "12345"
    for refused in (backend(Role.OPERATOR, units=["panrb"]), backend(Role.INTEGRATOR, units=["bkn"])):
        assert (await refused.get(f"{query}&reason=rekap bulanan")).status_code == 403


async def test_an_operator_looks_people_up_with_a_reason(web: Web, backend: Backend, archive: Archive) -> None:
    pid = web.person()
    archive.checkin(pid)
    client = backend(Role.OPERATOR, units=["panrb"])
    query = "/api/v1/attendance?unit=panrb&date=2026-11-26"
    assert (await client.get(query)).status_code == 403
    assert (await client.get(f"{query}&reason=koreksi")).status_code == 200
    assert web.site.accounts.lookups(pid)[0][2:] == ("attendance", "koreksi")


async def test_who_has_moved_to_another_unit_sees_that_an_old_day_was_looked_at(
    web: Web, backend: Backend, archive: Archive
) -> None:
    stays = web.site.people.enrol(unit="panrb", name="Ani Uji", staff_number="1")
    moved = web.site.people.enrol(unit="bkn", name="Budi Uji", staff_number="2")
    archive.checkin(stays, unit="panrb")
    archive.checkin(moved, MORNING + HOUR, "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0cb", unit="panrb")
    query = "/api/v1/attendance?unit=panrb&date=2026-11-26&reason=koreksi"
    answer = await backend(Role.OPERATOR, units=["panrb"]).get(query)
    assert {act["pid"] for act in answer.json()["acts"]} == {stays, moved}
    assert [len(web.site.accounts.lookups(pid)) for pid in (stays, moved)] == [1, 1]
    found = (await backend(Role.INTEGRATOR, units=["panrb"]).get(f"{query}&staff_numbers=true")).json()
    assert {act["pid"]: act["staff_number"] for act in found["acts"]} == {stays: "1", moved: None}


async def test_a_unit_is_looked_up_without_a_write_on_the_event_loop(
    web: Web, backend: Backend, archive: Archive
) -> None:
    pids = [web.person() for _ in range(3)]
    for n, pid in enumerate(pids):
        archive.checkin(pid, MORNING + n * HOUR, f"8567dff2-fd7f-5cc9-a0ca-922e8b2ce0c{n}")
    client = backend(Role.OPERATOR, units=["panrb"])
    loops = web.site.accounts.connection
    writes = loops.total_changes()
    query = "/api/v1/attendance?unit=panrb&date=2026-11-26&reason=koreksi"
    assert (await client.get(query)).status_code == 200
    assert [len(web.site.accounts.lookups(pid)) for pid in pids] == [1, 1, 1]
    assert loops.total_changes() == writes


async def test_what_an_operator_approved_is_in_the_day(web: Web, backend: Backend, archive: Archive) -> None:
    pid = web.person()
    archive.tell("gateway.started", MORNING)
    archive.tell("coverage.lost", MORNING, **{"from": MORNING, "places": [DESK], "cause": "sensor"})
    archive.checkin(pid)
    requests = Requests(web.site.accounts.connection)
    more = {"pid": pid, "unit": "panrb", "at": NOON, "kind": "lupa_tap", "old": "", "note": "rahasia"}
    new = "2026-11-26T08:00:00.000Z"
    asked = [
        requests.ask(field="last_evidence", target=VISIT, new=new, **more),
        requests.ask(field="start", target="", new="2026-11-26T00:00:00.000Z", **more),
        requests.ask(field="note", target="", new="2026-11-26", **{**more, "kind": "surat_tugas"}),
        requests.ask(field="note", target="", new="2026-11-25", **more),
    ]
    refused = requests.ask(field="start", target=VISIT, new=new, **more)
    for one in asked:
        assert requests.decide(one, APPROVED, by="a-1", at=NOON, answer="sudah diperiksa")
    assert requests.decide(refused, REFUSED, by="a-1", at=NOON, answer="tidak benar")
    client = backend(Role.INTEGRATOR, units=["panrb"])
    answer = await client.get("/api/v1/attendance?unit=panrb&date=2026-11-26")
    Day.model_validate(answer.json())
    (act,) = answer.json()["acts"]
    assert act["ended"] == new
    assert [(fix["field"], fix["reason"], fix["by"]) for fix in act["corrections"]] == [
        ("last_evidence", "lupa_tap", "operator")
    ]
    assert [(one["kind"], one["field"], one["new"]) for one in answer.json()["approved_without_record"]] == [
        ("lupa_tap", "start", "2026-11-26T00:00:00.000Z"),
        ("surat_tugas", "note", "2026-11-26"),
    ]
    assert "rahasia" not in answer.text
    rows = list(csv.reader(io.StringIO((await client.get(f"{answer.url}&format=csv")).text)))
    assert len({len(row) for row in rows}) == 1
    assert [row[4] for row in rows[1:]] == ["desk", "approved lupa_tap", "approved surat_tugas"]


async def test_whoever_copied_learns_whom_to_forget(web: Web, backend: Backend, archive: Archive) -> None:
    pids = [f"p-000000000000000{n}" for n in range(3)]
    for n, pid in enumerate(pids):
        archive.ledger.erase(pid, MORNING + n * HOUR)
    client = backend(Role.INTEGRATOR, units=["panrb"])
    first = (await client.get("/api/v1/erased?limit=2")).json()
    assert [one["pid"] for one in first["items"]] == pids[:2]
    rest = (await client.get("/api/v1/erased", params={"since": first["next"]})).json()
    assert ([one["pid"] for one in rest["items"]], rest["next"]) == (pids[1:], None)


async def test_how_complete_it_is(web: Web, backend: Backend, archive: Archive) -> None:
    archive.tell("gateway.started", MORNING)
    found = (await backend(Role.INTEGRATOR, units=["panrb"]).get("/api/v1/completeness")).json()
    assert found["until"] is None
    assert [(one["gateway"], one["cause"]) for one in found["gateways"]] == [("gw-01", "ledger")]


async def test_days_that_there_are_not(web: Web, backend: Backend) -> None:
    client = backend(Role.INTEGRATOR, units=["panrb"])
    for day, status in (("0001-01-01", 404), ("9999-12-31", 404), ("2026-02-30", 422), ("x", 422)):
        assert (await client.get(f"/api/v1/attendance?unit=panrb&date={day}")).status_code == status


async def test_the_contract_as_files(web: Web, backend: Backend) -> None:
    client = backend()
    names = (await client.get("/api/v1/schemas")).json()["schemas"]
    assert set(EVENTS) <= set(names)
    for version in ("1.0", "1"):
        found = await client.get(f"/api/v1/schemas/occupancy.changed/{version}")
        assert found.json()["$id"] == "urn:hadir:schema:occupancy.changed:1.0"
    for wrong in ("occupancy.changed/2.0", "nothing/1.0", "..%2Fasyncapi/1.0"):
        assert (await client.get(f"/api/v1/schemas/{wrong}")).status_code == 404
    assert (await client.get("/api/v1/asyncapi.yaml")).text.startswith("# Made by")


async def test_equipment(web: Web, backend: Backend, archive: Archive) -> None:
    archive.tell("gateway.started", MORNING)
    archive.tell("coverage.lost", MORNING + HOUR, **{"from": MORNING + HOUR, "places": [DESK], "cause": "sensor"})
    client = backend(Role.OPERATOR)
    devices = (await client.get("/api/v1/devices?limit=2")).json()
    assert [one["device"] for one in devices["items"]] == ["mmw-d-001", "mmw-d-002"]
    assert devices["next"] == "mmw-d-002"
    assert (await client.get("/api/v1/devices/rdr-d-001")).json()["place"] == DESK
    assert (await client.get("/api/v1/devices/nothing")).status_code == 404
    (gateway,) = (await client.get("/api/v1/gateways")).json()["items"]
    assert (gateway["gateway"], gateway["state"]) == ("gw-01", "ready")
    assert (await client.get("/api/v1/gateways/gw-01/health")).json()["heard"] is False
    gaps = (await client.get("/api/v1/gateways/gw-01/gaps")).json()
    assert gaps["complete_until"] is None
    assert [(one["about"], one["cause"]) for one in gaps["away"]] == [(DESK, "sensor")]
    assert (await client.get("/api/v1/gateways/gw-99/gaps")).status_code == 404


async def test_whether_it_runs(web: Web, backend: Backend, archive: Archive) -> None:
    client = backend()
    assert (await client.get("/healthz")).text == "ok\n"
    assert (await client.get("/readyz")).status_code == 200
    web.site.live.set_connected(False)
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "no broker\n")
    text = (await backend(Role.OPERATOR).get("/metrics")).text
    assert 'hadir_places{status="unknown"} 4' in text
