"""Teltonika EYE Beacon and EYE Sensor: what they say beside their iBeacon or Eddystone.

Manufacturer data of 0x089A, big endian: version 01, flags, then the values that the flags announce: 0 temperature (2
bytes, 0.01 degree), 1 humidity (%), 2 there is a magnet sensor and 3 what it says (no byte of their own), 4 movement (2
bytes: moving now, and a counter), 5 pitch (1) and roll (2), 6 battery low (no byte), 7 battery (1: 2000 mV + 10 mV
each).
Source: Teltonika, wiki.teltonika-gps.com, EYE SENSOR / BTSMP1, "Protocol description", table 1.
"""

from __future__ import annotations

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

MANUFACTURER = 0xFF
HEAD = b"\x9a\x08"
VERSION = 1
_SIZES = {0: 2, 1: 1, 4: 2, 5: 3, 7: 1}
"""Bytes of a value, by the bit that announces it."""


def decode(frame: Frame) -> list[Measurement]:
    """What the sensors say; `opening` where a magnet sensor is switched on, for that is what it is used for."""
    for kind, data in ad_structures(frame.payload):
        if kind == MANUFACTURER and data.startswith(HEAD):
            return _values(data[2:])
    raise Unsupported("no EYE in this advert")


def _values(body: bytes) -> list[Measurement]:
    if len(body) < 2:
        raise Truncated(f"{len(body)} bytes of manufacturer data")
    version, flags = body[:2]
    if version != VERSION:
        raise Unsupported(f"version {version}")
    size = 2 + sum(n for bit, n in _SIZES.items() if flags >> bit & 1)
    if len(body) < size:
        raise Truncated(f"{len(body)} of {size} bytes")
    if len(body) > size:
        raise DecodeError(f"flags {flags:02x} announce {size} bytes, not {len(body)}")
    parts, at = {}, 2
    for bit, n in _SIZES.items():
        if flags >> bit & 1:
            parts[bit], at = body[at : at + n], at + n
    made = []
    if 0 in parts:
        made.append(Measurement("temperature", int.from_bytes(parts[0], "big", signed=True) / 100, "Cel"))
    if 1 in parts:
        made.append(Measurement("humidity", parts[1][0], "%RH"))
    if flags & 0x04:
        made.append(Measurement("opening", not flags & 0x08))
    if 4 in parts:
        made.append(Measurement("moving", bool(parts[4][0] & 0x80)))
    if 5 in parts:
        made.append(Measurement("rotation", int.from_bytes(parts[5][:1], "big", signed=True), "deg", "pitch"))
        made.append(Measurement("rotation", int.from_bytes(parts[5][1:], "big", signed=True), "deg", "roll"))
    made.append(Measurement("battery_low", bool(flags & 0x40)))
    if 7 in parts:
        made.append(Measurement("voltage", (2000 + 10 * parts[7][0]) / 1000, "V"))
    return made


DRIVER = Driver(
    name="teltonika",
    title="Teltonika EYE Beacon (BTSID1), EYE Sensor (BTSMP1)",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=(Claim(company=0x089A, prefix=b"\x01"),),
    expect_s=5.0,
    kinds=("temperature", "humidity", "opening", "moving", "rotation", "battery_low", "voltage"),
    checked="2026-11-26",
)
