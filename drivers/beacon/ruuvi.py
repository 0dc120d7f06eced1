"""Ruuvi: RuuviTag (temperature, humidity, pressure, acceleration) and Ruuvi Air (air quality as well).

Manufacturer data of 0x0499, big endian; the first byte is the data format. 3 (RAWv1), 5 (RAWv2) and C5 (5 without
acceleration) come from tags, 6 and E1 (Bluetooth 5) from Ruuvi Air. In all but 3 the largest number (of signed ones the
smallest) means "not available". The first tags sent formats 2 and 4 as an Eddystone-URL, https://ruu.vi/# and base64.
Source: Ruuvi, docs.ruuvi.com, communication/bluetooth-advertisements: data formats 3, 4 (which tells of 2), 5, 6, C5,
E1.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from math import exp, log
from struct import Struct

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

SERVICE_DATA, MANUFACTURER = 0x16, 0xFF
HEAD, EDDYSTONE_URL = b"\x99\x04", b"\xaa\xfe\x10"
WEB = b"\x03ruu.vi/#"
"""Behind the power: https:// and the address."""
_GRAVITY = 9.80665
_RAW_V1 = Struct(">BBBHhhhH")
_RAW_V2 = Struct(">hHHhhhHBH")
_CUT_V2 = Struct(">hHHHBH")
_AIR = Struct(">hHHHHBBB")
_AIR_EXTENDED = Struct(">hHHHHHHHBB")
_MILLIGRAVITY = _GRAVITY / 1000
_LIGHT_STEP = log(65536) / 254


def decode(frame: Frame) -> list[Measurement]:
    """What a tag measured."""
    for kind, data in ad_structures(frame.payload):
        if kind == MANUFACTURER and data.startswith(HEAD):
            return _manufacturer(data[2:])
        if kind == SERVICE_DATA and data.startswith(EDDYSTONE_URL):
            return _web(data)
    raise Unsupported("no Ruuvi data in this advert")


def _manufacturer(body: bytes) -> list[Measurement]:
    if not body:
        raise Truncated("manufacturer data without a format")
    known = _FORMATS.get(body[0])
    if known is None:
        raise Unsupported(f"data format {body[0]:02x}")
    size, read = known
    if len(body) < size:
        raise Truncated(f"{len(body)} of {size} bytes")
    if len(body) > size and body[0] != 3:  # some tags fill format 3 up with zeros
        raise DecodeError(f"data format {body[0]:02x} has {size} bytes, not {len(body)}")
    return read(body)


