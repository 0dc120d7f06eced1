"""iBeacon: who a tag says it is. Anybody can say so: an iBeacon is a claim, not a proof.

Manufacturer data of company 0x004C: 02 15, 16 bytes of UUID, major and minor (big endian), signed dBm at one metre.
Source: Apple, Proximity Beacon Specification R1, table of the advertising payload.
"""

from __future__ import annotations

from struct import Struct

from drivers.api import Claim, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

MANUFACTURER = 0xFF
HEAD = b"\x4c\x00\x02\x15"
SIZE = 25
_TAIL = Struct(">HHb")


def decode(frame: Frame) -> list[Measurement]:
    """`ibeacon:<uuid>:<major>:<minor>` and its power at one metre."""
    for kind, data in ad_structures(frame.payload):
        if kind == MANUFACTURER and data.startswith(HEAD):
            if len(data) < SIZE:
                raise Truncated(f"{len(data)} of {SIZE} bytes of manufacturer data")
            uuid = data[4:20].hex()
            major, minor, power = _TAIL.unpack_from(data, 20)
            name = f"ibeacon:{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}:{major}:{minor}"
            return [Measurement("beacon", name), Measurement("tx_power", power, "dBm")]
    raise Unsupported("no iBeacon in this advert")


DRIVER = Driver(
    name="ibeacon",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=(Claim(company=0x004C, prefix=b"\x02\x15"),),
    expect_s=1.0,
)
