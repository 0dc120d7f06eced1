"""iBeacon: who a tag says it is. Anybody can say so: an iBeacon is a claim, not a proof.

Manufacturer data of company 0x004C: 02 15, 16 bytes of UUID, major and minor (big endian), signed dBm at one metre.
Source: Apple, Proximity Beacon Specification R1 (2015-09-04), table 2-1, page 6.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from drivers.api import Claim, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

MANUFACTURER = 0xFF
HEAD = b"\x4c\x00\x02\x15"
SIZE = 25
"""Bytes of manufacturer data, company included."""
REMEMBERED = 1024
"""Tags: one says the same again and again, and its name need not be written anew each time."""
_ALONE = bytes((SIZE + 1, MANUFACTURER)) + HEAD
_FIELDS = Struct(">16sHHb")
_Said = tuple[Measurement, Measurement]


def decode(frame: Frame) -> list[Measurement]:
    """`ibeacon:<uuid>:<major>:<minor>` and its power at one metre."""
    payload = frame.payload
    # the structure stands alone, as sources hand it over, or behind the flags: then no walk is needed to find it
    if payload.startswith(_ALONE) and len(payload) >= SIZE + 2:
        return list(_said(payload[6:27]))
    if payload.startswith(_ALONE, 3) and payload.startswith(b"\x02\x01") and len(payload) >= SIZE + 5:
        return list(_said(payload[9:30]))
    return list(_said(_manufacturer_data(payload)[len(HEAD) : SIZE]))


@lru_cache(REMEMBERED)
def _said(fields: bytes) -> _Said:
    """What UUID, major, minor and power mean."""
    uuid, major, minor, power = _FIELDS.unpack(fields)
    h = uuid.hex()
    name = f"ibeacon:{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}:{major}:{minor}"
    return Measurement("beacon", name), Measurement("tx_power", power, "dBm")


def _manufacturer_data(payload: bytes) -> bytes:
    """The first that is an iBeacon's; more AD structures and more bytes behind it do not matter."""
    for kind, data in ad_structures(payload):
        if kind == MANUFACTURER and data.startswith(HEAD):
            if len(data) < SIZE:
                raise Truncated(f"{len(data)} of {SIZE} bytes of manufacturer data")
            return data
    raise Unsupported("no iBeacon in this advert")


DRIVER = Driver(
    name="ibeacon",
    title="iBeacon, any maker's tag",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=(Claim(company=0x004C, prefix=b"\x02\x15"),),
    expect_s=1.0,
    kinds=("beacon", "tx_power"),
    checked="2026-11-26",
)
