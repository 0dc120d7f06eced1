"""The archive's daemon as a whole, over a real broker: what is acknowledged is soon in the store as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from gateway import archive as archives
from gateway import sqlite
from gateway.archive import Archive
from gateway.clock import SECOND, SystemClock
from gateway.contract import state as wire
from gateway.contract.envelope import Encoded
from gateway.credentials import SiteKey
from gateway.errors import ConfigError, HadirError
from gateway.ledger_view import View
from gateway.people import PeopleTable
from gateway.stores.embedded import query
from tests.archive.world import DESK, T0, changed, checkin, office, written
from tests.conftest import Mosquitto

STATUS = b'{"state":"%s","boot":"000001-abcd"}'


@pytest.fixture(autouse=True)
def _key(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    SiteKey.create(tmp_path / "keys/site.key")


@asynccontextmanager
async def archive(folder: Path, port: int) -> AsyncIterator[asyncio.Task[None]]:
    """A running daemon; it is cancelled at the end if it still runs."""
    running = asyncio.create_task(Archive(office(folder, port), SystemClock()).run())
    try:
        await asyncio.sleep(0)  # what has not begun cannot end in order
        yield running
    finally:
        running.cancel()
        await asyncio.wait((running,))


async def stored(client: aiomqtt.Client, view: View, events: dict[int, Encoded], count: int) -> None:
    """Send until the ledger has `count` rows: the archive may not have subscribed yet."""
    async with asyncio.timeout(20):
        while len(list(view.all())) != count:
            for event in events.values():
                await client.publish(event.topic, event.body, qos=1)
            await asyncio.sleep(0.2)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.02)


async def test_committed_events_reach_the_store_and_a_lost_gateway_is_remembered(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    daemon = Archive(office(tmp_path, mosquitto.port), SystemClock())
    running = asyncio.create_task(daemon.run())
    view = View.open(tmp_path / "ledger.sqlite")
    points = sqlite.read_only(tmp_path / "var/archive/points.sqlite")
    try:
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            sent = {n: written(changed(at=T0 + n * 1_000_000), n) for n in range(1, 101)}
            await stored(client, view, sent, len(sent))
            await until(lambda: len(query(points, "space_state")) == len(sent))
            found = query(points, "space_state", tags={"space": DESK.rpartition("/")[2]})
            assert {dict(point.fields)["seq"] for point in found} == set(sent)
            topic = "hadir/v1/gw/ikn/gw-1/status"
            await client.publish(topic, STATUS % b"lost", qos=1)
            await until(lambda: "gw-1" in view.silences())
            await client.publish(topic, STATUS % b"ready", qos=1)
            await until(lambda: not view.silences())
            await client.publish("hadir/v1/gw/ikn/gw-9/status", STATUS % b"lost", qos=1)
            await client.publish("hadir/v1/gw/ikn/gw-2/status", STATUS % b"lost", qos=1)
            await until(lambda: "gw-2" in view.silences())
            assert set(view.silences()) == {"gw-2"}, "a gateway that is not of this office is nobody"
    finally:
        running.cancel()
        await asyncio.wait((running,))
        view.close()
        points.close()
    assert running.cancelled(), running.exception()


async def test_a_gateway_that_dies_with_its_broker_is_missed_without_a_last_will(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LOOK_S", 0.05)
    monkeypatch.setattr(wire, "VALID_S", 0.5)
    topic = "hadir/v1/gw/ikn/gw-1/status"
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.publish(topic, STATUS % b"ready", qos=1, retain=True)  # its word of yesterday
        async with archive(tmp_path, mosquitto.port):
            view = View.open(tmp_path / "ledger.sqlite")
            await until(lambda: set(view.silences()) == {"gw-1", "gw-2"})
            await client.publish(topic, STATUS % b"ready", qos=1)
            await until(lambda: set(view.silences()) == {"gw-2"})
            await until(lambda: set(view.silences()) == {"gw-1", "gw-2"})
            view.close()


async def test_who_is_erased_from_the_people_table_is_erased_here_also_when_more_comes_late(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    with PeopleTable(tmp_path / "var/archive/people.sqlite", SiteKey.load(tmp_path / "keys/site.key")) as people:
        erased, other = people.enrol(), people.enrol()
        absent = people.enrol()
        people.erase(absent)
        visits = {n: written(checkin(T0 + n, pid), n) for n, pid in enumerate((erased, other, erased, other), 1)}
        async with archive(tmp_path, mosquitto.port), aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            view = View.open(tmp_path / "ledger.sqlite")
            await stored(client, view, visits, 4)
            people.erase(erased)
            await until(lambda: view.people() == [other])
            late = written(checkin(T0 + 9, erased), 9)
            unseen = written(checkin(T0 + 10, absent), 10)
            for event in (late, unseen):
                await client.publish(event.topic, event.body, qos=1)
            await until(lambda: view.spans("gw-1", "000001-abcd") == [(1, 4), (9, 10)])
            await until(lambda: view.people() == [other])
            assert sorted(row.sequence for row in view.all()) == [2, 4]
            view.close()


async def test_a_guest_whose_day_is_over_is_forgotten_by_the_archive_itself(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    with PeopleTable(tmp_path / "var/archive/people.sqlite", SiteKey.load(tmp_path / "keys/site.key")) as people:
        stays = people.enrol(name="Sari")
        guest = people.enrol_guest(name="Wayan Tamu", valid_until=SystemClock().office() + 2 * SECOND, host="bkn")
        visits = {n: written(checkin(T0 + n, pid), n) for n, pid in enumerate((guest, stays), 1)}
        async with archive(tmp_path, mosquitto.port), aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            view = View.open(tmp_path / "ledger.sqlite")
            await stored(client, view, visits, 2)
            await until(lambda: people.is_erased(guest))
            await until(lambda: view.people() == [stays])
            assert people.person(stays) is not None
            view.close()


async def test_a_second_archive_over_one_ledger_does_not_start(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        for number in (1, 2):  # the lock ends with its holder
            async with archive(tmp_path, mosquitto.port):
                with pytest.raises(HadirError, match="belongs to another archive"):
                    Archive(office(tmp_path, mosquitto.port), SystemClock())
                view = View.open(tmp_path / "ledger.sqlite")
                await stored(client, view, {number: written(changed(), number)}, number)
                view.close()


async def test_a_ledger_that_is_damaged_meanwhile_ends_the_daemon_with_what_to_do(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    path = tmp_path / "ledger.sqlite"
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        async with archive(tmp_path, mosquitto.port):
            await stored(client, view := View.open(path), {1: written(changed(), 1)}, 1)
            view.close()
        size = path.stat().st_size
        async with archive(tmp_path, mosquitto.port) as running:
            with path.open("r+b") as file:
                file.seek(4096)
                file.write(bytes(range(256)) * ((size - 4096) // 256))
            async with asyncio.timeout(20):
                while not running.done():
                    event = written(changed(), 2)
                    await client.publish(event.topic, event.body, qos=1)
                    await asyncio.wait((running,), timeout=0.2)
        error = running.exception()
        assert isinstance(error, ConfigError)
        assert "put back a backup" in str(error)
