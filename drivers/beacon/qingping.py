"""Qingping (ClearGrass): thermometers, motion and light, doors, air monitors, in the maker's own advert.

Service data of 0xFDCD, all little-endian:

    head 1 | device 1 | address 6, reversed | id 1, length 1, value | ...

Head: bits 0 to 4 say that 8 bytes stand before the first value, bit 6 that something happened. An id that is not known
is passed over.

Light in a frame that says "something happened" is not always right: a CGPR1 in 79544 lx said 201995 lx with its event,
others say there what they measure. Motion is what such a frame is for.

Sources: pvvx/TLB2Z, src/adv_qingping.h and ble_scaning.c (2026); qingping-ble issues 84 (head), 115 (0x18 is no CO2,
by the maker's word) and its table of devices, version 1.3.0. The maker publishes no document of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

SERVICE_DATA = 0x16
HEAD = b"\xcd\xfd"
FIXED_SIZE, ADDRESS_SIZE = 8, 6
WITH_WIFI = frozenset((0x0E, 0x24, 0x33, 0x52, 0x5D, 0x62))
"""Air monitors CGDN1, CGP22C and CGR1PC: their advert says the address of their Wi-Fi."""
_TEMPERATURE_HUMIDITY, _TWO = Struct("<hH"), Struct("<HH")

Reader = Callable[[bytes], list[Measurement]]


def decode(frame: Frame) -> list[Measurement]:
    """What the one advert says."""
    data = _service_data(frame)
    made: list[Measurement] = []
    at, end = FIXED_SIZE, len(data)
    while at < end:
        if at + 2 > end:
            raise Truncated("an id without its length")
        number, size = data[at], data[at + 1]
        at += 2
        if at + size > end:
            raise Truncated(f"{end - at} of {size} bytes of value {number:02x}")
        known = _VALUES.get(number)
        if known is not None:
            if known[0] != size:
                raise DecodeError(f"{size} bytes of value {number:02x}, not {known[0]}")
            made += known[1](data[at : at + size])
        at += size
    if end > FIXED_SIZE and not made:
        raise Unsupported(f"nothing that is known, of device {data[1]:02x}")
    return made


def _service_data(frame: Frame) -> bytes:
    """From the head on; all fixed bytes are there, and are this sender's."""
    for kind, data in ad_structures(frame.payload):
        if kind == SERVICE_DATA and data.startswith(HEAD):
            return _checked(data[len(HEAD) :], frame.address)
    raise Unsupported("no Qingping in this advert")


def _checked(data: bytes, address: str) -> bytes:
    if len(data) < FIXED_SIZE:
        raise Truncated(f"{len(data)} of {FIXED_SIZE} bytes")
    if data[0] & 0x1F != FIXED_SIZE:
        raise Unsupported(f"head {data[0]:02x}")
    said = data[2:FIXED_SIZE][::-1].hex()
    sent = address.replace(":", "").lower()
    if len(sent) == len(said) and sent != said and data[1] not in WITH_WIFI:
        raise NotAuthentic("says another address than it is sent from")
    return data


def _climate(value: bytes) -> list[Measurement]:
    temperature, humidity = _TEMPERATURE_HUMIDITY.unpack(value)
    made = [Measurement("temperature", temperature / 10, "Cel")]
    return [*made, Measurement("humidity", humidity / 10, "%RH")] if humidity <= 1000 else made


def _battery(value: bytes) -> list[Measurement]:
    return [Measurement("battery", value[0], "%")] if value[0] <= 100 else []


def _door(value: bytes) -> list[Measurement]:
    """0 open, 1 closed, 2 left open."""
    return [Measurement("opening", value[0] != 1)] if value[0] <= 2 else []


def _moved(value: bytes) -> list[Measurement]:
    lux = int.from_bytes(value[1:], "little")
    return [Measurement("motion", value[0] != 0), Measurement("illuminance", lux, "lx")]


def _dust(value: bytes) -> list[Measurement]:
    pm2_5, pm10 = _TWO.unpack(value)
    return [Measurement("pm2_5", pm2_5, "ug/m3"), Measurement("pm10", pm10, "ug/m3")]


def _number(kind: str, unit: str = "", per: int = 1) -> Reader:
    def read(value: bytes) -> list[Measurement]:
        number = int.from_bytes(value, "little")
        return [Measurement(kind, number if per == 1 else number / per, unit)]

    return read


_VALUES: Mapping[int, tuple[int, Reader]] = {
    0x01: (4, _climate),
    0x02: (1, _battery),
    0x04: (1, _door),
    0x07: (2, _number("pressure", "hPa", 10)),
    0x08: (4, _moved),
    0x09: (4, _number("illuminance", "lx")),
    0x0F: (1, _number("packet_counter")),
    0x11: (1, lambda value: [Measurement("light", value[0] != 0)]),
    0x12: (4, _dust),
    0x13: (2, _number("co2", "ppm")),
    0x15: (2, _number("tvoc")),
    0x19: (1, _number("sound", "dB")),
}
"""Id -> size and meaning. 18 says how the device is built."""

DRIVER = Driver(
    name="qingping",
    title="Qingping (ClearGrass) thermometers, motion and light CGPR1, door CGH1, air monitors",
    media=("ble_adv",),
    modality="environment",
    mixed=True,
    decode=decode,
    claims=(Claim(service=0xFDCD),),
    kinds=(
        "motion",
        "opening",
        "temperature",
        "humidity",
        "illuminance",
        "light",
        "co2",
        "pressure",
        "sound",
        "tvoc",
        "pm2_5",
        "pm10",
        "battery",
        "packet_counter",
    ),
    checked="2026-11-26",
)
