"""The mirror against desk rules behind a real broker: a gateway holds what the master has, whatever was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from gateway import sqlite
from gateway.clock import SECOND, ManualClock, rfc3339
from gateway.config.owners import Owners
from gateway.config.web_systems import Seatsurfing
from gateway.web import asking, schema
from gateway.web.bookings import mirror as module
from gateway.web.bookings.mapping import People
from gateway.web.bookings.mirror import Mirror
from gateway.web.bookings.mirrored import Mirrored, Table, Wanted
from gateway.web.bookings.seatsurfing import Client
from tests.conftest import Mosquitto, free_port
from tests.delivery.links import ready
from tests.delivery.world import running, until
from tests.web.bookings.seatsurfing_fake import ORGANIZATION, PASSWORD, USER, Fake
from tests.web.conftest import NOON, Web, locked, opened
from tests.web.desk_gateway import DeskGateway, serving
from tests.web.office import DESK, OTHER, write_office

SPACE, OTHER_SPACE = str(uuid4()), str(uuid4())
HOUR = 3600 * SECOND


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    made.start()
    yield made
    made.stop()


class World:
    """A mirror of a Seatsurfing, and the gateway that it tells."""

    def __init__(self, web: Web, fake: Fake, gateway: DeskGateway) -> None:
        self.web, self.fake, self.gateway = web, fake, gateway
        self.people = web.site.file.parent / "people.csv"
        self.people.touch(mode=0o600)
        self.mirror = self.made()

    def made(self) -> Mirror:
        """As another process would have it: from what is on the disk."""
        settings = Seatsurfing.model_validate(
            {"kind": "seatsurfing", "url": self.fake.url, "organization": ORGANIZATION, "user": USER}
            | {"secret_file": "s", "every_s": 1, "spaces": {SPACE: "utama/l01/timur/d-001"}}
        )
        site = self.web.site
        return Mirror(
            Client(settings, PASSWORD),
            settings,
            {SPACE: DESK, OTHER_SPACE: OTHER},
            People(self.people),
            site.people,
            site.accounts.connection,
            site.asker,
            Owners(site.office),
            site.clock,
        )

    def book(self, start: float, end: float, space: str = SPACE) -> str:
        """Hours from now; the id there."""
        return self.fake.book(space, "ani@agency.example", *times(start, end))

    def change(self, booking: str, start: float, end: float) -> None:
        enter, leave = times(start, end)
        self.fake.bookings[booking] |= {"enter": enter, "leave": leave}

    async def round(self) -> tuple[int, int, int]:
        """(held, refused, waiting)."""
        self.web.clock.advance(30)
        await self.mirror.round()
        state = self.mirror.state
        return state.held, state.refused, state.waiting


def times(start: float, end: float) -> tuple[str, str]:
    return rfc3339(NOON + round(start * HOUR)), rfc3339(NOON + round(end * HOUR))


@pytest.fixture
async def world(
    tmp_path: Path, fake: Fake, clock: ManualClock, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setattr(asking, "ANSWER_S", 0.5)
    file = write_office(tmp_path, port=mosquitto.port, web_port=free_port())
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(opened(file, clock))
        await stack.enter_async_context(running(web.serve._link))
        await ready(web.serve._link)
        yield World(web, fake, await stack.enter_async_context(serving(file, mosquitto.port, clock)))


def held(*bookings: tuple[str, float, float]) -> list[tuple[str, int, int]]:
    return [(f"ss-{key}", NOON + round(start * HOUR), NOON + round(end * HOUR)) for key, start, end in bookings]


async def test_a_change_that_is_refused_leaves_nothing_of_what_was_before(world: World) -> None:
    first, second = world.book(1, 2), world.book(2, 3)
    assert await world.round() == (2, 0, 0)
    world.change(first, 2, 3)
    assert await world.round() == (1, 1, 0)
    assert world.gateway.reserved(DESK) == held((second, 2, 3)), "its old hour is free"
    del world.fake.bookings[first]
    assert await world.round() == (1, 0, 0)
    world.change(second, 1, 2)
    assert await world.round() == (1, 0, 0)
    assert world.gateway.reserved(DESK) == held((second, 1, 2))


async def test_bookings_that_change_places_with_each_other_are_changed_in_one_round(world: World) -> None:
    one, two, three = world.book(1, 2), world.book(2, 3), world.book(3, 4)
    await world.round()
    world.change(one, 2, 3)
    world.change(two, 3, 4)
    world.change(three, 1, 2)
    assert await world.round() == (3, 0, 0)
    assert world.gateway.reserved(DESK) == held((three, 1, 2), (one, 2, 3), (two, 3, 4))


async def test_what_was_refused_is_asked_again_when_the_desk_may_be_free(world: World) -> None:
    first, second = world.book(1, 2), world.book(1.5, 2.5)
    assert await world.round() == (1, 1, 0)
    asked = len(world.gateway.asked)
    assert await world.round() == (1, 1, 0)
    del world.fake.bookings[first]
    assert await world.round() == (0, 1, 0)
    assert len(world.gateway.asked) == asked + 1, "not each round"
    world.web.clock.advance(module.AGAIN_S)
    assert await world.round() == (1, 0, 0)
    assert world.gateway.reserved(DESK) == held((second, 1.5, 2.5))


async def test_what_was_not_answered_is_done_once_and_is_given_up_when_it_is_gone(world: World) -> None:
    booking = world.book(1, 2)
    world.gateway.mute = True
    assert await world.round() == (0, 0, 1)
    world.gateway.speak()
    world.mirror = world.made()
    assert await world.round() == (1, 0, 0)
    assert len(world.gateway.asked) == 1, "answered again"
    world.gateway.mute = True
    world.change(booking, 3, 4)
    assert await world.round() == (0, 0, 1)
    world.gateway.speak()
    del world.fake.bookings[booking]
    assert await world.round() == (0, 0, 0)
    assert world.gateway.reserved(DESK) == []


async def test_the_same_booking_made_and_cancelled_twice_is_made_and_cancelled_twice(world: World) -> None:
    booking = world.book(1, 2)
    told = world.fake.bookings[booking]
    for _ in range(2):
        assert await world.round() == (1, 0, 0)
        assert world.gateway.reserved(DESK) == held((booking, 1, 2))
        del world.fake.bookings[booking]
        assert await world.round() == (0, 0, 0)
        assert world.gateway.reserved(DESK) == []
        world.fake.bookings[booking] = told


async def test_one_that_moves_to_another_desk_leaves_the_first(world: World) -> None:
    booking = world.book(1, 2)
    await world.round()
    world.fake.bookings[booking] |= {"spaceId": OTHER_SPACE}
    assert await world.round() == (1, 0, 0)
    assert (world.gateway.reserved(DESK), world.gateway.reserved(OTHER)) == ([], held((booking, 1, 2)))


@pytest.mark.parametrize("stands", [True, False])
async def test_what_was_booked_by_somebody_who_is_erased_is_held_for_nobody(world: World, stands: bool) -> None:
    pid = world.web.person()
    world.people.write_text(f"ani@agency.example,{pid}\n")
    booking = world.book(1, 2)
    await world.round()
    assert world.gateway.asked[-1].person == pid
    world.web.site.people.erase(pid)
    world.web.site.accounts.forget_erased()
    if not stands:
        del world.fake.bookings[booking]
    assert await world.round() == (int(stands), 0, 0)
    assert [(asked.name, asked.person) for asked in world.gateway.asked[1:]] == (
        [("cancel", ""), ("reserve", "")] if stands else [("cancel", "")]
    )


async def test_a_database_that_fails_ends_no_mirror(world: World) -> None:
    booking = world.book(1, 2)
    with locked(world.web) as waiting:
        task = asyncio.create_task(world.mirror.run())
        await until(lambda: "the disk" in world.mirror.state.problem)
        assert (world.gateway.asked, task.done()) == ([], False)
        waiting.close()
        await until(lambda: world.mirror.state.held == 1)
        assert world.gateway.reserved(DESK) == held((booking, 1, 2))
        task.cancel()


def test_what_an_older_version_had_refused_may_be_held(tmp_path: Path) -> None:
    path = tmp_path / "web.sqlite"
    old = sqlite.connect(path, exclusive=False)
    sqlite.migrate(old, schema.SCHEMA[:2])
    old.execute("INSERT INTO booking VALUES ('r', 'seatsurfing', 'p', '', 1, 2, 'refused', 3)")
    old.close()
    connection = schema.connect(path)
    assert Table(connection, "seatsurfing").all() == {"r": Mirrored(Wanted("r", "p", "", 1, 2), "refused", "p", "", 3)}
    connection.close()
