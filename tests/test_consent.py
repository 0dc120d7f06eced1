"""What people ask for reaches a gateway's rules and its outbox, also when it was away while they asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.config.places import Places
from gateway.consent import Consent
from gateway.counters import Counters
from gateway.credentials import KEY_BYTES, SiteKey
from gateway.decode import installed
from gateway.directory import Directory
from gateway.intake import Intake
from gateway.mqtt import Message
from gateway.outbox import Outbox
from gateway.people import PeopleTable
from gateway.views import Views
from rules.api import Command, Life
from tests.delivery.world import act, make_outbox, running, sense, telemetry

KEY = SiteKey(bytes(range(KEY_BYTES)))
GATEWAY, DESK = "gw-1", "ikn/kk2/l05/timur/d-017"
OFFICE = """\
site: ikn
buildings:
  - {id: kk2, coordinator: gw-1, floors: [{id: l05, owner: gw-1, zones: [{id: timur, spaces: [{id: d-017}]}]}]}
gateways: [{id: gw-1, place: kk2/l05}]
"""


@dataclass
class World:
    """One gateway's side of consent, with the people table at hand."""

    folder: Path
    table: PeopleTable
    outbox: Outbox
    views: Views
    intake: Intake
    clock: ManualClock

    def begin(self, *, coordinates: bool = True, quiet: tuple[str, ...] = ()) -> Consent:
        """A life of the gateway: it knows what its disk knows."""
        directory = Directory(self.folder / "directory", KEY, GATEWAY)
        made = Consent(
            directory, self.outbox, self.intake, self.views, self.clock, Counters(), coordinates=lambda: coordinates
        )
        made.start(quiet)
        return made

    def tell(self, consent: Consent) -> None:
        consent.received(message(self.table.snapshot(GATEWAY)))

    def asked(self) -> list[tuple[str, str, str, Any]]:
        """Commands that wait for the rules: (name, place, person, on)."""
        found = [item for _, item in self.intake.take(len(self.intake))]
        assert all(isinstance(item, Command) for item in found)
        return [(i.name, i.place, i.person, i.args.get("on")) for i in found if isinstance(i, Command)]


def message(payload: bytes, ack: Callable[[], None] = lambda: None) -> Message:
    return Message("people", payload, 1, False, {}, None, None, ack)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE)
    views = Views(Places(load(file, drivers=installed())), GATEWAY)
    clock = ManualClock(office=1_795_484_000 * SECOND)
    with PeopleTable(tmp_path / "people.sqlite", KEY, clock) as table:
        outbox = make_outbox(tmp_path)
        yield World(tmp_path, table, outbox, views, Intake(Counters()), clock)


async def test_who_is_erased_is_emptied_from_the_outbox_and_leaves_the_desk(world: World) -> None:
    gone, stays = (world.table.enrol(credentials=[(f"em4100:0F0368568{n}", "ikn")]) for n in "BC")
    consent = world.begin()
    async with running(world.outbox, consent):
        await world.outbox.append([act(1, gone), telemetry(2), sense(3, gone), act(4, stays)], ())
        world.views.apply([Life(DESK, "taken", 1, 1, gone)], [])
        world.tell(consent)
        assert world.asked() == []
        world.table.erase(gone)
        world.tell(consent)
        assert world.asked() == [("release", DESK, gone, None), ("quiet", "", gone, True)]
        await until_emptied(world, gone)
        rows = await world.outbox.pending()
    assert [json.loads(row.body)["type"] for row in rows] == [
        "hadir.privacy.erased.v1",
        "hadir.occupancy.changed.v1",
        "hadir.privacy.erased.v1",
        "hadir.desk.checkin.started.v1",
    ]
    assert [row.sequence for row in rows] == [1, 2, 3, 4]
    assert stays.encode() in rows[3].body


async def test_an_erasure_is_done_again_after_a_restart(world: World) -> None:
    gone = world.table.enrol(credentials=[("em4100:0F0368568B", "ikn")])
    first = world.begin()
    world.table.erase(gone)
    world.tell(first)  # it is kept, and the gateway is killed before the outbox was emptied
    async with running(world.outbox, world.begin()):
        await world.outbox.append([act(1, gone)], ())
    second = make_outbox(world.folder, boot="000002-abcd")
    world.outbox = second
    async with running(second, world.begin()):
        await until_emptied(world, gone)


async def until_emptied(world: World, pid: str) -> None:
    async with asyncio.timeout(20):
        while any(pid.encode() in row.body for row in await world.outbox.pending()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_who_wants_to_be_quiet_and_who_does_not_any_more(world: World) -> None:
    pid = world.table.enrol(credentials=[("em4100:0F0368568B", "ikn")])
    consent = world.begin()
    world.tell(consent)
    world.table.set_quiet(pid, True)
    world.tell(consent)
    assert world.asked() == [("quiet", "", pid, True)]
    world.tell(consent)
    assert world.asked() == [], "it is told once"
    world.table.set_quiet(pid, False)
    world.tell(consent)
    assert world.asked() == [("quiet", "", pid, False)]


def test_what_was_asked_while_it_was_away_is_told_at_the_start(world: World) -> None:
    quiet, loud = (world.table.enrol(credentials=[(f"em4100:0F0368568{n}", "ikn")]) for n in "BC")
    world.table.set_quiet(quiet, True)
    world.tell(world.begin())
    world.asked()
    world.begin(quiet=(loud,))  # what the rules remember is older than what the directory says
    assert sorted(world.asked()) == sorted([("quiet", "", quiet, True), ("quiet", "", loud, False)])


def test_a_gateway_that_was_told_nothing_yet_makes_nobody_loud(world: World) -> None:
    world.begin(quiet=("p-00000000000000a1",))
    assert world.asked() == []


def test_only_the_coordinator_tells_the_presence_rule(world: World) -> None:
    pid = world.table.enrol(credentials=[("em4100:0F0368568B", "ikn")])
    consent = world.begin(coordinates=False)
    world.table.set_quiet(pid, True)
    world.tell(consent)
    assert world.asked() == []


def test_what_is_no_snapshot_is_counted_and_acknowledged(world: World) -> None:
    acked: list[bool] = []
    world.begin().received(message(b"nonsense", lambda: acked.append(True)))
    assert acked == [True]
