"""The API of a whole running site: real broker, gateway, archive and web, asked over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gateway.clock import SystemClock
from gateway.credentials import SiteKey
from gateway.web.accounts import Accounts
from gateway.web.codes import made
from gateway.web.stickers import readable
from gateway.web.viewer import Role
from tests.system.site import GUARD_S
from tests.web.office import DESK, OTHER
from tests.web.running import RunningWeb


@pytest.fixture(scope="module")
def token(running: RunningWeb) -> str:
    """Of an employee who is also their agency's integrator."""
    accounts = Accounts(running.office.path(running.office.web.data) / "web.sqlite", SystemClock())
    try:
        account = accounts.of_person(running.holder(), "panrb")
        accounts.grant(account, [Role.EMPLOYEE, Role.INTEGRATOR], ["*"])
        return accounts.new_token(account, "test")
    finally:
        accounts.close()


@pytest.fixture
def client(running: RunningWeb, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, headers={"authorization": f"Bearer {token}"}, timeout=20) as made:
        yield made


def until(look: object, what: str) -> None:
    deadline = time.monotonic() + GUARD_S
    while time.monotonic() < deadline:
        if look():  # type: ignore[operator]
            return
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


def test_a_desk_is_taken_once_shown_told_and_left(client: httpx.Client) -> None:
    key = {"idempotency-key": "first"}
    first = client.post("/api/v1/checkins", json={"place": DESK}, headers=key)
    assert first.status_code == 201, first.text
    again = client.post("/api/v1/checkins", json={"place": DESK}, headers=key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    visit = first.json()["checkin_id"]
    assert visit
    until(lambda: client.get(f"/api/v1/places/{DESK}").json()["status"] == "taken", "the desk is taken")
    assert client.get("/api/v1/me").json()["checkin_id"] == visit
    taken = client.post("/api/v1/checkins", json={"place": DESK})
    assert (taken.status_code, taken.json()["reason"]) == (409, "no_change")
    told = [json.loads(line) for line in client.get("/api/v1/events").text.splitlines()]
    assert [event["data"].get("pid") is None for event in told if event["data"].get("checkin_id") == visit].count(
        False
    ) == 1
    left = client.post(f"/api/v1/checkins/{visit}/end")
    assert left.status_code == 200, left.text
    until(lambda: client.get("/api/v1/me").json()["checkin_id"] is None, "the desk is left")
    assert client.post(f"/api/v1/checkins/{visit}/end").status_code == 404


def test_a_desk_by_the_code_on_its_sticker(running: RunningWeb, client: httpx.Client) -> None:
    codes = made(running.office, SiteKey.load(running.office.path(running.office.people.site_key)))
    answer = client.post("/api/v1/checkins", json={"code": readable(codes.of(DESK) or ""), "method": "nfc"})
    assert (answer.status_code, answer.json()["place"]) == (201, DESK)
    assert client.post(f"/api/v1/checkins/{answer.json()['checkin_id']}/end").status_code == 200


def test_booking_ahead_and_giving_it_up(client: httpx.Client) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    wanted = {"place": OTHER, "start": start.isoformat(), "end": (start + timedelta(hours=4)).isoformat()}
    made = client.post("/api/v1/reservations", json=wanted)
    assert made.status_code == 201, made.text
    ref = made.json()["booking_ref"]
    until(lambda: [one["booking_ref"] for one in client.get("/api/v1/reservations").json()["items"]] == [ref], "booked")
    overlap = client.post("/api/v1/reservations", json=wanted)
    assert overlap.status_code == 409
    at = (start + timedelta(hours=1)).isoformat()

    def there() -> bool:
        items = client.get("/api/v1/availability", params={"at": at, "kind": "desk"}).json()["items"]
        return {item["place"]: item["status"] for item in items}[OTHER] == "reserved"

    until(there, "it is reserved at that time")
    assert client.delete(f"/api/v1/reservations/{ref}").status_code == 200
    until(
        lambda: client.get("/api/v1/reservations").json()["items"][0]["state"] == "cancelled", "the booking is given up"
    )
    assert client.delete(f"/api/v1/reservations/{ref}").status_code == 404


def test_who_follows_gets_what_happens(client: httpx.Client) -> None:
    with client.stream("GET", "/api/v1/stream", params={"type": "desk.checkin.started"}) as followed:
        lines = followed.iter_lines()
        assert next(lines).startswith("retry:")
        begin = next(lines)
        assert begin.startswith("id: ")
        assert client.post("/api/v1/checkins", json={"place": OTHER}).status_code == 201
        data = next(line for line in lines if line.startswith("data: {"))
        assert json.loads(data[6:])["type"] == "hadir.desk.checkin.started.v1"
    with client.stream("GET", "/api/v1/stream", headers={"last-event-id": begin[4:]}) as followed:
        again = next(line for line in followed.iter_lines() if "desk.checkin.started" in line and "data: " in line)
        assert again == data
