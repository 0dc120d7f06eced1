"""Readings for another gateway's places, over a real broker: each tap has one outcome, also when somebody is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.clock import SystemClock
from gateway.config.sources import Broker
from gateway.contract.envelope import Origin
from gateway.counters import Counters
from gateway.forward import NAME, Forwarder
from gateway.mqtt import Link
from rules.api import Fact, Reading
from tests.conftest import Mosquitto

GUARD_S = 20.0
TAP = Reading(dev="rdr-2", kind="badge", value=True, place="kantor/utama/l02/utara/d-002", at=10**18, modality="badge",
              role="desk", person="p-00112233aabbccdd")  # fmt: skip
RADAR = TAP._replace(dev="mmw-2", kind="occupied", modality="radar", role="", person="")


class Side:
    """One gateway's half, and what it was given to take."""

    def __init__(self, port: int, gateway: str, boot: str) -> None:
        self.link = Link(Broker(port=port), client_id=gateway, clock=SystemClock(), counters=Counters(), base=Path())
        origin = Origin(site="kantor", building="utama", gateway=gateway, boot=boot)
        self.forwarder = Forwarder(self.link, origin, SystemClock(), Counters(), self._take)
        self.taken: list[tuple[Reading, Callable[[], None], Fact | None]] = []

    def _take(self, reading: Reading, durable: Callable[[], None], fact: Fact | None) -> None:
        self.taken.append((reading, durable, fact))


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
        assert near.forwarder.waiting == 2
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
