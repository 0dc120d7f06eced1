"""AltBeacon: who a tag says it is, in manufacturer data of any company. Like an iBeacon a claim, not a proof.

Company, BE AC, 20 bytes of identity, signed dBm at one metre (0 to -127), one byte of the maker's own. The identity is
shown as the reference library shows it: the first 16 bytes as an organisation's UUID, then two numbers.
Source: AltBeacon Protocol Specification v1.0, "AltBeacon Protocol Fields".
"""

from __future__ import annotations

from struct import Struct

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

MANUFACTURER = 0xFF
CODE = b"\xbe\xac"
SIZE = 26
"""Bytes of manufacturer data, company included."""
_FIELDS = Struct(">16sHHb")


def decode(frame: Frame) -> list[Measurement]:
    """`altbeacon:<uuid>:<number>:<number>` and its power at one metre."""
    for kind, data in ad_structures(frame.payload):
        if kind == MANUFACTURER and data[2:4] == CODE:
            return _beacon(data)
    raise Unsupported("no AltBeacon in this advert")


def _beacon(data: bytes) -> list[Measurement]:
    if len(data) < SIZE:
        raise Truncated(f"{len(data)} of {SIZE} bytes of manufacturer data")
    if len(data) > SIZE:
        raise DecodeError(f"an AltBeacon has {SIZE} bytes, not {len(data)}")
    identity, first, second, power = _FIELDS.unpack_from(data, 4)
    if not -127 <= power <= 0:
        raise DecodeError(f"{power} dBm at one metre")
    h = identity.hex()
    name = f"altbeacon:{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}:{first}:{second}"
    return [Measurement("beacon", name), Measurement("tx_power", power, "dBm")]


DRIVER = Driver(
    name="altbeacon",
    title="AltBeacon, any maker's tag",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=(Claim(prefix=CODE),),
    expect_s=1.0,
    kinds=("beacon", "tx_power"),
    checked="2026-11-26",
)
