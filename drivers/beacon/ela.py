"""ELA Innovation Blue Puck and Blue Coin, also sold as Sensor Easy: temperature, humidity, contact, movement, PIR.

In the format "Manufacturer specific" the data of 0x0757 (little endian) say themselves what they are: 06 number of the
tag, 12 temperature (2, 0.01 degree), 21 humidity (1, %) and then 12, 32 MAG, 42 MOV, 62 DI, 92 PIR, B2 TOUCH (2 each: a
counter, and the state in bit 0), 56 ANG (x, y, z: mg), F1 battery (1, %), F2 battery (2, mV).
In the format "Service data" the Bluetooth numbers stand for them: 2A6E temperature (2), 2A6F humidity (1 byte of %;
makers who keep to the Bluetooth specification send 2 of 0.01 %), 2AA1 ANG, and 2A06 for all that count: only the local
name says which, "P MAG 123456". One tag may send several structures, and the battery in the scan response.
Source: ELA Innovation, docs.elainnovation.com, "BLE Frame Specifications" (and BLE Frame specifications 11B EN, 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

SERVICE_DATA, MANUFACTURER, SHORT_NAME, NAME = 0x16, 0xFF, 0x08, 0x09
COMPANY, TEMPERATURE, HUMIDITY, COUNTER, ANGLE = 0x0757, 0x2A6E, 0x2A6F, 0x2A06, 0x2AA1
SHAPES = (b"P ", b"C ")
"""Puck and Coin: how a tag's name begins when nobody changed it."""
_GRAVITY = 9.80665
_AXES = Struct("<hhh")
Read = Callable[[bytes], list[Measurement]]


def decode(frame: Frame) -> list[Measurement]:
    """What all structures of one advert say."""
    name, found = b"", []
    for kind, data in ad_structures(frame.payload):
        if kind in (SHORT_NAME, NAME):
            name = data
        elif kind in (MANUFACTURER, SERVICE_DATA) and len(data) >= 2:
            found.append((kind, int.from_bytes(data[:2], "little"), data[2:]))
    made, known = [], False
    for kind, identifier, body in found:
        if kind == MANUFACTURER and identifier == COMPANY:
            made += _manufacturer(body)
        elif kind == SERVICE_DATA and identifier == COUNTER:
            made += _exactly(2, body, _counter(name))
        elif kind == SERVICE_DATA and identifier in _SERVICES:
            made += _SERVICES[identifier](body)
        else:
            continue
        known = True
    if not known:
        raise Unsupported("no ELA tag in this advert")
    return made


def _manufacturer(body: bytes) -> list[Measurement]:
    if not body:
        raise Truncated("manufacturer data without a type")
    known = _TYPES.get(body[0])
    if known is None:
        raise Unsupported(f"data type {body[0]:02x}")
    return _exactly(known[0], body[1:], known[1])


def _exactly(size: int, body: bytes, read: Read) -> list[Measurement]:
    if len(body) < size:
        raise Truncated(f"{len(body)} of {size} bytes")
    if len(body) > size:
        raise DecodeError(f"the value has {size} bytes, not {len(body)}")
    return read(body)


def _counter(name: bytes) -> Read:
    """What a counter counts, by the local name: a letter, a blank, the word."""
    word = name[2:].partition(b" ")[0]
    read = _COUNTERS.get(word) if name[1:2] == b" " else None
    if read is None:
        raise Unsupported(f"a counter of {name[:16]!r}")
    return read


def _temperature(body: bytes) -> list[Measurement]:
    return [Measurement("temperature", int.from_bytes(body, "little", signed=True) / 100, "Cel")]


def _climate(body: bytes) -> list[Measurement]:
    if body[1] != 0x12:
        raise Unsupported(f"humidity and then {body[1]:02x}")
    return [*_humidity(body[:1]), *_temperature(body[2:])]


def _humidity(body: bytes) -> list[Measurement]:
    value = body[0] if len(body) == 1 else int.from_bytes(body, "little") / 100
    if value > 100:
        raise DecodeError(f"humidity of {value} %")
    return [Measurement("humidity", value, "%RH")]


