"""MikroTik TG-BT5-IN and TG-BT5-OUT tags in their own format.

Manufacturer data of 0x094F, 18 bytes little endian: version 01, user data (bit 0: the rest is encrypted), salt (2),
acceleration x, y, z (signed 8.8, m/s2), temperature (signed 8.8; 8000 in TG-BT5-IN, which has no thermometer), uptime
(4), flags (0 reed switch closed, 1 tilted, 2 falling, 3 to 5 hit along x, y, z), battery (%).
An encrypted advert is one block of AES-ECB without any check: a wrong key would give numbers, so it is not read.
Source: MikroTik, help.mikrotik.com, "MikroTik Tag advertisement formats", MikroTik packet structure.
"""

from __future__ import annotations

from struct import Struct

from drivers.api import (
    Claim,
    DecodeError,
    Driver,
    Frame,
    Measurement,
    NotAuthentic,
    Truncated,
    Unsupported,
    ad_structures,
)

MANUFACTURER = 0xFF
HEAD = b"\x4f\x09"
VERSION = 1
_FIELDS = Struct("<BBHhhhhIBB")
_NO_TEMPERATURE = -0x8000
REED, MOVED = 0x01, 0x3E


def decode(frame: Frame) -> list[Measurement]:
    """Battery, temperature and whether the tag was tilted, dropped or hit."""
    for kind, data in ad_structures(frame.payload):
        if kind == MANUFACTURER and data.startswith(HEAD):
            return _values(data[2:])
    raise Unsupported("no MikroTik tag in this advert")


def _values(body: bytes) -> list[Measurement]:
    if len(body) < _FIELDS.size:
        raise Truncated(f"{len(body)} of {_FIELDS.size} bytes")
    if len(body) > _FIELDS.size:
        raise DecodeError(f"the format has {_FIELDS.size} bytes, not {len(body)}")
    version, user, _salt, x, y, z, temperature, _uptime, flags, battery = _FIELDS.unpack(body)
    if version != VERSION:
        raise Unsupported(f"version {version}")
    if user & 1:
        raise NotAuthentic("encrypted; set the tag to send plain adverts")
    if battery > 100:
        raise DecodeError(f"battery at {battery} %")
    made = [
        Measurement("battery", battery, "%"),
        Measurement("moving", bool(flags & MOVED)),
        Measurement("generic_boolean", bool(flags & REED), channel="reed"),
        *(Measurement("acceleration", n / 256, "m/s2", axis) for axis, n in zip("xyz", (x, y, z), strict=True)),
    ]
    if temperature != _NO_TEMPERATURE:
        made.append(Measurement("temperature", temperature / 256, "Cel"))
    return made


DRIVER = Driver(
    name="mikrotik",
    title="MikroTik TG-BT5-IN, TG-BT5-OUT",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=(Claim(company=0x094F, prefix=b"\x01"),),
    expect_s=10.0,
    kinds=("battery", "temperature", "moving", "generic_boolean", "acceleration"),
    checked="2026-11-26",
)
