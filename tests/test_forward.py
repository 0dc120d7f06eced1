"""Readings for another gateway's places, over a real broker: each tap has one outcome, also when somebody is killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import forward
from gateway.bindings import Binding, by_device
from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.config.model import Device
from gateway.config.sources import Broker
from gateway.contract.envelope import Origin
from gateway.counters import Counters
from gateway.decode import installed
from gateway.forward import KEPT, NAME, Forwarder
from gateway.mqtt import Link
from gateway.wiring import elsewhere
from rules.api import Fact, Health, Reading
from tests.conftest import Mosquitto

GUARD_S = 20.0
TAP = Reading(dev="rdr-2", kind="badge", value=True, place="kantor/utama/l02/utara/d-002", at=10**18, modality="badge",
              role="desk", person="p-00112233aabbccdd")  # fmt: skip
RADAR = TAP._replace(dev="mmw-2", kind="occupied", modality="radar", role="", person="")


class Side:
    """One gateway's half, and what it was given to take."""

    def __init__(self, port: int, gateway: str, boot: str, **more: Any) -> None:
        self.link = Link(Broker(port=port), client_id=gateway, clock=SystemClock(), counters=Counters(), base=Path())
        origin = Origin(site="kantor", building="utama", gateway=gateway, boot=boot)
        self.forwarder = Forwarder(self.link, origin, SystemClock(), Counters(), self._take, **more)
        self.taken: list[tuple[Reading, Callable[[], None], Fact | None]] = []
        self.told: list[tuple[str, bool, str]] = []

    def _take(self, item: Reading | Health, durable: Callable[[], None], fact: Fact | None) -> None:
        if isinstance(item, Health):
            self.told.append((item.dev, item.alive, item.cause))
            durable()
        else:
            self.taken.append((item, durable, fact))


@asynccontextmanager
async def running(*sides: Side) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run()) for side in sides for run in (side.link.run, side.forwarder.run)]
        for side in sides:
            await side.link.connected()
        await asyncio.sleep(0.1)  # subscriptions are on their way
        yield
        for task in tasks:
            task.cancel()


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(GUARD_S):
        while not what():  # noqa: ASYNC110 it looks from outside, there is no event to wait for
            await asyncio.sleep(0.02)


async def test_the_owners_word_follows_its_commit_and_a_repetition_is_not_taken_again(mosquitto: Mosquitto) -> None:
    near, owner = Side(mosquitto.port, "gw-01", "000001-aaaa"), Side(mosquitto.port, "gw-02", "000001-bbbb")
    async with running(near, owner):
        for reading in (RADAR, TAP):
            near.forwarder.add("gw-02", reading)
        await until(lambda: len(owner.taken) == 2)
        await asyncio.sleep(2.5)  # longer than the sender waits before it sends again
        assert [reading.dev for reading, _, _ in owner.taken] == ["mmw-2", "rdr-2"]
        assert (near.forwarder.waiting, near.forwarder.oldest_at) == (2, TAP.at)
        for _, durable, _ in owner.taken:
            durable()
        await until(lambda: near.forwarder.waiting == 0)
    assert [fact for _, _, fact in owner.taken] == [None, Fact(NAME, "gw-01", {"boot": "000001-aaaa", "seq": 2})]


async def test_an_owner_that_was_killed_before_its_word_takes_a_tap_once(mosquitto: Mosquitto) -> None:
    near, owner = Side(mosquitto.port, "gw-01", "000001-aaaa"), Side(mosquitto.port, "gw-02", "000001-bbbb")
    async with running(near):
        async with running(owner):
            near.forwarder.add("gw-02", TAP)
            await until(lambda: owner.taken)
        fact = owner.taken[0][2]
        assert fact is not None
        assert fact.body is not None
        again = Side(mosquitto.port, "gw-02", "000002-cccc")
        again.forwarder.restore({fact.key: fact.body})  # it was committed, and nobody was told
        async with running(again):
            await until(lambda: near.forwarder.waiting == 0)
            near.forwarder.add("gw-02", TAP._replace(at=TAP.at + 10**9))
            await until(lambda: again.taken)
    assert [reading.at for reading, _, _ in again.taken] == [TAP.at + 10**9]


async def test_an_owner_that_was_killed_before_its_commit_is_told_again(mosquitto: Mosquitto) -> None:
    near, owner = Side(mosquitto.port, "gw-01", "000001-aaaa"), Side(mosquitto.port, "gw-02", "000001-bbbb")
    async with running(near):
        async with running(owner):
            near.forwarder.add("gw-02", TAP)
            await until(lambda: owner.taken)
        again = Side(mosquitto.port, "gw-02", "000002-cccc")
        async with running(again):
            await until(lambda: again.taken)
    assert again.taken[0][0].person == TAP.person


async def test_a_sender_that_begins_anew_is_listened_to_from_its_first_number(mosquitto: Mosquitto) -> None:
    owner = Side(mosquitto.port, "gw-02", "000001-bbbb")
    owner.forwarder.restore({"gw-01": {"boot": "000001-aaaa", "seq": 7}})
    near = Side(mosquitto.port, "gw-01", "000002-dddd")
    async with running(near, owner):
        near.forwarder.add("gw-02", TAP)
        await until(lambda: owner.taken)
        owner.taken[0][1]()
        await until(lambda: near.forwarder.waiting == 0)


