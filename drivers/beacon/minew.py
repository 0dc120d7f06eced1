"""Minew beacons and sensors: E8, E9, S1, B10 and others; S3 and S4; the people counters of MinewConnect V3.

Service data of 0xFFE1, big endian: A1, type, battery (%), then: 01 temperature and humidity (signed 8.8), 02 light (bit
0), 03 acceleration x, y, z (signed 8.8, g), 11 PIR (2 bytes, bit 0), 13 temperature, 18 time (4) and vibration (bit 0);
the address (lowest byte first) ends them. 08 is information: the address and a name.
Manufacturer data of 0x0639: A3 03 temperature and humidity (S3), A4 01 door (S4: battery, magnet, dismantled, alarm),
A3 01 and A4 00 static information; CA is MinewConnect V3: 00 device, 03 blocks, 05 temperature and humidity, 18 radar
(people in and out, or present), 1B temperature with voltage.
Source: Minew, MiniBeaconPlus Configuration Instruction, section 2 (advertising data formats), and the MinewConnect V3
frames as read by reelyActive's advlib-ble-services and advlib-ble-manufacturers (2024; facts of the layout).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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

SERVICE_DATA, MANUFACTURER = 0x16, 0xFF
SERVICE, COMPANY = 0xFFE1, 0x0639
_GRAVITY = 9.80665
V3_SIZE = 24
Read = Callable[[bytes], list[Measurement]]


def decode(frame: Frame) -> list[Measurement]:
    """What one frame says; nothing for plain information."""
    for kind, data in ad_structures(frame.payload):
        identifier = int.from_bytes(data[:2], "little") if len(data) >= 2 else None
        if (kind, identifier) in ((SERVICE_DATA, SERVICE), (MANUFACTURER, COMPANY)):
            return _frame(_SERVICE_FRAMES if kind == SERVICE_DATA else _MAKER_FRAMES, data[2:])
    raise Unsupported("no Minew frame in this advert")


def _frame(known: Mapping[bytes, tuple[int, Read]], body: bytes) -> list[Measurement]:
    if len(body) < 2:
        raise Truncated(f"{len(body)} bytes of data")
    found = known.get(body[:2])
    if found is None:
        raise Unsupported(f"frame {body[:2].hex()}")
    size, read = found
    if len(body) < abs(size):
        raise Truncated(f"{len(body)} of {abs(size)} bytes")
    if len(body) > size > 0:
        raise DecodeError(f"frame {body[:2].hex()} has {size} bytes, not {len(body)}")
    return read(body)


def _battery(body: bytes, at: int = 2) -> Measurement:
    if body[at] > 100:
        raise DecodeError(f"battery at {body[at]} %")
    return Measurement("battery", body[at], "%")


def _fixed(body: bytes, at: int) -> float:
    return int.from_bytes(body[at : at + 2], "big", signed=True) / 256


def _climate(body: bytes, at: int) -> list[Measurement]:
    return [Measurement("temperature", _fixed(body, at), "Cel"), Measurement("humidity", _fixed(body, at + 2), "%RH")]


def _acceleration(body: bytes, at: int) -> list[Measurement]:
    return [
        Measurement("acceleration", _fixed(body, at + 2 * n) * _GRAVITY, "m/s2", axis) for n, axis in enumerate("xyz")
    ]


def _sensed(kind: str, at: int) -> Read:
    """A sensor of yes and no."""
    return lambda body: [_battery(body), Measurement(kind, bool(body[at] & 1))]


def _door(body: bytes) -> list[Measurement]:
    return [_battery(body), Measurement("opening", body[3] > 0), Measurement("tamper", body[4] > 0)]


def _blocks(body: bytes) -> list[Measurement]:
    """Blocks, and four bytes that end the frame. What stands behind an unknown block cannot be told."""
    made: list[Measurement] = []
    at, end = 2, len(body) - 4
    while at < end:
        size = {0x03: 7, 0x21: 2, 0x22: 2}.get(body[at])
        if size is None or at + size > end:
            break
        if body[at] == 0x03:
            made += _acceleration(body, at + 1)
        elif body[at] == 0x21:
            made.append(_battery(body, at + 1))
        else:
            made.append(Measurement("tamper", body[at + 1] > 0))
        at += size
    return made


def _v3_climate(body: bytes) -> list[Measurement]:
    return _climate(body, 5)[: 1 if body[3] & 0x02 else 2]  # bit 1: there is no hygrometer


def _v3_radar(body: bytes) -> list[Measurement]:
    if body[2] == 0:  # of one cycle, whose number is byte 3
        entered, left = int.from_bytes(body[4:6], "little"), int.from_bytes(body[6:8], "little")
        return [Measurement("entered_period", entered), Measurement("left_period", left)]
    if body[2] == 1:
        return [Measurement("count", body[4] & 0x0F), Measurement("occupied", body[4] & 0x0F > 0)]
    raise Unsupported(f"radar frame {body[2]:02x}")


def _v3_temperature(body: bytes) -> list[Measurement]:
    if body[2] & 0x80:
        raise NotAuthentic("encrypted; set the tag to send plain adverts")
    voltage = int.from_bytes(body[12:14], "big") / 1000
    return [
        Measurement("temperature", _fixed(body, 14), "Cel"),
        Measurement("voltage", voltage, "V"),
        Measurement("tx_power", int.from_bytes(body[17:18], "big", signed=True), "dBm"),
    ]


_SERVICE_FRAMES: Mapping[bytes, tuple[int, Read]] = {
    b"\xa1\x01": (13, lambda body: [_battery(body), *_climate(body, 3)]),
    b"\xa1\x02": (10, _sensed("light", 3)),
    b"\xa1\x03": (15, lambda body: [_battery(body), *_acceleration(body, 3)]),
    b"\xa1\x08": (-9, lambda body: [_battery(body)]),
    b"\xa1\x11": (11, _sensed("motion", 4)),
    b"\xa1\x13": (11, lambda body: [_battery(body), Measurement("temperature", _fixed(body, 3), "Cel")]),
    b"\xa1\x18": (14, _sensed("vibration", 7)),
}
"""Frame type and version -> size and reader; a negative size is the least."""

_MAKER_FRAMES: Mapping[bytes, tuple[int, Read]] = {
    b"\xa3\x01": (20, lambda _body: []),
    b"\xa3\x03": (16, lambda body: [_battery(body), *_climate(body, 3)]),
    b"\xa4\x00": (18, lambda _body: []),
    b"\xa4\x01": (15, _door),
    b"\xca\x00": (V3_SIZE, lambda body: [_battery(body, 8)]),
    b"\xca\x03": (-6, _blocks),
    b"\xca\x05": (V3_SIZE, _v3_climate),
    b"\xca\x18": (V3_SIZE, _v3_radar),
    b"\xca\x1b": (V3_SIZE, _v3_temperature),
}


def _driver(name: str, title: str, modality: str, frames: tuple[bytes, ...], makers: tuple[bytes, ...]) -> Driver:
    """One family. All read every frame; they differ in what they answer to and in what the rules make of it."""
    return Driver(
        name=name,
        title=title,
        media=("ble_adv",),
        modality=modality,
        decode=decode,
        claims=(
            *(Claim(service=SERVICE, prefix=prefix) for prefix in frames),
            *(Claim(company=COMPANY, prefix=prefix) for prefix in makers),
        ),
        expect_s=5.0,
        kinds=(
            "occupied",
            "count",
            "entered_period",
            "left_period",
            "motion",
            "opening",
            "tamper",
            "vibration",
            "light",
            "temperature",
            "humidity",
            "acceleration",
            "battery",
            "voltage",
            "tx_power",
        ),
        checked="2026-11-26",
    )


DRIVERS = (
    _driver(
        "minew",
        "Minew beacons and tags (E8, E9, S1, S3, B10, MTB02)",
        "tag",
        (b"\xa1\x01", b"\xa1\x02", b"\xa1\x03", b"\xa1\x08", b"\xa1\x13", b"\xa1\x18"),
        (b"\xa3\x01", b"\xa3\x03", b"\xca\x00", b"\xca\x03", b"\xca\x05", b"\xca\x1b"),
    ),
    _driver("minew_pir", "Minew PIR sensor", "pir", (b"\xa1\x11",), ()),
    _driver("minew_door", "Minew S4 door sensor", "contact", (), (b"\xa4\x00", b"\xa4\x01")),
    _driver("minew_radar", "Minew radar people counter (MinewConnect V3)", "counter", (), (b"\xca\x18",)),
)