def _web(data: bytes) -> list[Measurement]:
    """Formats 2 and 4: the same six bytes; a ninth character of 4 tells tags apart."""
    if data[4 : 4 + len(WEB)] != WEB:
        raise Unsupported("an Eddystone-URL of somebody else")
    text = data[4 + len(WEB) :]
    try:
        body = b64decode(text[:8], altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise DecodeError(f"not base64: {error}") from error
    if len(body) != 6 or len(text) > 9 or (body[0], len(text)) not in ((2, 8), (4, 9)):
        raise Unsupported(f"{len(text)} characters of data")
    return _climate_v1(body[1], body[2], body[3], int.from_bytes(body[4:6], "big"))


def _climate_v1(humidity: int, whole: int, hundredths: int, pressure: int) -> list[Measurement]:
    """Format 3 and older: sign and magnitude, no "not available", humidity above 100 % for a fault."""
    if hundredths > 99:
        raise DecodeError(f"{hundredths} hundredths of a degree")
    degrees = (whole & 0x7F) + hundredths / 100
    return [
        Measurement("temperature", -degrees if whole & 0x80 else degrees, "Cel"),
        Measurement("humidity", humidity / 2, "%RH"),
        Measurement("pressure", (pressure + 50_000) / 100, "hPa"),
    ]


def _raw_v1(body: bytes) -> list[Measurement]:
    humidity, whole, hundredths, pressure, x, y, z, millivolts = _RAW_V1.unpack_from(body, 1)
    made = _climate_v1(humidity, whole, hundredths, pressure)
    made += [
        Measurement("acceleration", n * _MILLIGRAVITY, "m/s2", axis) for axis, n in zip("xyz", (x, y, z), strict=True)
    ]
    return [*made, Measurement("voltage", millivolts / 1000, "V")]


def _climate(temperature: int, humidity: int, pressure: int) -> list[Measurement]:
    made = []
    if temperature != -0x8000:
        made.append(Measurement("temperature", temperature / 200, "Cel"))
    if humidity != 0xFFFF:
        made.append(Measurement("humidity", humidity / 400, "%RH"))
    if pressure != 0xFFFF:
        made.append(Measurement("pressure", (pressure + 50_000) / 100, "hPa"))
    return made


def _power(power: int) -> list[Measurement]:
    made = []
    if power >> 5 != 0x7FF:
        made.append(Measurement("voltage", (1600 + (power >> 5)) / 1000, "V"))
    if power & 0x1F != 0x1F:
        made.append(Measurement("tx_power", -40 + 2 * (power & 0x1F), "dBm"))
    return made


def _unless(missing: int, kind: str, value: int, scale: float = 1, unit: str = "") -> list[Measurement]:
    return [] if value == missing else [Measurement(kind, value if scale == 1 else value * scale, unit)]


def _raw_v2(body: bytes) -> list[Measurement]:
    temperature, humidity, pressure, x, y, z, power, _moves, sequence = _RAW_V2.unpack_from(body, 1)
    return [
        *_climate(temperature, humidity, pressure),
        *(
            Measurement("acceleration", n * _MILLIGRAVITY, "m/s2", axis)
            for axis, n in zip("xyz", (x, y, z), strict=True)
            if n != -0x8000
        ),
        *_power(power),
        *_unless(0xFFFF, "packet_counter", sequence),
    ]


def _cut_v2(body: bytes) -> list[Measurement]:
    temperature, humidity, pressure, power, _moves, sequence = _CUT_V2.unpack_from(body, 1)
    return [
        *_climate(temperature, humidity, pressure),
        *_power(power),
        *_unless(0xFFFF, "packet_counter", sequence),
    ]


def _air(body: bytes) -> list[Measurement]:
    temperature, humidity, pressure, pm2_5, co2, voc, _nox, light = _AIR.unpack_from(body, 1)
    made = [
        *_climate(temperature, humidity, pressure),
        *_unless(0xFFFF, "pm2_5", pm2_5, 0.1, "ug/m3"),
        *_unless(0xFFFF, "co2", co2, unit="ppm"),
        *_unless(0x1FF, "tvoc", voc << 1 | body[16] >> 6 & 1),  # the ninth bit is among the flags
    ]
    if light != 0xFF:
        made.append(Measurement("illuminance", exp(light * _LIGHT_STEP) - 1, "lx"))
    return [*made, Measurement("packet_counter", body[15])]


def _air_extended(body: bytes) -> list[Measurement]:
    temperature, humidity, pressure, _pm1, pm2_5, _pm4, pm10, co2, voc, _nox = _AIR_EXTENDED.unpack_from(body, 1)
    light, sequence = int.from_bytes(body[19:22], "big"), int.from_bytes(body[25:28], "big")
    return [
        *_climate(temperature, humidity, pressure),
        *_unless(0xFFFF, "pm2_5", pm2_5, 0.1, "ug/m3"),
        *_unless(0xFFFF, "pm10", pm10, 0.1, "ug/m3"),
        *_unless(0xFFFF, "co2", co2, unit="ppm"),
        *_unless(0x1FF, "tvoc", voc << 1 | body[28] >> 6 & 1),
        *_unless(0xFFFFFF, "illuminance", light, 0.01, "lx"),
        *_unless(0xFFFFFF, "packet_counter", sequence),
    ]


_FORMATS: Mapping[int, tuple[int, Callable[[bytes], list[Measurement]]]] = {
    0x03: (14, _raw_v1),
    0x05: (24, _raw_v2),
    0x06: (20, _air),
    0xC5: (18, _cut_v2),
    0xE1: (40, _air_extended),
}
"""Data format -> its size and its reader."""

DRIVER = Driver(
    name="ruuvi",
    title="RuuviTag (data formats 2 to 5, C5), Ruuvi Air (6, E1)",
    media=("ble_adv",),
    modality="environment",
    decode=decode,
    claims=(
        *(Claim(company=0x0499, prefix=bytes((number,))) for number in _FORMATS),
        Claim(service=0xFEAA, prefix=b"\x10"),
    ),
    expect_s=2.0,
    kinds=(
        "temperature",
        "humidity",
        "pressure",
        "co2",
        "pm2_5",
        "pm10",
        "tvoc",
        "illuminance",
        "acceleration",
        "voltage",
        "tx_power",
        "packet_counter",
    ),
    checked="2026-11-26",
)
