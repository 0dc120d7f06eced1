"""A walk over MQTT: read only, with the walker's own account, of the walker's tag alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.clock import SECOND, SystemClock
from gateway.config.sources import Broker
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import Beat
from gateway.contract.state import write
from gateway.counters import Counters
from gateway.credentials import KEY_BYTES, SiteKey
from gateway.directory import Directory
from gateway.errors import HadirError, TransientError
from gateway.mqtt import Link
from gateway.people import Resolver
from gateway.sightings import Reporter
from gateway.survey.remote import Remote
from rules.api import Sighting
from tests.conftest import Mosquitto
from tests.system.acl import guarded

KEY = SiteKey(bytes(range(KEY_BYTES)))
ANA, BUDI = "p-000000000000000a", "p-000000000000000b"
BOOT = "000007-00aa"
RECEIVERS = {"gw-01": (), "gw-02": ("rx-2", "rx-3")}


@pytest.fixture
def broker(tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """With the rights of config/hadir.acl."""
    return guarded(make_mosquitto, tmp_path, ("gw-01", "gw-02", "surveyor", "display"))[0]


def account(tmp_path: Path, port: int, name: str) -> Broker:
    return Broker(port=port, username=name, password_file=tmp_path / "secret")


def remote(tmp_path: Path, port: int, receivers: dict[str, tuple[str, ...]], name: str = "surveyor") -> Remote:
    broker = account(tmp_path, port, name)
    return Remote(broker, tmp_path, "kantor/utama", receivers, person=ANA, key=KEY, clock=SystemClock())


def link(tmp_path: Path, port: int, name: str) -> Link:
    broker = account(tmp_path, port, name)
    return Link(broker, client_id=name, clock=SystemClock(), counters=Counters(), base=tmp_path)


async def leads(coordinator: Link, gateway: str = "gw-01") -> None:
    beat = {"rank": 0, "term": 8, "boot": BOOT, "leads": True, "led_since": None}
    await coordinator.deliver(topics.coord("kantor", "utama", gateway), write(Beat, beat), retain=True)


async def test_what_other_gateways_hear_of_the_walker_is_the_survey(tmp_path: Path, broker: Mosquitto) -> None:
    coordinator, other = link(tmp_path, broker.port, "gw-01"), link(tmp_path, broker.port, "gw-02")
    origin = Origin(site="kantor", building="utama", gateway="gw-02", boot=BOOT)
    clock = SystemClock()
    reporter = Reporter(other, origin, Resolver(Directory(tmp_path / "people", KEY, "gw-02"), KEY), clock, Counters())
    walk = remote(tmp_path, broker.port, dict(RECEIVERS))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run()) for one in (coordinator, other)]
        await coordinator.connected()
        await other.connected()
        await leads(coordinator)
        assert await asyncio.to_thread(walk.open) == "gw-01"
        counted: list[int] = []
        standing = group.create_task(asyncio.to_thread(walk.stand, 2.5, lambda _left, n: counted.append(n.total())))
        while not standing.done():
            for person, receiver, rssi in ((ANA, "rx-2", -50.0), (ANA, "rx-2", -52.0), (BUDI, "rx-3", -40.0)):
                reporter.add(Sighting(person, receiver, rssi, clock.office()))
            reporter.say()
            await asyncio.sleep(0.1)
        heard = await standing
        for task in tasks:
            task.cancel()
    assert {(one.receiver, one.rssi) for one in heard} == {("rx-2", -51.0)}
    assert len(heard) >= 4, "a packet each, of which the mean is known"
    assert abs(heard[-1].at - clock.office() / SECOND) < 60
    assert counted[-1] > 0


async def test_a_floor_with_receivers_of_the_coordinator_is_not_walked_from_afar(
    tmp_path: Path, broker: Mosquitto
) -> None:
    coordinator = link(tmp_path, broker.port, "gw-01")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(coordinator.run())
        await coordinator.connected()
        await leads(coordinator)
        walk = remote(tmp_path, broker.port, {"gw-01": ("rx-1",), "gw-02": ("rx-2",)})
        with pytest.raises(HadirError, match="gw-01 coordinates the building and tells nobody what rx-1 hear"):
            await asyncio.to_thread(walk.open)
        task.cancel()


def test_an_account_without_the_right_is_told_what_it_lacks(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.survey.remote.CONNECT_S", 1.0)
    with pytest.raises(TransientError, match=r"may this account read hadir/v1/coord/kantor/utama/\+\?"):
        remote(tmp_path, broker.port, dict(RECEIVERS), "display").open()
    with pytest.raises(TransientError, match="no connection to the broker"):
        remote(tmp_path, broker.port, dict(RECEIVERS), "nobody").open()
