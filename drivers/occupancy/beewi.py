"""Otio/BeeWi BSDOO, a door and window contact.

Manufacturer data of 0x000D, 5 bytes: 08 0C, state (bit 0: open), one byte, battery (%).
Source: the maker gives no public document; the layout is known from decoders that read it (Theengs Decoder, BWBSDOO).
0x000D is Texas Instruments, whose chip it has: 08 0C tells it from their other customers.
"""

from __future__ import annotations

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

MANUFACTURER = 0xFF
HEAD = b"\x0d\x00\x08\x0c"
SIZE = 7
"""Bytes of manufacturer data, company included."""


def decode(frame: Frame) -> list[Measurement]:
    """opening and battery."""
    for kind, data in ad_structures(frame.payload):
        if kind == MANUFACTURER and data.startswith(HEAD):
            if len(data) < SIZE:
                raise Truncated(f"{len(data)} of {SIZE} bytes of manufacturer data")
            if len(data) > SIZE or data[6] > 100:
                raise DecodeError(f"not a contact's {data[2:].hex()}")
            return [Measurement("opening", bool(data[4] & 1)), Measurement("battery", data[6], "%")]
    raise Unsupported("no BeeWi contact in this advert")


DRIVER = Driver(
    name="beewi",
    title="Otio/BeeWi door and window sensor (BSDOO)",
    media=("ble_adv",),
    modality="contact",
    decode=decode,
    claims=(Claim(company=0x000D, prefix=b"\x08\x0c"),),
    kinds=("opening", "battery"),
    checked="2026-11-26",
)
