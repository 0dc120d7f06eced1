"""Minew beacon adverts, encode only.

MiniBeaconPlus Configuration Instruction, section 2: service data of 0xFFE1: A1, type, battery (%), values (big endian,
8.8 where they are signed fractions), the beacon's address lowest byte first. MinewConnect V3 radar counters:
manufacturer data of 0x0639, CA 18, kind, number of the cycle, counts (little endian), 24 bytes in all.
"""

from __future__ import annotations

from firmware_sim.beacon import Advert

SERVICE = 0xFFE1
MINEW = 0x0639


def info(battery: int, address: bytes, name: str) -> Advert:
    """Its information frame; `address` has 6 bytes, highest first."""
    return _service(0x08, battery, b"", address, name.encode("ascii"))


def climate(battery: int, address: bytes, temperature: float, humidity: float) -> Advert:
    """Temperature and humidity."""
    return _service(0x01, battery, _fixed(temperature) + _fixed(humidity), address)


def acceleration(battery: int, address: bytes, g: tuple[float, float, float]) -> Advert:
    """Acceleration on three axes, in g."""
    return _service(0x03, battery, b"".join(map(_fixed, g)), address)


def pir(battery: int, address: bytes, somebody: bool) -> Advert:
    """A PIR sensor."""
    return _service(0x11, battery, int(somebody).to_bytes(2, "big"), address)


def door(battery: int, address: bytes, *, is_open: bool, dismantled: bool = False) -> Advert:
    """An S4 door sensor."""
    body = bytes((0xA4, 0x01, battery, is_open, dismantled, is_open or dismantled, 0)) + address[::-1] + b"\x00\x00"
    return Advert({MINEW: body}, {})


def people(present: int, cycle: int = 0) -> Advert:
    """A radar that counts who is there."""
    return _radar(1, cycle, bytes((present | 0x10,)))


def passages(entered: int, left: int, cycle: int = 0) -> Advert:
    """A radar over a door."""
    return _radar(0, cycle, entered.to_bytes(2, "little") + left.to_bytes(2, "little"))


def _radar(kind: int, cycle: int, counts: bytes) -> Advert:
    return Advert({MINEW: (bytes((0xCA, 0x18, kind, cycle)) + counts).ljust(24, b"\x00")}, {})


def _service(kind: int, battery: int, values: bytes, address: bytes, name: bytes = b"") -> Advert:
    return Advert({}, {SERVICE: bytes((0xA1, kind, battery)) + values + address[::-1] + name})


def _fixed(value: float) -> bytes:
    return round(value * 256).to_bytes(2, "big", signed=True)
