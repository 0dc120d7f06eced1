"""HolyIoT beacons with a sensor (21014, 21021, 22015 and others): one sensor's value in each advert.

Service data of 0x5242, 13 bytes: 41, battery (%), the beacon's own address, two bytes, type of measurement, value (two
bytes). Types: 0 none, 1 temperature (signed degrees, hundredths), 2 pressure (signed, Pa above 80000), 3 humidity (%),
4 vibration, 5 the side that is up, 6 button.
Source: the maker gives no public document. The layout is known from Bluetooth monitors that read these beacons
(BLE Monitor, holyiot parser, 2023); the address is in it so that phones that hide addresses can tell beacons apart.
"""

from __future__ import annotations

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

SERVICE_DATA = 0x16
HEAD = b"\x42\x52"
SIZE = 13


def decode(frame: Frame) -> list[Measurement]:
    """Battery, and the value of one sensor."""
    for kind, data in ad_structures(frame.payload):
        if kind == SERVICE_DATA and data.startswith(HEAD):
            return _values(data[2:], frame.address)
    raise Unsupported("no HolyIoT data in this advert")


def _values(body: bytes, address: str) -> list[Measurement]:
    if len(body) < SIZE:
        raise Truncated(f"{len(body)} of {SIZE} bytes")
    if len(body) > SIZE:
        raise DecodeError(f"service data has {SIZE} bytes, not {len(body)}")
    if body[0] != 0x41:
        raise Unsupported(f"service data that begins with {body[0]:02x}")
    if address and address.replace(":", "").lower() != body[2:8].hex():
        raise DecodeError("another address than the sender's")
    if body[1] > 100:
        raise DecodeError(f"battery at {body[1]} %")
    return [Measurement("battery", body[1], "%"), *_value(body[10], body[11:])]


def _value(kind: int, value: bytes) -> list[Measurement]:
    match kind:
        case 0:
            return []
        case 1:
            if value[1] > 99:
                raise DecodeError(f"{value[1]} hundredths of a degree")
            whole = int.from_bytes(value[:1], "big", signed=True)
            return [Measurement("temperature", whole + (value[1] if whole >= 0 else -value[1]) / 100, "Cel")]
        case 2:
            return [Measurement("pressure", (80_000 + int.from_bytes(value, "big", signed=True)) / 100, "hPa")]
        case 3:
            return [Measurement("humidity", value[0], "%RH")]
        case 4:
            return [Measurement("vibration", bool(value[0]))]
        case 5:  # the vocabulary has no word for it
            return []
        case 6:
            return [Measurement("button", "press")] if value[0] == 1 else []
        case _:
            raise Unsupported(f"type of measurement {kind}")


DRIVER = Driver(
    name="holyiot",
    title="HolyIoT beacon with a sensor",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=(Claim(service=0x5242, prefix=b"\x41"),),
    expect_s=5.0,
    kinds=("battery", "temperature", "pressure", "humidity", "vibration", "button"),
    checked="2026-11-26",
)
