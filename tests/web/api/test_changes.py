"""Check-ins and reservations without a broker: what is refused before anybody is asked, and keys."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.clock import ManualClock
from gateway.web.api.commands import failed
from gateway.web.asking import Answer
from gateway.web.idempotency import KEPT_S, Kept, Once, Reused, Running
from gateway.web.viewer import Role
from tests.web.api.books import MORNING, VISIT, Archive
from tests.web.api.conftest import Backend
from tests.web.conftest import NOON, Web
from tests.web.office import DESK


async def test_without_a_broker_nothing_is_done_and_that_is_said(web: Web, backend: Backend) -> None:
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    wanted = {"place": DESK, "start": "2026-11-27T01:00:00Z", "end": "2026-11-27T09:00:00+00:00"}
    for path, body in (("/api/v1/checkins", {"place": DESK}), ("/api/v1/reservations", wanted)):
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["reason"]) == (503, "not_connected")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("reason", "status"),
    [("no_change", 409), ("no_answer", 504), ("expired", 503), ("not_owner", 503), ("forbidden", 403), ("x", 409)],
)
def test_what_a_gateway_does_not_do_is_said(reason: str, status: int) -> None:
    assert failed(Answer(ok=False, reason=reason)).status == status


async def test_what_is_no_check_in(web: Web, backend: Backend) -> None:
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    bodies: tuple[Any, ...] = (
        {},
        {"place": DESK, "code": "AAAA"},
        {"place": "x"},
        {"place": DESK, "method": "badge"},
        {"place": DESK, "pid": "p-0011223344556677"},
        [],
    )
    for body in bodies:
        answer = await client.post("/api/v1/checkins", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), body
        assert answer.json()["errors"]


async def test_a_desk_that_there_is_not(web: Web, backend: Backend) -> None:
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    assert (await client.post("/api/v1/checkins", json={"place": DESK[:-1] + "9"})).status_code == 404
    assert (await client.post("/api/v1/checkins", json={"code": "AAAA-AAAA"})).status_code == 404


async def test_leaving_is_for_whoever_sits_there(web: Web, backend: Backend, archive: Archive) -> None:
    """503: it is theirs to ask for, and there is no broker."""
    pid = web.person()
    archive.checkin(pid)
    archive.checkin()
    path = f"/api/v1/checkins/{VISIT}/end"
    for client, status in (
        (backend(Role.EMPLOYEE, pid=web.person(), unit="panrb"), 404),
        (backend(Role.DISPLAY), 403),
        (backend(Role.OPERATOR, units=["bkn"]), 404),
        (backend(Role.EMPLOYEE, pid=pid, unit="panrb"), 503),
        (backend(Role.OPERATOR, units=["panrb"]), 503),
    ):
        assert (await client.post(path)).status_code == status


async def test_what_one_sees_of_oneself(web: Web, backend: Backend, archive: Archive) -> None:
    pid = web.person(name="Sari Uji")
    archive.checkin(pid)
    client = backend(Role.EMPLOYEE, pid=pid, unit="panrb")
    me = (await client.get("/api/v1/me")).json()
    assert (me["pid"], me["name"], me["desk"], me["checkin_id"]) == (pid, "Sari Uji", DESK, VISIT)
    (mine,) = (await client.get("/api/v1/me/checkins")).json()["items"]
    assert (mine["place"], mine["ended"], mine["method"]) == (DESK, None, "badge")
    nobody = (await backend(Role.INTEGRATOR, units=["panrb"]).get("/api/v1/me")).json()
    assert (nobody["pid"], nobody["name"], nobody["units"]) == (None, None, ["panrb"])


async def test_pages_of_ones_own_miss_nothing_that_came_meanwhile(web: Web, backend: Backend, archive: Archive) -> None:
    pid = web.person()
    visits = [f"{VISIT[:-1]}{n}" for n in range(5)]
    for n, visit in enumerate(visits[:4]):
        archive.checkin(pid, at=MORNING + n // 2 * 10**9, visit=visit)
        archive.reserved(f"b-{n}", NOON + (n // 2) * 10**9, NOON + 10**12, person=pid)
    client = backend(Role.EMPLOYEE, pid=pid, unit="panrb")
    for path, key in (("me/checkins", "checkin_id"), ("reservations", "booking_ref")):
        got, cursor = [], None
        while True:
            page = (
                await client.get(f"/api/v1/{path}", params={"limit": 1, **({"cursor": cursor} if cursor else {})})
            ).json()
            got += [one[key] for one in page["items"]]
            cursor = page["next"]
            if len(got) == 2 and path == "me/checkins":
                archive.checkin(pid, at=MORNING + 9 * 10**9, visit=visits[4])
            if cursor is None:
                break
        assert len(got) == len(set(got)) == 4
    assert (await client.get("/api/v1/me/checkins?cursor=x")).status_code == 422


async def test_a_reservation_is_its_owners(web: Web, backend: Backend, archive: Archive) -> None:
    pid = web.person()
    archive.reserved("b-1", NOON + 10**12, NOON + 2 * 10**12, person=pid)
    client = backend(Role.EMPLOYEE, pid=pid, unit="panrb")
    (mine,) = (await client.get("/api/v1/reservations")).json()["items"]
    assert (mine["booking_ref"], mine["state"], mine["place"]) == ("b-1", "reserved", DESK)
    assert (await client.delete("/api/v1/reservations/b-1")).status_code == 503
    stranger = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    assert (await stranger.get("/api/v1/reservations")).json()["items"] == []
    assert (await stranger.delete("/api/v1/reservations/b-1")).status_code == 404


async def test_times_that_cannot_be(web: Web, backend: Backend) -> None:
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    for start, end, status in (
        ("2026-11-27T09:00:00Z", "2026-11-27T01:00:00Z", 409),
        ("2026-11-20T01:00:00Z", "2026-11-20T09:00:00Z", 409),
        ("2029-11-20T01:00:00Z", "2029-11-20T09:00:00Z", 409),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 409),
        ("2026-11-27T09:00:00", "2026-11-27T10:00:00Z", 422),
        ("tomorrow", "2026-11-27T10:00:00Z", 422),
    ):
        answer = await client.post("/api/v1/reservations", json={"place": DESK, "start": start, "end": end})
        assert answer.status_code == status, (start, end)


async def test_with_another_booking_system_that_one_is_the_master(web: Web, backend: Backend) -> None:
    rules = web.site.office.rules
    rules = rules.model_copy(update={"desk": rules.desk.model_copy(update={"bookings": "external"})})
    object.__setattr__(web.site, "office", web.site.office.model_copy(update={"rules": rules}))
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    wanted = {"place": DESK, "start": "2026-11-27T01:00:00Z", "end": "2026-11-27T09:00:00Z"}
    answer = await client.post("/api/v1/reservations", json=wanted)
    assert answer.status_code == 409
    assert "another system" in answer.json()["title"]
    assert (await client.delete("/api/v1/reservations/b-1")).status_code == 409


async def test_changes_have_a_pace(web: Web, backend: Backend) -> None:
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    answers = [(await client.post("/api/v1/checkins", json={"place": DESK})).status_code for _ in range(62)]
    assert answers[:60] == [503] * 60
    assert answers[60:] == [429] * 2


async def test_keys_are_kept_for_a_day_and_two_at_once_are_not_done(web: Web) -> None:
    clock = ManualClock(NOON)
    once = Once(web.site.accounts.connection, clock)
    made: list[str] = []
    status = 504

    async def make(identity: str) -> Kept:
        with pytest.raises(Running):
            await once.do("a", "k", b"x", make)
        made.append(identity)
        return Kept(status=status, body=b"1")

    assert not (await once.do("a", "k", b"x", make)).again
    status = 200  # nobody knows what became of the first: it is asked again, as the same command
    assert not (await once.do("a", "k", b"x", make)).again
    assert (await once.do("a", "k", b"x", make)).again
    with pytest.raises(Reused):
        await once.do("a", "k", b"y", make)
    clock.advance(KEPT_S + 1)
    assert not (await once.do("a", "k", b"x", make)).again
    assert len(made) == 3
    assert len(set(made)) == 1
