"""What the coordinator of one building of a site does with messages of all gateways, over a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import bindings, wiring
from gateway.board import Board
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.config.places import Places
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin, encode
from gateway.coordinator import DOWN, Coordinator
from gateway.counters import Counters
from gateway.credentials import KEY_BYTES, SiteKey
from gateway.decode import installed
from gateway.directory import Directory
from gateway.intake import Asked, Intake
from gateway.mqtt import Link
from gateway.people import Resolver
from gateway.shadow import Shadow
from gateway.skew import ALARM
from gateway.terms import Terms
from rules.api import Command, Event, Health, Life
from tests.conftest import Mosquitto
from tests.delivery.links import linked, make_link, ready
from tests.delivery.world import until

KEY = SiteKey(bytes(range(KEY_BYTES)))
T0 = 1_795_484_000 * SECOND
ANA = "p-00000000000000a1"
VISIT = "5b0c5c8e-1111-5222-8333-444455556666"
OFFICE = """\
site: ikn
buildings:
  - id: kk2
    coordinator: gw-1
    floors:
      - {id: l01, owner: gw-1, zones: [{id: lobi, spaces: [{id: d-1}]}]}
      - {id: l02, owner: gw-2, zones: [{id: timur, spaces: [{id: d-2}]}]}
  - id: kk3
    coordinator: gw-3
    floors:
      - {id: l01, owner: gw-3, zones: [{id: lobi, spaces: [{id: d-3}]}]}
      - {id: l02, owner: gw-2, zones: [{id: barat, spaces: [{id: d-4}]}]}
gateways:
  - {id: gw-1, place: kk2/l01}
  - {id: gw-2, place: kk2/l02, sources: [{id: radio, type: ble, device: rx-2}]}
  - {id: gw-3, place: kk3/l01, sources: [{id: radio, type: ble, device: rx-3}]}
devices:
  - {id: rx-2, driver: receiver, place: kk2/l02/timur}
  - {id: rx-3, driver: receiver, place: kk3/l01/lobi}
