"""Bookings of a Seatsurfing (imitated) become reservations of a running site, and follow it through outages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from gateway.clock import SECOND, SystemClock
from gateway.config.load import load
from gateway.config.web_systems import Seatsurfing
from gateway.errors import ConfigError, PermanentError, TransientError
from gateway.web.accounts import Accounts
from gateway.web.bookings.mapping import People, spaces
from gateway.web.bookings.seatsurfing import Client
from gateway.web.viewer import Role
from tests.conftest import Mosquitto, free_port
from tests.system.site import GUARD_S
from tests.web.bookings.seatsurfing_fake import ORGANIZATION, PASSWORD, USER, Fake
from tests.web.office import DESK, OTHER, write_office
from tests.web.running import RunningWeb

SPACE, OTHER_SPACE, ELSEWHERE = (str(uuid4()) for _ in range(3))
SPACES = {SPACE: "utama/l01/timur/d-001", OTHER_SPACE: "utama/l01/timur/d-002"}


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    made.start()
    yield made
    made.stop()


def settings(fake: Fake, **more: Any) -> Seatsurfing:
    told = {"kind": "seatsurfing", "url": fake.url, "organization": ORGANIZATION, "user": USER, "spaces": SPACES}
    return Seatsurfing.model_validate({**told, "secret_file": Path("s"), **more})


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds").replace("+00:00", "Z")


NOW = int(time.time()) * SECOND


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["basic", "session"])
async def test_it_is_asked_with_either_credential(fake: Fake, login: str) -> None:
    fake.book(SPACE, "Ani@Agency.example", "2026-11-27T08:00:00+08:00", "2026-11-27T17:00:00+08:00")
    fake.book(SPACE, "x@agency.example", at(1), at(2), approved=False)
    client = Client(settings(fake, login=login), PASSWORD)
    start = int(datetime(2026, 11, 26, tzinfo=UTC).timestamp()) * SECOND
    found = await client.bookings(start, start + 3 * 86_400 * SECOND)
    (one,) = found.bookings
    assert (one.space, one.email) == (SPACE, "ani@agency.example")
    assert one.start == int(datetime(2026, 11, 27, 0, tzinfo=UTC).timestamp()) * SECOND
    assert one.end - one.start == 9 * 3600 * SECOND


async def test_a_session_that_is_over_is_begun_again(fake: Fake) -> None:
    client = Client(settings(fake, login="session"), PASSWORD)
    await client.bookings(NOW, NOW + 10**12)
    await client.bookings(NOW, NOW + 10**12)
    fake.tokens.clear()
    await client.bookings(NOW, NOW + 10**12)
    assert fake.asked.count("/auth/login") == 2


async def test_what_does_not_work_says_whether_it_will(fake: Fake) -> None:
    with pytest.raises(PermanentError, match="401"):
        await Client(settings(fake), "wrong").bookings(NOW, NOW + 1)
    fake.broken = 503
    with pytest.raises(TransientError, match="503"):
        await Client(settings(fake), PASSWORD).bookings(NOW, NOW + 1)
    with pytest.raises(TransientError):
        await Client(settings(fake, url=f"http://127.0.0.1:{free_port()}"), PASSWORD).bookings(NOW, NOW + 1)


async def test_what_cannot_be_read_is_counted(fake: Fake) -> None:
    for broken in ({"enter": "yesterday"}, {"spaceId": 7}, {"id": "x"}, {"leave": None}):
        key = fake.book(SPACE, "x@agency.example", at(1), at(2))
        fake.bookings[key] |= broken
    fake.book(SPACE, "x@agency.example", at(1), at(2))
    found = await Client(settings(fake), PASSWORD).bookings(NOW, NOW + 30 * 86_400 * SECOND)
    assert (len(found.bookings), found.unreadable) == (1, 4)


# --- who and where ----------------------------------------------------------------------------------------------------


def test_who_is_who(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("# email,pid\nAni@Agency.example,p-00000000000000a1\n")
    path.chmod(0o600)
    people = People(path)
    assert (people.of("ani@agency.example"), people.of("budi@agency.example")) == ("p-00000000000000a1", "")
    assert People(None).of("ani@agency.example") == ""
    path.write_text("ani@agency.example;p-00000000000000a1\n")
    with pytest.raises(ConfigError, match=r"people.csv:1: a line is email,pid$"):
        People(path).of("x")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        People(path).of("x")


def test_spaces_that_have_no_place_are_all_named(fake: Fake, tmp_path: Path) -> None:
    office = load(write_office(tmp_path, port=1))
    three = {SPACE: "utama/l01/timur/d-009", OTHER_SPACE: "utama/l01/timur", ELSEWHERE: "utama/l01/timur/d-001"}
    wrong = settings(fake, spaces={**three, str(uuid4()): "utama/l01/timur/d-001"})
    web = office.web.model_copy(update={"bookings": wrong})
    with pytest.raises(ConfigError) as raised:
        spaces(office.model_copy(update={"web": web}))
    text = str(raised.value)
    assert text.count("there is no desk or room") == 2
    assert "already" in text
    assert "rules.desk.bookings: external" in text
    assert spaces(office) == {}


# --- a running site ---------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, fake: Fake, mosquitto: Mosquitto) -> Iterator[RunningWeb]:
    bookings = {
        "kind": "seatsurfing",
        "url": fake.url,
        "organization": ORGANIZATION,
        "user": USER,
        "secret_file": "keys/seatsurfing",
        "people_file": "keys/seatsurfing-people",
        "spaces": SPACES,
        "every_s": 1,
    }

    made = RunningWeb(tmp_path / "site", mosquitto)
    document = yaml.safe_load(made.file.read_text())
    document["web"]["bookings"] = bookings
    document["rules"] = {"desk": {"bookings": "external"}}
    made.file.write_text(yaml.safe_dump(document))
    for name, text in (("seatsurfing", PASSWORD), ("seatsurfing-people", f"ani@agency.example,{made.holder()}\n")):
        path = made.folder / "keys" / name
        path.write_text(text)
        path.chmod(0o600)
    yield made
    made.stop()


def until(look: Any, what: str) -> None:
    deadline = time.monotonic() + GUARD_S
    while time.monotonic() < deadline:
        if look():
            return
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


def test_bookings_become_reservations_and_follow_their_master(site: RunningWeb, fake: Fake) -> None:
    booking = fake.book(SPACE, "ani@agency.example", at(-0.5), at(5))
    fake.book(OTHER_SPACE, "nobody@agency.example", at(-0.5), at(5))
    fake.book(ELSEWHERE, "ani@agency.example", at(1), at(2), name="Ruang 9")
    site.start()
    accounts = Accounts(site.office.path(site.office.web.data) / "web.sqlite", SystemClock())
    operator = accounts.new_token(accounts.create(roles=[Role.OPERATOR], units=["*"]), "test")
    employee = accounts.of_person(site.holder(), "bkn")
    accounts.close()
    headers = {"authorization": f"Bearer {operator}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=20) as client:

        def life(place: str) -> str:
            return str(client.get(f"/api/v1/places/{place}").json()["life"])

        def told() -> dict[str, Any]:
            found: dict[str, Any] = client.get("/api/v1/bookings").json()
            return found

        until(lambda: (life(DESK), life(OTHER)) == ("reserved", "reserved"), "both are reserved")
        until(lambda: told()["held"] == 2, "both are held")
        state = told()
        assert (state["unknown_people"], state["problem"], state["refused"]) == (1, None, 0)
        assert state["unmapped_spaces"] == [{"id": ELSEWHERE, "name": "Ruang 9"}]
        assert "agency.example" not in site.log()
        # the other system is away: what was mirrored stays, also over a restart of ours
        fake.broken = 500
        until(lambda: told()["problem"] is not None, "it is not reached")
        site.kill("web")
        site.serve()
        until(lambda: told()["problem"] is not None, "it is still not reached")
        until(lambda: life(DESK) == "reserved", "it is told as it was")
        # and when it is back, what was cancelled meanwhile is cancelled, and nothing is made twice
        del fake.bookings[booking]
        fake.broken = 0
        until(lambda: life(DESK) == "free", "the first is cancelled")
        assert life(OTHER) == "reserved"
        assert told()["held"] == 1
        kinds = [
            line.split('"type":"hadir.')[1].split(".v1")[0]
            for line in client.get("/api/v1/events").text.splitlines()
            if "desk.reservation." in line
        ]
        assert sorted(kinds) == [
            "desk.reservation.cancelled",
            "desk.reservation.created",
            "desk.reservation.created",
        ]
        assert employee
