"""MQTT sources: simulated things publish through a real Mosquitto; what is not of now is never taken for it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from drivers.api import Context, DecodeError, Frame
from drivers.occupancy.mqtt_json import messages as driver
from firmware_sim import mqtt_things as sim
from firmware_sim.mqtt_things import Published
from gateway.clock import ManualClock, SystemClock
from gateway.config.sources import Broker
from gateway.counters import Counters
from gateway.mqtt import Message
from gateway.sources.mqtt_json import KEPT_S, MqttSource
from tests.conftest import Mosquitto
from tests.delivery.links import READS_OURS
from tests.sources.brokers import Taken, link, publish, running
from tests.sources.conftest import soon

PLUGINS = (  # of Debian
    "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so",
)
PIR, RADAR = "zigbee2mqtt/pir", "zigbee2mqtt/floor 1/radar"
Z2M = Context(profile="zigbee2mqtt")
THINGS: Mapping[str, Context] = {
    PIR: Z2M,
    RADAR: Z2M,
    "zigbee2mqtt/door": Z2M,
    "tasmota_1": Context(profile="tasmota"),
    "desk-radar": Context(profile="esphome"),
    "shellymotionsensor-60A4": Context(profile="shelly1"),
    "shellypresence-0c": Context(profile="shelly2"),
}


def source(port: int, counters: Counters, devices: Mapping[str, Context] = THINGS, **more: Any) -> MqttSource:
    return MqttSource("things", link(port, counters, expiry_s=KEPT_S, **more), devices, SystemClock(), counters)


def said(frame: Frame) -> dict[str, Any]:
    """What the driver makes of it."""
    return {m.kind: m.value for m in driver.decode_with(frame, THINGS[frame.address]).measurements}


async def test_every_kind_of_thing_is_heard(mosquitto: Mosquitto) -> None:
    counters = Counters()
    messages = [
        sim.z2m_pir("pir", occupancy=True, lux=5),
        sim.z2m_contact("door", closed=False),
        sim.z2m_radar("floor 1/radar", presence=True, distance_m=2.25),
        sim.tasmota_pir("tasmota_1", motion=True),
        sim.tasmota_sensor("tasmota_1", on=False, celsius=21.5),
        sim.esphome_binary("desk-radar", "presence", on=True),
        sim.esphome_sensor("desk-radar", "moving_distance", 120),
        sim.shelly_motion("shellymotionsensor-60A4", motion=True),
        sim.shelly_presence("shellypresence-0c", present=True, people=2),
    ]
    async with running(source(mosquitto.port, counters), counters) as taken:
        await publish(mosquitto.port, messages)
        frames = await taken.count(len(messages))
    assert [(frame.medium, frame.source) for frame in frames] == [("mqtt", "things")] * len(messages)
    assert [(frame.address, said(frame)) for frame in frames] == [
        (PIR, {"motion": True, "illuminance": 5, "battery": 100, "voltage": 3.0}),
        ("zigbee2mqtt/door", {"opening": True, "battery": 100, "battery_low": False, "tamper": False}),
        (RADAR, {"occupied": True, "distance": 2.25, "illuminance": 200}),
        ("tasmota_1", {"motion": True}),
        ("tasmota_1", {"motion": False, "temperature": 21.5, "humidity": 50.0}),
        ("desk-radar", {"occupied": True}),
        ("desk-radar", {"moving_distance": 1.2}),
        ("shellymotionsensor-60A4", {"motion": True, "vibration": False, "illuminance": 70, "battery": 67}),
        ("shellypresence-0c", {"occupied": True, "count": 2}),
    ]
    assert frames[5].payload == b"binary_sensor/presence\0ON"


async def test_a_retained_state_is_old_and_a_retained_status_is_not(mosquitto: Mosquitto) -> None:
    counters = Counters()
    kept = [
        sim.z2m_radar("floor 1/radar", presence=True)._replace(retain=True),
        sim.z2m_availability("floor 1/radar", online=False),
        sim.esphome_binary("desk-radar", "presence", on=True),
        sim.esphome_status("desk-radar", online=True),
    ]
    await publish(mosquitto.port, kept)
    async with running(source(mosquitto.port, counters), counters) as taken:
        await taken.count(2)
        await soon(lambda: counters.get("mqtt.dropped", "retained") == 2)
        assert {frame.address: said(frame) for frame in taken.frames} == {
            RADAR: {"online": False},
            "desk-radar": {"online": True},
        }
        await publish(mosquitto.port, [sim.esphome_binary("desk-radar", "presence", on=False)])  # retained, but of now
        assert said((await taken.count(3))[2]) == {"occupied": False}


async def test_last_wills_of_all_families(mosquitto: Mosquitto) -> None:
    counters = Counters()
    wills = [
        sim.z2m_availability("pir", online=False, plain=True),
        sim.tasmota_lwt("tasmota_1", online=False),
        sim.esphome_status("desk-radar", online=False),
        sim.shelly_online("shellymotionsensor-60A4", online=False),
        sim.shelly2_online("shellypresence-0c", online=False),
    ]
    births = [
        sim.z2m_availability("pir", online=True),
        sim.tasmota_lwt("tasmota_1", online=True),
        sim.esphome_status("desk-radar", online=True),
        sim.shelly_online("shellymotionsensor-60A4", online=True),
        sim.shelly2_online("shellypresence-0c", online=True),
    ]
    async with running(source(mosquitto.port, counters), counters) as taken:
        await publish(mosquitto.port, wills + births)
        frames = await taken.count(10)
    assert [said(frame) for frame in frames] == [{"online": False}] * 5 + [{"online": True}] * 5
    assert len({frame.address for frame in frames}) == 5


async def test_a_sleeping_thing_is_not_missed(mosquitto: Mosquitto) -> None:
    counters = Counters()
    devices = {"shellydw2-1": Context(profile="shelly1_sleeping")}
    async with running(source(mosquitto.port, counters, devices), counters) as taken:
        await publish(
            mosquitto.port,
            [sim.shelly_online("shellydw2-1", online=False), sim.shelly_door("shellydw2-1", opened=True)],
        )
        (frame,) = await taken.count(1)
    assert driver.decode_with(frame, devices["shellydw2-1"]).measurements[0][:2] == ("opening", True)


async def test_what_was_not_durable_comes_again_after_a_crash(mosquitto: Mosquitto) -> None:
    counters = Counters()
    async with running(source(mosquitto.port, counters), counters, at_once=False) as taken:
        await publish(mosquitto.port, [sim.z2m_pir("pir", occupancy=bool(n % 2), battery=n) for n in range(1, 4)])
        await taken.count(3)
        taken.waiting[0]()
    async with running(source(mosquitto.port, counters), counters) as again:
        frames = await again.count(2)
    assert [said(frame)["battery"] for frame in frames] == [2, 3]


async def test_a_lost_broker_makes_it_deaf_and_it_hears_again(mosquitto: Mosquitto) -> None:
    counters, told = Counters(), list[tuple[bool, str]]()
    things = source(mosquitto.port, counters, on_state=lambda state: told.append((state.up, state.cause)))
    async with running(things, counters) as taken:
        await publish(mosquitto.port, [sim.z2m_pir("pir", occupancy=True)], qos=0)
        await taken.count(1)
        mosquitto.kill()
        await soon(lambda: not things.state.up)
        mosquitto.start()
        await soon(lambda: things.state.up)
        await publish(mosquitto.port, [sim.z2m_pir("pir", occupancy=False)], qos=0)
        await taken.count(2)
    assert told == [(True, ""), (False, "broker"), (True, "")]


@pytest.mark.parametrize("all_of_it", [False, True])
async def test_a_refused_subscription_is_told(
    make_mosquitto: Callable[..., Mosquitto], tmp_path: Path, all_of_it: bool
) -> None:
    """One that is refused is a problem that others need not share; all of them make the source down."""
    plugin = next((path for path in PLUGINS if os.access(path, os.R_OK)), None)
    if plugin is None:
        pytest.skip("Mosquitto refuses a subscription only by its plugin for dynamic security, which is not here")
    open_to_all = {"acltype": "subscribePattern", "topic": "zigbee2mqtt/pir", "allow": True}
    security = {
        "defaultACLAccess": {"publishClientSend": True, "publishClientReceive": True, "subscribe": False},
        "roles": [{"rolename": "r", "acls": [] if all_of_it else [open_to_all]}],
        "groups": [{"groupname": "all", "roles": [{"rolename": "r"}]}],
        "anonymousGroup": "all",
    }
    (tmp_path / "security.json").write_text(json.dumps(security))
    broker = make_mosquitto(f"{READS_OURS}plugin {plugin}\nplugin_opt_config_file {tmp_path}/security.json\n")
    counters = Counters()
    things = source(broker.port, counters, {PIR: Z2M})
    async with running(things, counters) as taken:
        await soon(lambda: "refused" in things.state.problem and "let this client read" in things.state.problem)
        assert things.state.up is not all_of_it
        assert things.state.cause == ("refused" if all_of_it else "")
        if not all_of_it:
            await publish(broker.port, [sim.z2m_pir("pir", occupancy=True)])
            await taken.count(1)


async def test_no_broker_at_all() -> None:
    counters, told = Counters(), list[str]()
    broker = Broker(port=1, frozen_after_s=2)
    behind = link(1, counters, broker=broker, on_state=lambda state: told.append(state.problem))
    things = MqttSource("things", behind, THINGS, SystemClock(), counters)
    task = asyncio.ensure_future(things.run(Taken()))
    await soon(lambda: things.state.cause == "broker")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "127.0.0.1:1" in told[0]


# --- without a broker: what follows upon what


class Table:
    """A source that is handed its messages."""

    def __init__(self, devices: Mapping[str, Context]) -> None:
        self.clock, self.counters, self.taken, self.acked = ManualClock(10**18, 10**12), Counters(), Taken(), 0
        self.source = MqttSource("things", link(1, self.counters, clock=self.clock), devices, self.clock, self.counters)
        self.source._deliver = self.taken

    def hear(self, message: Published, *, retain: bool = False, qos: int = 1) -> list[Frame]:
        before = len(self.taken.frames)
        self.source._arrived(Message(message.topic, message.body, qos, retain, {}, None, None, self._ack))
        return self.taken.frames[before:]

    def _ack(self) -> None:
        self.acked += 1


async def test_a_device_is_there_when_bridge_and_device_say_so() -> None:
    table = Table({PIR: Z2M, "zigbee2mqtt/door": Z2M, "other/pir": Z2M})
    hear = table.hear
    assert [f.address for f in hear(sim.z2m_bridge(online=True), retain=True)] == [PIR, "zigbee2mqtt/door"]
    assert [said(f) for f in hear(sim.z2m_availability("pir", online=False), retain=True)] == [{"online": False}]
    # the bridge dies: nobody is there; it comes back: only the door is, the PIR sensor is still missing
    assert [said(f) for f in hear(sim.z2m_bridge(online=False))] == [{"online": False}] * 2
    back = hear(sim.z2m_bridge(online=True))
    assert [(f.address, said(f)) for f in back] == [("zigbee2mqtt/door", {"online": True})]
    assert table.counters.get("mqtt.dropped", "held") == 1
    assert [said(f) for f in hear(sim.z2m_availability("pir", online=True))] == [{"online": True}]
    # whichever order they come in
    hear(sim.z2m_bridge(online=False))
    assert hear(sim.z2m_availability("pir", online=True)) == []
    assert len(hear(sim.z2m_bridge(online=True))) == 2
    assert table.acked == 8


async def test_what_a_bridge_remembers_is_not_of_now() -> None:
    """Zigbee2MQTT publishes its cached states when it starts."""
    table = Table({PIR: Z2M})
    table.hear(sim.z2m_bridge(online=True), retain=True)
    assert len(table.hear(sim.z2m_pir("pir", occupancy=True))) == 1  # it has been up for long: what it says is of now
    table.hear(sim.z2m_bridge(online=False))
    table.hear(sim.z2m_bridge(online=True))
    assert table.hear(sim.z2m_pir("pir", occupancy=True)) == []
    assert table.counters.get("mqtt.dropped", "remembered") == 1
    table.clock.advance(11)
    assert len(table.hear(sim.z2m_pir("pir", occupancy=False))) == 1
    assert table.acked == 6


async def test_rubbish_is_handed_on_to_be_counted_once() -> None:
    """The driver says what is wrong with it; a status that cannot be read changes nothing."""
    table = Table({PIR: Z2M})
    for message in (
        Published(f"{PIR}/availability", b"\xff"),
        Published(f"{PIR}/availability", b"perhaps"),
        Published(f"{PIR}/availability", b""),
        Published(PIR, b""),
        Published(PIR, b'{"occupancy": NaN}'),
    ):
        (frame,) = table.hear(message)
        with pytest.raises(DecodeError):
            driver.decode_with(frame, Z2M)
    assert table.acked == 5
    assert len(table.hear(sim.z2m_availability("pir", online=True))) == 1


async def test_strangers_are_nobodys() -> None:
    table = Table({PIR: Z2M})
    assert table.hear(sim.z2m_pir("stranger", occupancy=True)) == []
    assert table.acked == 1


async def test_topics_of_a_mapping() -> None:
    mapping = {
        "status": {"availability": "plant/{address}/$state"},
        "topics": {"state": "plant/{address}/in/+/value/+"},
        "fields": [{"topic": "state/presence/*", "kind": "occupied"}],
    }
    table = Table({"a1": Context(mapping=mapping)})
    (frame,) = table.hear(Published("plant/a1/in/presence/value/2", b"on"))
    assert frame.payload == b"state/presence/2\0on"
    assert table.hear(Published("plant/a1/in/presence/other/2", b"on")) == []
    (lost,) = table.hear(Published("plant/a1/$state", b"lost"))
    assert driver.decode_with(lost, Context(mapping=mapping)).measurements[0][:2] == ("online", False)


async def test_a_device_without_profile_has_one_topic() -> None:
    table = Table({"a/b": Context()})
    assert table.hear(Published("a/b", b"ON"))[0].payload == b"state\0ON"


async def test_known_topics_are_bounded() -> None:
    table = Table({"desk-radar": Context(profile="esphome")})
    for n in range(5000):
        table.hear(Published(f"desk-radar/sensor/s{n}/state", b"1"))
    assert len(table.source._known) <= 4096
    assert len(table.taken.frames) == 5000