"""
DESK, ZONE = "ikn/kk2/l02/timur/d-2", "ikn/kk2/l02/timur/_"
OLD, NEW = "000041-b7f3", "000042-00aa"


class World:
    """The coordinator of kk2, and somebody who can speak as any gateway."""

    def __init__(self, folder: Path, port: int) -> None:
        file = folder / "office.yaml"
        file.write_text(OFFICE + f"broker: {{port: {port}}}\n", encoding="utf-8")
        named = installed()
        office = load(file, drivers=named)
        devices = bindings.by_device(office, named)
        self.clock, self.counters = ManualClock(T0, SECOND), Counters()
        origin = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000007-00aa")
        self.link = Link(office.broker, client_id="gw-1", clock=self.clock, counters=self.counters, base=folder)
        self.intake = Intake(self.counters)
        self.board = Board(self.link, self.clock, self.counters)
        self.terms = Terms(Places(office).candidates, "gw-1")
        self.terms.lead(8, T0)
        self.made = Coordinator(
            office=office,
            places=Places(office),
            origin=origin,
            devices=devices,
            receivers_of={g.id: list(bindings.receivers((g,), devices)) for g in office.gateways},
            intake=self.intake,
            board=self.board,
            link=self.link,
            resolver=Resolver(Directory(folder / "people", KEY, "gw-1"), KEY),
            clock=self.clock,
            counters=self.counters,
            terms=self.terms,
            shadow=Shadow(),
            remember=lambda _facts, done: done(),
            seen=lambda _term: None,
        )
        self.other = make_link(port, "others")

    def taken(self) -> list[object]:
        """What the rules are given, with what waits for their commit unwrapped."""
        items = [item for _, item in self.intake.take(100)]
        return [item.item if isinstance(item, Asked) else item for item in items]

    async def status(self, gateway: str, state: str, boot: str = OLD, *, retained: bool = False) -> None:
        body = wire.gateway_status(state, boot=boot, version="1", config="c", at=None)
        await self.other.deliver(topics.gateway_status("ikn", gateway), body, retain=retained)
        await self.settled()

    async def desk(self, gateway: str, place: str, sequence: int, building: str = "kk2", at: int = T0) -> None:
        """`ANA` takes a desk by the reader rdr-9, as its gateway tells it."""
        item = {"dev": "rdr-9", "modality": "badge", "kind": "badge", "value": True, "age_s": 0.0, "weight": 1.0}
        data = {"checkin_id": VISIT, "method": "badge", "assurance": "fresh", "evidence": [item]}
        event = Event("desk.checkin.started", place, at, data, "who", ANA, "bkn")
        made_by = Origin(site="ikn", building=building, gateway=gateway, boot=OLD)
        made = encode(event, made_by, sequence=sequence, recorded_at=at, rule="desk/1")
        await self.other.deliver(made.topic, made.body)

    async def settled(self) -> None:
        """What was published until now has reached the coordinator: a message of its own comes behind it."""
        await ready(self.link)


@pytest.fixture
async def world(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[World]:
    made = World(tmp_path, mosquitto.port)
    async with linked(made.link, made.other):
        yield made


async def test_acts_at_desks_of_another_building_are_not_its_business(world: World) -> None:
    await world.desk("gw-3", "ikn/kk3/l01/lobi/d-3", 1, "kk3")
    await world.desk("gw-2", "ikn/kk3/l02/barat/d-4", 2)
    await world.desk("gw-2", DESK, 3)
    await until(lambda: len(world.intake))
    (life,) = world.taken()
    assert isinstance(life, Life)
    assert (life.place, life.person, life.life) == (DESK, ANA, "taken")
    assert (life.reader, life.assurance) == ("rdr-9", "fresh")


async def test_what_is_said_of_the_future_is_of_now_and_its_gateway_is_named(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.desk("gw-2", DESK, 1, at=T0 + 600 * SECOND)
    await until(lambda: len(world.intake))
    (life,) = world.taken()
    assert isinstance(life, Life)
    assert (life.at, life.since, life.began) == (T0, T0, T0)
    world.clock.advance(30)
    await world.desk("gw-2", DESK, 1, at=T0 + 600 * SECOND)
    await until(lambda: len(world.intake))
    assert world.taken() == [life], "told again it is the same act, and no later one"
    await world.desk("gw-2", DESK, 2, at=T0 + 33 * SECOND)
    await until(lambda: len(world.intake))
    (life,) = world.taken()
    assert isinstance(life, Life)
    assert life.at == T0 + 33 * SECOND, "clocks differ by a little"
    assert world.counters.get(ALARM, "gw-2") == 1
    assert [record for record in caplog.messages if "gw-2: its clock is 600 s ahead" in record]


async def test_a_gateway_of_another_building_may_be_lost(world: World) -> None:
    await world.status("gw-3", "ready")
    await world.status("gw-3", "lost")
    await world.status("gw-2", "ready")
    assert world.made.down == frozenset()
    assert world.taken() == []


async def test_places_and_zones_of_a_lost_gateway_are_unknown_in_this_building(world: World) -> None:
    await world.status("gw-2", "ready")
    await world.status("gw-2", "lost")
    await until(lambda: world.made.down)
    assert world.board.topics == [topics.state(DESK), topics.state(ZONE)]
    now = world.clock.office()
    assert world.taken() == [Health("rx-2", False, DOWN, now)]
    await world.status("gw-2", "ready", NEW)
    await until(lambda: not world.made.down)
    assert world.board.topics == []
    assert world.taken() == [Health("rx-2", True, "", now)]


async def test_the_last_will_of_an_older_boot_changes_nothing(world: World) -> None:
    await world.status("gw-2", "ready", NEW)
    await world.status("gw-2", "lost", OLD)
    assert world.made.down == frozenset()
    await world.status("gw-2", "lost", NEW)
    assert world.made.down == {"gw-2"}


async def test_who_ceases_to_say_that_it_is_there_is_lost_without_a_last_will(world: World) -> None:
    await world.status("gw-2", "ready")
    world.clock.advance(60)
    await world.status("gw-2", "ready")
    world.clock.advance(wire.VALID_S)
    world.made.look()
    assert world.made.down == frozenset()
    world.clock.advance(1)
    world.made.look()
    assert world.made.down == {"gw-2"}
    assert topics.state(ZONE) in world.board.topics
    await world.status("gw-2", "ready")
    assert world.made.down == frozenset()


async def test_what_a_broker_kept_of_a_gateway_is_no_sign_of_it(tmp_path: Path, mosquitto: Mosquitto) -> None:
    world = World(tmp_path, mosquitto.port)
    async with linked(world.other):
        await ready(world.other)
        body = wire.gateway_status("ready", boot=OLD, version="1", config="c", at=None)
        await world.other.deliver(topics.gateway_status("ikn", "gw-2"), body, retain=True)
        async with linked(world.link):
            world.clock.advance(wire.VALID_S + 1)
            world.made.look()
            assert world.made.down == {"gw-2"}, "its broker may have died with it"


def test_a_desk_of_its_own_in_another_building_is_for_the_coordinator_there(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE.replace("l02, owner: gw-2, zones: [{id: barat", "l02, owner: gw-1, zones: [{id: barat"))
    named = installed()
    office = load(file, drivers=named)
    route = wiring.make_route(Places(office), "gw-1", bindings.by_device(office, named))
    life = Life("ikn/kk3/l02/barat/d-4", "taken", T0, T0, person=ANA)
    assert list(route(life)) == [("counting", "ikn/kk3/l02/barat/_")]
    assert ("one_desk", ANA) in route(life._replace(place=DESK))


def test_a_coming_by_phone_is_ruled_on_by_who_leads_and_by_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE)
    named = installed()
    office = load(file, drivers=named)
    leads = True
    route = wiring.make_route(Places(office), "gw-1", bindings.by_device(office, named), lambda: leads)
    came = Command("arrive", "ikn/kk2/_/_/_", T0, ANA)
    assert list(route(came)) == [("presence", ANA), ("one_desk", ANA)]
    leads = False
    assert list(route(came)) == []