async def test_a_tap_outlives_the_gateway_that_forwards_it(mosquitto: Mosquitto) -> None:
    """Its door system, or its broker, was told that it is safe."""
    stored: dict[str, Mapping[str, Any]] = {}

    def commit(facts: Sequence[Fact]) -> None:
        for fact in facts:
            assert fact.rule == KEPT
            stored.pop(fact.key, None)
            if fact.body is not None:
                stored[fact.key] = json.loads(json.dumps(fact.body))

    near = Side(mosquitto.port, "gw-01", "000001-aaaa", commit=commit)
    for reading in (TAP, RADAR, TAP._replace(at=TAP.at + 10**9)):
        near.forwarder.add("gw-02", reading)
    commit(near.forwarder.take_facts())
    assert len(stored) == 2
    assert near.forwarder.take_facts() == []

    again = Side(mosquitto.port, "gw-01", "000002-cccc", commit=commit)
    again.forwarder.restore({}, stored)
    owner = Side(mosquitto.port, "gw-02", "000001-bbbb")
    async with running(again, owner):
        await until(lambda: len(owner.taken) == 2)
        assert [reading.at for reading, _, _ in owner.taken] == [TAP.at, TAP.at + 10**9]
        assert owner.taken[0][0].person == TAP.person
        assert len(stored) == 2, "until the owner's word"
        for _, durable, _ in owner.taken:
            durable()
        await until(lambda: not stored)


SENSOR = Binding(
    device=Device(id="pir-2", driver="enocean_esp3", place="utama/l02/utara/d-002"),
    place=TAP.place,
    driver=None,
    modality="pir",
    role="desk",
    realm="kantor",
    expect_s=None,
    owner="gw-02",
)


async def test_an_owner_is_told_that_its_sensor_behind_another_gateway_is_not_heard(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sensor that is silent by design would mean "nobody" for a day."""
    monkeypatch.setattr(forward, "BEAT_S", 0.2)
    monkeypatch.setattr(forward, "LOOK_S", 0.05)
    near = Side(mosquitto.port, "gw-01", "000001-aaaa", sensors={"pir-2": SENSOR})
    owner = Side(mosquitto.port, "gw-02", "000001-bbbb", heard_by={"gw-01": ["pir-2"]})
    async with running(near, owner):
        assert not near.forwarder.tell(Health("pir-1", False, "sensor_stale", 1)), "our own affair"
        assert near.forwarder.tell(Health("pir-2", False, "sensor_stale", 10**18))
        await until(lambda: len(owner.told) >= 3)
        assert set(owner.told) == {("pir-2", False, "sensor_stale")}, "said, and said again"
        near.forwarder.tell(Health("pir-2", True, "", 10**18))
        await until(lambda: owner.told[-1] == ("pir-2", True, ""))
    assert near.forwarder.waiting <= 1


async def test_a_gateway_that_says_nothing_has_no_sensors_that_are_heard(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone, or the broker is: the owner cannot tell, and does not hear its sensors."""
    monkeypatch.setattr(forward, "SILENT_S", 0.5)
    monkeypatch.setattr(forward, "BEAT_S", 0.1)
    monkeypatch.setattr(forward, "LOOK_S", 0.05)
    near = Side(mosquitto.port, "gw-01", "000001-aaaa", sensors={"pir-2": SENSOR})
    owner = Side(mosquitto.port, "gw-02", "000001-bbbb", heard_by={"gw-01": ["pir-2"]})
    async with running(owner):
        async with running(near):
            near.forwarder.tell(Health("pir-2", True, "", 10**18))
            await until(lambda: ("pir-2", True, "") in owner.told)
        await until(lambda: owner.told[-1] == ("pir-2", False, "gateway_down"))
        again = Side(mosquitto.port, "gw-01", "000002-cccc", sensors={"pir-2": SENSOR})
        async with running(again):
            again.forwarder.tell(Health("pir-2", True, "", 10**18))
            await until(lambda: owner.told[-1] == ("pir-2", True, ""))


async def test_a_gateway_without_a_broker_does_not_hear_what_hangs_on_others(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "SILENT_S", 0.2)
    monkeypatch.setattr(forward, "LOOK_S", 0.05)
    owner = Side(1, "gw-02", "000001-bbbb", heard_by={"gw-01": ["pir-2"]})
    task = asyncio.get_running_loop().create_task(owner.forwarder.run())
    await until(lambda: owner.told)
    task.cancel()
    assert owner.told == [("pir-2", False, "gateway_down")], "once"


OFFICE = """\
site: kantor
buildings:
  - id: utama
    coordinator: gw-01
    floors:
      - {id: l01, owner: gw-01, zones: [{id: timur, spaces: [{id: d-001}]}]}
      - {id: l02, owner: gw-02, zones: [{id: utara, spaces: [{id: d-002}]}]}
gateways:
  - id: gw-01
    place: utama/l01
    sources:
      - {id: stick, type: enocean, port: /dev/x, devices: [pir-1, pir-2]}
      - {id: reader, type: serial, port: /dev/y, device: rdr-2}
      - {id: radio, type: ble, device: rx}
  - {id: gw-02, place: utama/l02}
devices:
  - {id: pir-1, driver: enocean_esp3, profile: A5-07-01, address: "05000001", place: utama/l01/timur/d-001}
  - {id: pir-2, driver: enocean_esp3, profile: A5-07-01, address: "05000002", place: utama/l02/utara/d-002}
  - {id: rdr-2, driver: rdm6300, place: utama/l02/utara/d-002}
  - {id: rx, driver: receiver, place: utama/l02/utara}
"""


def test_which_sensors_hang_on_another_gateway_than_their_place(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE, encoding="utf-8")
    named = installed()
    office = load(file, drivers=named)
    devices = by_device(office, named)
    assert elsewhere(office, devices, "gw-01") == ({"pir-2": devices["pir-2"]}, {})
    assert elsewhere(office, devices, "gw-02") == ({}, {"gw-01": ["pir-2"]})
