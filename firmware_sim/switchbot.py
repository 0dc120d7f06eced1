"""SwitchBot sensor adverts, encode only.

SwitchBotAPI-BLE, devicetypes/meter.md, contactsensor.md, motionsensor.md: service data of 0xFD3D: type, status,
battery, values. The outdoor meter and the presence sensor have their values in manufacturer data of 0x0969 behind
address and sequence number, and say in the service data only what they are.
"""

from __future__ import annotations

from firmware_sim.beacon import Advert

SERVICE = 0xFD3D
COMPANY = 0x0969
PRESENCE_NUMBER = b"\x00\x10\xcc\xc8"


def climate(temperature: float, humidity: int) -> bytes:
    """The three bytes of all thermometers."""
    tenths = round(abs(temperature) * 10)
    return bytes((tenths % 10, tenths // 10 | 0x80 * (temperature >= 0), humidity))


def meter(battery: int, temperature: float, humidity: int, *, plus: bool = False) -> Advert:
    """Meter or Meter Plus."""
    return Advert({}, {SERVICE: bytes((ord("i" if plus else "T"), 0, battery)) + climate(temperature, humidity)})


def outdoor_meter(battery: int, temperature: float, humidity: int, address: bytes, sequence: int = 0) -> Advert:
    """Indoor/Outdoor Meter."""
    maker = address + bytes((sequence, 3)) + climate(temperature, humidity)
    return Advert({COMPANY: maker}, {SERVICE: bytes((ord("w"), 0, battery))})


def contact(battery: int, *, is_open: bool, motion: bool = False, bright: bool = False, presses: int = 0) -> Advert:
    """Contact Sensor."""
    body = (ord("d"), 0x40 * motion, battery, 0x02 * is_open | bright, 0, 0, 0, 0, presses & 0x0F)
    return Advert({}, {SERVICE: bytes(body)})


def motion(battery: int, *, somebody: bool, bright: bool, idle_s: int = 0) -> Advert:
    """Motion Sensor."""
    since = (idle_s & 0xFFFF).to_bytes(2, "big")
    last = 0x80 * (idle_s > 0xFFFF) | (2 if bright else 1)
    return Advert({}, {SERVICE: bytes((ord("s"), 0x40 * somebody, battery)) + since + bytes((last,))})


def presence(battery: int, *, occupied: bool, light_level: int, address: bytes, sequence: int = 0) -> Advert:
    """Presence Sensor."""
    maker = address + bytes((sequence, 0x40 * occupied | 0x0C, 0, 0, 0, light_level))
    return Advert({COMPANY: maker}, {SERVICE: bytes((0, 0x20, battery)) + PRESENCE_NUMBER})
