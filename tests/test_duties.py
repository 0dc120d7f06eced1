"""What a gateway retains of its places and zones, as a newcomer finds it on a real broker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import bindings, wiring
from gateway.board import Board
from gateway.clock import SECOND, Clock, ManualClock, ScaledClock, SystemClock
from gateway.config.load import load
from gateway.config.places import Places
from gateway.contract.envelope import Origin
from gateway.contract.times import parsed
from gateway.counters import Counters
from gateway.decode import installed
from gateway.duties import Duties
from gateway.forward import Forwarder
from gateway.mqtt import Link
from gateway.sightings import Reporter
from gateway.terms import Terms
from gateway.views import Views
from rules.api import Life, Reading, Sensed
from tests.conftest import Mosquitto
from tests.delivery.links import Reader, reading
from tests.delivery.world import running, until

ZONE = "ikn/kk2/l05/timur/_"
WATCHED, READER, BARE = "ikn/kk2/l05/timur/d-1", "ikn/kk2/l05/timur/d-2", "ikn/kk2/l05/timur/d-3"
SHARED, OURS, THEIRS = "ikn/kk2/l05/barat/_", "ikn/kk2/l05/barat/d-8", "ikn/kk2/l05/barat/d-9"
EMPTY = "ikn/kk2/l05/lorong/_"
OFFICE = """\
site: ikn
buildings:
  - id: kk2
    name: Kemenko 2
    coordinator: gw-1
    floors:
      - id: l05
        name: Lantai 5
        owner: gw-1
        zones:
          - {id: timur, name: Sayap timur, spaces: [{id: d-1, name: Meja 1}, {id: d-2}, {id: d-3}]}
          - {id: barat, spaces: [{id: d-8}, {id: d-9, owner: gw-2}, {id: d-10, owner: gw-2, mode: out_of_order}]}
          - {id: lorong}
  - {id: kk3, coordinator: gw-3, floors: [{id: l01, owner: gw-3, zones: [{id: lobi, spaces: [{id: d-1}]}]}]}
gateways:
  - id: gw-1
    place: kk2/l05
    sources:
      - {id: s1, type: serial, port: /dev/a, device: mmw-1}
      - {id: s2, type: serial, port: /dev/b, device: rdr-2}
  - {id: gw-2, place: kk2/l05}
  - {id: gw-3, place: kk3/l01}
devices:
  - {id: mmw-1, driver: ld2410, place: kk2/l05/timur/d-1}
  - {id: rdr-2, driver: rdm6300, place: kk2/l05/timur/d-2}
  - {id: rdr-3, driver: rdm6300, place: kk3/l01, role: in}
"""
T0 = 1_795_484_000 * SECOND
MS = SECOND // 1000
"""As far as the contract writes times."""


class World:
    """The duties of gw-1."""

    def __init__(self, folder: Path, port: int, clock: Clock) -> None:
        file = folder / "office.yaml"
        file.write_text(OFFICE + f"broker: {{port: {port}}}\n", encoding="utf-8")
        named = installed()
        office = load(file, drivers=named)
        places, counters = Places(office), Counters()
        origin = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000007-00aa")
        self.port = port
        self.link = Link(office.broker, client_id="gw-1", clock=clock, counters=counters, base=folder)
        self.board = Board(self.link, clock, counters)
        self.forwarder = Forwarder(self.link, origin, clock, counters, lambda *_: None)
        terms = Terms(places.candidates, "gw-1")
        terms.lead(8, T0)
        self.duties = Duties(
            office=office,
            places=places,
            origin=origin,
            views=Views(places, "gw-1"),
            board=self.board,
            link=self.link,
            reporter=Reporter(self.link, origin, None, clock, counters),  # type: ignore[arg-type]  # no tag is heard
            terms=terms,
            forwarder=self.forwarder,
            heard=lambda *_: None,
            tapped=lambda *_: None,
            watched=wiring.watched(bindings.by_device(office, named)),
            clock=clock,
            counters=counters,
        )

    def say(self, *items: Sensed | Life) -> None:
        self.duties.committed(items, [])


class Newcomer:
    """What stands on the broker under `hadir/v1/`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, topic: str) -> Any:
        body = self._reader.latest.get(f"hadir/v1/{topic}")
        return None if body is None else json.loads(body)

    async def shows(self, topic: str, **wanted: object) -> dict[str, Any]:
        """The first content of `topic` that has these fields."""

        def fits() -> Any:
            held = self(topic)
            return held is not None and all(held[name] == value for name, value in wanted.items()) and held

        found: dict[str, Any] = await until(fits)
        return found


@asynccontextmanager
async def newcomer(world: World) -> AsyncIterator[Newcomer]:
    """Somebody who reads while the gateway shows what it has."""
    world.duties.post_all()
    async with reading(world.port) as reader, running(world.link, world.board):
        yield Newcomer(reader)


