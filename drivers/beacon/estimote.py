"""Estimote: Telemetry packets of Location and Proximity Beacons, and Nearable packets of Stickers.

Telemetry, service data of 0xFE9A, 20 bytes little endian: version (0 to 2) and frame type 2, 8 bytes of identity,
subframe. A: acceleration x, y, z (2/127 g), two durations, state of motion, in version 2 pressure (1/256 Pa).
B: magnetic field, light, then bit by bit uptime, temperature (12 bits, 1/16 degree) and voltage (14 bits, mV), and
from version 1 the battery level. Nearable, manufacturer data of 0x015D: type 1, 8 bytes of identity, versions,
temperature (12 bits), motion, acceleration (1/64 g), two durations.
Source: Estimote, estimote-specs, estimote-telemetry.js and estimote-nearable.js (the maker publishes no other text).
"""

from __future__ import annotations

from struct import Struct

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

SERVICE_DATA, MANUFACTURER = 0x16, 0xFF
TELEMETRY, NEARABLE = b"\x9a\xfe", b"\x5d\x01"
TELEMETRY_SIZE, NEARABLE_SIZE = 20, 21
NEWEST = 2
"""Version of Telemetry packets."""
_GRAVITY = 9.80665
_AXES = Struct("<bbb")


def decode(frame: Frame) -> list[Measurement]:
    """Who it is, whether it is moved, and what its sensors say."""
    for kind, data in ad_structures(frame.payload):
        if kind == SERVICE_DATA and data.startswith(TELEMETRY):
            return _telemetry(data[2:])
        if kind == MANUFACTURER and data.startswith(NEARABLE):
            return _nearable(data)
    raise Unsupported("no Estimote packet in this advert")


def _telemetry(body: bytes) -> list[Measurement]:
    if not body:
        raise Truncated("service data without a packet")
    version, frame_type = body[0] >> 4, body[0] & 0x0F
    if frame_type != 2 or version > NEWEST:
        raise Unsupported(f"frame type {frame_type}, version {version}")
    _exactly(body, TELEMETRY_SIZE)
    made = [Measurement("beacon", f"estimote:{body[1:9].hex()}")]
    match body[9] & 0x03:
        case 0:
            return made + _subframe_a(body, version)
        case 1:
            return made + _subframe_b(body, version)
        case other:
            raise Unsupported(f"subframe {other}")


def _subframe_a(body: bytes, version: int) -> list[Measurement]:
    made = [*_moved(body[15] & 0x03 == 1), *_acceleration(body, 10, 2 / 127)]
    if version == NEWEST:
        pressure = int.from_bytes(body[16:20], "little")
        if pressure != 0xFFFFFFFF:
            made.append(Measurement("pressure", pressure / 25600, "hPa"))
    return made


def _subframe_b(body: bytes, version: int) -> list[Measurement]:
    made = []
    light, bits = body[13], int.from_bytes(body[14:19], "little")
    if light != 0xFF:
        made.append(Measurement("illuminance", 0.72 * (light & 0x0F) * (1 << (light >> 4)), "lx"))
    made.append(Measurement("temperature", _signed_12(bits >> 14) / 16, "Cel"))
    millivolts = bits >> 26
    if millivolts != 0x3FFF:
        made.append(Measurement("voltage", millivolts / 1000, "V"))
    if version >= 1 and body[19] != 0xFF:  # version 0 has flags of errors here
        if body[19] > 100:
            raise DecodeError(f"battery at {body[19]} %")
        made.append(Measurement("battery", body[19], "%"))
    return made


def _nearable(data: bytes) -> list[Measurement]:
    if len(data) < 3:
        raise Truncated("manufacturer data without a packet")
    if data[2] != 1:
        raise Unsupported(f"packet {data[2]:02x}")
    _exactly(data, NEARABLE_SIZE)
    return [
        Measurement("beacon", f"estimote:{data[3:11].hex()}"),
        *_moved(bool(data[15] & 0x40)),
        Measurement("temperature", _signed_12(int.from_bytes(data[13:15], "little")) / 16, "Cel"),
        *_acceleration(data, 16, 1 / 64),
    ]


def _exactly(data: bytes, size: int) -> None:
    if len(data) < size:
        raise Truncated(f"{len(data)} of {size} bytes")
    if len(data) > size:
        raise DecodeError(f"the packet has {size} bytes, not {len(data)}")


def _moved(moved: bool) -> list[Measurement]:
    """Under both words: "motion state" is what the maker calls it, and it is the beacon that moves."""
    return [Measurement("motion", moved), Measurement("moving", moved)]


def _acceleration(data: bytes, at: int, g_per_step: float) -> list[Measurement]:
    scale = g_per_step * _GRAVITY
    return [
        Measurement("acceleration", step * scale, "m/s2", axis)
        for axis, step in zip("xyz", _AXES.unpack_from(data, at), strict=True)
    ]


def _signed_12(bits: int) -> int:
    bits &= 0x0FFF
    return bits - 0x1000 if bits > 0x07FF else bits


DRIVER = Driver(
    name="estimote",
    title="Estimote Location Beacon, Proximity Beacon, Sticker",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=(
        *(Claim(service=0xFE9A, prefix=bytes((version << 4 | 2,))) for version in range(NEWEST + 1)),
        Claim(company=0x015D, prefix=b"\x01"),
    ),
    expect_s=2.0,
    kinds=(
        "beacon",
        "motion",
        "moving",
        "temperature",
        "illuminance",
        "pressure",
        "battery",
        "voltage",
        "acceleration",
    ),
    checked="2026-11-26",
)
