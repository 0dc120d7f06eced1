"""Adverts of BTHome sensors, contacts and buttons, plain and encrypted, versions 2 and 1; encode only.

bthome.io/format (2026-04): service data of 0xFCD2 is a byte of information (bit 0 encrypted, bit 2 sent only when
something happens, version 2 in bits 5 to 7), then objects: an id and a little-endian value, in rising order of ids.
bthome.io/v1: service data of 0x181C (encrypted 0x181E), each object led by a byte that says its length and format.
bthome.io/encryption: AES-CCM, tag of 4 bytes, behind the objects a counter of 4 bytes; nonce of address, UUID,
information (version 2), counter; version 1 has the header byte 11.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from firmware_sim.beacon import Advert

SERVICE, SERVICE_V1, SERVICE_V1_ENCRYPTED = 0xFCD2, 0x181C, 0x181E
UNSIGNED, SIGNED, TEXT, RAW = 0, 1, 3, 4
"""Formats of version 1."""

PACKET, BATTERY, TEMPERATURE, HUMIDITY, PRESSURE, ILLUMINANCE, VOLTAGE, CO2 = 0, 1, 2, 3, 4, 5, 0x0C, 0x12
OPENING, BATTERY_LOW, DOOR, MOTION, OCCUPANCY, TAMPER, WINDOW = 0x11, 0x15, 0x1A, 0x21, 0x23, 0x2B, 0x2D

_NUMBERS = {  # id: bytes, smallest step; below zero: has a sign
    0x00: (1, 1),
    0x01: (1, 1),
    0x02: (-2, 0.01),
    0x03: (2, 0.01),
    0x04: (3, 0.01),
    0x05: (3, 0.01),
    0x06: (2, 0.01),
    0x07: (2, 0.01),
    0x08: (-2, 0.01),
    0x09: (1, 1),
    0x0A: (3, 0.001),
    0x0B: (3, 0.01),
    0x0C: (2, 0.001),
    0x0D: (2, 1),
    0x0E: (2, 1),
    0x12: (2, 1),
    0x13: (2, 1),
    0x14: (2, 0.01),
    0x2E: (1, 1),
    0x2F: (1, 1),
    0x3D: (2, 1),
    0x3E: (4, 1),
    0x3F: (-2, 0.1),
    0x40: (2, 1),
    0x41: (2, 0.1),
    0x42: (3, 0.001),
    0x43: (2, 0.001),
    0x44: (2, 0.01),
    0x45: (-2, 0.1),
    0x46: (1, 0.1),
    0x47: (2, 0.1),
    0x48: (2, 1),
    0x49: (2, 0.001),
    0x4A: (2, 0.1),
    0x4B: (3, 0.001),
    0x4C: (4, 0.001),
    0x4D: (4, 0.001),
    0x4E: (4, 0.001),
    0x4F: (4, 0.001),
    0x50: (4, 1),
    0x51: (2, 0.001),
    0x52: (2, 0.001),
    0x55: (4, 0.001),
    0x56: (2, 1),
    0x57: (-1, 1),
    0x58: (-1, 0.35),
    0x59: (-1, 1),
    0x5A: (-2, 1),
    0x5B: (-4, 1),
    0x5C: (-4, 0.01),
    0x5D: (-2, 0.001),
    0x5E: (2, 0.01),
    0x5F: (2, 0.1),
    0x60: (1, 1),
    0x61: (2, 1),
    0x62: (-4, 0.000001),
    0x63: (-4, 0.000001),
    0x64: (1, 1),
    0x65: (1, 1),
    0xF0: (2, 1),
}
NUMBERS = tuple(_NUMBERS)
FLAGS = (0x0F, 0x10, 0x11, *range(0x15, 0x2E))
PRESSES = {
    None: 0x00,
    "press": 0x01,
    "double_press": 0x02,
    "triple_press": 0x03,
    "long_press": 0x04,
    "long_double_press": 0x05,
    "long_triple_press": 0x06,
    "hold_press": 0x80,
}
"""None: this one of several buttons was not pressed."""
OPCODES = {"off": 0, "on": 1, "toggle": 2, "step_up": 3, "step_down": 4}


class Object(NamedTuple):
    """One value."""

    number: int
    value: bytes
    form: int = UNSIGNED
    counted: bool = False
    """Version 2 writes the length before the value."""


def number(which: int, value: float) -> Object:
    """A quantity in the unit of its id, rounded to its step; of 0x40 mm."""
    size, step = _NUMBERS[which]
    return Object(which, round(value / step).to_bytes(abs(size), "little", signed=size < 0), int(size < 0))


def limits(which: int) -> tuple[float, float]:
    """Smallest and largest value that an id can carry."""
    size, step = _NUMBERS[which]
    bits = 8 * abs(size)
    return (-(1 << bits - 1) * step, ((1 << bits - 1) - 1) * step) if size < 0 else (0, ((1 << bits) - 1) * step)


def step(which: int) -> float:
    """By how much two values of an id differ at least."""
    return _NUMBERS[which][1]


def flag(which: int, value: bool) -> Object:
    """A binary sensor."""
    return Object(which, bytes((value,)))


def button(press: str | None) -> Object:
    """An event of a button; of several buttons, each has its own in every advert."""
    return Object(0x3A, bytes((PRESSES[press],)))


def dimmer(steps: int) -> Object:
    """Turned to the right by so many steps, to the left by less than none; 0: not turned."""
    return Object(0x3C, bytes((0 if steps == 0 else 2 if steps > 0 else 1, abs(steps))))


def text(value: str) -> Object:
    """A text."""
    return Object(0x53, value.encode(), TEXT, counted=True)


def raw(value: bytes) -> Object:
    """Bytes that the maker alone understands."""
    return Object(0x54, value, RAW, counted=True)


def command(opcode: str, arguments: bytes = b"") -> Object:
    """An order to another device; version 2 alone has it."""
    if len(arguments) > 31:
        raise ValueError(f"a command has at most 31 bytes of arguments, not {len(arguments)}")
    return Object(0x3B, bytes((len(arguments), OPCODES[opcode])) + arguments)


def firmware(*version: int) -> Object:
    """Three or four numbers, the first one weighs most."""
    return Object({4: 0xF1, 3: 0xF2}[len(version)], bytes(reversed(version)))


def advert(objects: Iterable[Object], *, trigger: bool = False) -> Advert:
    """Version 2, plain."""
    return Advert({}, {SERVICE: bytes((_information(trigger, encrypted=False),)) + _objects(objects)})


def encrypted(objects: Iterable[Object], *, key: bytes, address: str, counter: int, trigger: bool = False) -> Advert:
    """Version 2, encrypted; `counter` rises with every advert."""
    information = bytes((_information(trigger, encrypted=True),))
    count = counter.to_bytes(4, "little")
    nonce = _bytes(address) + SERVICE.to_bytes(2, "little") + information + count
    sealed = AESCCM(key, tag_length=4).encrypt(nonce, _objects(objects), None)
    return Advert({}, {SERVICE: information + sealed[:-4] + count + sealed[-4:]})


def advert_v1(objects: Iterable[Object]) -> Advert:
    """Version 1, plain."""
    return Advert({}, {SERVICE_V1: _objects_v1(objects)})


def encrypted_v1(objects: Iterable[Object], *, key: bytes, address: str, counter: int) -> Advert:
    """Version 1, encrypted."""
    count = counter.to_bytes(4, "little")
    nonce = _bytes(address) + SERVICE_V1_ENCRYPTED.to_bytes(2, "little") + count
    sealed = AESCCM(key, tag_length=4).encrypt(nonce, _objects_v1(objects), b"\x11")
    return Advert({}, {SERVICE_V1_ENCRYPTED: sealed[:-4] + count + sealed[-4:]})


def _information(trigger: bool, *, encrypted: bool) -> int:
    return 2 << 5 | trigger << 2 | encrypted


def _objects(objects: Iterable[Object]) -> bytes:
    in_order = sorted(objects, key=lambda one: one.number)
    return b"".join(
        bytes((one.number, len(one.value))) + one.value if one.counted else bytes((one.number,)) + one.value
        for one in in_order
    )


def _objects_v1(objects: Iterable[Object]) -> bytes:
    return b"".join(bytes((one.form << 5 | 1 + len(one.value), one.number)) + one.value for one in objects)


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))
