"""A fixed device's retained topic, as operators read it from the broker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiomqtt
import pytest

from drivers.api import Frame
from drivers.beacon.bthome.adverts import DRIVERS
from gateway.bindings import Binding
from gateway.board import Board
from gateway.clock import ManualClock
from gateway.config.model import Device
from gateway.config.sources import Broker
from gateway.contract.envelope import Origin
from gateway.contract.state import DeviceState, parse
from gateway.contract.times import written
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.equipment import Equipment
from gateway.mqtt import Link
from gateway.sources.base import SourceState, Teller
from rules.api import SECOND, Event, Health
from tests.conftest import Mosquitto

ORIGIN = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000001-00ff")
PLACE = "ikn/kk2/l05/timur/d-001"
T0 = 1_795_484_700 * SECOND
BTHOME = DRIVERS[0]
TOPIC = "hadir/v1/dev/ikn/gw-1/rdr-1"


async def test_a_devices_topic_says_where_it_is_whether_it_works_and_when_it_was_heard(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    clock, counters = ManualClock(T0, SECOND), Counters()
    link = Link(Broker(port=mosquitto.port), client_id="gw-1", clock=clock, counters=counters, base=tmp_path)
    board = Board(link, clock, counters)
    said: list[Event] = []
    health: list[Health] = []
    equipment = Equipment(
        origin=ORIGIN,
        place="ikn/kk2/l05/_/_",
        board=board,
        clock=clock,
        health=health.append,
        say=lambda events, _facts: said.extend(events),
        home_assistant=False,
        key=SiteKey(bytes(32)),
    )
    binding = Binding(
        device=Device(id="rdr-1", driver="receiver", place="kk2/l05/timur/d-001"),
        place=PLACE,
        driver=None,
        modality="tag",
        role="desk",
        realm="ikn",
        expect_s=None,
        owner="gw-1",
    )
    source = SourceState()
    teller = Teller(source, equipment.on_state([binding]))
    equipment.post({"rdr-1": binding})
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(board.run())]
    always = {"place": PLACE, "driver": "receiver", "battery": None, "signal": None}
    try:
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client, asyncio.timeout(20):
            await client.subscribe(TOPIC, qos=1)

            async def told() -> dict[str, object] | None:
                message = await anext(client.messages)
                assert isinstance(message.payload, bytes)
                return parse(DeviceState, message.payload)

            assert await told() == always | {"alive": None, "cause": None, "last_heard": None}
            source.last_frame = clock.machine()
            clock.advance(4)
            teller.up()
            assert await told() == always | {"alive": True, "cause": None, "last_heard": written(T0)}
            teller.down("radio_deaf", "nothing is heard")
            assert await told() == always | {"alive": False, "cause": "radio_deaf", "last_heard": written(T0)}
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait((task,))
    assert [(item.alive, item.cause) for item in health] == [(True, ""), (False, "radio_deaf")]
    assert [(event.type, event.data["cause"]) for event in said] == [("device.offline", "radio_deaf")]


def test_a_sensor_that_a_rule_doubts_is_told_once_though_it_is_heard(tmp_path: Path) -> None:
    clock, counters = ManualClock(T0, SECOND), Counters()
    link = Link(Broker(port=1), client_id="gw-1", clock=clock, counters=counters, base=tmp_path)
    said: list[Event] = []
    equipment = Equipment(
        origin=ORIGIN,
        place="ikn/kk2/l05/_/_",
        board=Board(link, clock, counters),
        clock=clock,
        health=lambda _item: None,
        say=lambda events, _facts: said.extend(events),
        home_assistant=False,
        key=SiteKey(bytes(32)),
    )
    binding = Binding(
        device=Device(id="mmw-1", driver="ld2410", place="kk2/l05/timur/d-001"),
        place=PLACE,
        driver=None,
        modality="radar",
        role="desk",
        realm="ikn",
        expect_s=30.0,
        owner="gw-1",
    )
    equipment.post({"mmw-1": binding})
    for item in (None, Health("mmw-1", False, "stuck", T0), None, Health("mmw-1", True, "stuck", T0), None):
        if item is not None:
            equipment.doubted(item)
        else:
            equipment.heard(binding, Frame("serial", "tty", "", b"", None, clock.office(), clock.machine()), ())
    assert [(event.type, event.data["cause"], event.place) for event in said] == [
        ("device.offline", "stuck", "ikn/kk2/l05/_/_"),
        ("device.online", None, "ikn/kk2/l05/_/_"),
    ]


@pytest.mark.parametrize(("cause", "told"), [("radio_deaf", "radio_deaf"), ("unplugged", "sensor_stale")])
def test_a_sensor_behind_a_deaf_radio_is_not_stale(tmp_path: Path, cause: str, told: str) -> None:
    clock, counters = ManualClock(T0, SECOND), Counters()
    link = Link(Broker(port=1), client_id="gw-1", clock=clock, counters=counters, base=tmp_path)
    health: list[Health] = []
    equipment = Equipment(
        origin=ORIGIN,
        place="ikn/kk2/l05/_/_",
        board=Board(link, clock, counters),
        clock=clock,
        health=health.append,
        say=lambda _events, _facts: None,
        home_assistant=False,
        key=SiteKey(bytes(32)),
    )
    seat = Binding(
        device=Device(id="seat-1", driver="bthome", place="kk2/l05/timur/d-001"),
        place=PLACE,
        driver=BTHOME,
        modality="seat",
        role="desk",
        realm="ikn",
        expect_s=None,
        owner="gw-1",
    )
    Teller(SourceState(), equipment.on_state([seat])).down(cause, "nothing is heard")
    assert [(item.alive, item.cause) for item in health] == [(False, told)]
