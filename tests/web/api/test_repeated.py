"""What is asked for again under its Idempotency-Key, also when the first answer was lost, and who ends a check-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.clock import SECOND, ManualClock
from gateway.web import asking
from gateway.web.viewer import Role
from tests.conftest import Mosquitto, free_port
from tests.delivery.links import ready
from tests.delivery.world import running
from tests.web.api.books import HOUR, VISIT, Archive
from tests.web.api.conftest import Backend
from tests.web.conftest import NOON, Web, opened
from tests.web.desk_gateway import DeskGateway, serving
from tests.web.office import DESK, FOREIGN, write_office

KEY = {"idempotency-key": "once"}


@pytest.fixture
async def web(tmp_path: Path, clock: ManualClock, mosquitto: Mosquitto) -> AsyncIterator[Web]:
    """With a broker."""
    file = write_office(tmp_path, port=mosquitto.port, web_port=free_port())
    async with opened(file, clock) as made, running(made.serve._link):
        await ready(made.serve._link)
        yield made


@pytest.fixture
async def gateway(web: Web, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DeskGateway]:
    monkeypatch.setattr(asking, "ANSWER_S", 0.5)
    async with serving(web.site.file, mosquitto.port, web.clock) as made:
        yield made


async def test_a_reservation_is_given_up_once_and_answered_each_time(
    web: Web, backend: Backend, archive: Archive, gateway: DeskGateway
) -> None:
    pid = web.person()
    start, end = NOON + HOUR, NOON + 2 * HOUR
    await web.site.asker.ask(
        "reserve", DESK, actor="a", role="user", pid=pid, args={"booking_ref": "b-1", "start": start, "end": end}
    )
    archive.reserved("b-1", start, end, person=pid)
    client = backend(Role.EMPLOYEE, pid=pid, unit="panrb")
    gateway.mute = True
    lost = await client.delete("/api/v1/reservations/b-1", headers=KEY)
    assert lost.status_code == 504
    archive.tell("desk.reservation.cancelled", person=pid, booking_ref="b-1", due=start, until=end, cause="user")
    gateway.speak()
    done, again = [await client.delete("/api/v1/reservations/b-1", headers=KEY) for _ in range(2)]
    assert (done.status_code, again.status_code, again.json()) == (200, 200, done.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert gateway.told == ["desk.reservation.created"] * 2 + ["desk.reservation.cancelled"] * 2
    for headers in ({}, {"idempotency-key": "another"}):
        assert (await client.delete("/api/v1/reservations/b-1", headers=headers)).status_code == 404


async def test_a_desk_is_left_once_and_answered_each_time(
    web: Web, backend: Backend, archive: Archive, gateway: DeskGateway
) -> None:
    pid = web.person()
    client = backend(Role.EMPLOYEE, pid=pid, unit="panrb")
    visit = await taken(web, archive, gateway, pid)
    gateway.mute = True
    assert (await client.post(f"/api/v1/checkins/{visit}/end", headers=KEY)).status_code == 504
    archive.checkout(pid, visit=visit, start=NOON)
    gateway.speak()
    web.clock.advance(1)
    later = await web.site.asker.ask("checkin", DESK, actor="a", role="user", pid=pid, unit="panrb")
    assert later.ok
    done, again = [await client.post(f"/api/v1/checkins/{visit}/end", headers=KEY) for _ in range(2)]
    assert (done.status_code, again.status_code, again.json()) == (200, 200, done.json())
    for headers in ({}, {"idempotency-key": "another"}):
        answer = await client.post(f"/api/v1/checkins/{visit}/end", headers=headers)
        assert answer.status_code == 404
    assert gateway.told[-1] == "desk.checkin.started", "whoever sits there now is not sent away for who did before"


async def test_what_was_taken_is_answered_again_when_it_could_not_be_taken_now(
    web: Web, backend: Backend, archive: Archive, gateway: DeskGateway
) -> None:
    client = backend(Role.EMPLOYEE, pid=web.person(), unit="panrb")
    wanted = {"place": DESK, "start": "2026-11-26T03:00:00Z", "end": "2026-11-26T04:00:00Z"}
    first = await client.post("/api/v1/reservations", json=wanted, headers=KEY)
    assert first.status_code == 201, first.text
    web.clock.advance(2 * 3600)
    again = await client.post("/api/v1/reservations", json=wanted, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_an_operator_ends_their_own_as_whoever_sits_there(
    web: Web, backend: Backend, archive: Archive, gateway: DeskGateway
) -> None:
    pid = web.person()
    client = backend(Role.EMPLOYEE, Role.OPERATOR, pid=pid, unit="panrb", units=["panrb"])
    visit = await taken(web, archive, gateway, pid)
    assert (await client.post(f"/api/v1/checkins/{visit}/end")).status_code == 200
    assert (gateway.asked[-1].name, gateway.asked[-1].actor, gateway.asked[-1].person) == ("checkout", "user", pid)
    archive.checkout(pid, visit=visit, start=NOON)
    # a desk of another unit, which this operator does not run, and somebody else's at one that it does
    away = VISIT[:-1] + "d"
    archive.checkin(pid, NOON - SECOND, visit=away, place=FOREIGN)
    assert (await client.post(f"/api/v1/checkins/{away}/end")).json()["title"] == "it is over already"
    assert (gateway.asked[-1].name, gateway.asked[-1].place) == ("checkout", FOREIGN)
    other = VISIT[:-1] + "e"
    archive.checkin(visit=other)
    assert (await client.post(f"/api/v1/checkins/{other}/end")).status_code == 409
    assert (gateway.asked[-1].name, gateway.asked[-1].actor, gateway.asked[-1].person) == ("release", "operator", "")


async def taken(web: Web, archive: Archive, gateway: DeskGateway, pid: str) -> str:
    """The person's check-in at DESK; the archive has it."""
    answer = await web.site.asker.ask("checkin", DESK, actor="a", role="user", pid=pid, unit="panrb")
    assert answer.ok
    visit = gateway.lives[-1].checkin_id
    for person in (pid, ""):
        archive.checkin(person, NOON, visit=visit)
    return visit