def _mag(body: bytes) -> list[Measurement]:
    return [Measurement("opening", not body[0] & 1)]  # 1: the magnet is near


def _mov(body: bytes) -> list[Measurement]:
    return [Measurement("moving", bool(body[0] & 1))]


def _pir(body: bytes) -> list[Measurement]:
    return [Measurement("motion", bool(body[0] & 1))]


def _di(body: bytes) -> list[Measurement]:
    return [Measurement("generic_boolean", bool(body[0] & 1), channel="input")]


def _touch(body: bytes) -> list[Measurement]:
    return [Measurement("button", "press")] if body[0] & 1 else []


def _angle(body: bytes) -> list[Measurement]:
    return [
        Measurement("acceleration", n * _GRAVITY / 1000, "m/s2", axis)
        for axis, n in zip("xyz", _AXES.unpack(body), strict=True)
    ]


def _battery(body: bytes) -> list[Measurement]:
    if body[0] > 100:
        raise DecodeError(f"battery at {body[0]} %")
    return [Measurement("battery", body[0], "%")]


def _voltage(body: bytes) -> list[Measurement]:
    return [Measurement("voltage", int.from_bytes(body, "little") / 1000, "V")]


def _nothing(_body: bytes) -> list[Measurement]:
    """The number of the tag: it is known by its address already."""
    return []


_TYPES: Mapping[int, tuple[int, Read]] = {
    0x06: (6, _nothing),
    0x12: (2, _temperature),
    0x21: (4, _climate),
    0x32: (2, _mag),
    0x42: (2, _mov),
    0x56: (6, _angle),
    0x62: (2, _di),
    0x92: (2, _pir),
    0xB2: (2, _touch),
    0xF1: (1, _battery),
    0xF2: (2, _voltage),
}
"""Type of manufacturer data -> size of the value and its reader."""

_SERVICES: Mapping[int, Read] = {
    TEMPERATURE: lambda body: _exactly(2, body, _temperature),
    HUMIDITY: lambda body: _exactly(2 if len(body) > 1 else 1, body, _humidity),
    ANGLE: lambda body: _exactly(6, body, _angle),
}

_COUNTERS: Mapping[bytes, Read] = {b"MAG": _mag, b"MOV": _mov, b"PIR": _pir, b"DI": _di, b"TOUCH": _touch}


def _driver(
    name: str, title: str, modality: str, types: bytes, words: tuple[bytes, ...], services: tuple[int, ...]
) -> Driver:
    """One family. All read every structure; they differ in what they answer to and in what the rules make of it."""
    return Driver(
        name=name,
        title=title,
        media=("ble_adv",),
        modality=modality,
        decode=decode,
        claims=(
            *(Claim(company=COMPANY, prefix=bytes((number,))) for number in types),
            *(Claim(service=COUNTER, name=shape + word) for word in words for shape in SHAPES),
            *(Claim(service=number) for number in services),
        ),
        expect_s=5.0,
        kinds=(
            "temperature",
            "humidity",
            "opening",
            "moving",
            "motion",
            "button",
            "generic_boolean",
            "acceleration",
            "battery",
            "voltage",
        ),
        checked="2026-11-26",
    )


DRIVERS = (
    _driver(
        "ela",
        "ELA Blue Puck and Coin T, RHT, MOV, ANG, DI, TOUCH, ID",
        "tag",
        b"\x06\x12\x21\x42\x56\x62\xb2\xf1\xf2",
        (b"MOV", b"DI", b"TOUCH"),
        (TEMPERATURE, HUMIDITY, ANGLE),
    ),
    _driver("ela_mag", "ELA Blue Puck and Coin MAG, Sensor Easy MAG", "contact", b"\x32", (b"MAG",), ()),
    _driver("ela_pir", "ELA Blue PIR", "pir", b"\x92", (b"PIR",), ()),
)
