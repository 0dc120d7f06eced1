"""Acconeer XM122 and XM126 radar modules with the maker's Bluetooth applications: is somebody there, or how far.

Manufacturer data of 0xACC0, 15 bytes little endian: application (80 presence on XM122, 90 distance and 91 presence on
XM126), battery (2, %), temperature (2, signed degrees), value (2: presence 0 or 1; distance in mm, 0 for none), 8
reserved.
Source: the maker's application notes of XM122 and XM126 are not public; the layout is known from Bluetooth monitors
that read the modules (BLE Monitor, acconeer parser, 2024). The presence detector sees breathing as well as walking.
"""

from __future__ import annotations

from struct import Struct

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

MANUFACTURER = 0xFF
HEAD = b"\xc0\xac"
PRESENCE, DISTANCE = (0x80, 0x91), 0x90
_FIELDS = Struct("<BHhH8s")


def decode(frame: Frame) -> list[Measurement]:
    """occupied and motion, or a distance; battery and temperature of the module."""
    for kind, data in ad_structures(frame.payload):
        if kind == MANUFACTURER and data.startswith(HEAD):
            return _values(data[2:])
    raise Unsupported("no Acconeer module in this advert")


def _values(body: bytes) -> list[Measurement]:
    if len(body) < _FIELDS.size:
        raise Truncated(f"{len(body)} of {_FIELDS.size} bytes")
    if len(body) > _FIELDS.size:
        raise DecodeError(f"the advert has {_FIELDS.size} bytes, not {len(body)}")
    application, battery, temperature, value, _reserved = _FIELDS.unpack(body)
    made = []
    if application in PRESENCE:
        made += [Measurement("occupied", value != 0), Measurement("motion", value != 0)]
    elif application == DISTANCE:
        if value:
            made.append(Measurement("distance", value / 1000, "m"))
    else:
        raise Unsupported(f"application {application:02x}")
    if battery > 100:
        raise DecodeError(f"battery at {battery} %")
    return [*made, Measurement("battery", battery, "%"), Measurement("temperature", temperature, "Cel")]


DRIVER = Driver(
    name="acconeer",
    title="Acconeer XM122, XM126 (presence, distance)",
    media=("ble_adv",),
    modality="radar",
    decode=decode,
    claims=tuple(Claim(company=0xACC0, prefix=bytes((number,))) for number in (*PRESENCE, DISTANCE)),
    expect_s=2.0,
    kinds=("occupied", "motion", "distance", "battery", "temperature"),
    checked="2026-11-26",
)
