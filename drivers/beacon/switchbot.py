"""SwitchBot sensors: meters, contact, motion and presence sensors, water leak detector, hubs with a thermometer.

Service data of 0xFD3D (0x0D00 of old firmware): type (bits 0 to 6; bit 5 off or on: pairing or not), status, battery
(bits 0 to 6), then what the type has. Newer products begin with 00 or another number and end with four bytes of product
number.
Manufacturer data of 0x0969: address (6), sequence number, and values again or instead of those in the service data.
Temperature and humidity take three bytes: tenths (bits 0 to 3), sign (bit 7 on: above zero) and whole degrees,
humidity.
Only the service data say which product it is: an advert with manufacturer data alone cannot be read.
Source: SwitchBot, SwitchBotAPI-BLE, devicetypes/meter.md, contactsensor.md and motionsensor.md (broadcast messages);
what the maker did not publish (outdoor and CO2 meter, hubs, presence and leak sensor) as in pySwitchbot, adv_parsers
(2026).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

SERVICE_DATA, MANUFACTURER = 0x16, 0xFF
SERVICES = (b"\x3d\xfd", b"\x00\x0d")
COMPANY = b"\x69\x09"
Read = Callable[[bytes, bytes], list[Measurement]]
"""(service data, manufacturer data) -> measurements; either without its identifier."""


def decode(numbers: tuple[bytes, ...], frame: Frame) -> list[Measurement]:
    """What a sensor says in all structures of one advert; of the products with a number, only those of `numbers`."""
    service, maker = None, b""
    for kind, data in ad_structures(frame.payload):
        if kind == SERVICE_DATA and data[:2] in SERVICES:
            service = data[2:]
        elif kind == MANUFACTURER and data.startswith(COMPANY):
            maker = data[2:]
    if service is None:
        raise Unsupported("no SwitchBot service data in this advert")
    _need(service, 3)
    read = _NUMBERED.get(service[-3:]) if len(service) > 5 else None
    if read is not None and service[-3:] not in numbers:
        raise Unsupported(f"product {service[-3:].hex()} is of another family")
    read = read or _TYPES.get(service[0] & 0x5F)
    if read is None:
        raise Unsupported(f"type {service[0] & 0x7F:02x}")
    return read(service, maker)


def _need(data: bytes, size: int) -> None:
    if len(data) < size:
        raise Truncated(f"{len(data)} of {size} bytes")


def _battery(byte: int) -> Measurement:
    if byte & 0x7F > 100:
        raise DecodeError(f"battery at {byte & 0x7F} %")
    return Measurement("battery", byte & 0x7F, "%")


def _climate(data: bytes, at: int) -> list[Measurement]:
    _need(data, at + 3)
    tenths, degrees, humidity = data[at] & 0x0F, data[at + 1] & 0x7F, data[at + 2] & 0x7F
    if tenths > 9 or humidity > 100:
        raise DecodeError(f"{tenths} tenths of a degree, humidity of {humidity} %")
    value = degrees + tenths / 10
    return [
        Measurement("temperature", value if data[at + 1] & 0x80 else -value, "Cel"),
        Measurement("humidity", humidity, "%RH"),
    ]


def _meter(service: bytes, maker: bytes) -> list[Measurement]:
    """Indoors the values are in the service data, in newer meters in the manufacturer data."""
    made = [_battery(service[2])]
    if len(service) == 6:
        return made + _climate(service, 3)
    return made + _climate(maker, 8) if maker else made


def _co2_meter(service: bytes, maker: bytes) -> list[Measurement]:
    made = _meter(service, maker)
    if len(maker) >= 15:
        ppm = int.from_bytes(maker[13:15], "big")
        if ppm <= 9999:  # the sensor's range; above it the number means nothing
            made.append(Measurement("co2", ppm, "ppm"))
    return made


def _contact(service: bytes, maker: bytes) -> list[Measurement]:
    made = [_battery(service[2])]
    if len(service) >= 9:
        state = service[3] >> 1 & 0x03  # 0 closed, 1 open, 2 open for too long
        if state == 3:
            raise Unsupported("a state of the contact that has no meaning")
        motion, light = bool(service[1] & 0x40), bool(service[3] & 0x01)
        return [*made, Measurement("opening", state != 0), Measurement("motion", motion), Measurement("light", light)]
    _need(maker, 13)
    flags = maker[7]
    return [
        *made,
        Measurement("opening", bool(flags & 0x30)),
        Measurement("motion", bool(flags & 0x80)),
        Measurement("light", bool(flags & 0x40)),
    ]


def _motion(service: bytes, maker: bytes) -> list[Measurement]:
    made = [_battery(service[2])]
    if len(service) >= 6:
        made.append(Measurement("motion", bool(service[1] & 0x40)))
        light = service[5] & 0x03  # 1 dark, 2 bright
        return [*made, Measurement("light", light == 2)] if light in (1, 2) else made
    _need(maker, 8)
    return [*made, Measurement("motion", bool(maker[7] & 0x40)), Measurement("light", bool(maker[7] & 0x20))]


def _presence(service: bytes, maker: bytes) -> list[Measurement]:
    _need(maker, 12)
    return [
        _battery(service[2]),
        Measurement("occupied", bool(maker[7] & 0x40)),
        Measurement("light_level", maker[11] & 0x1F),
    ]


def _leak(_service: bytes, maker: bytes) -> list[Measurement]:
    _need(maker, 9)
    return [
        _battery(maker[7]),
        Measurement("battery_low", bool(maker[7] & 0x80)),
        Measurement("moisture_detected", bool(maker[8] & 0x01)),
        Measurement("tamper", bool(maker[8] & 0x02)),
    ]


def _hub_climate(maker: bytes, at: int) -> list[Measurement]:
    """Nothing where all is 0: the cable with the thermometer is not plugged in."""
    _need(maker, at + 3)
    return _climate(maker, at) if any((maker[at] & 0x0F, maker[at + 1] & 0x7F, maker[at + 2] & 0x7F)) else []


def _hub_2(_service: bytes, maker: bytes) -> list[Measurement]:
    return [*_hub_climate(maker, 13), Measurement("light_level", maker[12] & 0x1F)]


def _hub_mini(_service: bytes, maker: bytes) -> list[Measurement]:
    return _hub_climate(maker, 13)


def _hub_3(_service: bytes, maker: bytes) -> list[Measurement]:
    _need(maker, 17)
    return [
        *_hub_climate(maker, 13),
        Measurement("motion", bool(maker[16] & 0x80)),
        Measurement("light_level", maker[12] & 0x0F),
    ]


def _weather(_service: bytes, maker: bytes) -> list[Measurement]:
    _need(maker, 11)
    return [
        _battery(maker[7]),
        Measurement("battery_charging", bool(maker[7] & 0x80)),
        *_climate(maker, 8),
    ]


def _panel(_service: bytes, maker: bytes) -> list[Measurement]:
    _need(maker, 16)
    return [
        _battery(maker[7]),
        *_climate(maker, 8),
        Measurement("motion", bool(maker[15] & 0x80)),
        Measurement("light", maker[15] >> 1 & 0x03 == 2),
    ]


METER, METER_PLUS, OUTDOOR, METER_PRO, METER_CO2 = 0x54, 0x49, 0x57, 0x14, 0x15
CONTACT, MOTION, LEAK, HUB_2, HUB_MINI = 0x44, 0x53, 0x06, 0x56, 0x05
_TYPES: Mapping[int, Read] = {
    METER: _meter,
    METER_PLUS: _meter,
    OUTDOOR: _meter,
    METER_PRO: _meter,
    METER_CO2: _co2_meter,
    CONTACT: _contact,
    MOTION: _motion,
    LEAK: _leak,
    HUB_2: _hub_2,
    HUB_MINI: _hub_mini,
}
"""Type without bit 5, which tells pairing -> reader."""

HUB_3, PRESENCE, WEATHER, PANEL = b"\x10\xb9\x40", b"\x10\xcc\xc8", b"\x10\x53\xb0", b"\x10\xf3\xd8"
_NUMBERED: Mapping[bytes, Read] = {HUB_3: _hub_3, PRESENCE: _presence, WEATHER: _weather, PANEL: _panel}
"""End of a product number -> reader; one byte stands before it."""


def _driver(name: str, title: str, modality: str, types: tuple[int, ...], numbers: tuple[bytes, ...] = ()) -> Driver:
    """One family. They differ in what they answer to and in what the rules make of it.

    All numbered products begin with 00, so that alone does not tell them apart.
    """
    firsts = [byte | pairing for byte in types for pairing in (0x00, 0x20)] + [0x00] * bool(numbers)
    return Driver(
        name=name,
        title=title,
        media=("ble_adv",),
        modality=modality,
        decode=partial(decode, numbers),
        claims=tuple(
            Claim(service=service, prefix=bytes((first | bit,)))
            for service in (0xFD3D, 0x0D00)
            for first in firsts
            for bit in (0x00, 0x80)
        ),
        expect_s=10.0 if modality == "environment" or numbers else None,
        kinds=(
            "occupied",
            "motion",
            "opening",
            "temperature",
            "humidity",
            "co2",
            "light",
            "light_level",
            "moisture_detected",
            "battery",
            "battery_low",
            "battery_charging",
            "tamper",
        ),
        checked="2026-11-26",
    )


DRIVERS = (
    _driver(
        "switchbot",
        "SwitchBot Meter (Plus, Outdoor, Pro, Pro CO2), Leak Detector, Weather Station, Hub 2, Hub Mini Matter",
        "environment",
        (METER, METER_PLUS, OUTDOOR, METER_PRO, METER_CO2, LEAK, HUB_2, HUB_MINI),
        (WEATHER,),
    ),
    _driver("switchbot_contact", "SwitchBot Contact Sensor", "contact", (CONTACT,)),
    _driver("switchbot_motion", "SwitchBot Motion Sensor", "pir", (MOTION,)),
    _driver("switchbot_hub3", "SwitchBot Hub 3, Climate Panel (motion and climate)", "pir", (), (HUB_3, PANEL)),
    _driver("switchbot_presence", "SwitchBot Presence Sensor", "radar", (), (PRESENCE,)),
)
