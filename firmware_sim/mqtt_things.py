"""Sensors that publish over MQTT, and what stands between them and the broker: topics and messages, encode only.

Forms: zigbee2mqtt.io, MQTT topics and messages, device availability (retained); Tasmota, MQTT, PIR motion sensors (a
rule publishes stat/%topic%/PIR1), LWT retained; esphome.io, MQTT client component: states and status are retained
unless told otherwise; Shelly API, Gen1, Shelly Motion, and Gen2, MQTT and PresenceZone. Read 2026-11-26.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Published(NamedTuple):
    """What goes to the broker."""

    topic: str
    body: bytes
    retain: bool = False


# --- Zigbee2MQTT


def z2m_pir(
    name: str, *, occupancy: bool, battery: int = 100, lux: int | None = None, base: str = "zigbee2mqtt"
) -> Published:
    """A PIR sensor; `lux` also as the raw value that versions before 2.0 publish beside it."""
    light = {} if lux is None else {"illuminance": lux * 7 + 1, "illuminance_lux": lux}
    state = {"battery": battery, **light, "linkquality": 120, "occupancy": occupancy, "voltage": 3000}
    return Published(f"{base}/{name}", _json(state))


def z2m_contact(name: str, *, closed: bool, battery: int = 100, base: str = "zigbee2mqtt") -> Published:
    """A door contact: `contact` is true while magnet and reed are together."""
    state = {"battery": battery, "battery_low": False, "contact": closed, "linkquality": 80, "tamper": False}
    return Published(f"{base}/{name}", _json(state))


def z2m_radar(
    name: str, *, presence: bool, distance_m: float = 1.5, lux: int = 200, base: str = "zigbee2mqtt"
) -> Published:
    """A mains-powered mmWave radar."""
    state = {"illuminance": lux, "linkquality": 200, "presence": presence, "target_distance": distance_m}
    return Published(f"{base}/{name}", _json(state))


def z2m_button(name: str, action: str, base: str = "zigbee2mqtt") -> Published:
    """A wireless switch: single, double, hold."""
    return Published(f"{base}/{name}", _json({"action": action, "battery": 90, "linkquality": 60}))


def z2m_availability(name: str, *, online: bool, plain: bool = False, base: str = "zigbee2mqtt") -> Published:
    """What the bridge says of a device; `plain`: as versions before 2.0 could be told to."""
    word = "online" if online else "offline"
    return Published(f"{base}/{name}/availability", word.encode() if plain else _json({"state": word}), retain=True)


def z2m_bridge(*, online: bool, base: str = "zigbee2mqtt") -> Published:
    """The bridge itself; offline is its last will."""
    return Published(f"{base}/bridge/state", _json({"state": "online" if online else "offline"}), retain=True)


# --- Tasmota


def tasmota_pir(name: str, *, motion: bool) -> Published:
    """What the rule for a PIR on Switch1 publishes."""
    return Published(f"stat/{name}/PIR1", b"ON" if motion else b"OFF")


def tasmota_switch(name: str, *, on: bool) -> Published:
    """With SetOption114: a switch that is detached from its relay."""
    return Published(f"stat/{name}/RESULT", _json({"Switch1": {"Action": "ON" if on else "OFF"}}))


def tasmota_sensor(name: str, *, on: bool, celsius: float | None = None, humidity: float = 50.0) -> Published:
    """The report of each TelePeriod, and of each change with SwitchMode 15."""
    report: dict[str, Any] = {"Time": "2026-11-24T08:00:00", "Switch1": "ON" if on else "OFF"}
    if celsius is not None:
        report |= {"AM2301": {"Temperature": celsius, "Humidity": humidity, "DewPoint": 10.1}, "TempUnit": "C"}
    return Published(f"tele/{name}/SENSOR", _json(report))


def tasmota_lwt(name: str, *, online: bool) -> Published:
    """Said at connect; offline is its last will."""
    return Published(f"tele/{name}/LWT", b"Online" if online else b"Offline", retain=True)


# --- ESPHome


def esphome_binary(node: str, object_id: str, *, on: bool, retain: bool = True) -> Published:
    """A binary sensor: `presence`, `moving_target` of an LD2410."""
    return Published(f"{node}/binary_sensor/{object_id}/state", b"ON" if on else b"OFF", retain)


def esphome_sensor(
    node: str, object_id: str, value: float | None, *, decimals: int = 0, retain: bool = True
) -> Published:
    """A sensor; None: it does not know."""
    text = "nan" if value is None else f"{value:.{decimals}f}"
    return Published(f"{node}/sensor/{object_id}/state", text.encode(), retain)


def esphome_status(node: str, *, online: bool) -> Published:
    """Birth and last will."""
    return Published(f"{node}/status", b"online" if online else b"offline", retain=True)


# --- Shelly


def shelly_motion(
    device: str, *, motion: bool, lux: int = 70, battery: int = 67, active: bool = True, at_s: int = 1_757_604_717
) -> Published:
    """Shelly Motion, Gen1. Not `active`: its detection is switched off."""
    status = {"motion": motion, "timestamp": at_s, "active": active, "vibration": False, "lux": lux, "bat": battery}
    return Published(f"shellies/{device}/status", _json(status))


def shelly_door(device: str, *, opened: bool) -> Published:
    """Door/Window 2, Gen1: asleep until something happens."""
    return Published(f"shellies/{device}/sensor/state", b"open" if opened else b"close")


def shelly_online(device: str, *, online: bool) -> Published:
    """Gen1: said at connect; false is its last will."""
    return Published(f"shellies/{device}/online", b"true" if online else b"false", retain=True)


def shelly_presence(device: str, *, present: bool, people: int, ts: float = 1_757_604_717.25) -> Published:
    """Gen2+: a notification of a presence sensor's main zone."""
    zone = {"id": 200, "state": present, "num_objects": people}
    said = {"src": device, "dst": f"{device}/events", "method": "NotifyStatus"}
    return Published(f"{device}/events/rpc", _json({**said, "params": {"ts": ts, "presencezone:200": zone}}))


def shelly_component(device: str, component: str, **status: Any) -> Published:
    """Gen2+: the status of one component, where "generic status update" is switched on."""
    return Published(f"{device}/status/{component}", _json(status))


def shelly2_online(device: str, *, online: bool) -> Published:
    """Gen2+: said at connect; false is its last will."""
    return Published(f"{device}/online", b"true" if online else b"false", retain=True)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
