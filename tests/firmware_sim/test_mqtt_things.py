"""Messages of things that publish over MQTT against their documentation, and what the driver reads in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, Frame
from drivers.occupancy.mqtt_json.messages import DRIVER, decode_with, topics
from firmware_sim import mqtt_things as sim
from firmware_sim.mqtt_things import Published
from gateway.mqtt_inbox import matches

levels = st.floats(-40, 80).map(lambda value: round(value, 2))


def read(profile: str, address: str, message: Published) -> dict[str, object]:
    """By way of the topic, as a source names it."""
    context = Context(profile=profile)
    for name, (wanted, _is_status) in topics(address, context).items():
        if matches(wanted, message.topic):
            pairs = zip(wanted.split("/"), message.topic.split("/"), strict=True)
            named = "/".join([name, *(level for want, level in pairs if want == "+")])
            frame = Frame("mqtt", "test", address, named.encode() + b"\0" + message.body)
            return {m.kind: m.value for m in decode_with(frame, context).measurements}
    raise AssertionError(f"{message.topic} is no topic of a {profile}")


def test_topics_and_bodies() -> None:
    assert sim.z2m_contact("hall/door", closed=True) == (
        "zigbee2mqtt/hall/door",
        b'{"battery":100,"battery_low":false,"contact":true,"linkquality":80,"tamper":false}',
        False,
    )
    assert sim.z2m_availability("pir", online=False) == ("zigbee2mqtt/pir/availability", b'{"state":"offline"}', True)
    assert sim.z2m_bridge(online=True) == ("zigbee2mqtt/bridge/state", b'{"state":"online"}', True)
    assert sim.tasmota_lwt("t1", online=True) == ("tele/t1/LWT", b"Online", True)
    assert sim.tasmota_pir("t1", motion=False) == ("stat/t1/PIR1", b"OFF", False)
    assert sim.esphome_binary("node", "presence", on=True) == ("node/binary_sensor/presence/state", b"ON", True)
    assert sim.esphome_sensor("node", "lux", None) == ("node/sensor/lux/state", b"nan", True)
    assert sim.shelly_motion("m1", motion=True, lux=303, battery=87, at_s=1614416952) == (
        "shellies/m1/status",
        b'{"motion":true,"timestamp":1614416952,"active":true,"vibration":false,"lux":303,"bat":87}',
        False,
    )
    assert sim.shelly_presence("p", present=False, people=0, ts=1.5) == (
        "p/events/rpc",
        b'{"src":"p","dst":"p/events","method":"NotifyStatus","params":{"ts":1.5,'
        b'"presencezone:200":{"id":200,"state":false,"num_objects":0}}}',
        False,
    )


@given(on=st.booleans(), battery=st.integers(0, 100), lux=st.integers(0, 100_000), level=levels)
def test_the_driver_reads_it_back(on: bool, battery: int, lux: int, level: float) -> None:
    z2m, door = "zigbee2mqtt/x", sim.z2m_contact("x", closed=on, battery=battery)
    pir = read("zigbee2mqtt", z2m, sim.z2m_pir("x", occupancy=on, battery=battery, lux=lux))
    assert pir == {"motion": on, "battery": battery, "illuminance": lux, "voltage": 3.0}
    assert read("zigbee2mqtt", z2m, door) == {
        "opening": not on,
        "battery": battery,
        "battery_low": False,
        "tamper": False,
    }
    assert read("zigbee2mqtt", z2m, sim.z2m_radar("x", presence=on))["occupied"] is on
    assert read("tasmota", "t", sim.tasmota_pir("t", motion=on)) == {"motion": on}
    assert read("tasmota", "t", sim.tasmota_switch("t", on=on)) == {"motion": on}
    report = read("tasmota", "t", sim.tasmota_sensor("t", on=on, celsius=level))
    assert report == {"motion": on, "temperature": level, "humidity": 50.0}
    assert read("esphome", "n", sim.esphome_binary("n", "moving_target", on=on)) == {"motion": on}
    assert read("esphome", "n", sim.esphome_sensor("n", "temperature", level, decimals=2)) == {"temperature": level}
    assert read("shelly1", "s", sim.shelly_motion("s", motion=on, lux=lux)) | {"battery": 0} == {
        "motion": on,
        "vibration": False,
        "illuminance": lux,
        "battery": 0,
    }
    assert read("shelly1_sleeping", "s", sim.shelly_door("s", opened=on)) == {"opening": on}
    assert read("shelly2", "s", sim.shelly_presence("s", present=on, people=int(on))) == {"occupied": on, "count": on}
    assert read("shelly2", "s", sim.shelly_component("s", "temperature:0", id=0, tC=level)) == {"temperature": level}


@given(on=st.booleans())
def test_every_family_says_whether_it_is_there(on: bool) -> None:
    for profile, address, message in (
        ("zigbee2mqtt", "zigbee2mqtt/x", sim.z2m_availability("x", online=on)),
        ("zigbee2mqtt", "zigbee2mqtt/x", sim.z2m_availability("x", online=on, plain=True)),
        ("zigbee2mqtt", "zigbee2mqtt/x", sim.z2m_bridge(online=on)),
        ("tasmota", "x", sim.tasmota_lwt("x", online=on)),
        ("esphome", "x", sim.esphome_status("x", online=on)),
        ("shelly1", "x", sim.shelly_online("x", online=on)),
        ("shelly2", "x", sim.shelly2_online("x", online=on)),
    ):
        assert read(profile, address, message) == {"online": on}


@pytest.mark.parametrize(
    ("action", "word"),
    [("single", "press"), ("double", "double_press"), ("hold", "long_press"), ("4-press", "4_press")],
)
def test_buttons(action: str, word: str) -> None:
    assert read("zigbee2mqtt", "zigbee2mqtt/x", sim.z2m_button("x", action))["button"] == word


def test_what_a_device_does_not_know() -> None:
    assert read("esphome", "n", sim.esphome_sensor("n", "illuminance", None)) == {}
    assert read("shelly1", "s", sim.shelly_motion("s", motion=True, active=False)).get("motion") is None
    assert set(DRIVER.profiles) == {
        *("zigbee2mqtt", "tasmota", "esphome", "shelly1", "shelly1_sleeping", "shelly2", "shelly2_sleeping")
    }
