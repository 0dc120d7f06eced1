"""Qingping sensors as they advertise in their own format; encode only.

pvvx/TLB2Z, src/adv_qingping.h: service data of 0xFDCD, little-endian: 08 (48 with an event), device, reversed address,
and values, each with its id and length.
"""

from __future__ import annotations

from struct import pack

from firmware_sim.beacon import Advert

QINGPING = 0xFDCD
CGG1, CGPR1, CGD1, CGDN1, CGH1 = 0x07, 0x12, 0x0C, 0x0E, 0x04
"""Devices: thermometer, motion and light, alarm clock, air monitor, door."""


def advert(address: str, device: int, *values: bytes, event: bool = False) -> Advert:
    """One advert; `address` as people write it."""
    head = bytes((0x48 if event else 0x08, device)) + bytes.fromhex(address.replace(":", ""))[::-1]
    return Advert({}, {QINGPING: head + b"".join(values)})


def value(number: int, data: bytes) -> bytes:
    """One value."""
    return bytes((number, len(data))) + data


def climate(celsius: float, percent: float) -> bytes:
    """Temperature and humidity, in tenths."""
    return value(0x01, pack("<hH", round(celsius * 10), round(percent * 10)))


def battery(percent: int) -> bytes:
    """Percent."""
    return value(0x02, bytes((percent,)))


def door(state: int) -> bytes:
    """0 open, 1 closed, 2 left open."""
    return value(0x04, bytes((state,)))


def pressure(hectopascal: float) -> bytes:
    """In tenths."""
    return value(0x07, pack("<H", round(hectopascal * 10)))


def motion(moved: bool, lux: int) -> bytes:
    """Motion, and light in three bytes."""
    return value(0x08, bytes((moved,)) + lux.to_bytes(3, "little"))


def light(lux: int) -> bytes:
    """Light, when nobody moves."""
    return value(0x09, pack("<I", lux))


def counter(number: int) -> bytes:
    """Of adverts."""
    return value(0x0F, bytes((number & 0xFF,)))


def dust(pm2_5: int, pm10: int) -> bytes:
    """Micrograms in a cubic metre."""
    return value(0x12, pack("<HH", pm2_5, pm10))


def co2(ppm: int) -> bytes:
    """Parts per million."""
    return value(0x13, pack("<H", ppm))
