"""Tags and phones in the air, heard by a list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

from firmware_sim.actions import Enter, Walk
from firmware_sim.air import Air
from firmware_sim.clock import Clock
from firmware_sim.office import OUTSIDE, make_office
from firmware_sim.radio import Radio
from firmware_sim.truth import Truth
from firmware_sim.world import World

OFFICE = make_office(1)
TAGS = {person.tag.address: person.index for person in OFFICE.people if person.tag is not None}


class Heard:
    """An ether that remembers."""

    def __init__(self) -> None:
        self.adverts: list[tuple[str, str, int]] = []

    async def advertise(
        self, adapter: str, address: str, rssi: int, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]
    ) -> bool:
        assert manufacturer or service
        self.adverts.append((adapter, address, rssi))
        return True


def make(interval_s: float) -> tuple[Air, World, Heard]:
    clock = Clock.parse(f"2026-11-24T07:50:00+08:00@{time.monotonic_ns()}x60")
    world, heard = World(OFFICE, 1, clock.office()), Heard()
    air = Air(world, Radio(OFFICE, 1), heard, clock, Truth(None), interval_s=interval_s, seed=1)
    return air, world, heard


def put(world: World, person: int, desk: int) -> None:
    space = OFFICE.desks[desk]
    world.apply(Walk(0, person, OUTSIDE, space.at, 1), 0)
    world.apply(Enter(1, person, f"{space.floor}/{space.zone}"), 1)


async def run(air: Air, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await air.run()


async def test_only_those_inside_are_heard_and_strangers_always() -> None:
    air, world, heard = make(0.05)
    put(world, 3, 0)
    put(world, 4, 23)
    await run(air, 0.3)
    people = {TAGS[address] for _, address, _ in heard.adverts if address in TAGS}
    assert people == {3, 4}
    assert len({address for _, address, _ in heard.adverts if address not in TAGS}) == 12
    assert air.adverts == len(heard.adverts)
    assert {adapter for adapter, address, _ in heard.adverts if address in TAGS} >= {"hci0", "hci3"}


async def test_a_tag_that_crosses_into_a_zone_speaks_at_once() -> None:
    air, world, heard = make(3600.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(air.run())
        while not air.adverts and not task.done():  # the first turn has nobody inside
            put(world, 7, 5)
            air.now(7)
            await asyncio.sleep(0.001)
        task.cancel()
    assert {TAGS[address] for _, address, _ in heard.adverts} == {7}