def sees(place: str, state: str, cause: str | None = None, confidence: float = 0.9) -> Sensed:
    return Sensed(place, state, cause, T0, T0, 0.0 if state == "unknown" else confidence)


@pytest.fixture
def world(tmp_path: Path, mosquitto: Mosquitto) -> World:
    return World(tmp_path, mosquitto.port, ManualClock(T0, SECOND))


async def test_sensed_is_what_sensors_say_and_null_where_there_are_none(world: World) -> None:
    async with newcomer(world) as shown:
        first = await shown.shows(f"state/{WATCHED}", state="unknown", cause="starting")
        assert first["sensed"] == "unknown"
        world.say(sees(WATCHED, "vacant"), sees(READER, "occupied"), sees(BARE, "unknown", "unconfigured"))
        assert (await shown.shows(f"state/{WATCHED}", state="vacant"))["sensed"] == "vacant"
        assert (await shown.shows(f"state/{READER}", state="occupied"))["sensed"] is None, "a reader is no sensor"
        assert (await shown.shows(f"state/{BARE}", cause="unconfigured"))["sensed"] is None


async def test_a_desk_whose_life_is_not_known_yet_has_none(world: World) -> None:
    async with newcomer(world) as shown:
        assert (await shown.shows(f"state/{BARE}", cause="starting")).get("desk") is None
        world.say(Life(BARE, "free", T0, T0))
        held = await until(lambda: shown(f"state/{BARE}").get("desk"))
        assert held == {"life": "free", "since": "2026-11-24T01:30:00.000Z"}


async def test_the_catalogue_names_a_space_from_the_building_down(world: World) -> None:
    async with newcomer(world) as shown:
        named = await shown.shows(f"place/{WATCHED}", kind="desk")
        names = {"building": "Kemenko 2", "floor": "Lantai 5", "zone": "Sayap timur", "space": "Meja 1"}
        assert named["names"] == names
        assert (await shown.shows(f"place/{READER}", kind="desk"))["names"] == names | {"space": None}


async def test_a_zone_is_what_its_places_are_and_names_nobody(world: World) -> None:
    async with newcomer(world) as shown:
        await shown.shows(f"state/{ZONE}", state="unknown", cause="starting")
        world.say(
            sees(WATCHED, "vacant"), sees(READER, "vacant", confidence=0.7), sees(BARE, "unknown", "sensor_stale")
        )
        await shown.shows(f"state/{ZONE}", state="unknown", cause="sensor_stale")
        world.say(sees(BARE, "vacant"))
        vacant = await shown.shows(f"state/{ZONE}", state="vacant", cause=None)
        assert (vacant["confidence"], vacant["sensed"], vacant.get("desk")) == (0.7, "vacant", None)
        world.say(sees(BARE, "unknown", "radio_deaf"), sees(WATCHED, "occupied"))
        world.say(Life(WATCHED, "taken", T0, T0, person="p-00000000000000a1", unit="bkn"))
        occupied = await shown.shows(f"state/{ZONE}", state="occupied")
        assert occupied["gw"] == "gw-1"
        assert "p-0" not in json.dumps(occupied) + json.dumps(shown(f"state/{WATCHED}"))


async def test_what_others_decide_of_a_zone_is_not_known_and_never_free(world: World) -> None:
    async with newcomer(world) as shown:
        world.say(sees(OURS, "vacant"))
        await shown.shows(f"agg/{SHARED[:-2]}", capacity=2, used=0, free=1, unknown=1)
        await shown.shows(f"state/{SHARED}", state="unknown", cause="no_evidence")
        world.say(sees(OURS, "occupied"))
        await shown.shows(f"state/{SHARED}", state="occupied")
        await shown.shows(f"state/{EMPTY}", state="unknown", cause="unconfigured", sensed=None)
        assert shown(f"state/{THEIRS}") is None


@pytest.mark.parametrize("speed", [1, 60, 600])
async def test_what_is_retained_is_valid_for_90_seconds_of_the_machine(
    tmp_path: Path, mosquitto: Mosquitto, speed: int
) -> None:
    clock = ScaledClock(start=T0, anchor=SystemClock().machine(), speed=speed)
    world = World(tmp_path, mosquitto.port, clock)
    before = clock.office()
    async with newcomer(world) as shown:
        for topic in (f"state/{BARE}", f"state/{ZONE}", f"agg/{ZONE[:-2]}"):
            valid = parsed((await shown.shows(topic))["valid_until"])
            assert before + 90 * speed * SECOND - MS <= valid <= clock.office_in(90)


def test_a_reader_of_the_workplace_is_decided_in_the_building_where_it_stands(world: World) -> None:
    tap = Reading("rdr-3", "badge", True, "ikn/kk3/l01/_/_", T0, "badge", "in", "p-00000000000000a1")
    assert world.duties.forward(tap)
    assert not world.duties.forward(tap._replace(place="ikn/kk2/l05/_/_"))
    assert world.forwarder.waiting == 1
